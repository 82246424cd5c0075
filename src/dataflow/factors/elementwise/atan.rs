//! Arc tangent, with the same bits on every machine.

#![expect(
    clippy::excessive_precision,
    reason = "constants as published; rounding is the compiler's"
)]

use std::f64::consts::{FRAC_PI_2, FRAC_PI_4};

#[cfg(test)]
use super::Twin;
use super::{Exactness, Kernel, Member, Parameter, map1, signature};

/// `atan(x)`: in radians. The method is that of fdlibm (Sun Microsystems' `s_atan.c`).
pub(super) static ATAN: Member = Member {
    signature: signature(
        "atan",
        &[Parameter::Series("x")],
        Exactness::Never,
        "arc tangent of x, in radians",
    )
    .explained(super::Reference {
        formula: "arctan(x)",
        missing: "missing where x is",
        source: "IEEE 754-2019, section 9.2",
        cost: super::Cost::Constant,
        example: "atan(delta(close, 1))",
    }),
    kernel: Kernel::Elementwise(|level, args, out| map1(level, args, out, atan)),
    #[cfg(test)]
    twin: Twin::Cell(|args| libm::atan(args[0])),
};

/// All is computed and one is chosen: a branch would stop the vectors.
#[inline(always)]
fn atan(x: f64) -> f64 {
    let size = x.abs();
    // Near one of five angles the rest is small, and a series gives it.
    let choose = |values: [f64; 5]| {
        let [near, half, one, middle, far] = values;
        let far = if size < 2.4375 { middle } else { far };
        let far = if size < 1.1875 { one } else { far };
        let far = if size < 0.6875 { half } else { far };
        if size < 0.4375 { near } else { far }
    };
    let above = choose([size, 2.0 * size - 1.0, size - 1.0, size - 1.5, -1.0]);
    let below = choose([1.0, 2.0 + size, size + 1.0, 1.0 + 1.5 * size, size]);
    let rest = above / below;
    let angle = choose([
        0.0,
        4.636_476_090_008_060_935_15e-1,
        FRAC_PI_4,
        9.827_937_232_473_290_540_82e-1,
        FRAC_PI_2,
    ]);
    let low = choose([
        0.0,
        2.269_877_745_296_168_709_24e-17,
        3.061_616_997_868_383_017_93e-17,
        1.390_331_103_123_099_845_16e-17,
        6.123_233_995_736_766_035_87e-17,
    ]);
    let z = rest * rest;
    let w = z * z;
    let odd = 4.976_877_994_615_932_360_17e-2 + w * 1.628_582_011_536_578_236_23e-2;
    let odd = 9.090_887_133_436_506_561_96e-2 + w * (6.661_073_137_387_531_206_69e-2 + w * odd);
    let odd = 1.428_571_427_250_346_637_11e-1 + w * odd;
    let odd = z * (3.333_333_333_333_293_180_27e-1 + w * odd);
    let even = -5.833_570_133_790_573_486_45e-2 + w * -3.653_157_274_421_691_552_70e-2;
    let even = -1.111_111_040_546_235_578_80e-1 + w * (-7.691_876_205_044_829_994_95e-2 + w * even);
    let even = w * (-1.999_999_999_987_648_324_76e-1 + w * even);
    let value = angle - ((rest * (odd + even) - low) - rest);
    let value = if size < 0.4375 { rest - rest * (odd + even) } else { value };
    value.copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataflow::factors::random::Random;

    #[test]
    fn has_the_bits_of_libm() {
        let mut random = Random::new(4);
        let ends = [0.0, 0.4375, 0.6875, 1.0, 1.1875, 2.4375, 1e-300, 1e300, f64::INFINITY];
        let some = (0..200_000).map(|_| match random.below(3) {
            0 => random.unit() * 4.0,
            1 => random.unit() * 1e5,
            _ => f64::from_bits(random.next() % f64::INFINITY.to_bits()),
        });
        for x in ends.into_iter().chain(some) {
            for x in [x, -x] {
                assert_eq!(atan(x).to_bits(), libm::atan(x).to_bits(), "{x:e}");
            }
        }
        assert!(atan(f64::NAN).is_nan());
    }
}
