//! How to reach Kafka and how to deliver.

use super::Resolver;
use crate::config::{self, Delivery, Field, PipelineFile, Place, Spanned};
use crate::model::Span;
use crate::plan::{DeliveryPlan, HeaderPrefix, KafkaPlan};

/// Settings that the way of delivery fixes, with what to do instead.
const OURS: [(&str, &str); 8] = [
    ("bootstrap.servers", "write `kafka.brokers`"),
    ("metadata.broker.list", "write `kafka.brokers`"),
    ("transactional.id", "write `delivery.transactional_id`"),
    ("auto.offset.reset", "write `start` in the source"),
    ("enable.idempotence", "outputs are always written in transactions"),
    ("isolation.level", "committed records are read, always"),
    ("enable.auto.commit", "positions are committed with the outputs"),
    ("enable.auto.offset.store", "positions are committed with the outputs"),
];

const COMMIT_INTERVAL: Span = Span::from_millis(20);

impl Resolver<'_> {
    pub(super) fn kafka(self, file: &PipelineFile, top: Place) -> Option<KafkaPlan> {
        let kafka = self.require(&file.kafka, "kafka", top)?;
        let settings = kafka.value.settings.get().map_or(&[][..], |all| all.0.as_slice());
        for (name, _) in settings {
            if let Some((_, instead)) = OURS.iter().find(|(ours, _)| *ours == name.value) {
                let message = format!("`{}` is not yours to set", name.value);
                self.report(name.place, message, *instead);
            }
        }
        let brokers = self.require(&kafka.value.brokers, "brokers", kafka.place)?;
        self.brokers(&brokers);
        let settings = settings
            .iter()
            .map(|(name, value)| (name.value.clone(), value.value.expose().to_owned()))
            .collect();
        Some(KafkaPlan { brokers: brokers.value.clone(), settings })
    }

    fn brokers(self, brokers: &Spanned<&String>) {
        let good = brokers.value.split(',').all(|broker| {
            let host = broker.trim().rsplit_once(':');
            host.is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
        });
        if !good {
            let message = "`brokers` is not a list of addresses";
            self.report(brokers.place, message, "write host:port, several with commas between");
        }
    }

    pub(super) fn delivery(self, field: &Field<Delivery>, pipeline: &str) -> DeliveryPlan {
        let none = Delivery::default();
        let delivery = field.get().unwrap_or(&none);
        let text = |given: &Field<String>, default: String| given.get().cloned().unwrap_or(default);
        if let Some(topic) = delivery.progress_topic.spanned() {
            self.topic(&topic);
        }
        if let Some(id) = delivery.transactional_id.spanned().filter(|id| id.value.is_empty()) {
            self.report(id.place, "`transactional_id` is empty", "leave it out for the default");
        }
        DeliveryPlan {
            commit_interval: delivery.commit_interval.get().map_or(COMMIT_INTERVAL, |span| span.0),
            progress_topic: text(&delivery.progress_topic, format!("weir.progress.{pipeline}")),
            transactional_id: text(&delivery.transactional_id, format!("weir-{pipeline}-0")),
            create_topics: delivery.create_topics.or(true),
            header_prefix: match delivery.header_prefix.or(config::HeaderPrefix::Weir) {
                config::HeaderPrefix::Weir => HeaderPrefix::Weir,
                config::HeaderPrefix::Connect => HeaderPrefix::Connect,
            },
        }
    }
}
