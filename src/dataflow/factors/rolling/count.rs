//! How often a condition held in a window: exact whole numbers.

use super::{
    Exactness, How, Kernel, Member, Parameter, Reads, Rolling, Scan, needed, scan, signature, there,
};
#[cfg(test)]
use super::{Twin, usable};

const COUNT_OF: u8 = 0;
const EVERY_OF: u8 = 1;
const EXIST_OF: u8 = 2;

/// `ts_count(condition, n)`.
pub(super) static COUNT: Member = Member {
    signature: signature(
        "ts_count",
        &[Parameter::Series("condition"), Parameter::Window("n", 1)],
        Exactness::Always,
        "number of the last n bars at which the condition is true",
    )
    .explained(super::Reference {
        formula: "number of i < n with condition[i] not 0",
        missing: super::WINDOW,
        source: "Guotai Junan, 191 short-period factors (2017) (COUNT)",
        cost: super::Cost::Window,
        example: "ts_count(close > delay(close, 1), 20) / 20",
    }),
    kernel: Kernel::Rolling(Rolling {
        run: |level, args, how, range, out| {
            scan::<32, 1, _>(level, Count::<COUNT_OF>::new(how), args, range, out);
        },
        reads: Reads::Window,
    }),
    #[cfg(test)]
    twin: Twin::Window(|w, how| twin(w, how, |held, _| held)),
};

/// `every(condition, n)`.
pub(super) static EVERY: Member = Member {
    signature: signature(
        "every",
        &[Parameter::Series("condition"), Parameter::Window("n", 1)],
        Exactness::Always,
        "1 where the condition was true at each of the last n bars, else 0",
    )
    .explained(super::Reference {
        formula: "1 if no condition[i] with i < n is 0, else 0",
        missing: super::WINDOW,
        source: "formula language of the Chinese terminals (TDX): EVERY",
        cost: super::Cost::Window,
        example: "every(close > open, 3)",
    }),
    kernel: Kernel::Rolling(Rolling {
        run: |level, args, how, range, out| {
            scan::<32, 1, _>(level, Count::<EVERY_OF>::new(how), args, range, out);
        },
        reads: Reads::Window,
    }),
    #[cfg(test)]
    twin: Twin::Window(|w, how| twin(w, how, |held, all| f64::from(u8::from(held == all)))),
};

/// `exist(condition, n)`.
pub(super) static EXIST: Member = Member {
    signature: signature(
        "exist",
        &[Parameter::Series("condition"), Parameter::Window("n", 1)],
        Exactness::Always,
        "1 where the condition was true at one of the last n bars at least, else 0",
    )
    .explained(super::Reference {
        formula: "1 if some condition[i] with i < n is not 0, else 0",
        missing: super::WINDOW,
        source: "formula language of the Chinese terminals (TDX): EXIST",
        cost: super::Cost::Window,
        example: "exist(close > 1.09 * delay(close, 1), 5)",
    }),
    kernel: Kernel::Rolling(Rolling {
        run: |level, args, how, range, out| {
            scan::<32, 1, _>(level, Count::<EXIST_OF>::new(how), args, range, out);
        },
        reads: Reads::Window,
    }),
    #[cfg(test)]
    twin: Twin::Window(|w, how| twin(w, how, |held, _| held.min(1.0))),
};

#[cfg(test)]
fn twin(w: &[Vec<f64>], how: How<'_>, of: fn(f64, f64) -> f64) -> f64 {
    let Some(x) = usable(&w[0], how, 1) else { return f64::NAN };
    of(x.iter().filter(|v| **v != 0.0).count() as f64, x.len() as f64)
}

#[derive(Clone, Copy)]
struct Count<const OF: u8> {
    needed: f64,
}

impl<const OF: u8> Count<OF> {
    fn new(how: How<'_>) -> Count<OF> {
        Count { needed: needed(how, 1) }
    }
}

impl<const OF: u8> Scan<1> for Count<OF> {
    /// How often it held, and how many values there are.
    type State<const L: usize> = ([f64; L], [f64; L]);

    #[inline(always)]
    fn start<const L: usize>(self, _: [&[f64; L]; 1]) -> Self::State<L> {
        ([0.0; L], [0.0; L])
    }

    #[inline(always)]
    fn add<const L: usize>(
        self,
        (mut held, mut count): Self::State<L>,
        row: [&[f64; L]; 1],
    ) -> Self::State<L> {
        let [x] = row;
        for j in 0..L {
            let given = there(x[j]);
            held[j] += if given & (x[j] != 0.0) { 1.0 } else { 0.0 };
            count[j] += if given { 1.0 } else { 0.0 };
        }
        (held, count)
    }

    #[inline(always)]
    fn finish<const L: usize>(self, (held, count): Self::State<L>, _: f64) -> [f64; L] {
        let mut out = held;
        for j in 0..L {
            let value = match OF {
                COUNT_OF => held[j],
                EVERY_OF if held[j] == count[j] => 1.0,
                EXIST_OF if held[j] > 0.0 => 1.0,
                _ => 0.0,
            };
            out[j] = if count[j] >= self.needed { value } else { f64::NAN };
        }
        out
    }
}
