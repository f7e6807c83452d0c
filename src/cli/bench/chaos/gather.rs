//! What was seen of a round, put together when all is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use guichet::{EventError, JobState, Queue, Subscription};

use super::facts::{End, Facts, Heard, Hooks, Note, PayloadFacts, QueueFacts, Step};
use super::handler::read;
use super::payload::Kept;
use super::troupe::{PATIENCE, Troupe};
use super::world::{Books, DEAD, NAMES, Queues, World, end_for};

/// How long a listener waits for an event before it asks whether all is over.
const LULL: Duration = Duration::from_millis(20);

/// A thread that listens to one queue from the first job to the last.
pub struct Listener {
    /// Dropped when all is over.
    over: Sender<()>,
    heard: Receiver<Heard>,
}

impl Listener {
    /// One for each queue, if that is wanted.
    ///
    /// # Errors
    /// If the system refuses a thread.
    pub fn of_all(queues: &Queues, books: Books) -> Result<Vec<Listener>, String> {
        if !books.heard {
            return Ok(Vec::new());
        }
        let mut subscriptions: Vec<Subscription> =
            queues.work.iter().map(Queue::subscribe).collect();
        subscriptions.push(queues.dead.subscribe());
        let listeners = subscriptions.into_iter().map(Listener::start);
        listeners.collect()
    }

    fn start(subscription: Subscription) -> Result<Self, String> {
        let (over, end) = mpsc::channel();
        let (tell, heard) = mpsc::channel();
        Troupe::default().spawn("listener".to_owned(), move || {
            // Nobody wants it any more only if the round has failed.
            let _ = tell.send(listen(subscription, &end));
        })?;
        Ok(Listener { over, heard })
    }

    /// All that it heard.
    fn finish(self) -> Result<Heard, String> {
        drop(self.over);
        let heard = self.heard.recv_timeout(PATIENCE);
        heard.map_err(|_| "a listener was never told that its queue has stopped".to_owned())
    }
}

fn listen(mut subscription: Subscription, end: &Receiver<()>) -> Heard {
    let mut heard = Heard::default();
    let mut over = false;
    loop {
        match subscription.next_timeout(LULL) {
            Ok(event) => heard.steps.push(Step {
                job: event.job,
                sequence: event.sequence,
                kind: event.kind,
            }),
            Err(EventError::Lagged(missed)) => heard.lagged += missed,
            Err(EventError::Closed) if over => return heard,
            Err(EventError::Closed) => {
                // Letters may still come; nothing is sent, so this waits for the end.
                let _ = end.recv();
                over = true;
            }
            Err(_) => {}
        }
    }
}

/// The facts of a round whose threads have all left.
///
/// # Errors
/// If something that should have ended or gone has not.
pub fn facts(
    world: Arc<World>,
    queues: Queues,
    listeners: Vec<Listener>,
    books: Books,
) -> Result<Facts, String> {
    let mut facts = Facts::default();
    for (at, queue) in queues.work.iter().enumerate() {
        give_back(&world, at, queue, |payload| Some(payload.0.number));
        facts.queues.push(of_queue(&world, at, queue, books));
    }
    give_back(&world, DEAD, &queues.dead, |letter| {
        read(&world, letter);
        letter.payload.as_ref().map(|payload| payload.0.number)
    });
    facts
        .queues
        .push(of_queue(&world, DEAD, &queues.dead, books));
    drop(queues);
    for (queue, listener) in facts.queues.iter_mut().zip(listeners) {
        queue.heard = Some(listener.finish()?);
    }
    // Last, for what was read of the letters is in their queues' ledgers.
    for (queue, ledger) in facts.queues.iter_mut().zip(&world.ledgers) {
        queue.notes = ledger.take();
    }
    let holders = Arc::strong_count(&world) - 1;
    if holders > 0 {
        return Err(format!(
            "{holders} handlers live on though runtime and queues are gone"
        ));
    }
    let of_page = |page: &Arc<super::payload::Page>| PayloadFacts {
        // ORDERING: Relaxed — all threads have ended; no partner.
        drops: page.drops.load(Ordering::Relaxed),
        // ORDERING: Relaxed — likewise.
        odd: page.odd.load(Ordering::Relaxed),
    };
    let mut pages = world.pages.take();
    pages.sort_unstable_by_key(|page| page.number);
    facts.payloads = pages.iter().map(of_page).collect();
    // ORDERING: Relaxed — likewise.
    facts.alive = world.alive.load(Ordering::Relaxed);
    Ok(facts)
}

fn give_back<T: Send + 'static>(
    world: &World,
    at: usize,
    queue: &Queue<T, Kept>,
    number: impl Fn(&T) -> Option<u64>,
) {
    for (id, payload) in queue.take_returned() {
        let number = number(&payload);
        world.ledgers[at].note(Note::GivenBack { id, number });
    }
}

fn of_queue<T: Send + 'static>(
    world: &World,
    at: usize,
    queue: &Queue<T, Kept>,
    books: Books,
) -> QueueFacts {
    let ledger = &world.ledgers[at];
    if books.recorded {
        note_records(world, at, queue);
    }
    // ORDERING: Relaxed — all threads have ended; no partner.
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    QueueFacts {
        name: NAMES[at],
        is_dead: at == DEAD,
        stats: queue.stats(),
        recorded: books.recorded,
        hooks: (books.recorded && at != DEAD).then(|| Hooks {
            completed: read(&ledger.completed),
            failed: read(&ledger.failed),
        }),
        starts: read(&ledger.starts),
        redriven: read(&ledger.redriven),
        panics: read(&ledger.panics),
        ..QueueFacts::default()
    }
}

fn note_records<T: Send + 'static>(world: &World, at: usize, queue: &Queue<T, Kept>) {
    let states = [
        JobState::Completed,
        JobState::Dead,
        JobState::Cancelled,
        JobState::Interrupted,
    ];
    for state in states {
        let notes = queue.jobs(state, 0, usize::MAX).into_iter().map(|info| {
            let end = match (state, info.reason) {
                (JobState::Completed, _) => End::Completed,
                (JobState::Cancelled, _) => End::Cancelled,
                (JobState::Interrupted, _) => End::Interrupted,
                (_, Some(reason)) => end_for(reason),
                (_, None) => {
                    return Note::Wrong(format!("job {} is dead for no reason", info.id));
                }
            };
            let witness = "its record";
            Note::Ended {
                id: info.id,
                end,
                witness,
            }
        });
        world.ledgers[at].note_all(notes.collect());
    }
}
