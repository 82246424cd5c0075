//! The keyed state: for each (symbol, time) the version that is accepted and the newer one that
//! is in quarantine, in columns, without an allocation per row unless something is wrong with it.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::content::{self, Details, Seen, Version};
use crate::model::{
    AcceptedBatch, Because, Coordinates, Finding, Quarantined, RawRecord, RowBatch, SymbolId, Time,
};

/// Net changes of one epoch: insertions +1, retractions -1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// Changes of the accepted rows.
    pub accepted: AcceptedBatch,
    /// Changes of the quarantine, without late rows.
    pub quarantine: Vec<(Quarantined, i64)>,
    /// Changes of the findings of row checks.
    pub findings: Vec<(Finding, i64)>,
}

/// Where the admitted versions are at the end of an epoch: the sum is the number of versions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Accepted versions, deletions included.
    pub accepted: u64,
    /// Versions that a newer one replaced, or that came after a newer one.
    pub superseded: u64,
    /// Versions in quarantine.
    pub quarantined: u64,
}

/// Versions of rows in, rows that hold out. One per worker, for its symbols.
#[derive(Debug)]
pub struct Upsert {
    /// The checks whose failure keeps a row out.
    kept_out: u64,
    /// Whether the first record of a content is known for rows without findings too.
    track_all: bool,
    width: usize,
    index: FxHashMap<(SymbolId, Time), u32>,
    by_time: BTreeMap<Time, Vec<u32>>,
    slots: Vec<Slot>,
    /// Fields of the accepted versions, `width` per slot.
    fields: Vec<f64>,
    free: Vec<u32>,
    /// Only for slots that are more than one good version.
    extras: FxHashMap<u32, Extra>,
    touched: Vec<Before>,
    /// Fields of the rows in `touched` that were there before, `width` each.
    before_fields: Vec<f64>,
    epoch: u64,
    versions: u64,
    accepted: u64,
    quarantined: u64,
    buffer: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    symbol: SymbolId,
    time: Time,
    /// The epoch in which it was touched last.
    epoch: u64,
    /// The accepted version, if there is one.
    accepted: Option<Accepted>,
}

#[derive(Clone, Copy, Debug)]
struct Accepted {
    version: Version,
    deleted: bool,
    first: Coordinates,
}

#[derive(Debug, Default)]
struct Extra {
    /// What was found in the accepted version.
    flagged: Details,
    failed: Option<Failed>,
    seen: Seen,
}

#[derive(Debug)]
struct Failed {
    version: Version,
    content: u64,
    first: Coordinates,
    failures: Details,
    original: RawRecord,
}

/// What a slot was at the start of the epoch.
#[derive(Debug)]
struct Before {
    slot: u32,
    /// The record of the row and where its fields are in `before_fields`, if there was a row.
    row: Option<(Coordinates, usize)>,
    standing: Option<Box<Standing>>,
}

/// Findings and quarantined version of a slot.
#[derive(Debug, Default)]
struct Standing {
    findings: Vec<Finding>,
    quarantined: Option<Quarantined>,
}

impl Upsert {
    /// For rows with `fields` fields. `kept_out` has bit i set if check i quarantines. With
    /// `series` the coordinates of accepted rows are exact for series checks to name; without,
    /// the state is smaller and those of rows without findings are those of *some* record.
    pub fn new(fields: usize, kept_out: u64, series: bool) -> Upsert {
        Upsert {
            kept_out,
            track_all: series,
            width: fields,
            index: FxHashMap::default(),
            by_time: BTreeMap::new(),
            slots: Vec::new(),
            fields: Vec::new(),
            free: Vec::new(),
            extras: FxHashMap::default(),
            touched: Vec::new(),
            before_fields: Vec::new(),
            epoch: 1,
            versions: 0,
            accepted: 0,
            quarantined: 0,
            buffer: Vec::new(),
        }
    }

    /// Takes in checked rows.
    pub fn apply(&mut self, rows: &RowBatch) {
        for row in 0..rows.len() {
            let slot = self.touch(rows.symbols[row], rows.times[row]);
            self.versions += 1;
            if rows.violations[row] & self.kept_out == 0 {
                self.pass(slot, rows, row);
            } else {
                self.fail(slot, rows, row);
            }
        }
    }

    /// Ends the epoch: what is different from its start.
    pub fn finish(&mut self) -> Changes {
        let mut changes =
            Changes { accepted: AcceptedBatch::new(self.width), ..Changes::default() };
        for before in std::mem::take(&mut self.touched) {
            self.compare(before, &mut changes);
        }
        self.before_fields.clear();
        self.epoch += 1;
        changes
    }

    /// Forgets rows before `horizon`, which can no longer change. Between two epochs only: within
    /// one it does nothing.
    pub fn evict(&mut self, horizon: Time) {
        if !self.touched.is_empty() {
            return;
        }
        while let Some(oldest) = self.by_time.first_entry() {
            if *oldest.key() >= horizon {
                return;
            }
            for slot in oldest.remove() {
                if let Some(state) = self.slots.get(slot as usize) {
                    self.index.remove(&(state.symbol, state.time));
                }
                self.extras.remove(&slot);
                self.free.push(slot);
            }
        }
    }

