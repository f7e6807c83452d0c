//! The judge: whether what was seen of a round can be true. A pure function of the [facts](super::facts).
//!
//! Every accepted job has one end, and everybody who was told of it was told the same; a queue's counts are what the
//! driver counted; every payload was dropped once, by whoever had it last; no two held a job at once; events tell a life
//! that a job can have ([`lives`](super::lives)).

use std::collections::HashMap;
use std::fmt;

use guichet::JobId;

use super::facts::{ENDS, End, Facts, Note, QueueFacts};
use super::lives;
use super::payload::{DROPPED_BEFORE, OVERLAPPED, TAKEN_AWAY};

/// What is known of one job.
#[derive(Default)]
struct Job {
    /// Its payload, if somebody was told.
    number: Option<u64>,
    accepted: u32,
    end: Option<(End, &'static str)>,
    given_back: u32,
}

/// One queue's jobs by their names.
#[derive(Default)]
struct Book {
    jobs: HashMap<JobId, Job>,
    /// Taken by `call`, which does not say the name.
    called: u64,
    /// Ends of jobs without names.
    called_ends: HashMap<End, u64>,
}

/// The first thing that is wrong, in words; and nothing else if nothing is.
///
/// # Errors
/// What is wrong.
pub fn check(facts: &Facts) -> Result<(), String> {
    let mut accepted = vec![0_u32; facts.payloads.len()];
    let mut redriven = vec![0_u32; facts.payloads.len()];
    for queue in &facts.queues {
        let judged = check_queue(queue, &mut accepted, &mut redriven);
        judged.map_err(|wrong| format!("queue {}: {wrong}", queue.name))?;
    }
    check_letters(facts)?;
    for (number, payload) in facts.payloads.iter().enumerate() {
        let wrong = |what: &str| Err(format!("payload {number} {what}"));
        match (payload.odd, payload.drops) {
            (odd, _) if odd & OVERLAPPED != 0 => return wrong("was held by two at the same time"),
            (odd, _) if odd & TAKEN_AWAY != 0 => {
                return wrong("was dropped or handed out while somebody held its job");
            }
            (odd, _) if odd & DROPPED_BEFORE != 0 => {
                return wrong("was shown after it was dropped");
            }
            (_, 1) => {}
            (_, 0) => return wrong("was never dropped nor handed back"),
            (_, drops) => return wrong(&format!("was dropped {drops} times")),
        }
        // Each acceptance but the first follows a redrive.
        if accepted[number] > redriven[number] + 1 {
            return wrong(&format!(
                "was accepted {} times and redriven {} times",
                accepted[number], redriven[number]
            ));
        }
    }
    match facts.alive {
        0 => Ok(()),
        alive => Err(format!(
            "{alive} results or progresses were still alive when runtime and queues were gone"
        )),
    }
}

fn check_queue(
    queue: &QueueFacts,
    accepted: &mut [u32],
    redriven: &mut [u32],
) -> Result<(), String> {
    let stats = &queue.stats;
    if !stats.is_balanced() || stats.live() != 0 || stats.stuck != 0 {
        return Err(format!(
            "its books are not balanced after shutdown: {stats:?}"
        ));
    }
    let mut book = Book::default();
    for note in &queue.notes {
        enter(&mut book, note, accepted, redriven)?;
    }
    if let Some(heard) = &queue.heard {
        for (id, end) in lives::check(heard)? {
            book.end(id, end, "an event")?;
        }
    }
    check_jobs(queue, &book)?;
    check_counts(queue, &book)?;
    check_attempts(queue)
}

fn enter(
    book: &mut Book,
    note: &Note,
    accepted: &mut [u32],
    redriven: &mut [u32],
) -> Result<(), String> {
    match note {
        Note::Accepted {
            id,
            number,
            redriven: again,
        } => {
            accepted[*number as usize] += 1;
            redriven[*number as usize] += u32::from(*again);
            book.of(*id).accepted += 1;
            book.see(*id, *number, "add")
        }
        Note::Called { number, end } => {
            accepted[*number as usize] += 1;
            book.called += 1;
            if let Some(end) = end {
                *book.called_ends.entry(*end).or_default() += 1;
            }
            Ok(())
        }
        Note::Ended { id, end, witness } => book.end(*id, *end, witness),
        Note::Seen {
            id,
            number,
            witness,
        } => book.see(*id, *number, witness),
        Note::GivenBack { id, number } => {
            book.of(*id).given_back += 1;
            book.end(*id, End::Returned, "take_returned")?;
            number.map_or(Ok(()), |number| book.see(*id, number, "take_returned"))
        }
        Note::CancelledMany(_) => Ok(()),
        Note::Swapped { given, back } => Err(format!(
            "payload {given} was refused, and payload {back} came back"
        )),
        Note::Unanswered(id) => Err(format!("who waited for job {id} was never answered")),
        Note::Wrong(what) => Err(what.clone()),
    }
}

impl Book {
    fn of(&mut self, id: JobId) -> &mut Job {
        self.jobs.entry(id).or_default()
    }

