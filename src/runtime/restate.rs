//! Whether a run goes on from its progress record, or computes and writes everything anew.

use crate::dataflow::sinks::Progress;

/// A progress record, and whether its outputs stand or are to be written anew.
#[derive(Clone, Debug)]
pub(super) enum Found {
    /// They stand.
    Resumes(Progress),
    /// Anew.
    Restates(Progress),
}

impl Found {
    pub(super) fn progress(&self) -> &Progress {
        match self {
            Found::Resumes(progress) | Found::Restates(progress) => progress,
        }
    }

    pub(super) fn into_resumed(self) -> Option<Progress> {
        match self {
            Found::Resumes(progress) => Some(progress),
            Found::Restates(_) => None,
        }
    }
}

/// The wish to write everything anew. It is fulfilled once: when the run must start over after its
/// first commit, it goes on from there.
#[derive(Clone, Debug)]
pub(super) struct Restate {
    wanted: bool,
    /// Epoch of the record that was found first, once one was looked for.
    from: Option<Option<u64>>,
}

impl Restate {
    pub(super) fn new(wanted: bool) -> Restate {
        Restate { wanted, from: None }
    }

    /// What a record means for a run of the pipeline `name` in `version`; an error says why it
    /// can mean nothing.
    pub(super) fn judge(
        &mut self,
        (name, version): (&str, &str),
        recorded: Option<Progress>,
    ) -> Result<Option<Found>, String> {
        let epoch = recorded.as_ref().map(|progress| progress.epoch);
        let first = *self.from.get_or_insert(epoch) == epoch;
        match recorded {
            None => Ok(None),
            Some(progress) if self.wanted && first => Ok(Some(Found::Restates(progress))),
            Some(progress) if progress.version == version => Ok(Some(Found::Resumes(progress))),
            Some(progress) => Err(format!(
                "pipeline {name} changed since it ran last (version {} then, {version} now), so what \
                 it would write no longer fits what it wrote: run with --restate to compute and \
                 write everything anew, or give the changed pipeline a new name and new topics",
                progress.version
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_written_anew_once() {
        let plan = ("bars", "new");
        let record = |epoch, version: &str| {
            Some(Progress { epoch, version: version.to_owned(), ..Progress::default() })
        };
        let mut restate = Restate::new(true);
        let restates =
            |found: Result<Option<Found>, String>| matches!(found, Ok(Some(Found::Restates(_))));
        assert!(restates(restate.judge(plan, record(7, "old"))));
        assert!(restates(restate.judge(plan, record(7, "old"))), "nothing was committed");
        let found = restate.judge(plan, record(8, "new"));
        assert!(matches!(found, Ok(Some(Found::Resumes(_)))), "{found:?}");
        assert!(Restate::new(false).judge(plan, record(7, "old")).is_err());
        assert!(matches!(Restate::new(true).judge(plan, None), Ok(None)));
    }
}