    /// Where all versions so far are; those of forgotten rows stay counted.
    pub fn counters(&self) -> Counters {
        Counters {
            accepted: self.accepted,
            superseded: self.versions - self.accepted - self.quarantined,
            quarantined: self.quarantined,
        }
    }

    /// How many (symbol, time) are held.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// The slot of a row, a new one if it has none, with its state at the start of the epoch kept.
    fn touch(&mut self, symbol: SymbolId, time: Time) -> u32 {
        if let Some(slot) = self.index.get(&(symbol, time)).copied() {
            if self.slots[slot as usize].epoch != self.epoch {
                self.slots[slot as usize].epoch = self.epoch;
                let row = self.row(slot).map(|first| {
                    let at = self.before_fields.len();
                    let start = slot as usize * self.width;
                    let end = start + self.width;
                    self.before_fields.extend_from_slice(&self.fields[start..end]);
                    (first, at)
                });
                let standing = self.standing(slot);
                self.touched.push(Before { slot, row, standing });
            }
            return slot;
        }
        let state = Slot { symbol, time, epoch: self.epoch, accepted: None };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = state;
                slot
            }
            None => {
                self.slots.push(state);
                self.fields.resize(self.fields.len() + self.width, f64::NAN);
                (self.slots.len() - 1) as u32
            }
        };
        self.index.insert((symbol, time), slot);
        self.by_time.entry(time).or_default().push(slot);
        self.touched.push(Before { slot, row: None, standing: None });
        slot
    }

    /// A version that passes.
    fn pass(&mut self, slot: u32, rows: &RowBatch, row: usize) {
        let version = Version::of(rows, row);
        let (deleted, at) = (rows.deleted[row], rows.coordinates(row));
        let failures = details(rows, row);
        match self.slots[slot as usize].accepted {
            Some(mut known) if self.is_same(slot, known, rows, row, &failures) => {
                known.version = known.version.max(version);
                known.first = content::earlier(known.first, at);
                self.slots[slot as usize].accepted = Some(known);
            }
            Some(known) if version < known.version => {
                if self.tracks(deleted, &failures) {
                    let content = self.number(rows, row, &failures, None);
                    self.extras.entry(slot).or_default().seen.remember(content, at);
                }
            }
            known => {
                match known {
                    Some(known) => self.retire_accepted(slot, known),
                    None => self.accepted += 1,
                }
                let mut first = at;
                if self.extras.contains_key(&slot) && self.tracks(deleted, &failures) {
                    let content = self.number(rows, row, &failures, None);
                    first = self.extras.entry(slot).or_default().seen.take(content, at);
                }
                let accepted = Some(Accepted { version, deleted, first });
                self.slots[slot as usize].accepted = accepted;
                let start = slot as usize * self.width;
                for (place, column) in
                    self.fields[start..start + self.width].iter_mut().zip(&rows.columns)
                {
                    *place = column[row];
                }
                if !failures.is_empty() {
                    self.extras.entry(slot).or_default().flagged = failures;
                }
            }
        }
        let newest = self.slots[slot as usize].accepted.map(|accepted| accepted.version);
        if let Some(extra) = self.extras.get_mut(&slot)
            && extra.failed.as_ref().is_some_and(|failed| Some(failed.version) < newest)
        {
            extra.retire_failed();
            self.quarantined -= 1;
        }
    }

    /// A version that is kept out.
    fn fail(&mut self, slot: u32, rows: &RowBatch, row: usize) {
        let (version, at) = (Version::of(rows, row), rows.coordinates(row));
        let failures = details(rows, row);
        let original = rows
            .originals
            .binary_search_by_key(&row, |(row, _)| *row as usize)
            .map_or_else(|_| RawRecord::default(), |place| rows.originals[place].1.clone());
        let content = self.number(rows, row, &failures, Some(&original));
        let accepted = self.slots[slot as usize].accepted.map(|accepted| accepted.version);
        let extra = self.extras.entry(slot).or_default();
        match &mut extra.failed {
            Some(known) if known.content == content && known.original == original => {
                known.version = known.version.max(version);
                known.first = content::earlier(known.first, at);
                return;
            }
            Some(known) if version < known.version => return extra.seen.remember(content, at),
            Some(_) => extra.retire_failed(),
            None if accepted > Some(version) => return extra.seen.remember(content, at),
            None => self.quarantined += 1,
        }
        let first = extra.seen.take(content, at);
        extra.failed = Some(Failed { version, content, first, failures, original });
    }

    /// The accepted version is replaced by another content.
    fn retire_accepted(&mut self, slot: u32, accepted: Accepted) {
        let flagged = self
            .extras
            .get_mut(&slot)
            .map_or_else(Details::new, |extra| std::mem::take(&mut extra.flagged));
        if self.tracks(accepted.deleted, &flagged) {
            let start = slot as usize * self.width;
            let fields = self.fields[start..start + self.width].iter().copied();
            let content = content::number(fields, &flagged, None, &mut self.buffer);
            self.extras.entry(slot).or_default().seen.remember(content, accepted.first);
        }
    }

    fn tracks(&self, deleted: bool, failures: &Details) -> bool {
        !failures.is_empty() || (self.track_all && !deleted)
    }

    fn number(
        &mut self,
        rows: &RowBatch,
        row: usize,
        failures: &Details,
        original: Option<&RawRecord>,
    ) -> u64 {
        let fields = rows.columns.iter().map(|column| column[row]);
        content::number(fields, failures, original, &mut self.buffer)
    }

    fn is_same(
        &self,
        slot: u32,
        accepted: Accepted,
        rows: &RowBatch,
        row: usize,
        failures: &Details,
    ) -> bool {
        let start = slot as usize * self.width;
        let fields = &self.fields[start..start + self.width];
        let flagged = self.extras.get(&slot).map_or(&[][..], |extra| &extra.flagged);
        accepted.deleted == rows.deleted[row]
            && flagged == failures.as_slice()
            && content::same(fields, rows.columns.iter().map(|column| column[row]))
    }

    /// The first record of the row that holds, if there is one.
    fn row(&self, slot: u32) -> Option<Coordinates> {
        let accepted = self.slots[slot as usize].accepted.filter(|accepted| !accepted.deleted);
        accepted.map(|accepted| accepted.first)
    }

    fn standing(&self, slot: u32) -> Option<Box<Standing>> {
        let extra = self.extras.get(&slot)?;
        let Slot { symbol, time, accepted, .. } = self.slots[slot as usize];
        let mut standing = Standing::default();
        let mut find = |coordinates, check, detail: &String| {
            let detail = detail.clone();
            standing.findings.push(Finding { check, symbol, time, coordinates, detail });
        };
        let failures = extra.failed.as_ref().map_or(&[][..], |failed| &failed.failures);
        if let Some(failed) = &extra.failed {
            for (check, detail) in failures {
                find(failed.first, *check, detail);
            }
        }
        for (check, detail) in &extra.flagged {
            let newer = failures.iter().any(|(other, _)| other == check);
            if let Some(accepted) = accepted.filter(|_| !newer) {
                find(accepted.first, *check, detail);
            }
        }
        standing.quarantined = extra.failed.as_ref().map(|failed| Quarantined {
            symbol,
            time,
            coordinates: failed.first,
            original: failed.original.clone(),
            because: Because::Checks(failed.failures.clone()),
        });
        let empty = standing.findings.is_empty() && standing.quarantined.is_none();
        (!empty).then(|| Box::new(standing))
    }

    /// Adds what is different about a slot to the changes.
    fn compare(&self, before: Before, changes: &mut Changes) {
        let slot = before.slot;
        let Slot { symbol, time, .. } = self.slots[slot as usize];
        let start = slot as usize * self.width;
        let fields = &self.fields[start..start + self.width];
        match (before.row, self.row(slot)) {
            (None, None) => {}
            (None, Some(first)) => changes.accepted.upsert(symbol, time, first, fields),
            (Some((first, _)), None) => changes.accepted.delete(symbol, time, first),
            (Some((old, at)), Some(new)) => {
                let old_fields = self.before_fields[at..at + self.width].iter().copied();
                if !content::same(fields, old_fields) {
                    changes.accepted.upsert(symbol, time, new, fields);
                } else if old != new && self.track_all {
                    changes.accepted.moved.push((symbol, time, new));
                }
            }
        }
        let after = self.standing(slot);
        if before.standing.is_none() && after.is_none() {
            return;
        }
        let old = before.standing.map_or_else(Standing::default, |standing| *standing);
        let new = after.map_or_else(Standing::default, |standing| *standing);
        let gone = old.findings.iter().filter(|finding| !new.findings.contains(finding));
        changes.findings.extend(gone.map(|finding| (finding.clone(), -1)));
        let come = new.findings.iter().filter(|finding| !old.findings.contains(finding));
        changes.findings.extend(come.map(|finding| (finding.clone(), 1)));
        if old.quarantined != new.quarantined {
            changes.quarantine.extend(old.quarantined.map(|row| (row, -1)));
            changes.quarantine.extend(new.quarantined.map(|row| (row, 1)));
        }
    }
}

impl Extra {
    fn retire_failed(&mut self) {
        if let Some(failed) = self.failed.take() {
            self.seen.remember(failed.content, failed.first);
        }
    }
}

fn details(rows: &RowBatch, row: usize) -> Details {
    if rows.violations[row] == 0 {
        return Details::new();
    }
    rows.failures_of(row).iter().map(|(_, check, detail)| (*check, detail.clone())).collect()
}
