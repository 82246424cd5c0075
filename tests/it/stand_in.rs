//! Signatures of functions, until the catalog of the dataflow is there.

use weir::formula::Parameter::{Series, Window};
use weir::formula::{Exactness, Family, Parameter, Signature};

const X: &[Parameter] = &[Series("x")];
const XY: &[Parameter] = &[Series("x"), Series("y")];
const XN: &[Parameter] = &[Series("x"), Window("n", 1)];
const XN0: &[Parameter] = &[Series("x"), Window("n", 0)];
const XYN: &[Parameter] = &[Series("x"), Series("y"), Window("n", 2)];

const fn function(
    name: &'static str,
    family: Family,
    parameters: &'static [Parameter],
) -> Signature {
    let exactness = Exactness::Never;
    Signature { name, family, parameters, summary: "a stand-in", exactness, compares: false }
}

pub(crate) static FUNCTIONS: &[&Signature] = &[
    &function("+", Family::Elementwise, XY),
    &function("-", Family::Elementwise, XY),
    &function("*", Family::Elementwise, XY),
    &function("/", Family::Elementwise, XY),
    &function(">", Family::Elementwise, XY),
    &function("neg", Family::Elementwise, X),
    &function("delay", Family::TimeSeries, XN0),
    &function("delta", Family::TimeSeries, XN0),
    &function("ts_mean", Family::TimeSeries, XN),
    &function("ts_std", Family::TimeSeries, XN),
    &function("ts_min", Family::TimeSeries, XN),
    &function("ts_max", Family::TimeSeries, XN),
    &function("ts_corr", Family::TimeSeries, XYN),
    &function("rank", Family::CrossSection, X),
    &function("zscore", Family::CrossSection, X),
    &function("demean", Family::CrossSection, X),
    &function("scale", Family::CrossSection, X),
];
