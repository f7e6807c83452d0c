//! Queues with a program's options, whose hooks write down what they are told.

use std::sync::{Arc, Mutex};

use guichet::{JobBrief, JobId, Keep, Order, QueueBuilder, Runtime};

use crate::program::{BROKEN, FATAL, FINAL, OWN_PAUSE, Ranks, Setup, Shelf};
use crate::subject::Parcel;

/// Hook, job, attempt, whether it ended, text.
type HookSeen = (&'static str, JobId, u32, bool, String);
pub type HookLog = Arc<Mutex<Vec<HookSeen>>>;

fn keep(shelf: Shelf) -> Keep {
    match shelf.age {
        Some(age) => Keep::last(shelf.most).for_at_most(age),
        None => Keep::last(shelf.most),
    }
}

/// A queue with these options, whose hooks write down what they are told.
pub fn builder<T: Parcel>(
    runtime: &Runtime,
    name: &str,
    setup: &Setup,
    hooks: &HookLog,
) -> QueueBuilder<T, u32> {
    let mut builder = runtime
        .queue(name)
        .capacity(setup.capacity)
        .delayed_capacity(setup.delayed_capacity)
        .attempts(setup.attempts)
        .backoff(setup.pause.backoff())
        .delivery_limit(setup.delivery_limit)
        .keep_completed(keep(setup.keep_completed))
        .keep_failed(keep(setup.keep_failed))
        .log_lines(setup.log_lines)
        .event_capacity(setup.event_capacity);
    builder = match setup.ranks {
        Ranks::Fifo => builder,
        Ranks::Bands(count) => builder.order(Order::Bands(count)),
        Ranks::Heap(count) => builder.order(Order::Heap(count)),
    };
    if setup.custom {
        let breaks = |text: &str| {
            if text == BROKEN {
                std::panic::resume_unwind(Box::new(BROKEN));
            }
        };
        builder = builder.retry_if(move |failure| {
            let text = failure.error().to_string();
            breaks(&text);
            text != FATAL
        });
        builder = builder.backoff_with(move |_, failure| {
            let text = failure.error().to_string();
            breaks(&text);
            (text != FINAL).then_some(OWN_PAUSE)
        });
    }
    if let Some(limit) = setup.timeout {
        builder = builder.timeout(limit);
    }
    if let Some(grace) = setup.overlap_after {
        builder = builder.overlap_after(grace);
    }
    if let Some(results) = setup.keep_results {
        builder = builder.keep_results(results);
    }
    if setup.single_active {
        builder = builder.single_active_consumer();
    }
    let write = |hook: &'static str, log: &HookLog| {
        let log = log.clone();
        move |brief: &JobBrief, text: String| {
            let seen = (hook, brief.id, brief.attempt, brief.ended, text);
            log.lock().unwrap().push(seen);
        }
    };
    let completed = write("completed", hooks);
    let failed = write("failed", hooks);
    let exhausted = write("exhausted", hooks);
    builder
        .on_completed(move |brief, result: &u32| completed(brief, result.to_string()))
        .on_failed(move |brief, failure| failed(brief, failure.error().to_string()))
        .on_exhausted(move |brief, failure| exhausted(brief, failure.error().to_string()))
}
