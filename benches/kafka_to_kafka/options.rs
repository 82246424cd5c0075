//! Arguments of the benchmark.

use std::time::Duration;

pub(crate) struct Options {
    pub(crate) throughput: bool,
    pub(crate) latency: bool,
    pub(crate) rows: usize,
    pub(crate) rounds: usize,
    pub(crate) rate: usize,
    pub(crate) seconds: usize,
    pub(crate) commit: Duration,
    pub(crate) partitions: i32,
    only: Option<Vec<String>>,
}

impl Options {
    pub(crate) fn read() -> Options {
        let mut options = Options {
            throughput: true,
            latency: true,
            rows: 600_000,
            rounds: 3,
            rate: 2_000,
            seconds: 15,
            commit: Duration::from_millis(20),
            partitions: 2,
            only: None,
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut number = || -> usize {
                let text = arguments.next().unwrap_or_default();
                text.parse().unwrap_or_else(|_| panic!("{argument} needs a number, not `{text}`"))
            };
            match argument.as_str() {
                "throughput" => options.latency = false,
                "latency" => options.throughput = false,
                "--rows" => options.rows = number(),
                "--rounds" => options.rounds = number().max(1),
                "--rate" => options.rate = number().max(1),
                "--seconds" => options.seconds = number().max(1),
                "--commit-ms" => options.commit = Duration::from_millis(number() as u64),
                "--partitions" => options.partitions = number().max(1) as i32,
                "--only" => {
                    let names = arguments.next().unwrap_or_default();
                    options.only = Some(names.split(',').map(str::to_owned).collect());
                }
                // Cargo adds this.
                "--bench" => {}
                other => panic!("`{other}` is not an argument, see the head of main.rs"),
            }
        }
        options
    }

    pub(crate) fn takes(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.iter().any(|one| one == name))
    }
}

/// The middle of some figures.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
