//! What a plan will do, for people and scripts: the graph with what is shared, the stages, how the
//! work is spread, and how much is kept.

mod dot;
mod graph;
mod text;

#[cfg(test)]
mod tests;

use serde::Serialize;

use super::placement::{Estimate, Placement, estimate, place, tied_by};
use super::{FieldPlan, HeaderPrefix, Plan, Rule, Start, UnknownFields, notes};
use graph::{explain_graph, stages};
pub use text::Outline;

/// A plan explained. `Display` is the text for people, [`Explanation::outline`] a shorter one, [`Explanation::dot`] the graph for
/// Graphviz, serialising it the form for scripts.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// Name of the pipeline.
    pub pipeline: String,
    /// Hash of everything that decides results.
    pub version: String,
    /// Where rows come from.
    pub source: SourceExplanation,
    /// Checks in order.
    pub checks: Vec<CheckExplanation>,
    /// Factors in order.
    pub factors: Vec<FactorExplanation>,
    /// Nodes of the graph, arguments first.
    pub nodes: Vec<NodeExplanation>,
    /// Stages in the order in which they run.
    pub stages: Vec<Stage>,
    /// How the work is spread over workers.
    pub placement: PlacementExplanation,
    /// What is kept in memory.
    pub state: StateEstimate,
    /// Alert rules in order.
    pub alerts: Vec<AlertExplanation>,
    /// Outputs in order.
    pub outputs: Vec<OutputExplanation>,
    /// How outputs are committed.
    pub delivery: DeliveryExplanation,
    /// What may not be meant.
    pub notes: Vec<String>,
}

/// A source.
#[derive(Clone, Debug, Serialize)]
pub struct SourceExplanation {
    /// Name.
    pub name: String,
    /// Topic.
    pub topic: String,
    /// Fields of symbol and time.
    pub key: [String; 2],
    /// Field that orders versions.
    pub revision: Option<String>,
    /// Fields, `: string` behind those that hold text, `?` behind those that may be absent.
    pub fields: Vec<String>,
    /// What happens to fields that are not declared.
    pub unknown_fields: &'static str,
    /// How long a time stays open.
    pub lateness: String,
    /// How many closed bars may change.
    pub corrections: usize,
    /// Silence after which a partition does not hold back the others.
    pub idle_timeout: String,
    /// Longest value.
    pub max_record_bytes: usize,
    /// Where it begins.
    pub start: &'static str,
}

/// A check.
#[derive(Clone, Debug, Serialize)]
pub struct CheckExplanation {
    /// Name.
    pub name: String,
    /// What it looks at: `row`, or `series` of one symbol.
    pub looks_at: &'static str,
    /// What happens to a row that fails.
    pub action: &'static str,
    /// How bad that is.
    pub severity: &'static str,
}

/// A factor.
#[derive(Clone, Debug, Serialize)]
pub struct FactorExplanation {
    /// Name.
    pub name: String,
    /// Canonical formula.
    pub formula: String,
    /// Its node.
    pub node: usize,
    /// How many bars before the current one it depends on.
    pub look_back: usize,
}

/// A node of the graph.
#[derive(Clone, Debug, Serialize)]
pub struct NodeExplanation {
    /// Canonical expression.
    pub text: String,
    /// What it is.
    pub kind: Kind,
    /// Its name in Graphviz: the function, field or number.
    pub label: String,
    /// Nodes it reads.
    pub arguments: Vec<usize>,
    /// How often nodes and factors read it; what is read more than once is computed once.
    pub uses: usize,
    /// Number of cross-sections before it.
    pub stage: usize,
    /// How many bars before the current one it depends on.
    pub look_back: usize,
    /// Rows kept of it, those of its state included; 0 for what is computed again where it is
    /// needed.
    pub rows: usize,
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A field of the source.
    Field,
    /// A number.
    Constant,
    /// One cell from cells of the same symbol and time.
    Elementwise,
    /// One cell from a window of times of the same symbol.
    TimeSeries,
    /// A row from the row of all symbols.
    CrossSection,
}

/// Nodes that run together: `TS0`, `CS1`, `TS1`, ...
#[derive(Clone, Debug, Serialize)]
pub struct Stage {
    /// Name.
    pub name: String,
    /// Its nodes, without fields and constants.
    pub nodes: Vec<usize>,
}

/// How the work is spread over workers.
#[derive(Clone, Debug, Serialize)]
pub struct PlacementExplanation {
    /// `by_symbol`, `by_factor`, or `one_worker` where neither would be faster.
    pub way: &'static str,
    /// A node that ties symbols together, if there is one.
    pub tied_by: Option<String>,
    /// What both ways are expected to cost.
    pub estimates: Vec<Estimate>,
}

/// What is kept in memory once all windows are full, each row with a number for every symbol.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct StateEstimate {
    /// Symbols it is estimated for.
    pub symbols: usize,
    /// Nodes that are kept.
    pub nodes: usize,
    /// Rows of all of them.
    pub rows: usize,
    /// Rows that nodes share: sorted windows, sums of blocks, rows that wait or are computed anew.
    pub shared: usize,
    /// Bytes.
    pub bytes: u64,
}

/// What the panel keeps of the graph of a plan, as it says itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// By node of the graph: rows; 0 for what is computed again where it is needed.
    pub nodes: Vec<usize>,
    /// Rows that nodes share.
    pub shared: usize,
    /// Bytes of all of it.
    pub bytes: u64,
}

/// An alert rule.
#[derive(Clone, Debug, Serialize)]
pub struct AlertExplanation {
    /// Name.
    pub name: String,
    /// Condition.
    pub when: String,
    /// How bad it is.
    pub severity: &'static str,
    /// Identity of the label set.
    pub fingerprint: String,
}

