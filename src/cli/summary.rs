//! What a panel of factors looks like: its last rows, and figures for every factor.

use crate::dataflow::sinks::file::PanelFile;
use crate::runtime::Section;

/// Rows of the head.
const HEAD: usize = 5;
/// Columns of the head.
const WIDE: usize = 6;
/// Values of a factor that quantiles are taken from; of more, every second is kept, again and again.
const KEPT: usize = 1 << 18;

/// Figures of a panel, collected time by time.
#[derive(Debug)]
pub(super) struct Summary {
    file: PanelFile,
    factors: Vec<Figures>,
    times: u64,
    last: Vec<Vec<String>>,
}

#[derive(Clone, Debug)]
struct Figures {
    cells: u64,
    there: u64,
    least: f64,
    most: f64,
    kept: Vec<f64>,
    /// Every so many values one is kept.
    step: u64,
}

impl Figures {
    fn take(&mut self, values: &[f64]) {
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

impl Summary {
    pub(super) fn new(file: PanelFile) -> Summary {
        let none = Figures {
            cells: 0,
            there: 0,
            least: f64::INFINITY,
            most: f64::NEG_INFINITY,
            kept: Vec::new(),
            step: 1,
        };
        Summary { factors: vec![none; file.factors.len()], file, times: 0, last: Vec::new() }
    }

    pub(super) fn take(&mut self, section: &Section<'_>) {
        self.times += 1;
        for (figures, values) in self.factors.iter_mut().zip(section.columns) {
            figures.take(values);
        }
        let time = self.file.text(section.time);
        self.last = (0..self.file.symbols.len().min(HEAD))
            .map(|s| {
                let cell = |values: &Vec<f64>| number(values.get(s).copied().unwrap_or(f64::NAN));
                let cells = section.columns.iter().take(WIDE).map(cell);
                [time.clone(), self.file.symbols[s].to_string()].into_iter().chain(cells).collect()
            })
            .collect();
    }

    /// All of it, ready to be printed.
    pub(super) fn lines(mut self) -> Vec<String> {
        let (times, symbols) = (self.times, self.file.symbols.len());
        let count = self.factors.len();
        let mut lines =
            vec![format!("{count} factors at {times} times for {symbols} symbols"), String::new()];
        let names = self.file.factors.iter().take(WIDE).cloned();
        let header = [self.file.time.clone(), "symbol".to_owned()].into_iter().chain(names);
        let mut head: Vec<Vec<String>> = vec![header.collect()];
        head.extend(std::mem::take(&mut self.last));
        if count > WIDE {
            head.iter_mut().for_each(|row| row.push("...".to_owned()));
        }
        lines.extend(aligned(&head, 2));
        lines.push(String::new());
        let titles = ["factor", "coverage", "min", "5%", "median", "95%", "max"];
        let mut table = vec![titles.map(str::to_owned).to_vec()];
        for (name, figures) in self.file.factors.iter().zip(&mut self.factors) {
            figures.kept.sort_unstable_by(f64::total_cmp);
            let share = figures.there as f64 / figures.cells.max(1) as f64;
            let mut row = vec![name.clone(), format!("{:.1} %", share * 100.0)];
            let [least, most] = match figures.there {
                0 => [f64::NAN; 2],
                _ => [figures.least, figures.most],
            };
            let middle = [0.05, 0.5, 0.95].map(|q| figures.quantile(q));
            row.push(number(least));
            row.extend(middle.map(number));
            row.push(number(most));
            table.push(row);
        }
        lines.extend(aligned(&table, 1));
        lines
    }
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
    use crate::model::Time;

    #[test]
    fn shows_the_last_rows_and_figures() {
        let mut summary = Summary::new(PanelFile {
            time: "date".to_owned(),
            form: TimeForm::Date,
            symbols: vec!["A".into(), "B".into()],
            factors: vec!["x".to_owned(), "y".to_owned()],
        });
        for day in 0..3 {
            let x = vec![f64::from(day), f64::NAN];
            let time = Time::from_nanos(i64::from(day) * 86_400_000_000_000);
            summary.take(&Section { time, columns: &[x, vec![f64::NAN; 2]] });
        }
        let lines = summary.lines();
        assert_eq!(
            lines,
            [
                "2 factors at 3 times for 2 symbols",
                "",
                "date        symbol        x  y",
                "1970-01-03  A       2.00000  -",
                "1970-01-03  B             -  -",
                "",
                "factor  coverage  min  5%   median      95%      max",
                "x         50.0 %    0   0  1.00000  2.00000  2.00000",
                "y          0.0 %    -   -        -        -        -",
            ]
        );
    }
}
