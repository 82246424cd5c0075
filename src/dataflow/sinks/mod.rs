//! Where results go: encoders turn changes into records, transports carry records away.

pub mod encode;
