//! Means over a window with weights that grow towards the current bar.

use super::{
    Exactness, Kernel, Member, Parameter, Reads, Rolling, Scan, gap, needed, scan, signature, there,
};
#[cfg(test)]
use super::{How, Twin, usable};

/// `decay_linear(x, n)`: weights 1 to n, the newest n, divided by the sum of those used.
pub(super) static LINEAR: Member = Member {
    signature: signature(
        "decay_linear",
        &[Parameter::Series("x"), Parameter::Window("n", 1)],
        Exactness::Never,
        "mean of the last n values of x with the weights 1, 2, ... n, the current bar n",
    ),
    kernel: Kernel::Rolling(Rolling {
        run: |level, args, how, range, out| {
            let rows = args.first().map_or(0, |window| window.len());
            let before = (how.n - rows.min(how.n)) as f64;
            if !how.mode.partial {
                scan::<64, 1, _>(level, Full, args, range, out);
                return;
            }
            let linear = Linear { needed: needed(how, 1), before };
            scan::<16, 1, _>(level, linear, args, range, out);
        },
        reads: Reads::Window,
    }),
    #[cfg(test)]
    twin: Twin::Window(|w, how| {
        let rows = w[0].len();
        twin(w, how, |i| (how.n - rows + i + 1) as f64)
    }),
};

/// `decay_exp(x, n, f)`: weights f^i, i bars before the current one, divided by their sum.
pub(super) static EXP: Member = Member {
    signature: signature(
        "decay_exp",
        &[Parameter::Series("x"), Parameter::Window("n", 1), Parameter::Fraction("f")],
        Exactness::Never,
        "mean of the last n values of x with the weight f^i for the value i bars ago",
    ),
    kernel: Kernel::Rolling(Rolling {
        run: |level, args, how, range, out| {
            let exp = Exponential { needed: needed(how, 1), factor: how.param(1) };
            scan::<16, 1, _>(level, exp, args, range, out);
        },
        reads: Reads::Window,
    }),
    #[cfg(test)]
    twin: Twin::Window(|w, how| {
        if usable(&w[0], how, 1).is_none() {
            return f64::NAN;
        }
        let (mut sum, mut weights) = (0.0, 0.0);
        for x in &w[0] {
            let (value, weight) = if x.is_finite() { (*x, 1.0) } else { (0.0, 0.0) };
            sum = sum * how.param(1) + value;
            weights = weights * how.param(1) + weight;
        }
        sum / weights
    }),
};

#[cfg(test)]
fn twin(w: &[Vec<f64>], how: How<'_>, weight: impl Fn(usize) -> f64) -> f64 {
    if usable(&w[0], how, 1).is_none() {
        return f64::NAN;
    }
    let there = w[0].iter().enumerate().filter(|(_, x)| x.is_finite());
    let sum = there.clone().fold(0.0, |s, (i, x)| s + weight(i) * x);
    // Too large to be added up is missing.
    let mean = sum / there.fold(0.0, |s, (i, _)| s + weight(i));
    if sum.is_finite() { mean } else { f64::NAN }
}

/// `decay_linear` of windows without gaps.
#[derive(Clone, Copy)]
struct Full;

impl Scan<1> for Full {
    /// The sum, and the weight of the last row.
    type State<const L: usize> = ([f64; L], f64);

    #[inline(always)]
    fn start<const L: usize>(self, _: [&[f64; L]; 1]) -> Self::State<L> {
        ([0.0; L], 0.0)
    }

    #[inline(always)]
    fn add<const L: usize>(
        self,
        (mut sum, mut weight): Self::State<L>,
        row: [&[f64; L]; 1],
    ) -> Self::State<L> {
        let [x] = row;
        weight += 1.0;
        for j in 0..L {
            sum[j] += weight * x[j];
        }
        (sum, weight)
    }

    #[inline(always)]
    fn finish<const L: usize>(self, (mut sum, _): Self::State<L>, n: f64) -> [f64; L] {
        let weights = n * (n + 1.0) * 0.5;
        for x in &mut sum {
            *x = *x / weights + gap(*x);
        }
        sum
    }
}

#[derive(Clone, Copy)]
struct Linear {
    needed: f64,
    /// How many rows of the window are before the first there is.
    before: f64,
}

/// Sums, weights and numbers of values, and the weight of the last row.
#[derive(Clone, Copy)]
struct Weighted<const L: usize> {
    sum: [f64; L],
    weights: [f64; L],
    count: [f64; L],
    weight: f64,
}

impl Scan<1> for Linear {
    type State<const L: usize> = Weighted<L>;

    #[inline(always)]
    fn start<const L: usize>(self, _: [&[f64; L]; 1]) -> Weighted<L> {
        let zero = [0.0; L];
        Weighted { sum: zero, weights: zero, count: zero, weight: self.before }
    }

    #[inline(always)]
    fn add<const L: usize>(self, mut s: Weighted<L>, row: [&[f64; L]; 1]) -> Weighted<L> {
        let [x] = row;
        s.weight += 1.0;
        for j in 0..L {
            let given = there(x[j]);
            s.sum[j] += if given { s.weight * x[j] } else { 0.0 };
            s.weights[j] += if given { s.weight } else { 0.0 };
            s.count[j] += if given { 1.0 } else { 0.0 };
        }
        s
    }

    #[inline(always)]
    fn finish<const L: usize>(self, s: Weighted<L>, _: f64) -> [f64; L] {
        let mut out = [f64::NAN; L];
        for j in 0..L {
            let mean = s.sum[j] / s.weights[j] + gap(s.sum[j]);
            out[j] = if s.count[j] >= self.needed { mean } else { f64::NAN };
        }
        out
    }
}

#[derive(Clone, Copy)]
struct Exponential {
    needed: f64,
    factor: f64,
}

impl Scan<1> for Exponential {
    type State<const L: usize> = [[f64; L]; 3];

    #[inline(always)]
    fn start<const L: usize>(self, _: [&[f64; L]; 1]) -> Self::State<L> {
        [[0.0; L]; 3]
    }

    #[inline(always)]
    fn add<const L: usize>(self, state: Self::State<L>, row: [&[f64; L]; 1]) -> Self::State<L> {
        let ([mut sum, mut weights, mut count], [x]) = (state, row);
        for j in 0..L {
            let given = there(x[j]);
            sum[j] = sum[j] * self.factor + if given { x[j] } else { 0.0 };
            weights[j] = weights[j] * self.factor + if given { 1.0 } else { 0.0 };
            count[j] += if given { 1.0 } else { 0.0 };
        }
        [sum, weights, count]
    }

    #[inline(always)]
    fn finish<const L: usize>(self, state: Self::State<L>, _: f64) -> [f64; L] {
        let [mut sum, weights, count] = state;
        for j in 0..L {
            sum[j] = if count[j] >= self.needed { sum[j] / weights[j] } else { f64::NAN };
        }
        sum
    }
}
