//! Wilder's parabolic stop and reverse, as TA-Lib has it.

#[cfg(test)]
use super::Twin;
use super::{Exactness, How, Kernel, Member, Outcome, Parameter, Recursive, signature, there};
use crate::dataflow::factors::simd::{Body, Level, run};

/// `sar(high, low, acceleration, maximum)`: begins at the second bar, in the direction of the
/// larger of the two movements.
pub(super) static SAR: Member = Member {
    signature: signature(
        "sar",
        &[
            Parameter::Series("high"),
            Parameter::Series("low"),
            Parameter::Constant("acceleration"),
            Parameter::Constant("maximum"),
        ],
        Exactness::Never,
        "Wilder's parabolic stop and reverse: the stop moves towards the extreme of the trend by \
         the acceleration, which grows with each new extreme up to the maximum",
    )
    .explained(super::Reference {
        formula: "s = s' + a (e - s'), e the extreme of the trend, a the acceleration so far; s = e where the trend turns",
        missing: "a bar at which high or low is missing or infinite leaves the state as it is and gives missing",
        source: "Wilder, New Concepts in Technical Trading Systems (1978); TA-Lib: SAR",
        cost: super::Cost::Constant,
        example: "sar(high, low, 0.02, 0.2)",
    }),
    kernel: Kernel::Recursive(Recursive {
        state: &[
            |level, args, how, out| step::<0>(level, args, how, out),
            |level, args, how, out| step::<1>(level, args, how, out),
            |level, args, how, out| step::<2>(level, args, how, out),
            |level, args, how, out| step::<3>(level, args, how, out),
            |level, args, how, out| step::<4>(level, args, how, out),
            |level, args, how, out| step::<5>(level, args, how, out),
        ],
        result: Outcome::Of(result),
    }),
    #[cfg(test)]
    twin: Twin::History(tests::twin),
};

/// Shown stop, next stop, extreme of the trend, acceleration (negative in a falling trend), and the
/// high and low of the last bar.
type State = [f64; 6];

/// The state one bar later. A falling trend is a rising one upside down.
#[inline(always)]
fn next(state: State, high: f64, low: f64, acceleration: f64, maximum: f64) -> State {
    let [_, stop, extreme, speed, last_high, last_low] = state;
    let (rise, fall) = (high - last_high, last_low - low);
    // At the second bar the trend begins.
    let second = stop.is_nan();
    let begins_up = !((fall > 0.0) & (fall > rise));
    let up = if second { begins_up } else { speed.is_sign_positive() };
    let sign = if up { 1.0 } else { -1.0 };
    // Ahead is where the trend goes, behind where the stop is.
    let (ahead, behind) = if up { (high, low * sign) } else { (-low, high * sign) };
    let (last_ahead, last_behind) =
        if up { (last_high, last_low) } else { (-last_low, -last_high) };
    let stop = if second { last_behind } else { stop * sign };
    let extreme = if second { ahead } else { extreme * sign };
    let speed = if second { acceleration } else { speed.abs() };
    // At the second bar that bar itself stands for the last one as well.
    let (last_ahead, last_behind) =
        if second { (ahead, behind) } else { (last_ahead, last_behind) };
    let turns = behind <= stop;
    // It goes on: a new extreme makes the stop faster, and the stop stays behind the last two bars.
    let faster = if speed + acceleration > maximum { maximum } else { speed + acceleration };
    let (further, faster) = if ahead > extreme { (ahead, faster) } else { (extreme, speed) };
    let on = stop + faster * (further - stop);
    let on = if on > last_behind { last_behind } else { on };
    let on = if on > behind { behind } else { on };
    // It turns: the extreme is the stop, and the stop stays ahead of the last two bars.
    let over = |stop: f64| {
        let stop = if stop < last_ahead { last_ahead } else { stop };
        if stop < ahead { ahead } else { stop }
    };
    let shown = over(extreme);
    let back = over(shown + acceleration * (behind - shown));
    let result = if turns {
        [shown * sign + 0.0, back * sign, behind * sign, -acceleration * sign, high, low]
    } else {
        [stop * sign + 0.0, on * sign, further * sign, faster * sign, high, low]
    };
    let first = [f64::NAN, f64::NAN, f64::NAN, f64::NAN, high, low];
    let result = if last_high.is_nan() { first } else { result };
    if there(high) & there(low) { result } else { state }
}

