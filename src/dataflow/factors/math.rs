//! Logarithm and power with the same bits on every machine, written without branches so that they
//! vectorise. The methods are those of fdlibm (Sun Microsystems' `e_log.c` and `e_pow.c`).

#![expect(
    clippy::excessive_precision,
    reason = "constants as published; rounding is the compiler's"
)]

const EXPONENT: u64 = 0x7ff0_0000_0000_0000;
const HIGH_WORD: u64 = 0xffff_ffff_0000_0000;
/// 1.5 * 2^52: adding it to a small number leaves the rounded number in the low bits.
const MAGIC: f64 = 6_755_399_441_055_744.0;

/// The upper 32 bits of a number: a product of two such is exact.
#[inline(always)]
fn high(x: f64) -> f64 {
    f64::from_bits(x.to_bits() & HIGH_WORD)
}

/// A small integer as a number; a conversion that every instruction set does in vectors.
#[inline(always)]
fn small(k: i64) -> f64 {
    f64::from_bits(MAGIC.to_bits().wrapping_add(k as u64)) - MAGIC
}

/// `x` times a power of two that makes it normal, and the exponent that was added.
#[inline(always)]
fn normal(x: f64) -> (f64, f64) {
    let tiny = x < f64::MIN_POSITIVE;
    (if tiny { x * 18_014_398_509_481_984.0 } else { x }, if tiny { 54.0 } else { 0.0 })
}

/// Natural logarithm; missing for x <= 0, which is where it departs from IEEE (log 0). Error below
/// one unit in the last place, same bits as the crate `libm`.
#[inline(always)]
pub(super) fn log(x: f64) -> f64 {
    const LOWEST: u64 = 0x3fe6_a09e_0000_0000; // sqrt(1/2)
    let (y, lifted) = normal(x);
    let bits = y.to_bits().wrapping_add(0x3ff0_0000_0000_0000 - LOWEST);
    let k = small((bits >> 52) as i64 - 1023) - lifted;
    let m = f64::from_bits((bits & 0x000f_ffff_ffff_ffff).wrapping_add(LOWEST));
    let f = m - 1.0;
    let half_square = 0.5 * f * f;
    let s = f / (2.0 + f);
    let z = s * s;
    let w = z * z;
    let even = w
        * (3.999_999_999_940_941_908e-1
            + w * (2.222_219_843_214_978_396e-1 + w * 1.531_383_769_920_937_332e-1));
    let odd = z
        * (6.666_666_666_666_735_130e-1
            + w * (2.857_142_874_366_239_149e-1
                + w * (1.818_357_216_161_805_012e-1 + w * 1.479_819_860_511_658_591e-1)));
    let r = odd + even;
    let value = s * (half_square + r) + k * 1.908_214_929_270_587_700_02e-10 - half_square
        + f
        + k * 6.931_471_803_691_238_164_90e-1;
    let value = if x > 0.0 { value } else { f64::NAN };
    if x < f64::INFINITY { value } else { x + if x > 0.0 { 0.0 } else { f64::NAN } }
}

/// log2 of a positive number in two parts, the first with 32 bits; relative error near 2^-70.
#[inline(always)]
fn log2_parts(x: f64) -> (f64, f64) {
    let (x, lifted) = normal(x);
    let bits = x.to_bits();
    let mantissa = bits & 0x000f_ffff_ffff_ffff;
    // Which of 1, 1.5 and 2 is nearest decides what is expanded around.
    let middle = mantissa > 0x0003_988e_ffff_ffff && mantissa < 0x000b_b67a_0000_0000;
    let upper = mantissa >= 0x000b_b67a_0000_0000;
    let one = 0x3ff0_0000_0000_0000_u64;
    let m = f64::from_bits(mantissa | if upper { one - (1 << 52) } else { one });
    let n = small((bits >> 52) as i64 - 1023) + if upper { 1.0 } else { 0.0 } - lifted;
    let base = if middle { 1.5 } else { 1.0 };
    let base_high = if middle { 5.849_624_872_207_641_601_56e-1 } else { 0.0 };
    let base_low = if middle { 1.350_039_202_129_748_971_28e-8 } else { 0.0 };
    // s = (m - base) / (m + base) in two parts.
    let u = m - base;
    let v = 1.0 / (m + base);
    let s = u * v;
    let s_high = high(s);
    let t_high = high(m + base);
    let t_low = m - (t_high - base);
    let s_low = v * ((u - s_high * t_high) - s_high * t_low);
    // The series in s, in two parts.
    let q = s * s;
    let tail = 2.727_281_238_085_340_064_89e-1
        + q * (2.306_607_457_755_617_540_67e-1 + q * 2.069_750_178_003_384_177_84e-1);
    let r = q
        * q
        * (5.999_999_999_999_946_487_25e-1
            + q * (4.285_714_285_785_501_842_52e-1
                + q * (3.333_333_298_183_774_329_18e-1 + q * tail)))
        + s_low * (s_high + s);
    let q = s_high * s_high;
    let t_high = high(3.0 + q + r);
    let t_low = r - ((t_high - 3.0) - q);
    let u = s_high * t_high;
    let v = s_low * t_high + t_low * s;
    // Times 2 / (3 ln 2).
    let p_high = high(u + v);
    let p_low = v - (p_high - u);
    let z_high = 9.617_967_009_544_372_558_59e-1 * p_high;
    let z_low = -7.028_461_650_952_758_265_16e-9 * p_high
        + p_low * 9.617_966_939_259_755_543_29e-1
        + base_low;
    let first = high(((z_high + z_low) + base_high) + n);
    (first, z_low - (((first - n) - base_high) - z_high))
}

