//! The tie grid: values that carry rounding error are rounded before they are compared.

use super::math::power_of_two_below;

/// What must be added to a value, so that the sum is rounded to the grid: 2^-36 of the power of
/// two at or below `largest`, the largest finite magnitude being compared. The order and the ties
/// of the sums are those of the rounded values. 0, which rounds nothing, where the grid would be
/// outside of the range of numbers.
#[inline(always)]
pub(super) fn rounding_addend(largest: f64) -> f64 {
    // 1.5 * 2^52 steps of 2^-36.
    let addend = power_of_two_below(largest) * 98_304.0;
    if addend < f64::INFINITY { addend } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_within_half_a_step_tie_and_others_do_not() {
        let step = 2_f64.powi(-36);
        let add = rounding_addend(1.5);
        assert_eq!(1.0 + add, (1.0 + 0.49 * step) + add);
        assert!(1.0 + add < (1.0 + 0.51 * step) + add);
        assert!(-1.0 + add < (-1.0 + 0.51 * step) + add);
        assert_eq!((0.75 + step * 3.2 + add) - add, 0.75 + step * 3.0);
    }

    #[test]
    fn vanishes_at_the_ends_of_the_range() {
        assert_eq!(rounding_addend(0.0), 0.0);
        assert_eq!(rounding_addend(f64::MIN_POSITIVE / 2.0), 0.0);
        assert_eq!(rounding_addend(f64::MAX), 0.0);
    }
}
