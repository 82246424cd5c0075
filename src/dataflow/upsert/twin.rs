//! The slow twin of the keyed state: keeps every version and works everything out anew.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{Changes, Counters, Upsert};
use crate::model::{
    AcceptedBatch, Because, Coordinates, Finding, Quarantined, RawRecord, RowBatch, SymbolId, Time,
};

/// Check 0 flags, checks 1 and 2 quarantine.
const KEPT_OUT: u64 = 0b110;

#[derive(Clone, Debug)]
struct Given {
    at: Coordinates,
    revision: i64,
    symbol: SymbolId,
    time: Time,
    /// None deletes.
    value: Option<u8>,
    spelling: u8,
}

type Failures = Vec<(u16, String)>;

impl Given {
    fn fields(&self) -> Vec<f64> {
        match self.value {
            None => vec![f64::NAN; 2],
            Some(0) => vec![f64::NAN, 0.0],
            Some(1) => vec![f64::NAN, -0.0],
            Some(value) => vec![f64::from(value), 1.0],
        }
    }

    /// Some depend on the value only, one on the arrival as well.
    fn failures(&self) -> Failures {
        let Some(value) = self.value else { return Vec::new() };
        let mut failures = Vec::new();
        if value == 3 || value == 5 {
            failures.push((0, format!("odd {value}")));
        }
        if value == 4 || value == 5 {
            failures.push((1, format!("bad {value}")));
        }
        if value == 2 && self.at.arrival_ms < 2 {
            failures.push((2, "early".to_owned()));
        }
        failures
    }

    fn passes(&self) -> bool {
        self.failures().iter().all(|(check, _)| KEPT_OUT & (1 << check) == 0)
    }

    fn original(&self) -> RawRecord {
        let value = Some(vec![self.spelling, self.value.unwrap_or(99)]);
        RawRecord { key: None, value, headers: Vec::new() }
    }

    fn order(&self) -> (i64, i64, i32) {
        (self.revision, self.at.offset, self.at.partition)
    }

    fn content(&self) -> (Vec<u64>, Failures, Option<RawRecord>) {
        let bits = self.fields().into_iter().map(f64::to_bits).collect();
        (bits, self.failures(), (!self.passes()).then(|| self.original()))
    }
}

/// What holds, worked out from all versions.
#[derive(Clone, Debug, Default, PartialEq)]
struct Truth {
    accepted: BTreeMap<(SymbolId, Time), (Vec<u64>, Coordinates)>,
    quarantine: BTreeSet<Quarantined>,
    findings: BTreeSet<Finding>,
    counters: Counters,
}

fn truth(given: &[Given], remembered: usize) -> Truth {
    let mut rows: BTreeMap<(SymbolId, Time), Vec<&Given>> = BTreeMap::new();
    for version in given {
        rows.entry((version.symbol, version.time)).or_default().push(version);
    }
    let mut truth = Truth::default();
    for ((symbol, time), versions) in rows {
        let mut contents: Vec<_> =
            versions.iter().filter(|v| v.value.is_some()).map(|v| v.content()).collect();
        contents.sort();
        contents.dedup();
        let first = |of: &Given| {
            if contents.len() > remembered {
                return of.at;
            }
            let same = versions.iter().filter(|other| {
                other.content() == of.content() && other.value.is_none() == of.value.is_none()
            });
            same.map(|other| other.at)
                .min_by_key(|at| (at.arrival_ms, at.offset, at.partition))
                .unwrap()
        };
        let newest = |passes: bool| {
            versions.iter().filter(|v| v.passes() == passes).max_by_key(|v| v.order()).copied()
        };
        let accepted = newest(true);
        let failed = newest(false)
            .filter(|failed| accepted.is_none_or(|accepted| failed.order() > accepted.order()));
        let mut found: BTreeMap<u16, Finding> = BTreeMap::new();
        if let Some(row) = accepted {
            truth.counters.accepted += 1;
            if row.value.is_some() {
                truth.accepted.insert((symbol, time), (row.content().0, first(row)));
            }
        }
        if let Some(row) = failed {
            truth.counters.quarantined += 1;
            truth.quarantine.insert(Quarantined {
                symbol,
                time,
                coordinates: first(row),
                original: row.original(),
                because: Because::Checks(row.failures()),
            });
        }
        for row in [accepted, failed].into_iter().flatten() {
            for (check, detail) in row.failures() {
                let coordinates = first(row);
                found.insert(check, Finding { check, symbol, time, coordinates, detail });
            }
        }
        truth.findings.extend(found.into_values());
        truth.counters.superseded += (versions.len()
            - usize::from(accepted.is_some())
            - usize::from(failed.is_some())) as u64;
    }
    truth
}

