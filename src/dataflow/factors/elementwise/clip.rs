//! Numbers kept within bounds.

#[cfg(test)]
use super::Twin;
use super::{Exactness, Kernel, Member, Parameter, map3, signature};

/// `clip(x, lower, upper)`.
pub(super) static CLIP: Member = Member {
    signature: signature(
        "clip",
        &[Parameter::Series("x"), Parameter::Constant("lower"), Parameter::Constant("upper")],
        Exactness::Inherited,
        "x, or the bound that it is beyond; missing where x is, or when lower is above upper",
    )
    .explained(super::Reference {
        formula: "lower if x < lower, upper if x > upper, else x",
        missing: "missing when x is, and for lower > upper",
        source: "numpy.clip",
        cost: super::Cost::Constant,
        example: "clip(close / delay(close, 1) - 1, -0.1, 0.1)",
    }),
    kernel: Kernel::Elementwise(|level, args, out| {
        map3(level, args, out, |x, lower, upper| {
            let raised = if x < lower { lower } else { x };
            let bounded = if raised > upper { upper } else { raised };
            if lower > upper { f64::NAN } else { bounded }
        });
    }),
    #[cfg(test)]
    twin: Twin::Cell(|args| match args {
        [_, lower, upper] if lower > upper => f64::NAN,
        [x, lower, _] if x < lower => *lower,
        [x, _, upper] if x > upper => *upper,
        _ => args[0],
    }),
};

#[cfg(test)]
mod tests {
    use super::{CLIP, Kernel};
    use crate::dataflow::factors::Level;

    #[test]
    fn bounds_are_included_and_what_is_missing_stays_so() {
        let Kernel::Elementwise(kernel) = CLIP.kernel else { panic!("not elementwise") };
        let x = [-2.0, -1.0, -0.0, 0.5, 3.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
        let clip = |level, lower: f64, upper: f64| {
            let mut out = [7.0; 8];
            kernel(level, &[&x, &[lower; 8], &[upper; 8]], &mut out);
            out.map(f64::to_bits)
        };
        for level in Level::available() {
            let within = [-1.0, -1.0, -0.0, 0.5, 2.0, f64::NAN, 2.0, -1.0].map(f64::to_bits);
            assert_eq!(clip(level, -1.0, 2.0), within, "{}", level.name());
            assert_eq!(clip(level, 1.0, 0.0), [f64::NAN.to_bits(); 8], "{}", level.name());
        }
    }
}
