//! A plan of factor sets alone: no Kafka, no checks, no alerts, one source with what they need.

use super::{
    DeliveryPlan, FactorError, FactorPlan, FactorSet, FieldPlan, HeaderPrefix, KafkaPlan,
    OutputPlan, Plan, SourcePlan, Start, UnknownFields,
};
use crate::formula::Signature;
use crate::model::{OutputKind, Span};

/// Fields that hold text.
const GROUPS: [&str; 3] = ["sector", "industry", "subindustry"];
/// Fields that are there without being derived.
const NUMBERS: [&str; 8] = ["open", "high", "low", "close", "volume", "vwap", "amount", "cap"];

impl SourcePlan {
    /// A source that no Kafka feeds: it has these fields, and so many closed bars may change.
    pub fn bare(fields: Vec<FieldPlan>, corrections: usize) -> SourcePlan {
        let zero = Span::from_nanos(0);
        SourcePlan {
            name: "bars".to_owned(),
            topic: String::new(),
            format: "json",
            symbol_field: "symbol".to_owned(),
            time_field: "time".to_owned(),
            revision_field: None,
            fields,
            unknown_fields: UnknownFields::Ignore,
            lateness: zero,
            corrections,
            idle_timeout: zero,
            max_record_bytes: usize::MAX,
            start: Start::Earliest,
        }
    }
}

impl Plan {
    /// Computes `sets` over a source that has every field they name, and gives the factors out by
    /// row. `corrections` is how many closed bars may change.
    ///
    /// # Errors
    /// All that is wrong with the formulas.
    pub fn of_factors(
        sets: &[FactorSet],
        corrections: usize,
        functions: &[&'static Signature],
    ) -> Result<Plan, FactorError> {
        let mut columns: Vec<(String, bool)> = NUMBERS.map(|n| (n.to_owned(), false)).into();
        columns.extend(GROUPS.map(|n| (n.to_owned(), true)));
        let compile = |columns: &[(String, bool)]| {
            let columns: Vec<_> = columns.iter().map(|(n, text)| (n.as_str(), *text)).collect();
            FactorPlan::new(sets, &columns, functions)
        };
        let factors = match compile(&columns) {
            Err(FactorError::Missing(missing)) => {
                columns.extend(missing.into_iter().map(|lack| (lack.field, false)));
                compile(&columns)?
            }
            plan => plan?,
        };
        let names: Vec<_> = sets.iter().map(|set| set.name.as_str()).collect();
        let zero = Span::from_nanos(0);
        Ok(Plan {
            name: names.join("+"),
            version: String::new(),
            kafka: KafkaPlan { brokers: String::new(), settings: Vec::new() },
            source: SourcePlan::bare(factors.fields, corrections),
            checks: Vec::new(),
            factors: factors.graph,
            alerts: Vec::new(),
            outputs: vec![OutputPlan {
                kind: OutputKind::Factors,
                topic: String::new(),
                layout: None,
            }],
            delivery: DeliveryPlan {
                commit_interval: zero,
                progress_topic: String::new(),
                transactional_id: String::new(),
                create_topics: false,
                header_prefix: HeaderPrefix::Weir,
            },
        })
    }
}
