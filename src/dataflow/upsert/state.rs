//! The keyed state: for each (symbol, time) the version that is accepted and the newer one that
//! is in quarantine, in columns, without an allocation per row unless something is wrong with it.

use rustc_hash::FxHashMap;

use super::content::{self, Details, Version};
use super::index::Index;
use super::slot::{Accepted, Before, Extra, Failed, Slot, Standing};
use crate::model::{
    AcceptedBatch, Because, Coordinates, Finding, Quarantined, RawRecord, RowBatch, SymbolId, Time,
};

/// How many different contents of a row are remembered with the record that brought each first.
const REMEMBERED: usize = 64;

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
    index: Index,
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
    /// How many contents of a row are remembered.
    pub(super) remembered: usize,
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
            index: Index::default(),
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
            remembered: REMEMBERED,
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
        let mut touched = std::mem::take(&mut self.touched);
        changes.accepted.reserve(touched.len());
        for before in touched.drain(..) {
            self.compare(before, &mut changes);
        }
        self.touched = touched;
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
        while let Some(slots) = self.index.evict(horizon) {
            if !self.extras.is_empty() {
                for slot in &slots {
                    self.extras.remove(slot);
                }
            }
            // They are taken from the end: the next time gets them in the order of this one.
            self.free.extend(slots.into_iter().rev());
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
        self.index.len() == 0
    }

    /// The slot of a row, a new one if it has none, with its state at the start of the epoch kept.
    fn touch(&mut self, symbol: SymbolId, time: Time) -> u32 {
        if let Some(slot) = self.index.get(symbol, time) {
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
        self.index.insert(symbol, time, slot);
        self.touched.push(Before { slot, row: None, standing: None });
        slot
    }

    /// A version that passes.
    fn pass(&mut self, slot: u32, rows: &RowBatch, row: usize) {
        let (version, at) = (Version::of(rows, row), rows.coordinates(row));
        let (deleted, failures) = (rows.deleted[row], details(rows, row));
        let known = self.slots[slot as usize].accepted;
        let same = known.is_some_and(|known| self.is_same(slot, known, rows, row, &failures));
        let plain = failures.is_empty() && !self.extras.contains_key(&slot);
        if !(plain && (same || known.is_none())) {
            self.open_extra(slot);
            if self.tracks(deleted, &failures) {
                let content = content::number(fields_of(rows, row), &failures, None);
                self.remember(slot, content, at);
            }
        }
        let accepted = match known {
            Some(known) if same => Accepted {
                version: known.version.max(version),
                at: if known.version < version { at } else { known.at },
                first: content::earlier(known.first, at),
                deleted,
            },
            Some(known) if version < known.version => return,
            _ => Accepted { version, at, deleted, first: at },
        };
        self.accepted += u64::from(known.is_none());
        self.slots[slot as usize].accepted = Some(accepted);
        if !same {
            let start = slot as usize * self.width;
            let places = self.fields[start..start + self.width].iter_mut();
            places.zip(fields_of(rows, row)).for_each(|(place, value)| *place = value);
        }
        if let Some(extra) = self.extras.get_mut(&slot) {
            extra.flagged = failures;
            if extra.failed.as_ref().is_some_and(|failed| failed.version < accepted.version) {
                extra.failed = None;
                self.quarantined -= 1;
            }
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
        let content = content::number(fields_of(rows, row), &failures, Some(&original));
        self.open_extra(slot);
        self.remember(slot, content, at);
        let accepted = self.slots[slot as usize].accepted.map(|accepted| accepted.version);
        let Some(extra) = self.extras.get_mut(&slot) else { return };
        let newest = extra.failed.as_ref().map(|failed| failed.version).max(accepted);
        if newest < Some(version) {
            self.quarantined += u64::from(extra.failed.is_none());
            extra.failed = Some(Failed { version, at, content, failures, original });
        }
    }

    /// Makes sure that there is an extra, which remembers the accepted content.
    fn open_extra(&mut self, slot: u32) {
        if self.extras.contains_key(&slot) {
            return;
        }
        self.extras.insert(slot, Extra::default());
        if let Some(known) = self.slots[slot as usize].accepted
            && self.tracks(known.deleted, &Details::new())
        {
            let content = self.accepted_content(slot, &[]);
            self.remember(slot, content, known.first);
        }
    }

    fn remember(&mut self, slot: u32, content: u64, at: Coordinates) {
        if let Some(extra) = self.extras.get_mut(&slot) {
            extra.seen.remember(content, at, self.remembered);
        }
    }

    /// Whether it matters which record brought a content first.
    fn tracks(&self, deleted: bool, failures: &[(u16, String)]) -> bool {
        !failures.is_empty() || (self.track_all && !deleted)
    }

    fn accepted_content(&self, slot: u32, flagged: &[(u16, String)]) -> u64 {
        let start = slot as usize * self.width;
        let fields = self.fields[start..start + self.width].iter().copied();
        content::number(fields, flagged, None)
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
            && content::same(fields, fields_of(rows, row))
    }

    /// The record that the row that holds is known by, if there is such a row.
    fn row(&self, slot: u32) -> Option<Coordinates> {
        let accepted = self.slots[slot as usize].accepted.filter(|accepted| !accepted.deleted)?;
        let Some(extra) = self.extras.get(&slot) else { return Some(accepted.first) };
        if !self.tracks(false, &extra.flagged) {
            return Some(accepted.at);
        }
        let content = self.accepted_content(slot, &extra.flagged);
        Some(extra.seen.first(content).unwrap_or(accepted.at))
    }

    fn standing(&self, slot: u32) -> Option<Box<Standing>> {
        let extra = self.extras.get(&slot)?;
        let Slot { symbol, time, .. } = self.slots[slot as usize];
        let mut standing = Standing::default();
        let mut find = |coordinates, check, detail: &String| {
            let detail = detail.clone();
            standing.findings.push(Finding { check, symbol, time, coordinates, detail });
        };
        let failures = extra.failed.as_ref().map_or(&[][..], |failed| &failed.failures);
        if let Some(failed) = &extra.failed {
            let coordinates = extra.seen.first(failed.content).unwrap_or(failed.at);
            for (check, detail) in failures {
                find(coordinates, *check, detail);
            }
            standing.quarantined = Some(Quarantined {
                symbol,
                time,
                coordinates,
                original: failed.original.clone(),
                because: Because::Checks(failures.to_vec()),
            });
        }
        let flagged = extra
            .flagged
            .iter()
            .filter(|(check, _)| failures.iter().all(|(other, _)| other != check));
        for (check, detail) in flagged {
            if let Some(coordinates) = self.row(slot) {
                find(coordinates, *check, detail);
            }
        }
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

fn fields_of(rows: &RowBatch, row: usize) -> impl Iterator<Item = f64> {
    rows.columns.iter().map(move |column| column[row])
}

fn details(rows: &RowBatch, row: usize) -> Details {
    if rows.violations[row] == 0 {
        return Details::new();
    }
    rows.failures_of(row).iter().map(|(_, check, detail)| (*check, detail.clone())).collect()
}
