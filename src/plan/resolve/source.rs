//! The source of a pipeline.

use super::Resolver;
use crate::config::{self, Bars, Bytes, Entries, PipelineFile, Place, Source, Spanned};
use crate::model::Span;
use crate::plan::{FieldPlan, SourcePlan, Start, UnknownFields};

const IDLE_TIMEOUT: Span = Span::from_secs(30);
const CORRECTIONS: Bars = Bars(20);
const MAX_RECORD_BYTES: Bytes = Bytes(1 << 20);

impl Resolver<'_> {
    /// The names of the sources, readable or not.
    pub(super) fn source_names(self, file: &PipelineFile) -> Vec<&str> {
        let sources = file.sources.get().map_or(&[][..], |all| all.0.as_slice());
        sources.iter().map(|(name, _)| name.value.as_str()).collect()
    }

    /// The fields of the one source, and the source: each none if it is not complete, which is
    /// reported.
    pub(super) fn source(
        self,
        file: &PipelineFile,
        top: Place,
    ) -> (Option<Vec<FieldPlan>>, Option<SourcePlan>) {
        let Some((name, source)) = self.one_source(file, top) else {
            return (None, None);
        };
        self.identifier(name, "a source");
        let topic = self.require(&source.topic, "topic", name.place);
        if let Some(topic) = &topic {
            self.topic(topic);
        }
        let key = self.key(source, name.place);
        let fields = self.fields(source, name.place);
        let topic = topic.map(|topic| topic.value.clone());
        let plan = self.source_plan(name, source, topic, key, fields.clone());
        (fields, plan)
    }

    fn one_source(self, file: &PipelineFile, top: Place) -> Option<(&Spanned<String>, &Source)> {
        let sources = self.require(&file.sources, "sources", top)?;
        let Entries(entries) = sources.value;
        for (second, _) in entries.iter().skip(1) {
            let message = "a pipeline has one source for now";
            self.report(second.place, message, "move it into a pipeline of its own");
        }
        if entries.is_empty() && !self.diagnostics.any_within(sources.place) {
            self.report(sources.place, "there is no source", "name one: `bars: {topic: ...}`");
        }
        entries.first().map(|(name, source)| (name, &source.value))
    }

    fn source_plan(
        self,
        name: &Spanned<String>,
        source: &Source,
        topic: Option<String>,
        key: Option<(Spanned<String>, Spanned<String>)>,
        fields: Option<Vec<FieldPlan>>,
    ) -> Option<SourcePlan> {
        let (symbol, time) = key?;
        self.overlaps(source, &symbol, &time);
        Some(SourcePlan {
            name: name.value.clone(),
            topic: topic?,
            format: match source.format.or(config::Format::Json) {
                config::Format::Json => "json",
            },
            symbol_field: symbol.value,
            time_field: time.value,
            revision_field: source.revision.get().cloned(),
            fields: fields?,
            unknown_fields: match source.unknown_fields.or(config::UnknownFields::Ignore) {
                config::UnknownFields::Ignore => UnknownFields::Ignore,
                config::UnknownFields::Reject => UnknownFields::Reject,
            },
            lateness: source.lateness.get().map_or(Span::default(), |span| span.0),
            corrections: source.corrections.or(CORRECTIONS).0,
            idle_timeout: source.idle_timeout.get().map_or(IDLE_TIMEOUT, |span| span.0),
            max_record_bytes: source.max_record_bytes.or(MAX_RECORD_BYTES).0,
            start: match source.start.or(config::Start::Earliest) {
                config::Start::Earliest => Start::Earliest,
                config::Start::Latest => Start::Latest,
            },
        })
    }

    fn key(self, source: &Source, name: Place) -> Option<(Spanned<String>, Spanned<String>)> {
        let key = self.require(&source.key, "key", name)?;
        match key.value.0.as_slice() {
            [symbol, time] => {
                if symbol.value == time.value {
                    let message = format!("`{}` cannot be both symbol and time", time.value);
                    self.report(time.place, message, "name the field of the event time");
                }
                Some((symbol.clone(), time.clone()))
            }
            _ if self.diagnostics.any_within(key.place) => None,
            _ => {
                let message = "`key` names two fields: symbol and time";
                self.report(key.place, message, "write it like [symbol, time]");
                None
            }
        }
    }

    fn fields(self, source: &Source, name: Place) -> Option<Vec<FieldPlan>> {
        let fields = self.require(&source.fields, "fields", name)?;
        let Entries(entries) = fields.value;
        for (name, _) in entries {
            self.identifier(name, "a field");
        }
        if self.diagnostics.any_within(fields.place) {
            return None;
        }
        if entries.is_empty() {
            self.report(fields.place, "there are no fields", "write at least one: {close: f64}");
            return None;
        }
        let plan = |(name, kind): &(Spanned<String>, Spanned<config::FieldType>)| FieldPlan {
            name: name.value.clone(),
            nullable: kind.value.nullable,
            text: kind.value.text,
        };
        Some(entries.iter().map(plan).collect())
    }

    /// A record's field has one meaning.
    fn overlaps(self, source: &Source, symbol: &Spanned<String>, time: &Spanned<String>) {
        if let Some(revision) = source.revision.spanned()
            && [symbol, time].iter().any(|key| key.value == *revision.value)
        {
            let message = format!("`{}` is part of the key already", revision.value);
            self.report(revision.place, message, "`revision` is a field of its own");
        }
        let special = [
            ("symbol", Some(&symbol.value)),
            ("time", Some(&time.value)),
            ("revision", source.revision.get()),
        ];
        for (field, _) in source.fields.get().map_or(&[][..], |all| all.0.as_slice()) {
            if let Some((role, _)) = special.iter().find(|(_, name)| *name == Some(&field.value)) {
                let message = format!("`{}` is the {role} of the row already", field.value);
                self.report(field.place, message, "leave it out of `fields`");
            }
        }
    }
}
