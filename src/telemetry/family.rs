//! Metrics with labels whose number is part of the type, so that a series cannot be asked for with
//! too few or too many values.

use prometheus::core::Collector;
use prometheus::{GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

/// A number that only grows.
pub type Counter = prometheus::IntCounter;
/// A number that goes up and down.
pub type Gauge = prometheus::Gauge;
/// A distribution over fixed buckets.
pub type Histogram = prometheus::Histogram;
/// A counter of one thread: adding costs an addition, `flush` brings it to the shared counter.
/// Made with `counter.local()`, kept by a worker, flushed once per step.
pub type LocalCounter = prometheus::local::LocalIntCounter;
/// A histogram of one thread, as [`LocalCounter`]; flushes when dropped.
pub type LocalHistogram = prometheus::local::LocalHistogram;

/// How a kind of metric is made and registered.
pub trait Kind: Sized + Clone {
    /// All series of one metric.
    type Series: Collector + Clone + 'static;
    /// As Prometheus names the kind.
    const NAME: &'static str;

    /// Makes the metric without labels.
    fn single(entry: &Entry) -> prometheus::Result<Self>;
    /// Makes the metric with labels.
    fn labelled(entry: &Entry) -> prometheus::Result<Self::Series>;
    /// One of the series; as many values as the metric has labels.
    fn one(series: &Self::Series, values: &[&str]) -> Self;
    /// Removes one of the series, if it is there.
    fn remove(series: &Self::Series, values: &[&str]);
    /// Makes it known to a registry.
    fn collector(&self) -> Box<dyn Collector>;
}

/// What a metric is made from: one line of the list.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Full name.
    pub name: &'static str,
    /// What it says.
    pub help: &'static str,
    /// Names of its labels.
    pub labels: &'static [&'static str],
    /// Upper bounds of a histogram's buckets, ascending.
    pub buckets: &'static [f64],
}

impl Entry {
    fn opts(&self) -> Opts {
        Opts::new(self.name, self.help)
    }

    fn histogram_opts(&self) -> HistogramOpts {
        HistogramOpts::new(self.name, self.help).buckets(self.buckets.to_vec())
    }
}

macro_rules! kind {
    ($metric:ident, $series:ident, $opts:ident, $name:literal) => {
        impl Kind for $metric {
            type Series = $series;
            const NAME: &'static str = $name;

            fn single(entry: &Entry) -> prometheus::Result<$metric> {
                $metric::with_opts(entry.$opts())
            }

            fn labelled(entry: &Entry) -> prometheus::Result<$series> {
                $series::new(entry.$opts(), entry.labels)
            }

            fn one(series: &$series, values: &[&str]) -> $metric {
                series.with_label_values(values)
            }

            fn remove(series: &$series, values: &[&str]) {
                // An error says that there was no such series, which is what is wanted.
                drop(series.remove_label_values(values));
            }

            fn collector(&self) -> Box<dyn Collector> {
                Box::new(self.clone())
            }
        }
    };
}

kind!(Counter, IntCounterVec, opts, "counter");
kind!(Gauge, GaugeVec, opts, "gauge");
kind!(Histogram, HistogramVec, histogram_opts, "histogram");

/// A metric with `N` labels. With no labels it is a metric that is absent until it is first asked
/// for, which is right for timestamps: a zero would read as 1970.
#[derive(Clone)]
pub struct Family<K: Kind, const N: usize> {
    series: K::Series,
}

impl<K: Kind, const N: usize> Family<K, N> {
    /// Makes the family and registers it.
    pub(super) fn register(entry: &Entry, registry: &Registry) -> prometheus::Result<Family<K, N>> {
        let series = K::labelled(entry)?;
        registry.register(Box::new(series.clone()))?;
        Ok(Family { series })
    }

    /// The series with these label values, in the order of the list; from now on it is exported.
    /// Takes a lock and hashes the values: keep what it returns, do not ask per record.
    pub fn with(&self, values: [&str; N]) -> K {
        K::one(&self.series, &values)
    }

    /// Ends a series, for instance the lag of a partition that went to another process.
    pub fn remove(&self, values: [&str; N]) {
        K::remove(&self.series, &values);
    }
}

impl<K: Kind, const N: usize> std::fmt::Debug for Family<K, N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Family").field("kind", &K::NAME).field("labels", &N).finish()
    }
}
