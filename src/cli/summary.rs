//! What a panel of factors looks like: its last rows, and figures for every factor.

use serde_json::json;

use crate::dataflow::sinks::file::{PanelFile, PanelPart, PanelSink, WriteError};
use crate::model::Time;

/// Rows of the head.
const HEAD: usize = 5;
/// Columns of the head.
const WIDE: usize = 6;
/// Values of a factor that quantiles are taken from; of more, every second is kept, again and again.
const KEPT: usize = 1 << 18;
/// Between these shares of the values the shape is drawn: the outermost would leave it flat.
const SHAPE: (f64, f64) = (0.01, 0.99);
/// How often values occur, from rarely to often.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Figures of a panel, collected part by part.
#[derive(Debug)]
pub(super) struct Summary {
    file: PanelFile,
    /// The factors of each part.
    parts: Vec<Vec<usize>>,
    factors: Vec<Figures>,
    times: Vec<Time>,
}

/// Figures of some factors.
#[derive(Debug)]
pub(super) struct Part(Vec<Figures>);

#[derive(Clone, Debug)]
pub(super) struct Figures {
    cells: u64,
    there: u64,
    least: f64,
    most: f64,
    kept: Vec<f64>,
    /// Every so many values one is kept.
    step: u64,
    /// The first values of the last time.
    head: Vec<f64>,
}

impl Figures {
    fn new() -> Figures {
        Figures {
            cells: 0,
            there: 0,
            least: f64::INFINITY,
            most: f64::NEG_INFINITY,
            kept: Vec::new(),
            step: 1,
            head: Vec::new(),
        }
    }

    fn take(&mut self, values: &[f64]) {
        self.head.clear();
        self.head.extend(values.iter().take(HEAD));
        self.cells += values.len() as u64;
        for v in values.iter().copied().filter(|v| !v.is_nan()) {
            self.least = self.least.min(v);
            self.most = self.most.max(v);
            if self.there.is_multiple_of(self.step) {
                self.kept.push(v);
            }
            self.there += 1;
        }
        if self.kept.len() > KEPT {
            let mut even = false;
            self.kept.retain(|_| {
                even = !even;
                even
            });
            self.step *= 2;
        }
    }

    fn quantile(&self, q: f64) -> f64 {
        let at = (q * self.kept.len().saturating_sub(1) as f64).round() as usize;
        self.kept.get(at).copied().unwrap_or(f64::NAN)
    }
}

impl Figures {
    /// Least, most, and between them quantiles: of the sorted kept values.
    fn marks(&self) -> [f64; 5] {
        let (least, most) = match self.there {
            0 => (f64::NAN, f64::NAN),
            _ => (self.least, self.most),
        };
        let [low, middle, high] = [0.05, 0.5, 0.95].map(|q| self.quantile(q));
        [least, low, middle, high, most]
    }

    fn coverage(&self) -> f64 {
        self.there as f64 / self.cells.max(1) as f64
    }

    /// How often values occur, from the lowest to the highest.
    fn shape(&self) -> String {
        let (low, high) = (self.quantile(SHAPE.0), self.quantile(SHAPE.1));
        let width = (high - low) / BARS.len() as f64;
        if !(width.is_finite() && width > 0.0) {
            return String::new();
        }
        let mut counts = [0_usize; BARS.len()];
        for value in self.kept.iter().filter(|value| (low..=high).contains(*value)) {
            counts[(((value - low) / width) as usize).min(BARS.len() - 1)] += 1;
        }
        let most = counts.into_iter().max().unwrap_or(0).max(1);
        // What occurs at all is more than nothing.
        let bar = |count: usize| match count {
            0 => ' ',
            _ => BARS[(count * BARS.len()).div_ceil(most).clamp(1, BARS.len()) - 1],
        };
        counts.into_iter().map(bar).collect()
    }
}

impl PanelSink for Summary {
    type Part = Part;

    /// All of them: figures grow, and are given once.
    fn times_per_piece(&self) -> usize {
        usize::MAX
    }

    fn part(&mut self, factors: &[usize]) -> Result<Part, WriteError> {
        self.parts.push(factors.to_vec());
        Ok(Part(factors.iter().map(|_| Figures::new()).collect()))
    }

    fn put(&mut self, times: &[Time], pieces: Vec<Vec<Figures>>) -> Result<(), WriteError> {
        self.times.extend_from_slice(times);
        for (factors, figures) in self.parts.iter().zip(pieces) {
            for (factor, figures) in factors.iter().zip(figures) {
                if let Some(own) = self.factors.get_mut(*factor) {
                    *own = figures;
                    own.kept.sort_unstable_by(f64::total_cmp);
                }
            }
        }
        Ok(())
    }
}

impl PanelPart for Part {
    type Piece = Vec<Figures>;

    fn take(&mut self, _time: Time, rows: &[&[f64]]) -> Result<(), WriteError> {
        self.0.iter_mut().zip(rows).for_each(|(figures, row)| figures.take(row));
        Ok(())
    }

    fn cut(&mut self) -> Result<Vec<Figures>, WriteError> {
        Ok(std::mem::take(&mut self.0))
    }
}

impl Summary {
    pub(super) fn new(file: PanelFile) -> Summary {
        let factors = vec![Figures::new(); file.factors.len()];
        Summary { parts: Vec::new(), factors, file, times: Vec::new() }
    }

