//! Threads that take jobs by lease and settle them in every way there is, dropping and panicking among them.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use guichet::{Consumer, Failure, JobId, Lease, LeaseError};

use super::dice::Dice;
use super::facts::{End, Note};
use super::handler::{Handle, overrun};
use super::payload::{Kept, Page, Payload};
use super::world::{LEASED, Queues, World, count};

/// One leaser.
pub struct Leaser {
    pub world: Arc<World>,
    pub queues: Queues,
    pub dice: Dice,
    /// Set when the round ends.
    pub closing: Arc<AtomicBool>,
}

type Leases = Vec<Lease<Payload, Kept>>;

impl Leaser {
    /// Takes and settles until the queue is closed.
    pub fn run(mut self) {
        let mut consumer = None;
        loop {
            if self.dice.one_in(16) {
                consumer = self.enter();
            }
            match self.take(consumer.as_ref()) {
                Ok(leases) => self.settle_all(leases),
                Err(LeaseError::Timeout) => {}
                Err(_) => return,
            }
        }
    }

    /// Another consumer, or none; the former one leaves.
    fn enter(&mut self) -> Option<Consumer<Payload, Kept>> {
        let queue = &self.queues.work[LEASED];
        if self.dice.one_in(4) {
            return None;
        }
        let consumer = queue.consumer().priority(self.dice.below(3) as i32);
        Some(match self.dice.one_in(2) {
            true => consumer.prefetch(self.dice.from(1, 3) as usize).build(),
            false => consumer.build(),
        })
    }

    fn take(&mut self, consumer: Option<&Consumer<Payload, Kept>>) -> Result<Leases, LeaseError> {
        let queue = &self.queues.work[LEASED];
        let patience = self.dice.micros(0, 4_000);
        let one = |lease| vec![lease];
        Ok(match (self.dice.below(8), consumer) {
            (0, None) => one(queue.lease()?),
            (0, Some(consumer)) => one(consumer.lease()?),
            (1, None) => queue.lease_many(3)?,
            (1, Some(consumer)) => consumer.lease_many(3)?,
            (2 | 3, consumer) => {
                let lease = consumer.map_or_else(|| queue.try_lease(), Consumer::try_lease);
                // ORDERING: Relaxed — nothing is published with it; no partner.
                if lease.is_none() && self.closing.load(Ordering::Relaxed) {
                    return queue.lease_timeout(patience).map(one);
                }
                lease.into_iter().collect()
            }
            (_, None) => one(queue.lease_timeout(patience)?),
            (_, Some(consumer)) => one(consumer.lease_timeout(patience)?),
        })
    }

    fn settle_all(&mut self, mut leases: Leases) {
        // In any order.
        while !leases.is_empty() {
            let at = self.dice.below(leases.len() as u64) as usize;
            let lease = leases.swap_remove(at);
            let page = Arc::clone(&lease.payload().0);
            self.world.ledgers[LEASED].note(Note::Seen {
                id: lease.id(),
                number: page.number,
                witness: "a lease",
            });
            settle(&self.world, LEASED, Some(&page), lease, &mut self.dice);
        }
    }
}

/// Holds a lease for a while, and settles it, by whatever the dice say. `page`: of the payload, if there is one.
pub fn settle<T: Send + Sync + 'static>(
    world: &World,
    at: usize,
    page: Option<&Arc<Page>>,
    mut lease: Lease<T, Kept>,
    dice: &mut Dice,
) {
    let held = page.map(Page::hold);
    count(&world.ledgers[at].starts);
    let number = page.map_or(0, |page| page.number);
    let id = lease.id();
    let choice = dice.below(100);
    match choice {
        74..78 => {
            // Lost, if it was late.
            let _ = lease.extend(dice.micros(100, 5_000));
        }
        78..84 if world.slow => {
            let _ = overrun(&lease, dice);
        }
        88..92 => lease.tell(world.kept(number)),
        _ => {}
    }
    // From here on another may hold the job.
    drop(held);
    let ledger = &world.ledgers[at];
    match choice {
        45..55 => drop(lease.fail(Failure::msg("chaos"))),
        55..58 => ended(
            world,
            at,
            id,
            End::Failed,
            lease.fail(Failure::discard("chaos")),
        ),
        58..62 => ended(world, at, id, End::Failed, lease.dead_letter("chaos")),
        62..66 => drop(lease.requeue()),
        66..74 => drop(lease),
        84..88 => {
            count(&ledger.panics);
            let panicked = catch_unwind(AssertUnwindSafe(move || {
                let _lease = lease;
                // Without the hook that would print it.
                resume_unwind(Box::new("chaos"))
            }));
            drop(panicked);
        }
        92..95 => drop(lease.fail(Failure::snooze(dice.micros(0, 3_000)))),
        95..97 if world.slow => drop(lease.fail(Failure::rate_limited(dice.micros(50, 1_000)))),
        97 => drop(lease.fail(Failure::requeue())),
        _ => {
            let settled = lease.complete(world.kept(number));
            ended(world, at, id, End::Completed, settled);
        }
    }
}

fn ended<E>(world: &World, at: usize, id: JobId, end: End, settled: Result<(), E>) {
    if settled.is_ok() {
        world.ledgers[at].note(Note::Ended {
            id,
            end,
            witness: "its lease",
        });
    }
}
