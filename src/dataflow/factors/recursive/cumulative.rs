//! Sums and products from the first bar.

use super::{Exactness, Kernel, Member, Parameter, Recursive, signature, step1};
#[cfg(test)]
use super::{Twin, last};

/// `cum_sum(x)`.
pub(super) static SUM: Member = Member {
    signature: signature(
        "cum_sum",
        &[Parameter::Series("x")],
        Exactness::Never,
        "sum of x from the first bar",
    )
    .explained(super::Reference {
        formula: "y = y' + x, the first y = x",
        missing: super::STATE,
        source: "numpy.cumsum",
        cost: super::Cost::Constant,
        example: "cum_sum(sign(delta(close, 1)) * volume)",
    }),
    kernel: Kernel::Recursive(Recursive {
        run: |level, args, _, out| {
            step1(level, args, out, |y, x| if y.is_nan() { x } else { y + x });
        },
        masked: true,
    }),
    #[cfg(test)]
    twin: Twin::History(|w, _| last(&w[0], |state, v| state.map_or(v, |y| y + v))),
};

/// `cum_product(x)`.
pub(super) static PRODUCT: Member = Member {
    signature: signature(
        "cum_product",
        &[Parameter::Series("x")],
        Exactness::Never,
        "product of x from the first bar",
    )
    .explained(super::Reference {
        formula: "y = y' * x, the first y = x",
        missing: super::STATE,
        source: "numpy.cumprod",
        cost: super::Cost::Constant,
        example: "cum_product(close / delay(close, 1))",
    }),
    kernel: Kernel::Recursive(Recursive {
        run: |level, args, _, out| {
            step1(level, args, out, |y, x| if y.is_nan() { x } else { y * x });
        },
        masked: true,
    }),
    #[cfg(test)]
    twin: Twin::History(|w, _| last(&w[0], |state, v| state.map_or(v, |y| y * v))),
};