/// What the changes add up to; refuses changes that are none.
#[derive(Debug, Default)]
struct Sum {
    truth: Truth,
}

impl Sum {
    fn add(&mut self, changes: &Changes) -> Result<(), TestCaseError> {
        let rows = &changes.accepted;
        let mut keys = BTreeSet::new();
        for row in 0..rows.len() {
            let key = (rows.symbols[row], rows.times[row]);
            prop_assert!(keys.insert(key), "{:?} changes twice", key);
            let bits: Vec<u64> = rows.columns.iter().map(|column| column[row].to_bits()).collect();
            if rows.deleted[row] {
                prop_assert!(self.truth.accepted.remove(&key).is_some());
            } else {
                let old = self.truth.accepted.insert(key, (bits.clone(), rows.coordinates[row]));
                prop_assert!(old.is_none_or(|(old, _)| old != bits), "{:?} did not change", key);
            }
        }
        for (symbol, time, at) in &rows.moved {
            let known = self.truth.accepted.get_mut(&(*symbol, *time));
            prop_assert!(keys.insert((*symbol, *time)));
            prop_assert!(known.is_some_and(|known| std::mem::replace(&mut known.1, *at) != *at));
        }
        for (row, diff) in &changes.quarantine {
            let new = match diff {
                1 => self.truth.quarantine.insert(row.clone()),
                _ => self.truth.quarantine.remove(row),
            };
            prop_assert!(new, "{:?} {:?}", diff, row);
        }
        for (finding, diff) in &changes.findings {
            let new = match diff {
                1 => self.truth.findings.insert(finding.clone()),
                _ => self.truth.findings.remove(finding),
            };
            prop_assert!(new, "{:?} {:?}", diff, finding);
        }
        Ok(())
    }
}

fn batch(given: &[&Given]) -> RowBatch {
    let mut rows = RowBatch::new(given[0].at.partition, 2);
    for (row, version) in given.iter().enumerate() {
        rows.offsets.push(version.at.offset);
        rows.arrivals_ms.push(version.at.arrival_ms);
        rows.revisions.push(version.revision);
        rows.symbols.push(version.symbol);
        rows.times.push(version.time);
        rows.deleted.push(version.value.is_none());
        for (column, value) in rows.columns.iter_mut().zip(version.fields()) {
            column.push(value);
        }
        let failures = version.failures();
        rows.violations.push(failures.iter().fold(0, |bits, (check, _)| bits | 1 << check));
        rows.failures.extend(failures.into_iter().map(|(check, text)| (row as u32, check, text)));
        if !version.passes() {
            rows.originals.push((row as u32, version.original()));
        }
    }
    rows
}

fn stream() -> impl Strategy<Value = Vec<Given>> {
    let one = (0..2_u32, 0..3_i64, 0..3_i32, -1..2_i64, 0..8_u8, 0..2_u8, 0..4_i64);
    proptest::collection::vec(one, 1..40).prop_map(|all| {
        let versions = all.into_iter().enumerate();
        versions
            .map(|(place, (symbol, time, partition, revision, value, spelling, arrival_ms))| {
                Given {
                    // The same offset in several partitions, and an order that is not that of arrival.
                    at: Coordinates { partition, offset: (place as i64 / 3) ^ 5, arrival_ms },
                    revision: revision.max(0),
                    symbol: SymbolId(symbol),
                    time: Time::from_nanos(time),
                    value: (value < 7).then_some(value),
                    spelling,
                }
            })
            .scan(BTreeSet::new(), |known, version| {
                let fresh = known.insert((version.at.partition, version.at.offset));
                Some(fresh.then_some(version))
            })
            .flatten()
            .collect()
    })
}

