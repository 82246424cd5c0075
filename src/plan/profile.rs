//! The rules of a factor set: those of its profile, and what it sets on its own.

use crate::config::{Clock, Deviations, FactorRules, MinPeriods, Profile, Seed, Ties, WindowRound};
use crate::formula::Rules;

/// The rules of `profile`, but for those that were `chosen`.
pub(super) fn rules(profile: Profile, chosen: Option<&FactorRules>) -> Rules {
    let mut rules = match profile {
        Profile::Worldquant => Rules::WORLDQUANT,
        Profile::Qlib => Rules::QLIB,
        Profile::Ta => Rules::TA,
        Profile::Cn => Rules::CN,
    };
    let Some(chosen) = chosen else { return rules };
    if let Some(periods) = chosen.min_periods.get() {
        rules.mode.partial = *periods == MinPeriods::One;
    }
    if let Some(clock) = chosen.clock.get() {
        rules.mode.traded = *clock == Clock::Traded;
    }
    if let Some(ties) = chosen.ties.get() {
        rules.mode.raw_ties = *ties == Ties::Raw;
    }
    if let Some(round) = chosen.window_round.get() {
        rules.floor_windows = *round == WindowRound::Floor;
    }
    if let Some(deviations) = chosen.deviations.get() {
        rules.mode.population = *deviations == Deviations::Population;
    }
    if let Some(seed) = chosen.seed.get() {
        rules.mode.mean_seed = *seed == Seed::Mean;
    }
    rules
}
