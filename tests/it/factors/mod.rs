//! What holds for every operator and every shipped formula, whatever the data is and however it
//! arrives. A new operator or set is tested here without a line being added.
//!
//! `WEIR_SEED=n` repeats one random run, `WEIR_ROUNDS=n` makes more of them.

mod alpha360;
mod arrival;
mod bars;
mod degenerate;
mod library;
mod properties;
mod snapshots;
