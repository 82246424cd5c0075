//! The pipeline file: YAML, read strictly, every error with its place and several at once.

mod advice;
mod check;
mod de;
mod diagnostic;
mod document;
mod factors;
mod node;
mod outputs;
mod pipeline;
mod references;
mod schema;
mod secret;
mod source;
mod spanned;
mod units;
mod uses;
mod value;

pub use advice::advice;
pub use check::Check;
pub use diagnostic::{Diagnostic, Diagnostics, nearest, suggestion};
pub use document::{Document, Place};
pub use factors::{
    Clock, Deviations, FactorFile, FactorRules, MinPeriods, Profile, Seed, Ties, WindowRound,
    factors_schema, read_factors,
};
pub use outputs::{FactorsOutput, LayoutName, Outputs};
pub use pipeline::{Alert, Delivery, HeaderPrefix, Kafka, PipelineFile};
pub use references::Environment;
pub use schema::{CheckSchema, schema};
pub use secret::{Secret, is_secret};
pub use source::{Format, Source, Start, UnknownFields};
pub use spanned::{Entries, Field, Items, Spanned};
pub use units::{Bars, Bytes, FieldType, Length, TimeOfDay};
pub use uses::{Choice, Use};
pub use value::Value;

/// Reads a pipeline file; what is wrong goes to `diagnostics`. None if there is nothing to go on
/// with; otherwise what could be read, so that the rest can be looked at as well.
pub fn read(
    diagnostics: &Diagnostics<'_>,
    environment: Environment<'_>,
) -> Option<Spanned<PipelineFile>> {
    let mut node = node::parse(diagnostics)?;
    secret::mask(&node, diagnostics);
    references::resolve(&mut node, environment, diagnostics);
    de::read(&node, diagnostics)
}
