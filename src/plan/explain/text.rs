//! An explanation as text for people.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use super::{Explanation, Kind};

/// An outline shows as many characters of a formula.
const FORMULA: usize = 100;
/// An outline names as many functions of a stage.
const FUNCTIONS: usize = 8;

/// An explanation for graphs of thousands of nodes: formulas are cut, and of a stage only counts
/// are shown.
#[derive(Clone, Copy, Debug)]
pub struct Outline<'a>(&'a Explanation);

impl Display for Explanation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.write(f, usize::MAX, Explanation::write_nodes)
    }
}

impl Display for Outline<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.write(f, FORMULA, Explanation::write_stages)
    }
}

impl Explanation {
    /// The same without every node.
    pub fn outline(&self) -> Outline<'_> {
        Outline(self)
    }

    fn write(
        &self,
        f: &mut Formatter<'_>,
        formula: usize,
        graph: fn(&Explanation, &mut Formatter<'_>) -> fmt::Result,
    ) -> fmt::Result {
        writeln!(f, "pipeline {}, version {}", self.pipeline, self.version)?;
        self.write_source(f)?;
        self.write_checks(f)?;
        self.write_factors(f, formula)?;
        if !self.nodes.is_empty() {
            let shared = |n: &&super::NodeExplanation| n.uses > 1 && n.kind != Kind::Constant;
            let shared = self.nodes.iter().filter(shared).count();
            writeln!(f, "\ngraph: {} nodes, {shared} of them shared", self.nodes.len())?;
            graph(self, f)?;
        }
        self.write_placement(f)?;
        self.write_state(f)?;
        self.write_outputs(f)?;
        for note in &self.notes {
            write!(f, "\nnote: {note}")?;
        }
        if !self.notes.is_empty() {
            writeln!(f)?;
        }
        Ok(())
    }

    fn write_source(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let source = &self.source;
        let [symbol, time] = &source.key;
        writeln!(f, "\nsource {}", source.name)?;
        writeln!(f, "  topic        {}, from the {} record", source.topic, source.start)?;
        writeln!(f, "  key          {symbol}, {time}")?;
        if let Some(revision) = &source.revision {
            writeln!(f, "  revision     {revision}")?;
        }
        writeln!(f, "  fields       {}", source.fields.join(", "))?;
        writeln!(f, "  other fields {}", source.unknown_fields)?;
        writeln!(f, "  lateness     {}", source.lateness)?;
        writeln!(f, "  corrections  {} bars", source.corrections)?;
        writeln!(f, "  idle after   {}", source.idle_timeout)?;
        writeln!(f, "  record limit {}", bytes(source.max_record_bytes as u64))
    }

    fn write_checks(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.checks.is_empty() {
            return Ok(());
        }
        writeln!(f, "\nchecks")?;
        let names = width(self.checks.iter().map(|check| check.name.as_str()));
        for check in &self.checks {
            let (action, severity, sees) = (check.action, check.severity, check.looks_at);
            writeln!(f, "  {:names$}  {sees:6}  {action:10}  {severity}", check.name)?;
        }
        Ok(())
    }

    fn write_factors(&self, f: &mut Formatter<'_>, longest: usize) -> fmt::Result {
        if self.factors.is_empty() {
            return Ok(());
        }
        writeln!(f, "\nfactors")?;
        let names = width(self.factors.iter().map(|factor| factor.name.as_str()));
        for factor in &self.factors {
            let back = match factor.look_back {
                usize::MAX => "all back".to_owned(),
                bars => format!("{bars} back"),
            };
            let node = format!("#{}", factor.node);
            let formula = cut(&factor.formula, longest);
            writeln!(f, "  {:names$}  {back:8}  {node:5}  {formula}", factor.name)?;
        }
        Ok(())
    }

    /// A line per stage: how many nodes, how many of them are kept, and the most frequent functions.
    fn write_stages(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for stage in &self.stages {
            let nodes = || stage.nodes.iter().filter_map(|id| self.nodes.get(*id));
            let kept = nodes().filter(|node| node.rows > 0).count();
            let mut functions: BTreeMap<&str, usize> = BTreeMap::new();
            for node in nodes() {
                let function = node.label.split(' ').next().unwrap_or_default();
                *functions.entry(function).or_default() += 1;
            }
            let mut functions: Vec<_> = functions.into_iter().collect();
            functions.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            let shown: Vec<_> =
                functions.iter().take(FUNCTIONS).map(|(name, n)| format!("{n} {name}")).collect();
            let more = if functions.len() > FUNCTIONS { ", ..." } else { "" };
            let (name, count) = (&stage.name, stage.nodes.len());
            writeln!(f, "  {name:4} {count:5} nodes, {kept:5} kept  {}{more}", shown.join(", "))?;
        }
        Ok(())
    }

    fn write_nodes(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let inputs = (0..self.nodes.len())
            .filter(|id| self.nodes.get(*id).is_some_and(|node| node.kind == Kind::Field));
        let inputs: Vec<_> = inputs.collect();
        let stages = self.stages.iter().map(|stage| (stage.name.as_str(), &stage.nodes));
        for (name, nodes) in std::iter::once(("fields", &inputs)).chain(stages) {
            writeln!(f, "  {name}")?;
            for id in nodes {
                let Some(node) = self.nodes.get(*id) else { continue };
                let kept = match node.rows {
                    0 => "not kept".to_owned(),
                    rows => format!("{rows} rows"),
                };
                let uses = match node.uses {
                    0 | 1 => String::new(),
                    uses => format!("used {uses}x"),
                };
                let id = format!("#{id}");
                writeln!(f, "    {id:4}  {kept:9}  {uses:8}  {}", node.text)?;
            }
        }
        Ok(())
    }

    fn write_state(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let state = self.state;
        writeln!(
            f,
            "\nstate      about {} for {} symbols: {} rows of {} nodes, {} that nodes share",
            bytes(state.bytes),
            state.symbols,
            state.rows,
            state.nodes,
            state.shared
        )
    }

    fn write_placement(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let placement = &self.placement;
        let why = match (placement.way, &placement.tied_by) {
            ("by_symbol", _) => "by symbol: nothing ties symbols together".to_owned(),
            ("by_factor", Some(node)) => format!("by factor: {node} ties symbols together"),
            (_, Some(node)) => {
                format!("one worker: {node} ties symbols together, and factors share their work")
            }
            _ => "one worker: there are no factors".to_owned(),
        };
        writeln!(f, "\nplacement  {why}")?;
        if placement.estimates.is_empty() {
            return Ok(());
        }
        writeln!(f, "  about, for a bar   by symbol  by factor  repeated  factors of each worker")?;
        for estimate in &placement.estimates {
            let by_symbol = estimate.by_symbol_ms.map_or("-".to_owned(), milliseconds);
            let by_factor = milliseconds(estimate.by_factor_ms);
            let repeated = format!("{:.0}%", estimate.repeated * 100.0);
            let shares: Vec<_> = estimate.shares.iter().map(|s| s.len().to_string()).collect();
            let workers = match estimate.workers {
                1 => "1 worker".to_owned(),
                workers => format!("{workers} workers"),
            };
            let shares = shares.join(", ");
            writeln!(f, "  {workers:17}  {by_symbol:9}  {by_factor:9}  {repeated:8}  {shares}")?;
        }
        Ok(())
    }

    fn write_outputs(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if !self.alerts.is_empty() {
            writeln!(f, "\nalerts")?;
            let names = width(self.alerts.iter().map(|alert| alert.name.as_str()));
            for alert in &self.alerts {
                writeln!(f, "  {:names$}  {:8}  {}", alert.name, alert.severity, alert.when)?;
            }
        }
        writeln!(f, "\noutputs")?;
        for output in &self.outputs {
            let layout = match output.layout {
                Some(layout) => format!(", layout {layout}"),
                None => String::new(),
            };
            writeln!(f, "  {:12}  {}{layout}", output.output, output.topic)?;
        }
        let delivery = &self.delivery;
        writeln!(f, "  {:12}  {}", "progress", delivery.progress_topic)?;
        let create = match delivery.create_topics {
            true => "missing topics are created",
            false => "topics must be there",
        };
        writeln!(
            f,
            "  in transactions of {}, at most every {}; {create}",
            delivery.transactional_id, delivery.commit_interval
        )
    }
}

/// At most so many characters of a text.
fn cut(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or(text)),
        None => text.to_owned(),
    }
}

fn width<'a>(names: impl Iterator<Item = &'a str>) -> usize {
    names.map(|name| name.chars().count()).max().unwrap_or(0)
}

fn milliseconds(ms: f64) -> String {
    format!("{ms:.2} ms")
}

/// A number of bytes for people.
fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let name = UNITS.get(unit).unwrap_or(&"");
    if value.fract() == 0.0 { format!("{value} {name}") } else { format!("{value:.1} {name}") }
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn bytes_are_readable() {
        let shown: Vec<_> = [0, 1023, 1024, 1536, 1 << 20, 5 << 40].map(bytes).into();
        assert_eq!(shown, ["0 bytes", "1023 bytes", "1 KiB", "1.5 KiB", "1 MiB", "5 TiB"]);
    }
}
