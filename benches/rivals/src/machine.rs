//! What only the system can tell or do: clocks, CPU time, cores, ends of processes.
//!
//! All calls into libc are here. Linux only: the affinity and parent-death calls have no portable
//! counterpart, and without them the regimes would not mean what they say.

use std::fs;
use std::mem::{MaybeUninit, size_of};

/// What this process has used so far.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// CPU time of all threads.
    pub cpu_ns: u64,
    /// Context switches of all threads, wanted or not.
    pub switches: u64,
}

impl Usage {
    /// Now.
    pub fn now() -> Self {
        let mut usage = MaybeUninit::<libc::rusage>::zeroed();
        // SAFETY: `usage` is writable memory for one `rusage`, which is all the call asks for.
        let code = unsafe { libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()) };
        assert_eq!(code, 0, "the arguments of getrusage are valid");
        // SAFETY: all-zero bytes are a valid `rusage` (integers only), and the call has filled it.
        let usage = unsafe { usage.assume_init() };
        Usage {
            cpu_ns: clock(libc::CLOCK_PROCESS_CPUTIME_ID),
            switches: (usage.ru_nvcsw + usage.ru_nivcsw).cast_unsigned(),
        }
    }

    /// What has been used since.
    pub fn since(self) -> Usage {
        let now = Usage::now();
        Usage {
            cpu_ns: now.cpu_ns - self.cpu_ns,
            switches: now.switches - self.switches,
        }
    }
}

/// Nanoseconds on the clock that never jumps.
pub fn now() -> u64 {
    clock(libc::CLOCK_MONOTONIC)
}

fn clock(id: libc::clockid_t) -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a valid place for the answer.
    let code = unsafe { libc::clock_gettime(id, &raw mut time) };
    assert_eq!(code, 0, "Linux has this clock");
    time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
}

/// Sleeps until `instant` on the clock of [`now`].
pub fn sleep_until(instant: u64) {
    let time = libc::timespec {
        tv_sec: (instant / 1_000_000_000).cast_signed(),
        tv_nsec: (instant % 1_000_000_000).cast_signed(),
    };
    let (clock, absolute) = (libc::CLOCK_MONOTONIC, libc::TIMER_ABSTIME);
    loop {
        // SAFETY: `time` is valid, and with an absolute time nothing is written back.
        let code = unsafe {
            libc::clock_nanosleep(clock, absolute, &raw const time, std::ptr::null_mut())
        };
        if code != libc::EINTR {
            return;
        }
    }
}

/// Takes away the leeway of 50 us that the system otherwise gives this thread's sleeps.
pub fn sleep_exactly() {
    // SAFETY: a call without pointers.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1_u64, 0_u64, 0_u64, 0_u64) };
}

/// Cores that this process may use.
pub fn cores() -> Vec<usize> {
    let mut set = MaybeUninit::<libc::cpu_set_t>::zeroed();
    // SAFETY: `set` is writable memory of the size that is given.
    let code =
        unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), set.as_mut_ptr()) };
    assert_eq!(code, 0, "the arguments of sched_getaffinity are valid");
    // SAFETY: all-zero bytes are a valid set, and the call has filled it.
    let set = unsafe { set.assume_init() };
    let size = usize::try_from(libc::CPU_SETSIZE).expect("a small constant");
    // SAFETY: `core` is below the size of the set.
    let allowed = |core: &usize| unsafe { libc::CPU_ISSET(*core, &set) };
    (0..size).filter(allowed).collect()
}

/// Confines this process, which must have one thread yet, to the last of its cores: the first one
/// serves most interrupts.
pub fn use_one_core() {
    let core = *cores().last().expect("it runs somewhere");
    let mut set = MaybeUninit::<libc::cpu_set_t>::zeroed();
    // SAFETY: all-zero bytes are a valid, empty set; `core` came out of such a set.
    unsafe { libc::CPU_SET(core, &mut *set.as_mut_ptr()) };
    // SAFETY: `set` is readable memory of the size that is given.
    let code = unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), set.as_ptr()) };
    assert_eq!(code, 0, "a core that was allowed still is");
}

/// Has the system kill this process when `parent` ends, however that ends.
pub fn die_with(parent: u32) {
    // SAFETY: a call without pointers.
    let code = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    assert_eq!(code, 0, "the signal exists");
    if std::os::unix::process::parent_id() != parent {
        // It was gone before the call, which therefore has no effect.
        std::process::exit(1);
    }
}

/// The load average of the last minute.
pub fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let first = text.split(' ').next().unwrap_or_default();
    first.parse().unwrap_or(f64::NAN)
}
