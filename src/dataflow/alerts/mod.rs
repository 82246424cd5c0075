//! Alert conditions, and the machine that keeps the collection of active alerts.
//!
//! A condition is one file: it reads its part of a rule (`name(argument) > ...`) and is then asked,
//! at the end of every epoch, whether it holds in a [`Situation`](crate::plan::Situation). It keeps
//! nothing itself: what it says is a function of the open findings, the newest arrival and the
//! clock. [`AlertState`] keeps those three and turns what the conditions say into changes.

mod comparison;
mod silent;
mod state;
#[cfg(test)]
mod testing;
mod violations;

pub use state::{AlertState, Step};

use crate::plan::ConditionMember;

/// All kinds of alert condition.
pub const MEMBERS: &[&dyn ConditionMember] = &[&silent::Silent, &violations::Violations];
