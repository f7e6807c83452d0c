//! What the jobs carry: a number each, and a page on which is written what was done to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU32, AtomicU64, Ordering};

use parking_lot::Mutex;

/// Two held the same job at the same time.
pub const OVERLAPPED: u8 = 1;
/// The payload was dropped, or handed out, while somebody held its job.
pub const TAKEN_AWAY: u8 = 2;
/// Somebody was shown a payload that had been dropped.
pub const DROPPED_BEFORE: u8 = 4;

/// What was done to one payload. It outlives the payload.
#[derive(Debug, Default)]
pub struct Page {
    /// The payload's number.
    pub number: u64,
    /// Times that somebody held its job: handlers and leases.
    pub starts: AtomicU32,
    /// Times that it was dropped.
    pub drops: AtomicU32,
    /// What should never be.
    pub odd: AtomicU8,
    held: AtomicBool,
}

impl Page {
    /// Somebody holds the job from now until the guard goes. What they find tells how often that was before.
    pub fn hold(self: &Arc<Self>) -> Held {
        // ORDERING: AcqRel — what the former holder did before what this one does; partner: the store in `Held::drop`. A
        // queue that let two hold one job would be caught with a weaker one too.
        if self.held.swap(true, Ordering::AcqRel) {
            self.note(OVERLAPPED);
        }
        self.look();
        // ORDERING: Relaxed — one holder at a time; no partner.
        let before = self.starts.fetch_add(1, Ordering::Relaxed);
        Held {
            page: Arc::clone(self),
            before,
        }
    }

    /// Somebody looks at the payload.
    pub fn look(&self) {
        // ORDERING: Relaxed — a payload that may be seen has not been dropped, whatever else is true; no partner.
        if self.drops.load(Ordering::Relaxed) != 0 {
            self.note(DROPPED_BEFORE);
        }
    }

    /// Somebody has the payload to themselves.
    pub fn alone(&self) {
        // ORDERING: Acquire — partner: the store in `Held::drop`.
        if self.held.load(Ordering::Acquire) {
            self.note(TAKEN_AWAY);
        }
        self.look();
    }

    fn note(&self, what: u8) {
        // ORDERING: Relaxed — read when all threads have ended; no partner.
        self.odd.fetch_or(what, Ordering::Relaxed);
    }
}

/// Somebody holds a job.
pub struct Held {
    page: Arc<Page>,
    /// How often it was held before.
    pub before: u32,
}

impl Drop for Held {
    fn drop(&mut self) {
        // ORDERING: Release — what was done with the job, before the next one begins; partner: the swap in `Page::hold`.
        self.page.held.store(false, Ordering::Release);
    }
}

/// A job's payload. There are no two of a number.
#[derive(Debug)]
pub struct Payload(pub Arc<Page>);

impl Drop for Payload {
    fn drop(&mut self) {
        self.0.alone();
        // ORDERING: Relaxed — counted up when all threads have ended; no partner.
        self.0.drops.fetch_add(1, Ordering::Relaxed);
    }
}

/// All payloads of a round.
#[derive(Debug, Default)]
pub struct Pages {
    next: AtomicU64,
    all: Mutex<Vec<Arc<Page>>>,
}

impl Pages {
    /// The next payload.
    pub fn payload(&self) -> Payload {
        let page = Arc::new(Page {
            // ORDERING: Relaxed — only that no two get the same; no partner.
            number: self.next.fetch_add(1, Ordering::Relaxed),
            ..Page::default()
        });
        self.all.lock().push(Arc::clone(&page));
        Payload(page)
    }

    /// What became of all of them.
    pub fn take(&self) -> Vec<Arc<Page>> {
        std::mem::take(&mut self.all.lock())
    }
}

/// Something of ours that a queue keeps: a result, a progress. Counted, so that one that is never dropped is missed.
#[derive(Debug)]
pub struct Kept {
    /// Of which payload.
    pub number: u64,
    alive: Arc<AtomicI64>,
}

impl Kept {
    /// Something of payload `number`, counted by `alive`.
    pub fn new(number: u64, alive: &Arc<AtomicI64>) -> Self {
        // ORDERING: Relaxed — counted up when all threads have ended; no partner.
        alive.fetch_add(1, Ordering::Relaxed);
        Kept {
            number,
            alive: Arc::clone(alive),
        }
    }
}

impl Clone for Kept {
    fn clone(&self) -> Self {
        Kept::new(self.number, &self.alive)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // ORDERING: Relaxed — as in `new`.
        self.alive.fetch_sub(1, Ordering::Relaxed);
    }
}
