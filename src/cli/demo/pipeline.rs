//! The pipeline that the demo runs: `pipeline.yaml` here, an ordinary pipeline file.

use std::path::Path;

use anyhow::bail;

use super::Scenario;
use crate::dataflow;
use crate::plan::{self, Plan};

const TEXT: &str = include_str!("pipeline.yaml");

/// The demo's plan at the pace of a scenario, on these brokers.
pub fn pipeline(scenario: &Scenario, brokers: &str) -> anyhow::Result<Plan> {
    let silence = scenario.pace.silence_span().to_string();
    let variables = |name: &str| match name {
        "WEIR_DEMO_BROKERS" => Some(brokers.to_owned()),
        "WEIR_DEMO_SILENCE" => Some(silence.clone()),
        _ => None,
    };
    let catalog = dataflow::catalog();
    match plan::load_text("the demo's pipeline", TEXT, Path::new("."), &variables, &catalog) {
        Ok(plan) => Ok(plan),
        Err(diagnostics) => {
            let all: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
            bail!("{}", all.join("\n"))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::testing::rules;
    use super::*;
    use crate::model::OutputKind;

    #[test]
    fn is_a_good_pipeline_with_what_the_faults_speak_of() {
        let scenario = Scenario::new(Duration::from_secs(20)).unwrap();
        let plan = pipeline(&scenario, "127.0.0.1:1").unwrap();
        assert_eq!(plan.kafka.brokers, "127.0.0.1:1");
        let alerts: Vec<(String, String)> =
            plan.alerts.iter().map(|rule| (rule.name.clone(), rule.when.clone())).collect();
        assert_eq!(alerts, rules(&scenario));
        let checks: Vec<&str> = plan.checks.iter().map(|check| check.name.as_str()).collect();
        assert_eq!(checks, ["positive", "ohlc_order", "return_jump"]);
        assert!(OutputKind::ALL.iter().all(|kind| plan.output(*kind).is_some()));
        // Faults stand 13 days apart, and the bar that is far too late is 24 days late.
        assert!(plan.factors.look_back() <= 13 && plan.source.corrections < 24);
        assert!(plan.source.corrections >= 5);
    }
}
