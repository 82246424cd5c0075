//! What a series was in the current session, and before it. A session is a day, which begins at the
//! time of day that the source says.

#[cfg(test)]
use super::Twin;
use super::{Exactness, Kernel, Member, Outcome, Parameter, Recursive, signature, there};
use crate::dataflow::factors::simd::{Body, Level, run};

/// `session_first(x)`.
pub(super) static FIRST: Member = Member {
    signature: signature(
        "session_first",
        &[Parameter::Series("x")],
        Exactness::Never,
        "the first value of x in the current session, up to now: of open, the price of the day's \
         opening",
    )
    .explained(super::Reference {
        formula: "x at the first bar of this session at which it is there",
        missing: "a missing or infinite x is passed over: the value before is held; missing before \
                  the first of the session",
        source: "session variables of trading platforms, as the open of the day on an intraday chart \
                 (Pine Script: session.isfirstbar); sessions are days that begin at `day_begins`",
        cost: super::Cost::Constant,
        example: "close / session_first(open) - 1",
    }),
    kernel: Kernel::Sessions(Recursive {
        state: &[
            |level, args, _, out| step::<2, 0>(level, args, out, first),
            |level, args, _, out| step::<2, 1>(level, args, out, first),
        ],
        result: Outcome::Of(|level, rows, out| {
            if let [session, value, _, now] = rows {
                run(level, Seen { session, now, current: value, before: None, out });
            }
        }),
    }),
    #[cfg(test)]
    twin: Twin::History(|w, _| {
        let now = w[1][w[1].len() - 1];
        let of_now = |i: &usize| w[1][*i] == now && w[0][*i].is_finite();
        (0..w[0].len()).find(of_now).map_or(f64::NAN, |i| w[0][i])
    }),
};

/// `session_last(x)`: nothing is seen ahead, so it is of a session that is over.
pub(super) static LAST: Member = Member {
    signature: signature(
        "session_last",
        &[Parameter::Series("x")],
        Exactness::Never,
        "the last value of x before the current session: of close, the close of the day before",
    )
    .explained(super::Reference {
        formula: "x at the last bar of earlier sessions at which it is there",
        missing: "a missing or infinite x is passed over, and so are sessions without a value; missing \
                  in the first session",
        source: "session variables of trading platforms, as the close of the day before on an intraday \
                 chart (Pine Script: session.islastbar); sessions are days that begin at `day_begins`",
        cost: super::Cost::Constant,
        example: "session_first(open) / session_last(close) - 1",
    }),
    kernel: Kernel::Sessions(Recursive {
        state: &[
            |level, args, _, out| step::<3, 0>(level, args, out, last),
            |level, args, _, out| step::<3, 1>(level, args, out, last),
            |level, args, _, out| step::<3, 2>(level, args, out, last),
        ],
        result: Outcome::Of(|level, rows, out| {
            if let [session, last, before, _, now] = rows {
                run(level, Seen { session, now, current: before, before: Some(last), out });
            }
        }),
    }),
    #[cfg(test)]
    twin: Twin::History(|w, _| {
        let now = w[1][w[1].len() - 1];
        let earlier = |i: &usize| w[1][*i] != now && w[0][*i].is_finite();
        (0..w[0].len()).rev().find(earlier).map_or(f64::NAN, |i| w[0][i])
    }),
};

/// The session of the newest value, and its first one.
#[inline(always)]
fn first([session, value]: [f64; 2], x: f64, now: f64) -> [f64; 2] {
    if session == now { [session, value] } else { [now, x] }
}

/// The session of the newest value, that value, and the last one of earlier sessions.
#[inline(always)]
fn last([session, value, before]: [f64; 3], x: f64, now: f64) -> [f64; 3] {
    [now, x, if session == now { before } else { value }]
}

/// Takes number `OWN` of a state of `N` one bar further: `next` of the state, the input and the
/// number of the session, where the input is there.
fn step<const N: usize, const OWN: usize>(
    level: Level,
    rows: &[&[f64]],
    out: &mut [f64],
    next: impl Fn([f64; N], f64, f64) -> [f64; N],
) {
    struct Step<'a, const N: usize, const OWN: usize, F> {
        x: &'a [f64],
        now: &'a [f64],
        others: &'a [&'a [f64]],
        out: &'a mut [f64],
        next: F,
    }
    impl<const N: usize, const OWN: usize, F> Body for Step<'_, N, OWN, F>
    where
        F: Fn([f64; N], f64, f64) -> [f64; N],
    {
        #[inline(always)]
        fn run(self) {
            let inputs = self.x.iter().zip(self.now);
            for (i, (own, (x, now))) in self.out.iter_mut().zip(inputs).enumerate() {
                let mut state = [*own; N];
                for (place, other) in self.others.iter().enumerate() {
                    let place = if place < OWN { place } else { place + 1 };
                    if let (Some(state), Some(other)) = (state.get_mut(place), other.get(i)) {
                        *state = *other;
                    }
                }
                let next = (self.next)(state, *x, *now)[OWN];
                *own = if there(*x) { next } else { *own };
            }
        }
    }
    if let [x, now, others @ ..] = rows {
        run(level, Step::<N, OWN, _> { x, now, others, out, next });
    }
}

/// What is seen: `current` where the newest value is of the current session, else `before`.
struct Seen<'a> {
    session: &'a [f64],
    now: &'a [f64],
    current: &'a [f64],
    before: Option<&'a [f64]>,
    out: &'a mut [f64],
}

impl Body for Seen<'_> {
    #[inline(always)]
    fn run(self) {
        let sessions = self.session.iter().zip(self.now);
        let values = self.out.iter_mut().zip(self.current);
        for (i, ((out, current), (session, now))) in values.zip(sessions).enumerate() {
            let before = self.before.and_then(|row| row.get(i)).copied().unwrap_or(f64::NAN);
            *out = if session == now { *current } else { before };
        }
    }
}
