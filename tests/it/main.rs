//! All integration tests in one program, so that the library is linked once.

mod pipelines;
mod stand_in;
