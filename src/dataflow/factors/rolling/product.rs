//! Product over a window, oldest first.

use super::{
    Exactness, Kernel, Member, Parameter, Reads, Rolling, Scan, needed, scan, signature, there,
};
#[cfg(test)]
use super::{Twin, usable};

/// `ts_product(x, n)`.
pub(super) static PRODUCT: Member = Member {
    signature: signature(
        "ts_product",
        &[Parameter::Series("x"), Parameter::Window("n", 1)],
        Exactness::Never,
        "product of the last n values of x",
    )
    .explained(super::Reference {
        formula: "x[0] * x[1] * ... * x[n-1]",
        missing: super::WINDOW,
        source: "101 Formulaic Alphas (Kakushadze, 2016), appendix A.1",
        cost: super::Cost::Window,
        example: "ts_product(close / delay(close, 1), 5) - 1",
    }),
    kernel: Kernel::Rolling(Rolling {
        run: |level, args, how, range, out| {
            scan::<32, 1, _>(level, Product { needed: needed(how, 1) }, args, range, out);
        },
        reads: Reads::Window,
    }),
    #[cfg(test)]
    twin: Twin::Window(|w, how| {
        usable(&w[0], how, 1).map_or(f64::NAN, |x| x.iter().fold(1.0, |p, v| p * v))
    }),
};

#[derive(Clone, Copy)]
struct Product {
    needed: f64,
}

impl Scan<1> for Product {
    /// The product, and how many values there are.
    type State<const L: usize> = ([f64; L], [f64; L]);

    #[inline(always)]
    fn start<const L: usize>(self, _: [&[f64; L]; 1]) -> Self::State<L> {
        ([1.0; L], [0.0; L])
    }

    #[inline(always)]
    fn add<const L: usize>(
        self,
        (mut product, mut count): Self::State<L>,
        row: [&[f64; L]; 1],
    ) -> Self::State<L> {
        let [x] = row;
        for j in 0..L {
            let given = there(x[j]);
            product[j] *= if given { x[j] } else { 1.0 };
            count[j] += if given { 1.0 } else { 0.0 };
        }
        (product, count)
    }

    #[inline(always)]
    fn finish<const L: usize>(self, (mut product, count): Self::State<L>, _: f64) -> [f64; L] {
        for j in 0..L {
            product[j] = if count[j] >= self.needed { product[j] } else { f64::NAN };
        }
        product
    }
}
