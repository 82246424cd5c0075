//! One kernel body, compiled once for each instruction set this processor may have.

/// The instruction set that kernels use. Made by detection only, so that holding one proves that
/// the processor can run it. Results have the same bits at every level: kernels never reassociate
/// and never fuse a multiplication with an addition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Baseline,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Level {
    /// What every processor of this architecture has.
    pub const BASELINE: Level = Level(Kind::Baseline);

    /// All levels of this processor, the fastest last.
    pub fn available() -> Vec<Level> {
        let mut levels = vec![Level::BASELINE];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") {
                levels.push(Level(Kind::Avx2));
            }
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512bw")
            {
                levels.push(Level(Kind::Avx512));
            }
        }
        levels
    }

    /// The fastest level of this processor.
    pub fn best() -> Level {
        Level::available().last().copied().unwrap_or(Level::BASELINE)
    }

    /// Name for people.
    pub const fn name(self) -> &'static str {
        match self.0 {
            Kind::Baseline => "baseline",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "avx512",
        }
    }
}

/// A kernel with its arguments. Implementations and all they call must be `#[inline(always)]`:
/// what is not inlined is compiled for the baseline.
pub(crate) trait Body {
    /// Does the work.
    fn run(self);
}

/// Runs `body` as compiled for `level`.
#[expect(
    unsafe_code,
    reason = "calling code compiled for an instruction set is sound only where it exists; the \
              variants of Level are made by detection alone"
)]
pub(crate) fn run<B: Body>(level: Level, body: B) {
    match level.0 {
        Kind::Baseline => body.run(),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: this variant exists only after avx2 was detected on this processor.
        Kind::Avx2 => unsafe { avx2(body) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: this variant exists only after all these features were detected.
        Kind::Avx512 => unsafe { avx512(body) },
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2<B: Body>(body: B) {
    body.run();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw")]
fn avx512<B: Body>(body: B) {
    body.run();
}

/// Asks for the cache lines of `L` numbers from `at`, which may be past the end, ahead of their use.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(crate) fn prefetch<const L: usize>(data: &[f64], at: usize) {
    const LINE: usize = 64 / size_of::<f64>();
    for line in 0..L.div_ceil(LINE) {
        let place = data.as_ptr().wrapping_add(at.wrapping_add(line * LINE));
        #[expect(unsafe_code, reason = "the intrinsic takes any address, so it takes a pointer")]
        // SAFETY: this only gives a hint: nothing is read, and no address is wrong.
        unsafe {
            std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(place.cast());
        }
    }
}

/// Other processors are left to themselves.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
pub(crate) fn prefetch<const L: usize>(_: &[f64], _: usize) {}
