//! Events: what happens to jobs, told to whoever listens.
//!
//! Every verb is told by whoever applied it, after the step on the job's word; its number is the epoch that the step led
//! to, so the events of a job have a total order whatever thread tells them. They lie in logs that overwrite the oldest:
//! nobody waits for a slow reader, who learns how many it missed. While nobody listens, a job costs a load and a test.
//!
//! There are several logs, and each thread tells into one of them, so threads that tell at the same time rarely fight over
//! a cache line. The reader puts what it finds there in order again, see `merge.rs`.

use crossbeam_utils::CachePadded;

use crate::model::{Event, EventKind, FailureKind, JobId};
use crate::park::{EventCount, Yields};
use crate::ring::Broadcast;
use crate::sync::{MODEL, Mutex, OnceLock, thread_number};

const KINDS: [EventKind; 17] = [
    EventKind::Added,
    EventKind::Deferred,
    EventKind::Started,
    EventKind::Promoted,
    EventKind::Reprioritized,
    EventKind::Rescheduled,
    EventKind::Completed,
    EventKind::Retried,
    EventKind::Snoozed,
    EventKind::Requeued,
    EventKind::Failed,
    EventKind::Expired,
    EventKind::Cancelled,
    EventKind::Interrupted,
    EventKind::Returned,
    EventKind::Stuck,
    EventKind::LetterKept,
];

const FAILURES: [FailureKind; 7] = [
    FailureKind::Error,
    FailureKind::Discard,
    FailureKind::Panic,
    FailureKind::Timeout,
    FailureKind::Snooze,
    FailureKind::Requeue,
    FailureKind::RateLimited,
];

const WORDS: usize = 3;
const SEQUENCE_BITS: u32 = 40;

/// An event as it lies in a log.
///
/// ```text
/// 0  63 ─ 48 failure + 1  47 ─ 32 kind  31 ── slot ── 0
/// 1  occupancy
/// 2  63 ── attempt (24) ── 40 39 ── sequence ── 0
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packed(pub(crate) [u64; WORDS]);

impl Packed {
    /// How many ranks there are.
    pub(crate) const RANKS: u64 = 1 << (SEQUENCE_BITS + 1);

    pub(crate) fn new(event: &Event) -> Self {
        let failure = event.failure.map_or(0, |kind| {
            1 + FAILURES.iter().position(|one| *one == kind).unwrap_or(0) as u64
        });
        Packed([
            failure << 48 | (event.kind as u64) << 32 | u64::from(event.job.slot),
            event.job.occupancy,
            u64::from(event.attempt) << SEQUENCE_BITS | event.sequence,
        ])
    }

    pub(crate) fn unpack(self, queue: u32) -> Event {
        let words = self.0;
        let failure = (words[0] >> 48) as usize;
        Event {
            job: JobId {
                queue,
                slot: self.slot(),
                occupancy: words[1],
            },
            sequence: self.sequence(),
            kind: self.kind(),
            attempt: (words[2] >> SEQUENCE_BITS) as u32,
            failure: failure.checked_sub(1).map(|at| FAILURES[at]),
        }
    }

    #[inline]
    pub(crate) fn slot(self) -> u32 {
        self.0[0] as u32
    }

    /// Where it stands among the events of its slot: behind the step that has its number, if it is none itself.
    #[inline]
    pub(crate) fn rank(self) -> u64 {
        self.sequence() << 1 | u64::from(!self.kind().is_step())
    }

    fn sequence(self) -> u64 {
        self.0[2] & ((1 << SEQUENCE_BITS) - 1)
    }

    fn kind(self) -> EventKind {
        KINDS[(self.0[0] >> 32) as usize & 0xffff]
    }
}

/// A queue's logs and who reads them; made for the first listener.
pub(crate) struct Hub {
    /// A power of two of them. Each is made for the first event that a thread tells into it.
    logs: Box<[CachePadded<OnceLock<Broadcast<WORDS>>>]>,
    /// How many events each keeps.
    capacity: usize,
    /// Readers who wait for an event.
    pub(crate) readers: EventCount,
    pub(crate) listeners: Mutex<usize>,
}

impl Hub {
    pub(crate) fn new(capacity: usize) -> Self {
        Hub {
            logs: (0..logs()).map(|_| CachePadded::default()).collect(),
            capacity,
            // A yield lets those who tell do a slice of work; a reader that sleeps they have to wake.
            readers: EventCount::new(Yields::Freely),
            listeners: Mutex::new(0),
        }
    }

    /// The logs; `None` where nothing has been told yet.
    pub(crate) fn logs(&self) -> impl ExactSizeIterator<Item = Option<&Broadcast<WORDS>>> {
        self.logs.iter().map(|log| log.get())
    }

    pub(crate) fn wake_all(&self) {
        self.readers.notify_all();
    }

    pub(crate) fn tell(&self, event: Packed) {
        // A model's threads have one number: there, who tells two steps of a job counts as two.
        let teller = if MODEL {
            event.rank() as usize / 2
        } else {
            thread_number()
        };
        let log = &self.logs[teller & (self.logs.len() - 1)];
        log.get_or_init(|| Broadcast::new(self.capacity))
            .publish(event.0);
        // The step that a reader who is about to sleep looks for is the claim of the event's place: `Reader::look`.
        self.readers.notify_one_after_rmw();
    }
}

/// How many logs: enough that threads which tell at the same time rarely share one, few enough to look at all of them.
fn logs() -> usize {
    if MODEL {
        2
    } else {
        (2 * num_cpus::get()).next_power_of_two().min(MOST_LOGS)
    }
}

/// The most logs of a queue.
pub(crate) const MOST_LOGS: usize = 16;