/// Takes number `OWN` of the state one bar further.
fn step<const OWN: usize>(level: Level, rows: &[&[f64]], how: How<'_>, out: &mut [f64]) {
    struct Step<'a, const OWN: usize>([&'a [f64]; 7], [f64; 2], &'a mut [f64]);
    impl<const OWN: usize> Body for Step<'_, OWN> {
        #[inline(always)]
        fn run(self) {
            let [acceleration, maximum] = self.1;
            let [high, low, others @ ..] = self.0;
            for (i, own) in self.2.iter_mut().enumerate() {
                let at = |row: &[f64]| row.get(i).copied().unwrap_or(f64::NAN);
                let mut state = [*own; 6];
                for (place, other) in others.iter().enumerate() {
                    state[if place < OWN { place } else { place + 1 }] = at(other);
                }
                *own = next(state, at(high), at(low), acceleration, maximum)[OWN];
            }
        }
    }
    if let Some(rows) = rows.first_chunk() {
        run(level, Step::<OWN>(*rows, [how.param(0), how.param(1)], out));
    }
}

/// The shown stop where the bar is there.
fn result(level: Level, rows: &[&[f64]], out: &mut [f64]) {
    struct Result<'a>([&'a [f64]; 3], &'a mut [f64]);
    impl Body for Result<'_> {
        #[inline(always)]
        fn run(self) {
            let [shown, high, low] = self.0;
            for (((o, shown), high), low) in self.1.iter_mut().zip(shown).zip(high).zip(low) {
                *o = if there(*high) & there(*low) { *shown } else { f64::NAN };
            }
        }
    }
    if let [shown, _, _, _, _, _, high, low] = rows {
        run(level, Result([shown, high, low], out));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both directions written out.
    pub(super) fn twin(w: &[Vec<f64>], how: How<'_>) -> f64 {
        let (acceleration, maximum) = (how.param(0), how.param(1));
        let bars: Vec<(f64, f64)> = w[0].iter().copied().zip(w[1].iter().copied()).collect();
        let there = |bar: &&(f64, f64)| bar.0.is_finite() && bar.1.is_finite();
        if there(&&bars[bars.len() - 1]) {
            let bars: Vec<(f64, f64)> = bars.iter().filter(there).copied().collect();
            return stops(&bars, acceleration, maximum);
        }
        f64::NAN
    }

    fn stops(bars: &[(f64, f64)], acceleration: f64, maximum: f64) -> f64 {
        if bars.len() < 2 {
            return f64::NAN;
        }
        let ((high0, low0), (high1, low1)) = (bars[0], bars[1]);
        let mut long = !(low0 - low1 > 0.0 && low0 - low1 > high1 - high0);
        let (mut stop, mut extreme) = if long { (low0, high1) } else { (high0, low1) };
        let (mut speed, mut shown) = (acceleration, f64::NAN);
        let (mut last_high, mut last_low) = (high1, low1);
        for &(high, low) in &bars[1..] {
            let below = |stop: f64| {
                let stop = if stop > last_low { last_low } else { stop };
                if stop > low { low } else { stop }
            };
            let above = |stop: f64| {
                let stop = if stop < last_high { last_high } else { stop };
                if stop < high { high } else { stop }
            };
            let turned = if long { low <= stop } else { high >= stop };
            if turned {
                shown = if long { above(extreme) } else { below(extreme) };
                extreme = if long { low } else { high };
                speed = acceleration;
                stop = shown + speed * (extreme - shown);
                stop = if long { above(stop) } else { below(stop) };
                long = !long;
            } else {
                shown = stop;
                let further = if long { high > extreme } else { low < extreme };
                if further {
                    extreme = if long { high } else { low };
                    speed =
                        if speed + acceleration > maximum { maximum } else { speed + acceleration };
                }
                stop += speed * (extreme - stop);
                stop = if long { below(stop) } else { above(stop) };
            }
            (last_high, last_low) = (high, low);
        }
        // Zero has one sign.
        shown + 0.0
    }
}