/// 2^(high + low), where `low` is small beside `high`.
#[inline(always)]
fn exp2_parts(p_high: f64, p_low: f64) -> f64 {
    let z = p_high + p_low;
    let inside = if z > 1025.0 { 1025.0 } else { z };
    let inside = if inside > -1080.0 { inside } else { -1080.0 };
    let shifted = inside + MAGIC;
    let n = shifted - MAGIC;
    let whole = shifted.to_bits().wrapping_sub(MAGIC.to_bits()) as i64;
    let head = p_high - n;
    let t = high(p_low + head);
    let u = t * 6.931_471_824_645_996_093_75e-1;
    let v = (p_low - (t - head)) * std::f64::consts::LN_2 + t * -1.904_654_299_957_768_045_25e-9;
    let x = u + v;
    let w = v - (x - u);
    let q = x * x;
    let c = x - q
        * (1.666_666_666_666_660_190_37e-1
            + q * (-2.777_777_777_701_559_338_42e-3
                + q * (6.613_756_321_437_934_361_17e-5
                    + q * (-1.653_390_220_546_525_153_90e-6
                        + q * 4.138_136_797_057_238_460_39e-8))));
    let r = (x * c) / (c - 2.0) - (w + x * w);
    let value = 1.0 - (r - x);
    // Two factors, because 2^n itself may be outside of the range.
    let half = whole >> 1;
    let a = f64::from_bits(((half + 1023) as u64) << 52);
    let b = f64::from_bits(((whole - half + 1023) as u64) << 52);
    let value = value * a * b;
    let value = if z >= 1024.0 { f64::INFINITY } else { value };
    if z <= -1076.0 { 0.0 } else { value }
}

/// x^y for x > 0 and both finite, by logarithm and exponential.
#[inline(always)]
fn positive_pow(x: f64, y: f64) -> f64 {
    let (a, b) = log2_parts(x);
    // Past this the result is 0, 1 or infinite all the same, and products stay finite.
    let y = if y > 1e290 { 1e290 } else { y };
    let y = if y < -1e290 { -1e290 } else { y };
    let y_high = high(y);
    exp2_parts(y_high * a, (y - y_high) * a + y * b)
}

/// x^y: exact for the exponents 0, 0.5, 1, 2 and 3, error below two units in the last place else;
/// missing for a negative base with a fractional exponent and where x or y is missing, except that
/// x^0 and 1^y are 1, as IEEE has it.
#[inline(always)]
pub(super) fn pow(x: f64, y: f64) -> f64 {
    let size = x.abs();
    // Above 2^53 every number is even; the magic add rounds to whole numbers below 2^51.
    let large = y.abs() >= 2_251_799_813_685_248.0;
    let rounded = if large { y } else { (y + MAGIC) - MAGIC };
    let half = 0.5 * y;
    let half_rounded = if large { half } else { (half + MAGIC) - MAGIC };
    let whole = rounded == y;
    let odd = whole & (half_rounded != half);
    let general = positive_pow(size, y);
    // 0 and infinity: by the sign of the exponent.
    let limit = if (size == 0.0) == (y < 0.0) { f64::INFINITY } else { 0.0 };
    let general = if (size == 0.0) | (size == f64::INFINITY) { limit } else { general };
    let grows = (size > 1.0) == (y > 0.0);
    let ends = if grows { f64::INFINITY } else { 0.0 };
    let general = if y.abs() == f64::INFINITY { ends } else { general };
    // All are computed and one is chosen: a branch would stop the vectors.
    let (square, root) = (size * size, size.sqrt());
    let cube = square * size;
    let general = if y == 2.0 { square } else { general };
    let general = if y == 3.0 { cube } else { general };
    let general = if y == 1.0 { size } else { general };
    let general = if y == 0.5 { root } else { general };
    let general = if size == 1.0 { 1.0 } else { general };
    let negative = x < 0.0;
    let signed = if negative & odd { -general } else { general };
    let signed = if negative & !whole { f64::NAN } else { signed };
    let signed = if x.is_nan() | y.is_nan() { f64::NAN } else { signed };
    if (y == 0.0) | (x == 1.0) { 1.0 } else { signed }
}