    fn end(&mut self, id: JobId, end: End, witness: &'static str) -> Result<(), String> {
        match self.of(id).end.get_or_insert((end, witness)) {
            (first, _) if *first == end => Ok(()),
            (first, other) => Err(format!(
                "job {id} ended twice: {} by {other}, {} by {witness}",
                first.name(),
                end.name()
            )),
        }
    }

    fn see(&mut self, id: JobId, number: u64, witness: &str) -> Result<(), String> {
        match *self.of(id).number.get_or_insert(number) {
            first if first == number => Ok(()),
            first => Err(format!(
                "job {id} has payload {first}, and by {witness} payload {number}"
            )),
        }
    }
}

/// Every job that somebody knows of was accepted once, and has an end if everything was written down.
fn check_jobs(queue: &QueueFacts, book: &Book) -> Result<(), String> {
    let all_heard = queue.heard.as_ref().is_some_and(|heard| heard.lagged == 0);
    let mut unnamed = 0;
    for (id, job) in &book.jobs {
        unnamed += u64::from(job.accepted == 0);
        if job.accepted > 1 {
            return Err(format!("job {id} was accepted {} times", job.accepted));
        }
        let returned = matches!(job.end, Some((End::Returned, _)));
        if job.given_back != u32::from(returned) {
            return Err(format!(
                "job {id} was returned, and take_returned had it {} times",
                job.given_back
            ));
        }
        if job.end.is_none() && (all_heard || queue.recorded) {
            return Err(format!("job {id} was accepted and has no end"));
        }
    }
    if !queue.is_dead && unnamed > book.called {
        return Err(format!(
            "{unnamed} jobs are heard of that nobody added, beside {} by call",
            book.called
        ));
    }
    Ok(())
}

/// The queue's counts are ours.
fn check_counts(queue: &QueueFacts, book: &Book) -> Result<(), String> {
    let stats = &queue.stats;
    let named = book.jobs.values().filter(|job| job.accepted > 0).count() as u64;
    if !queue.is_dead {
        agree("accepted", stats.accepted, named + book.called)?;
    }
    // Then every end was told to somebody.
    let all_told = queue.recorded || queue.heard.as_ref().is_some_and(|heard| heard.lagged == 0);
    for end in ENDS {
        let known = book
            .jobs
            .values()
            .filter(|job| job.end.is_some_and(|(how, _)| how == end));
        let known = known.count() as u64;
        let counted = end.counted(stats);
        let unnamed = book.called_ends.get(&end).copied().unwrap_or(0);
        if all_told {
            agree(end.name(), counted, known)?;
        }
        if unnamed > counted || known > counted {
            return Err(format!(
                "it counts {counted} jobs {}, and {} are known",
                end.name(),
                known.max(unnamed)
            ));
        }
    }
    let one_by_one = queue.notes.iter().filter(|note| {
        matches!(
            note,
            Note::Ended {
                end: End::Cancelled,
                witness: "cancel",
                ..
            }
        )
    });
    let many = queue.notes.iter().map(|note| match note {
        Note::CancelledMany(jobs) => *jobs,
        _ => 0,
    });
    agree(
        "cancelled",
        stats.cancelled,
        one_by_one.count() as u64 + many.sum::<u64>(),
    )?;
    if let Some(hooks) = queue.hooks {
        agree("completed (by its hook)", stats.completed, hooks.completed)?;
        let failed = stats.failed + stats.retried;
        agree("failed and retried (by its hook)", failed, hooks.failed)?;
    }
    Ok(())
}

/// Every start has one outcome; a time-out is decided in addition to what its handler says late.
fn check_attempts(queue: &QueueFacts) -> Result<(), String> {
    let stats = &queue.stats;
    let decided = stats.completed
        + stats.failed
        + stats.retried
        + stats.snoozed
        + stats.requeued
        + stats.late;
    agree(
        "attempts",
        decided - stats.timed_out,
        queue.starts + queue.redriven,
    )?;
    agree("panicked", stats.panicked, queue.panics)
}

/// Every job that ended dead is a letter, or waits to become one.
fn check_letters(facts: &Facts) -> Result<(), String> {
    let Some(dead) = facts.queues.iter().find(|queue| queue.is_dead) else {
        return Ok(());
    };
    let sources = facts.queues.iter().filter(|queue| !queue.is_dead);
    let owed = |queue: &QueueFacts| queue.stats.failed + queue.stats.expired;
    let (died, unsent) = sources.fold((0, 0), |(died, unsent), queue| {
        (died + owed(queue), unsent + queue.stats.unsent)
    });
    match dead.stats.accepted + unsent == died {
        true => Ok(()),
        false => Err(format!(
            "{died} jobs ended dead, and there are {} letters and {unsent} unsent",
            dead.stats.accepted
        )),
    }
}

fn agree(what: impl fmt::Display, counted: u64, tallied: u64) -> Result<(), String> {
    match counted == tallied {
        true => Ok(()),
        false => Err(format!("it counts {counted} {what}, the tally {tallied}")),
    }
}