/// Feeds a stream in epochs and batches of the given sizes, compares after each epoch.
fn run(
    given: &[Given],
    epochs: &[(usize, usize)],
    remembered: usize,
) -> Result<Sum, TestCaseError> {
    let mut upsert = Upsert::new(2, KEPT_OUT, true);
    upsert.remembered = remembered;
    let mut sum = Sum::default();
    let (mut done, mut step) = (0, 0);
    while done < given.len() {
        let (epoch, split) = epochs[step % epochs.len()];
        let end = (done + epoch).min(given.len());
        for part in given[done..end].chunks(split) {
            for partition in 0..3 {
                let rows: Vec<&Given> =
                    part.iter().filter(|version| version.at.partition == partition).collect();
                if !rows.is_empty() {
                    upsert.apply(&batch(&rows));
                }
            }
        }
        sum.add(&upsert.finish())?;
        sum.truth.counters = upsert.counters();
        prop_assert_eq!(&sum.truth, &truth(&given[..end], remembered));
        (done, step) = (end, step + 1);
    }
    Ok(sum)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_epoch_ends_where_the_twin_is(
        given in stream(),
        epochs in proptest::collection::vec((1..8_usize, 1..4_usize), 1..6),
        remembered in 1..8_usize,
    ) {
        run(&given, &epochs, remembered)?;
    }

    #[test]
    fn the_order_of_arrival_does_not_matter(
        (given, shuffled) in stream().prop_flat_map(|given| {
            (Just(given.clone()), Just(given).prop_shuffle())
        }),
        remembered in 1..8_usize,
    ) {
        let one = run(&given, &[(given.len(), given.len())], remembered)?;
        let other = run(&shuffled, &[(1, 1)], remembered)?;
        prop_assert_eq!(one.truth, other.truth);
    }

    #[test]
    fn delivering_everything_again_changes_nothing(mut given in stream()) {
        // One value passes or fails by its arrival; a later copy of it is not the same.
        for version in &mut given {
            version.value = version.value.filter(|value| *value != 2);
        }
        let mut upsert = Upsert::new(2, KEPT_OUT, true);
        for version in &given {
            upsert.apply(&batch(&[version]));
        }
        upsert.finish();
        let before = upsert.counters();
        given.sort_by_key(Given::order);
        for version in &mut given {
            version.at.offset += 1_000;
            version.at.arrival_ms += 1_000;
            upsert.apply(&batch(&[version]));
        }
        let nothing = Changes { accepted: AcceptedBatch::new(2), ..Changes::default() };
        prop_assert_eq!(upsert.finish(), nothing);
        let superseded = before.superseded + given.len() as u64;
        prop_assert_eq!(upsert.counters(), Counters { superseded, ..before });
    }

    #[test]
    fn what_is_forgotten_stays_counted_and_nothing_is_emitted(given in stream()) {
        let mut upsert = Upsert::new(2, KEPT_OUT, false);
        let refs: Vec<&Given> = given.iter().collect();
        for version in &refs {
            upsert.apply(&batch(&[version]));
        }
        upsert.evict(Time::MAX);
        prop_assert!(!upsert.is_empty(), "not within an epoch");
        upsert.finish();
        let before = upsert.counters();
        upsert.evict(Time::from_nanos(1));
        let kept: BTreeSet<_> = given.iter().map(|v| (v.symbol, v.time))
            .filter(|(_, time)| *time >= Time::from_nanos(1)).collect();
        prop_assert_eq!(upsert.len(), kept.len());
        prop_assert_eq!(upsert.counters(), before);
        let changes = upsert.finish();
        prop_assert!(changes.accepted.is_empty() && changes.findings.is_empty());
        // Later rows reuse the room and see nothing of what was there.
        let later: Vec<Given> = given.iter()
            .map(|v| Given { time: Time::from_nanos(v.time.nanos() + 10), ..v.clone() }).collect();
        let mut sum = Sum::default();
        for version in &later {
            upsert.apply(&batch(&[version]));
        }
        sum.add(&upsert.finish())?;
        let truth = truth(&later, 64);
        prop_assert_eq!(sum.truth.quarantine, truth.quarantine);
        prop_assert_eq!(sum.truth.findings, truth.findings);
        prop_assert!(sum.truth.accepted.iter().map(|(key, row)| (key, &row.0))
            .eq(truth.accepted.iter().map(|(key, row)| (key, &row.0))));
    }
}
