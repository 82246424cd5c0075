//! Tests of the whole and of the form of the code, in one program.
#![allow(missing_docs, unreachable_pub, reason = "a test program")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

mod layering;
mod licences;
mod monitoring;
mod source;
mod tidy;
