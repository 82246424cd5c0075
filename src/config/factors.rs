//! A factor set as written: formulas that share a name, rules and sub-formulas.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde_json::json;

use super::diagnostic::Diagnostics;
use super::spanned::{Entries, Field, Spanned};
use super::{de, node};

/// A factor set: formulas under common rules, used by its name.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(expecting = "a map with the keys of a factor set", deny_unknown_fields)]
pub struct FactorFile {
    /// Name of the set: small letters, digits, `-` and `_`.
    #[schemars(regex(pattern = r"^[a-z][a-z0-9_-]*$"))]
    pub factor_set: Field<String>,
    /// Which references the rules follow where these differ.
    #[serde(default)]
    #[schemars(extend("default" = "worldquant"))]
    pub profile: Field<Profile>,
    /// Rules that depart from those of the profile.
    #[serde(default)]
    pub rules: Field<FactorRules>,
    /// Constants by name, which the formulas and sub-formulas may use, also as windows: their
    /// defaults. Who uses the set may give others.
    #[serde(default)]
    pub parameters: Field<Entries<f64>>,
    /// Sub-formulas by name; the formulas of this set, and later sub-formulas, may use them.
    #[serde(default, rename = "let")]
    pub lets: Field<Entries<String>>,
    /// Formulas by the name of the factor.
    #[schemars(extend("minProperties" = 1))]
    pub formulas: Field<Entries<String>>,
}

/// Which references the rules follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Windows are missing unless they are full.
    #[default]
    Worldquant,
    /// Windows use what is there; nearly constant windows have no correlation.
    Qlib,
    /// TA-Lib: `ema` and `rma` begin with the mean of their first n inputs; deviations are those of
    /// a population.
    Ta,
    /// The Chinese terminals as MyTT has them: `ema` and `rma` begin with the first input;
    /// deviations are those of a population.
    Cn,
}

/// Rules of a set, each where it departs from the profile.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(expecting = "a map of rules", deny_unknown_fields)]
pub struct FactorRules {
    /// What windows count.
    #[serde(default)]
    pub clock: Field<Clock>,
    /// How many inputs a window must have.
    #[serde(default)]
    pub min_periods: Field<MinPeriods>,
    /// How ranks and positions of extremes compare values that carry rounding error.
    #[serde(default)]
    pub ties: Field<Ties>,
    /// What becomes of windows that are no whole numbers.
    #[serde(default)]
    pub window_round: Field<WindowRound>,
    /// What variances, deviations and covariances are divided by.
    #[serde(default)]
    pub deviations: Field<Deviations>,
    /// What `ema` and `rma` begin with.
    #[serde(default)]
    pub seed: Field<Seed>,
}

/// What windows count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Clock {
    /// All times of the pipeline: where a symbol has no bar, its fields are missing.
    Calendar,
    /// The symbol's own bars: `delay(close, 1)` is the close of the bar before, however long ago.
    /// Where a symbol has no bar, the result is missing.
    Traded,
}

/// How many inputs a window must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(transform = also_as_word)]
pub enum MinPeriods {
    /// All.
    #[serde(rename = "full")]
    Full,
    /// One, or two where the function needs two.
    #[serde(rename = "1", alias = "one")]
    One,
}

/// To YAML `1` is a number, and it may be written as a word as well.
fn also_as_word(schema: &mut Schema) {
    let choices = schema.get_mut("oneOf").and_then(serde_json::Value::as_array_mut);
    for choices in choices.into_iter() {
        for one in choices.iter_mut().filter(|one| one["const"] == "1") {
            *one = json!({ "const": 1, "description": one["description"] });
        }
        choices.push(json!({ "const": "one", "description": "The same as `1`." }));
    }
}

/// How ranks and positions of extremes compare values that carry rounding error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Ties {
    /// On a grid of 2^-36 of the largest of them.
    Grid,
    /// As they are.
    Raw,
}

/// What becomes of windows that are no whole numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WindowRound {
    /// The nearest whole number, the larger of two equally near.
    Half,
    /// The next smaller whole number.
    Floor,
}

/// What variances, deviations and covariances are divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Deviations {
    /// The number of values less one (ddof 1).
    Sample,
    /// The number of values (ddof 0).
    Population,
}

/// What moving averages that take a share of each new value begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Seed {
    /// The first input.
    First,
    /// The mean of as many inputs as the window has; missing before.
    Mean,
}

/// Reads the file of a factor set; what is wrong goes to `diagnostics`.
pub fn read_factors(diagnostics: &Diagnostics<'_>) -> Option<Spanned<FactorFile>> {
    let node = node::parse(diagnostics)?;
    de::read(&node, diagnostics)
}

/// The JSON Schema of the files of factor sets.
pub fn factors_schema() -> serde_json::Value {
    let mut schema = SchemaGenerator::default().into_root_schema_for::<FactorFile>();
    schema.insert("title".to_owned(), "Weir factor set".into());
    schema.to_value()
}
