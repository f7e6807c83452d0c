//! What the process consumed: CPU time, allocations, memory. The only unsafe code of the program.
//!
//! Wall time on a shared machine moves with the neighbours; CPU time per job hardly does. Allocations are counted by
//! the global allocator in striped counters, so that counting does not become the contention that is measured.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;

/// Starts to measure; [`Meter::read`] says what has been consumed since.
#[derive(Debug)]
pub struct Meter {
    cpu: Option<Duration>,
    allocations: u64,
    begun: Instant,
}

/// What the whole process consumed between two points.
#[derive(Clone, Copy, Debug)]
pub struct Consumed {
    /// Wall time.
    pub wall: Duration,
    /// User and system time of all threads, where the system tells.
    pub cpu: Option<Duration>,
    /// Calls of the allocator, growing a block included.
    pub allocations: u64,
}

impl Meter {
    /// The clock is read last, so that reading the others is not part of the run.
    pub fn start() -> Self {
        let (cpu, allocations) = (cpu_time(), allocations());
        Meter {
            cpu,
            allocations,
            begun: Instant::now(),
        }
    }

    /// What has been consumed since the start.
    pub fn read(&self) -> Consumed {
        let wall = self.begun.elapsed();
        let cpu = cpu_time()
            .zip(self.cpu)
            .map(|(now, then)| now.saturating_sub(then));
        Consumed {
            wall,
            cpu,
            allocations: allocations() - self.allocations,
        }
    }
}

/// User and system time of this process so far.
#[cfg(unix)]
pub fn cpu_time() -> Option<Duration> {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: `usage` is writable memory for one `rusage`, which is all the call asks for.
    let failed = unsafe { libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()) } != 0;
    if failed {
        return None;
    }
    // SAFETY: all-zero bytes are a valid `rusage` (integers only), and the call has filled it.
    let usage = unsafe { usage.assume_init() };
    Some(duration(usage.ru_utime) + duration(usage.ru_stime))
}

/// User and system time of this process so far: not told here.
#[cfg(not(unix))]
pub fn cpu_time() -> Option<Duration> {
    None
}

#[cfg(unix)]
fn duration(time: libc::timeval) -> Duration {
    Duration::from_secs(time.tv_sec as u64) + Duration::from_micros(time.tv_usec as u64)
}

/// Resident memory in KiB, where `/proc` tells.
pub fn resident_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

const STRIPES: usize = 64;

static COUNTS: [CachePadded<AtomicU64>; STRIPES] =
    [const { CachePadded::new(AtomicU64::new(0)) }; STRIPES];
static NEXT_STRIPE: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// This thread's counter; `usize::MAX` = not chosen yet. `const` and without `Drop`, so that the allocator may
    /// use it at any time in a thread's life.
    static STRIPE: Cell<usize> = const { Cell::new(usize::MAX) };
}

fn allocations() -> u64 {
    // ORDERING: Relaxed — counters on their own; a run's end has already synchronised with its workers.
    COUNTS
        .iter()
        .map(|count| count.load(Ordering::Relaxed))
        .sum()
}

#[inline]
fn count_allocation() {
    let stripe = STRIPE.with(|stripe| {
        if stripe.get() == usize::MAX {
            // ORDERING: Relaxed — any spread over the stripes will do; no partner.
            stripe.set(NEXT_STRIPE.fetch_add(1, Ordering::Relaxed) % STRIPES);
        }
        stripe.get()
    });
    // ORDERING: Relaxed — a counter on its own; partner: the loads in `allocations`.
    COUNTS[stripe].fetch_add(1, Ordering::Relaxed);
}

/// The system's allocator, counted.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call goes to `System` with the arguments unchanged, and so meets the same contract; counting neither
// allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count_allocation();
        // SAFETY: the caller's promises to us are those `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count_allocation();
        // SAFETY: as in `alloc`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count_allocation();
        // SAFETY: as in `alloc`; `block` came from `System`, for all our blocks do.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as in `realloc`.
        unsafe { System.dealloc(block, layout) }
    }
}
