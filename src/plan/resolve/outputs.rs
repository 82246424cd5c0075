//! Topics of the outputs.

use super::Resolver;
use crate::config::{Delivery, Field, LayoutName, Outputs, Spanned, suggestion};
use crate::model::OutputKind;
use crate::plan::{DeliveryPlan, Layout, OutputPlan};

impl Resolver<'_> {
    pub(super) fn outputs(
        self,
        field: &Field<Outputs>,
        source_topic: Option<&str>,
        delivery: &DeliveryPlan,
        written: &Field<Delivery>,
    ) -> Vec<OutputPlan> {
        let Some(outputs) = field.get() else {
            return Vec::new();
        };
        let mut plans: Vec<OutputPlan> = Vec::new();
        for kind in OutputKind::ALL {
            let (topic, layout) = match kind {
                OutputKind::Factors => match outputs.factors.spanned() {
                    Some(Spanned { place, value }) => {
                        (self.require(&value.topic, "topic", place), self.layout(&value.layout))
                    }
                    None => continue,
                },
                OutputKind::Findings => (outputs.findings.spanned(), None),
                OutputKind::Alerts => (outputs.alerts.spanned(), None),
                OutputKind::Quarantine => (outputs.quarantine.spanned(), None),
                OutputKind::DeadLetters => (outputs.dead_letters.spanned(), None),
            };
            let Some(topic) = topic else { continue };
            self.topic(&topic);
            let taken = if source_topic == Some(topic.value.as_str()) {
                Some("what the source reads")
            } else if plans.iter().any(|other| other.topic == *topic.value) {
                Some("another output's topic")
            } else {
                None
            };
            if let Some(taken) = taken {
                let message = format!("`{}` is {taken} already", topic.value);
                self.report(topic.place, message, "give every output a topic of its own");
            }
            plans.push(OutputPlan { kind, topic: topic.value.clone(), layout });
        }
        let progress = written.get().and_then(|delivery| delivery.progress_topic.spanned());
        if let Some(progress) = progress {
            let all = plans.iter().map(|output| output.topic.as_str()).chain(source_topic);
            if all.into_iter().any(|topic| topic == delivery.progress_topic) {
                let message = format!("`{}` is used already", progress.value);
                self.report(progress.place, message, "progress records need a topic of their own");
            }
        }
        plans
    }

    /// The layout of that name; the first there is where none is named.
    fn layout(self, name: &Field<LayoutName>) -> Option<Layout> {
        let layouts = self.catalog.layouts;
        let Some(Spanned { place, value: LayoutName(name) }) = name.spanned() else {
            return layouts.first().copied().copied();
        };
        let found = layouts.iter().find(|layout| layout.name == name);
        if found.is_none() {
            let names: Vec<_> = layouts.iter().map(|layout| layout.name).collect();
            let message = format!("there is no layout `{name}`");
            self.diagnostics.report(place, message, suggestion(name, "layouts", &names));
        }
        found.copied().copied()
    }
}