    /// All of it, ready to be printed.
    pub(super) fn lines(&self) -> Vec<String> {
        let (times, symbols) = (self.times.len(), self.file.symbols.len());
        let count = self.factors.len();
        let of = |time: Option<&Time>| time.map_or(String::new(), |time| self.file.text(*time));
        let (first, last) = (of(self.times.first()), of(self.times.last()));
        let (s, t, f) = (plural(symbols, "symbol"), plural(times, "time"), plural(count, "factor"));
        let mut lines = vec![format!("{f} of {s} at {t}, {first} to {last}"), String::new()];
        let names = self.file.factors.iter().take(WIDE).cloned();
        let header = [self.file.time.clone(), "symbol".to_owned()].into_iter().chain(names);
        let mut head: Vec<Vec<String>> = vec![header.collect()];
        head.extend(self.file.symbols.iter().take(HEAD).enumerate().map(|(s, symbol)| {
            let cell = |figures: &Figures| number(figures.head.get(s).copied().unwrap_or(f64::NAN));
            let cells = self.factors.iter().take(WIDE).map(cell);
            [last.clone(), symbol.to_string()].into_iter().chain(cells).collect()
        }));
        if count > WIDE {
            head.iter_mut().for_each(|row| row.push("...".to_owned()));
        }
        lines.extend(aligned(&head, 2));
        if symbols > HEAD {
            lines.push("...".to_owned());
        }
        lines.push(String::new());
        let titles = ["factor", "shape", "coverage", "min", "5%", "median", "95%", "max"];
        let mut table = vec![titles.map(str::to_owned).to_vec()];
        for (name, figures) in self.file.factors.iter().zip(&self.factors) {
            let share = format!("{:.1} %", figures.coverage() * 100.0);
            let mut row = vec![name.clone(), figures.shape(), share];
            row.extend(figures.marks().map(number));
            table.push(row);
        }
        lines.extend(aligned(&table, 2));
        lines
    }

    /// The figures for scripts; what is missing or infinite is null.
    pub(super) fn json(&self) -> serde_json::Value {
        let time = |time: Option<&Time>| time.map(|time| self.file.text(*time));
        let factors = self.file.factors.iter().zip(&self.factors).map(|(name, figures)| {
            let [min, low, median, high, max] = figures.marks();
            json!({
                "name": name,
                "coverage": figures.coverage(),
                "min": min,
                "q05": low,
                "median": median,
                "q95": high,
                "max": max,
            })
        });
        json!({
            "symbols": self.file.symbols.len(),
            "times": self.times.len(),
            "first": time(self.times.first()),
            "last": time(self.times.last()),
            "factors": factors.collect::<Vec<_>>(),
        })
    }
}

fn plural(count: usize, what: &str) -> String {
    format!("{} {what}{}", grouped(count as u64), if count == 1 { "" } else { "s" })
}

/// A number with its thousands apart.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with some six digits.
fn number(x: f64) -> String {
    let size = x.abs();
    match size {
        _ if x.is_nan() => "-".to_owned(),
        _ if x.is_infinite() || x == 0.0 => x.to_string(),
        _ if (1e-4..1e7).contains(&size) => {
            let digits = if size >= 1000.0 { 2 } else { 5 };
            format!("{x:.digits$}")
        }
        _ => format!("{x:.4e}"),
    }
}

/// Rows with columns of equal width; the first `left` columns to the left, the others to the right.
fn aligned(rows: &[Vec<String>], left: usize) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |c: usize| {
        rows.iter().filter_map(|row| row.get(c)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate().map(|(c, (cell, width))| {
            if c < left { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataflow::sinks::file::TimeForm;

    fn summary(parts: &[&[usize]]) -> Summary {
        let mut summary = Summary::new(PanelFile {
            time: "date".to_owned(),
            form: TimeForm::Date,
            symbols: vec!["A".into(), "B".into()],
            factors: vec!["x".to_owned(), "y".to_owned(), "z".to_owned()],
        });
        let mut all: Vec<Part> = parts.iter().map(|own| summary.part(own).unwrap()).collect();
        let days = [0, 1, 2].map(|day| Time::from_nanos(day * 86_400_000_000_000));
        for (day, time) in days.iter().enumerate() {
            let day = day as f64;
            let rows = [[day, f64::NAN], [f64::NAN; 2], [1234.5 * day, f64::INFINITY]];
            for (part, own) in all.iter_mut().zip(parts) {
                let rows: Vec<&[f64]> = own.iter().map(|f| rows[*f].as_slice()).collect();
                part.take(*time, &rows).unwrap();
            }
        }
        let pieces = all.iter_mut().map(|part| part.cut().unwrap()).collect();
        summary.put(&days, pieces).unwrap();
        summary
    }

    #[test]
    fn shows_the_last_rows_and_figures_whatever_the_parts() {
        let expected = [
            "3 factors of 2 symbols at 3 times, 1970-01-01 to 1970-01-03",
            "",
            "date        symbol        x  y        z",
            "1970-01-03  A       2.00000  -  2469.00",
            "1970-01-03  B             -  -      inf",
            "",
            "factor  shape     coverage  min  5%   median      95%      max",
            "x       █   █  █    50.0 %    0   0  1.00000  2.00000  2.00000",
            "y                    0.0 %    -   -        -        -        -",
            "z                  100.0 %    0   0      inf      inf      inf",
        ];
        for parts in [&[&[0_usize, 1, 2][..]][..], &[&[1], &[0, 2]]] {
            assert_eq!(summary(parts).lines(), expected);
        }
    }

    #[test]
    fn scripts_get_the_same_figures() {
        let json = summary(&[&[0, 1, 2]]).json();
        assert_eq!(json["times"], 3);
        assert_eq!(json["last"], "1970-01-03");
        assert_eq!(json["factors"][0]["coverage"], 0.5);
        assert_eq!(json["factors"][0]["median"], 1.0);
        assert_eq!(json["factors"][1]["max"], serde_json::Value::Null);
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!([7, 999, 1_000, 1_234_567].map(grouped), ["7", "999", "1,000", "1,234,567"]);
    }
}
