//! A worker that is stuck in a timed attempt, the clerk that looks at it, and the worker that comes for its place.
//!
//! `src/queue/base/relief.rs` is compiled into the models as it stands; around it they do what `queue/life/watch.rs` does.

use guichet::internals::sync::atomic::{AtomicU64, Ordering::Relaxed};
use guichet::internals::table::Ticket;
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::check;
use super::queue::base::relief::{Coming, TimedAttempt};

/// The ticket of the attempt of job number `job`, whose time is over at `10 * job`.
fn ticket(job: u64) -> Ticket {
    Ticket::from_bits(job)
}

struct Desk {
    timed: TimedAttempt,
    /// The job in the slot.
    job: AtomicU64,
    /// Written before a place is taken, read by the worker that lost it.
    note: UnsafeCell<u64>,
}

// SAFETY: loom checks that nobody reads `note` while it is written.
unsafe impl Sync for Desk {}
// SAFETY: as above.
unsafe impl Send for Desk {}

/// The worker's handler returns twice while another worker comes: either that one has the place and this one leaves, or
/// that one leaves and nothing has changed. What it tells of the job is true.
#[test]
fn stuck_or_returned() {
    check("stuck_or_returned", || {
        let desk = Arc::new(Desk {
            timed: TimedAttempt::new(),
            job: AtomicU64::new(0),
            note: UnsafeCell::new(0),
        });
        let other = desk.clone();
        let comes = thread::spawn(move || {
            let Some((seen, deadline)) = other.timed.view() else {
                return false;
            };
            let job = seen.to_bits();
            assert!(deadline >= 10 * job, "a time-out before its time");
            other.note.with_mut(|note| unsafe { *note = job });
            match other.timed.relieve(seen, || other.job.load(Relaxed)) {
                None => false,
                Some(found) => {
                    assert_eq!(found, job, "another job was told to be stuck");
                    true
                }
            }
        });
        for job in 1..=2 {
            desk.job.store(job, Relaxed);
            desk.timed.begin(ticket(job), 10 * job);
            desk.timed.end();
            if desk.timed.is_relieved() {
                // Its slot has another tenant.
                desk.job.store(3, Relaxed);
                desk.note.with(|note| assert_eq!(unsafe { *note }, job));
                break;
            }
        }
        let came = comes.join().unwrap();
        assert_eq!(
            came,
            desk.timed.is_relieved(),
            "two work in one place, or nobody does"
        );
    });
}

/// Two workers are stuck, and one may be replaced: the clerk overlooks none that is coming or has just come.
#[test]
fn stuck_at_most() {
    check("stuck_at_most", || {
        let timed = [TimedAttempt::new(), TimedAttempt::new()];
        let crew = Arc::new((timed, Coming::new()));
        let stuck = |timed: &[TimedAttempt]| timed.iter().filter(|it| it.is_stuck()).count();
        let mut threads = Vec::new();
        for (at, timed) in crew.0.iter().enumerate() {
            let ticket = ticket(1 + at as u64);
            timed.begin(ticket, 1);
            if crew.1.and_stuck(|| stuck(&crew.0)) > 0 {
                continue;
            }
            assert!(timed.seek(ticket), "an attempt was tried before");
            crew.1.enter();
            let other = crew.clone();
            threads.push(thread::spawn(move || {
                let taken = other.0[at].relieve(ticket, || ());
                assert!(taken.is_some(), "nobody else was sent there");
                other.1.leave();
            }));
        }
        threads.into_iter().for_each(|it| it.join().unwrap());
        assert_eq!(stuck(&crew.0), 1, "not as many replaced as may be");
    });
}
