//! Signatures for the tests of the language, one of every kind.

use super::Exactness::{Always, Inherited, Never};
use super::Family::{CrossSection, Elementwise, TimeSeries};
use super::Parameter::{Constant, Group, Series, Window};
use super::{Exactness, Family, Parameter, Reference, Signature};

pub(super) const FIELDS: &[&str] = &["open", "high", "low", "close", "volume"];

const fn function(
    name: &'static str,
    family: Family,
    parameters: &'static [Parameter],
    exactness: Exactness,
) -> Signature {
    let summary = "what it gives";
    Signature {
        name,
        family,
        parameters,
        summary,
        exactness,
        compares: false,
        reference: Reference::NONE,
    }
}

const X: &[Parameter] = &[Series("x")];
const XY: &[Parameter] = &[Series("x"), Series("y")];
const XN: &[Parameter] = &[Series("x"), Window("n", 1)];

macro_rules! functions {
    ($($name:literal $family:ident $parameters:expr, $exactness:ident;)*) => {
        &[$({
            static SIGNATURE: Signature = function($name, $family, $parameters, $exactness);
            &SIGNATURE
        }),*]
    };
}

pub(super) const FUNCTIONS: &[&Signature] = functions! {
    "+" Elementwise XY, Never;
    "-" Elementwise XY, Never;
    "*" Elementwise XY, Never;
    "/" Elementwise XY, Never;
    "<" Elementwise XY, Always;
    "<=" Elementwise XY, Always;
    ">" Elementwise XY, Always;
    ">=" Elementwise XY, Always;
    "==" Elementwise XY, Always;
    "!=" Elementwise XY, Always;
    "neg" Elementwise X, Inherited;
    "abs" Elementwise X, Inherited;
    "log" Elementwise X, Never;
    "max" Elementwise XY, Inherited;
    "pow" Elementwise XY, Never;
    "if" Elementwise &[Series("c"), Series("a"), Series("b")], Inherited;
    "between" Elementwise &[Series("x"), Constant("from"), Constant("to")], Inherited;
    "and" Elementwise XY, Always;
    "not" Elementwise X, Always;
    "delay" TimeSeries XN, Inherited;
    "delta" TimeSeries XN, Never;
    "ts_mean" TimeSeries XN, Never;
    "ts_std" TimeSeries &[Series("x"), Window("n", 2)], Never;
    "ts_max" TimeSeries XN, Inherited;
    "ts_rank" TimeSeries XN, Always;
    "ts_quantile" TimeSeries &[Series("x"), Window("n", 1), Constant("q")], Never;
    "ts_corr" TimeSeries &[Series("x"), Series("y"), Window("n", 2)], Never;
    "rank" CrossSection X, Always;
    "group_mean" CrossSection &[Series("x"), Group("group")], Never;
    "winsorize" CrossSection &[Series("x"), Constant("k")], Never;
};