/// An output.
#[derive(Clone, Debug, Serialize)]
pub struct OutputExplanation {
    /// Which.
    pub output: &'static str,
    /// Topic.
    pub topic: String,
    /// Layout, for factors.
    pub layout: Option<&'static str>,
}

/// How outputs are committed.
#[derive(Clone, Debug, Serialize)]
pub struct DeliveryExplanation {
    /// Shortest time between commits.
    pub commit_interval: String,
    /// Topic of progress records.
    pub progress_topic: String,
    /// `transactional.id` of the producer.
    pub transactional_id: String,
    /// Whether missing topics are created.
    pub create_topics: bool,
    /// Prefix of the headers of dead letters.
    pub header_prefix: &'static str,
}

/// Explains a plan for a number of symbols, for which the panel keeps what `kept` says.
pub fn explain(plan: &Plan, symbols: usize, kept: &Kept) -> Explanation {
    let nodes = explain_graph(&plan.factors, &kept.nodes);
    let rows = nodes.iter().map(|node| node.rows);
    let state = StateEstimate {
        symbols,
        nodes: rows.clone().filter(|rows| *rows > 0).count(),
        rows: rows.fold(0, usize::saturating_add),
        shared: kept.shared,
        bytes: kept.bytes,
    };
    Explanation {
        pipeline: plan.name.clone(),
        version: plan.version.clone(),
        source: explain_source(plan),
        checks: plan.checks.iter().map(explain_check).collect(),
        factors: explain_factors(plan),
        stages: stages(&nodes),
        nodes,
        placement: explain_placement(plan, symbols),
        state,
        alerts: explain_alerts(plan),
        outputs: explain_outputs(plan),
        delivery: explain_delivery(plan),
        notes: notes(plan),
    }
}

fn explain_source(plan: &Plan) -> SourceExplanation {
    let source = &plan.source;
    let field = |field: &FieldPlan| {
        let kind = if field.text { ": string" } else { "" };
        format!("{}{kind}{}", field.name, if field.nullable { "?" } else { "" })
    };
    SourceExplanation {
        name: source.name.clone(),
        topic: source.topic.clone(),
        key: [source.symbol_field.clone(), source.time_field.clone()],
        revision: source.revision_field.clone(),
        fields: source.fields.iter().map(field).collect(),
        unknown_fields: match source.unknown_fields {
            UnknownFields::Ignore => "ignore",
            UnknownFields::Reject => "reject",
        },
        lateness: source.lateness.to_string(),
        corrections: source.corrections,
        idle_timeout: source.idle_timeout.to_string(),
        max_record_bytes: source.max_record_bytes,
        start: match source.start {
            Start::Earliest => "earliest",
            Start::Latest => "latest",
        },
    }
}

fn explain_check(check: &super::CheckPlan) -> CheckExplanation {
    CheckExplanation {
        name: check.name.clone(),
        looks_at: match check.rule {
            Rule::Row(_) => "row",
            Rule::Series(_) => "series",
        },
        action: check.action.name(),
        severity: check.severity.name(),
    }
}

fn explain_factors(plan: &Plan) -> Vec<FactorExplanation> {
    let outputs = plan.factors.outputs.iter();
    outputs
        .filter_map(|(name, node)| {
            let found = plan.factors.nodes.get(*node)?;
            Some(FactorExplanation {
                name: name.clone(),
                formula: found.text.clone(),
                node: *node,
                look_back: found.look_back,
            })
        })
        .collect()
}

/// Numbers of workers for which the placement is explained.
const WORKERS: [usize; 3] = [1, 2, 4];

fn explain_placement(plan: &Plan, symbols: usize) -> PlacementExplanation {
    let graph = &plan.factors;
    let most = WORKERS.into_iter().max().unwrap_or(1);
    let estimates = match graph.outputs.is_empty() {
        true => Vec::new(),
        false => WORKERS.iter().map(|workers| estimate(graph, symbols, *workers)).collect(),
    };
    PlacementExplanation {
        way: match place(graph, most) {
            Placement::OneWorker => "one_worker",
            Placement::BySymbol => "by_symbol",
            Placement::ByFactor(_) => "by_factor",
        },
        tied_by: tied_by(graph).map(str::to_owned),
        estimates,
    }
}

fn explain_alerts(plan: &Plan) -> Vec<AlertExplanation> {
    let alerts = plan.alerts.iter();
    alerts
        .map(|alert| AlertExplanation {
            name: alert.name.clone(),
            when: alert.when.clone(),
            severity: alert.severity.name(),
            fingerprint: alert.fingerprint.clone(),
        })
        .collect()
}

fn explain_outputs(plan: &Plan) -> Vec<OutputExplanation> {
    let outputs = plan.outputs.iter();
    outputs
        .map(|output| OutputExplanation {
            output: output.kind.name(),
            topic: output.topic.clone(),
            layout: output.layout.map(|layout| layout.name),
        })
        .collect()
}

fn explain_delivery(plan: &Plan) -> DeliveryExplanation {
    let delivery = &plan.delivery;
    DeliveryExplanation {
        commit_interval: delivery.commit_interval.to_string(),
        progress_topic: delivery.progress_topic.clone(),
        transactional_id: delivery.transactional_id.clone(),
        create_topics: delivery.create_topics,
        header_prefix: match delivery.header_prefix {
            HeaderPrefix::Weir => "weir.",
            HeaderPrefix::Connect => "__connect.errors.",
        },
    }
}