/// The power of two at or below the magnitude of a finite `x`; 0 for 0 and subnormal numbers.
#[inline(always)]
pub(super) fn power_of_two_below(x: f64) -> f64 {
    f64::from_bits(x.to_bits() & EXPONENT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataflow::factors::random::Random;

    fn positive(random: &mut Random) -> f64 {
        match random.below(4) {
            0 => 0.5 + random.unit(),
            1 => random.unit() * 1e6,
            2 => f64::from_bits(random.next() % EXPONENT),
            _ => f64::from_bits(random.next() % (1 << 53)),
        }
    }

    #[test]
    fn log_has_the_bits_of_libm() {
        let mut random = Random::new(1);
        for _ in 0..200_000 {
            let x = positive(&mut random);
            if x > 0.0 {
                assert_eq!(log(x).to_bits(), libm::log(x).to_bits(), "{x:e}");
            }
        }
        assert!(log(0.0).is_nan() && log(-0.0).is_nan() && log(-1.0).is_nan());
        assert!(log(f64::NEG_INFINITY).is_nan() && log(f64::NAN).is_nan());
        assert_eq!(log(f64::INFINITY), f64::INFINITY);
        assert_eq!(log(1.0), 0.0);
    }

    #[test]
    fn pow_is_close_to_libm() {
        let mut random = Random::new(2);
        for _ in 0..200_000 {
            let x = positive(&mut random);
            let y = (random.unit() - 0.5) * [2.0, 20.0, 2000.0][random.below(3)];
            let (ours, theirs) = (pow(x, y), libm::pow(x, y));
            if x == 0.0 || theirs == ours {
                continue;
            }
            // A subnormal result has fewer bits to be right in.
            let error = (ours - theirs).abs() / theirs.abs().max(1e-300);
            assert!(error <= 1e-15, "{x:e}^{y:e} = {ours:e}, libm {theirs:e}");
        }
    }

    #[test]
    fn pow_is_exact_where_it_says_so_and_right_at_the_ends() {
        let mut random = Random::new(3);
        for _ in 0..1000 {
            let x = (random.unit() - 0.5) * 1e3;
            for (y, want) in [(0.0, 1.0), (1.0, x), (2.0, x * x), (3.0, x * x * x)] {
                assert_eq!(pow(x, y).to_bits(), want.to_bits(), "{x}^{y}");
            }
            assert_eq!(pow(x.abs(), 0.5).to_bits(), x.abs().sqrt().to_bits());
        }
        let ends = [0.0, -0.0, 1.0, -1.0, 2.0, -2.0, f64::INFINITY, f64::NEG_INFINITY];
        for x in ends {
            for y in [0.0, 4.0, 5.0, -1.0, -2.0, 1e20, f64::INFINITY, f64::NEG_INFINITY] {
                let (ours, theirs) = (pow(x, y), libm::pow(x, y));
                assert!(ours.abs() == theirs.abs(), "{x}^{y} = {ours}, libm {theirs}");
            }
        }
        assert!(pow(-2.0, 0.5).is_nan() && pow(-2.0, 1.5).is_nan());
        assert!(pow(f64::NAN, 1.0).is_nan() && pow(2.0, f64::NAN).is_nan());
        assert_eq!((pow(f64::NAN, 0.0), pow(1.0, f64::NAN)), (1.0, 1.0));
        assert_eq!((pow(-2.0, 5.0), pow(-2.0, 4.0)), (-32.0, 16.0));
    }
}
