//! What is the user's goes once, whatever way a job goes: payloads, results, errors, handlers.
//!
//! Every way out ends with the count of payloads that are still to be had, and when queue and runtime are gone nothing is
//! left of anything.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use guichet::{
    AddError, DeadLetter, Failure, Job, JobHandle, JobId, ManualClock, Queue, Runtime,
    RuntimeBuilder,
};

use super::support::*;

/// How many things of one kind there were, and how many are gone.
#[derive(Clone, Default)]
struct Kind {
    made: Count,
    drops: Drops,
}

impl Kind {
    fn make(&self) -> Token {
        self.made.bump();
        self.drops.token()
    }

    fn alive(&self) -> usize {
        let made = self.made.get();
        made.checked_sub(self.drops.get())
            .expect("nothing is dropped twice")
    }
}

#[derive(Clone, Default)]
struct Goods {
    payloads: Kind,
    results: Kind,
    errors: Kind,
    handlers: Kind,
}

/// What a handler does with it.
#[derive(Clone, Copy)]
enum Fate {
    Complete,
    Fail,
    Discard,
    Panic,
    Snooze,
    /// Waits for the gate, then completes.
    Wait,
}

struct Payload {
    fate: Fate,
    _token: Token,
}

/// An error of the user's.
struct Woe(#[allow(dead_code)] Token);

impl fmt::Display for Woe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("woe")
    }
}

impl fmt::Debug for Woe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Woe")
    }
}

impl Error for Woe {}

type Jobs = Queue<Payload, Token>;
type Dead = Queue<DeadLetter<Payload>, ()>;

struct Stage {
    runtime: Runtime,
    queue: Jobs,
    dead: Dead,
    goods: Goods,
    gate: Gate,
    started: Count,
}

impl Stage {
    /// A queue of two jobs with two attempts each, a second for each of them, and room for one dead letter.
    fn new(builder: RuntimeBuilder) -> Self {
        let runtime = builder.build().unwrap();
        let dead = runtime.queue("dead").capacity(1).build().unwrap();
        let queue = runtime.queue("goods").capacity(2).attempts(2);
        let queue = queue.delivery_limit(0).dead_letters(&dead);
        Stage {
            queue: queue.build().unwrap(),
            dead,
            runtime,
            goods: Goods::default(),
            gate: Gate::new(),
            started: Count::new(),
        }
    }

    fn payload(&self, fate: Fate) -> Payload {
        let _token = self.goods.payloads.make();
        Payload { fate, _token }
    }

    fn add(&self, fate: Fate) -> JobId {
        self.queue
            .try_add(self.payload(fate))
            .expect("there is room")
    }

    fn submit(&self, fate: Fate) -> JobHandle<Token> {
        self.queue
            .submit(self.payload(fate))
            .expect("there is room")
    }

    fn work(&self) {
        let (goods, held, begun) = (self.goods.clone(), self.gate.clone(), self.started.clone());
        let own = goods.handlers.make();
        let handler = move |job: &Job<'_, Payload>| {
            let _: &Token = &own;
            begun.bump();
            let woe = || Woe(goods.errors.make());
            match job.payload().fate {
                Fate::Complete => Ok(goods.results.make()),
                Fate::Fail => Err(Failure::retry(woe())),
                Fate::Discard => Err(Failure::discard(woe())),
                Fate::Panic => std::panic::resume_unwind(Box::new(woe())),
                Fate::Snooze => Err(Failure::snooze(secs(100))),
                Fate::Wait => {
                    held.pass();
                    Ok(goods.results.make())
                }
            }
        };
        self.queue.workers(1, handler).unwrap();
    }

    /// Every kind but payloads, which may be in line or given back.
    fn alive(&self) -> (usize, usize) {
        (self.goods.results.alive(), self.goods.errors.alive())
    }

    /// All that is still there goes with queue and runtime.
    fn end(self, name: &str) {
        let Stage {
            runtime,
            queue,
            dead,
            goods,
            ..
        } = self;
        drop(runtime);
        drop((queue, dead));
        let gone = || {
            let Goods {
                payloads,
                results,
                errors,
                handlers,
            } = &goods;
            let kinds = [payloads, results, errors, handlers];
            kinds.iter().all(|kind| kind.alive() == 0)
        };
        until(name, gone);
    }
}

/// Goes one way; how many payloads are still to be had then.
type Way = fn(&Stage) -> usize;

const WAYS: [(&str, Way); 20] = [
    ("completed, and nobody waits", |stage| {
        stage.work();
        stage.add(Fate::Complete);
        stage.runtime.run_until_idle();
        assert_eq!(stage.alive(), (0, 0));
        0
    }),
    ("completed, and somebody waits", |stage| {
        stage.work();
        let handle = stage.submit(Fate::Complete);
        stage.runtime.run_until_idle();
        assert_eq!(stage.alive(), (1, 0));
        drop(value(handle));
        assert_eq!(stage.alive(), (0, 0));
        0
    }),
    ("completed, and the handle is dropped", |stage| {
        stage.work();
        let handle = stage.submit(Fate::Complete);
        stage.runtime.run_until_idle();
        drop(handle);
        assert_eq!(stage.alive(), (0, 0));
        0
    }),
    ("failed as often as it may", |stage| {
        stage.work();
        let handle = stage.submit(Fate::Fail);
        stage.runtime.run_until_idle();
        assert_eq!(stage.alive(), (0, 1), "the last error waits for the handle");
        drop(refused(outcome(handle)));
        assert_eq!(stage.alive(), (0, 0));
        1
    }),
    ("discarded", |stage| {
        stage.work();
        stage.add(Fate::Discard);
        stage.runtime.run_until_idle();
        assert_eq!(stage.alive(), (0, 0));
        1
    }),
    ("panicked as often as it may", |stage| {
        stage.work();
        stage.add(Fate::Panic);
        stage.runtime.run_until_idle();
        assert_eq!(stage.alive(), (0, 0), "what it panicked with");
        1
    }),
    ("a dead letter is read", |stage| {
        stage.work();
        stage.add(Fate::Discard);
        stage.runtime.run_until_idle();
        stage.dead.try_lease().unwrap().complete(()).unwrap();
        0
    }),
    ("a dead letter finds no room and is taken", |stage| {
        stage.work();
        stage.add(Fate::Discard);
        stage.add(Fate::Discard);
        stage.runtime.run_until_idle();
        assert_eq!(stage.queue.stats().unsent, 1);
        assert_eq!(stage.goods.payloads.alive(), 2);
        drop(stage.queue.take_unsent());
        1
    }),
    ("a dead letter finds no room and stays", |stage| {
        stage.work();
        stage.add(Fate::Discard);
        stage.add(Fate::Discard);
        stage.runtime.run_until_idle();
        2
    }),
    ("cancelled while it waits", |stage| {
        assert!(stage.queue.cancel(stage.add(Fate::Complete)));
        0
    }),
    ("cancelled while it is delayed", |stage| {
        stage.work();
        let id = stage.add(Fate::Snooze);
        stage.runtime.run_until_idle();
        assert_eq!(stage.goods.payloads.alive(), 1);
        assert!(stage.queue.cancel_because(id, "no more"));
        0
    }),
    ("cancelled while it is leased", |stage| {
        let id = stage.add(Fate::Complete);
        let lease = stage.queue.try_lease().unwrap();
        assert!(stage.queue.cancel(id));
        assert_eq!(stage.goods.payloads.alive(), 1, "its holder may read it");
        refused(lease.complete(stage.goods.results.make()));
        assert_eq!(stage.alive(), (0, 0), "a result that came too late");
        0
    }),
    ("expired", |stage| {
        let job = stage.queue.job(stage.payload(Fate::Complete)).ttl(secs(1));
        job.add().unwrap();
        stage.runtime.advance(secs(1));
        1
    }),
    ("out of time", |stage| {
        let job = stage.queue.job(stage.payload(Fate::Complete));
        job.attempts(1).timeout(secs(1)).add().unwrap();
        let lease = stage.queue.try_lease().unwrap();
        stage.runtime.advance(secs(1));
        assert_eq!(stage.dead.stats().waiting, 0, "its holder may read it");
        refused(lease.fail(Failure::retry(Woe(stage.goods.errors.make()))));
        assert_eq!(stage.alive(), (0, 0), "an error that came too late");
        1
    }),
    ("leased and completed", |stage| {
        stage.add(Fate::Complete);
        let lease = stage.queue.try_lease().unwrap();
        lease.complete(stage.goods.results.make()).unwrap();
        assert_eq!(stage.alive(), (0, 0));
        0
    }),
    ("its lease is dropped too often", |stage| {
        stage.add(Fate::Complete);
        drop(stage.queue.try_lease().unwrap());
        assert_eq!(stage.dead.stats().waiting, 1);
        1
    }),
    ("rejected", |stage| {
        stage.add(Fate::Complete);
        stage.queue.try_lease().unwrap().dead_letter("no").unwrap();
        1
    }),
    ("refused for want of room", |stage| {
        stage.add(Fate::Complete);
        stage.add(Fate::Complete);
        drop(refused(stage.queue.try_add(stage.payload(Fate::Complete))));
        2
    }),
    ("returned and taken", |stage| {
        stage.add(Fate::Complete);
        stage.runtime.shutdown(PATIENCE);
        assert_eq!(stage.goods.payloads.alive(), 1);
        assert_eq!(stage.queue.take_returned().len(), 1);
        0
    }),
    ("returned and left", |stage| {
        stage.add(Fate::Complete);
        stage.runtime.shutdown(PATIENCE);
        1
    }),
];

#[test]
fn every_way_out_drops_everything_once() {
    for (name, way) in WAYS {
        let stage = Stage::new(Runtime::builder().clock(ManualClock::new()));
        let left = way(&stage);
        assert_eq!(stage.goods.payloads.alive(), left, "{name}");
        stage.end(name);
    }
}

/// A handler that shutdown gave up on keeps its payload until it returns, and its result is dropped then.
#[test]
fn an_interrupted_job_drops_everything_once() {
    let stage = Stage::new(Runtime::builder().drop_timeout(Duration::ZERO));
    stage.work();
    let handle = stage.submit(Fate::Wait);
    stage.started.reach(1);
    assert!(!stage.runtime.shutdown(Duration::ZERO).in_time);
    refused(outcome(handle));
    assert_eq!(stage.goods.payloads.alive(), 1, "its handler reads it");
    stage.gate.open();
    until("the handler returns", || stage.goods.payloads.alive() == 0);
    stage.end("interrupted");
}

/// Those who wait for room when the queue closes get theirs back.
#[test]
fn shutdown_drops_everything_once_that_adders_bring() {
    const ADDERS: usize = 4;
    let stage = Arc::new(Stage::new(Runtime::builder().drop_timeout(Duration::ZERO)));
    stage.work();
    let running = stage.submit(Fate::Wait);
    stage.started.reach(1);
    stage.add(Fate::Complete);
    let adders: Vec<_> = (0..ADDERS)
        .map(|_| {
            let stage = stage.clone();
            start(
                move || match stage.queue.add(stage.payload(Fate::Complete)) {
                    Err(AddError::Closed(payload)) => drop(payload),
                    other => panic!("{:?}", other.map_err(|error| error.to_string())),
                },
            )
        })
        .collect();
    stage.goods.payloads.made.reach(2 + ADDERS);
    let_block();
    stage.runtime.shutdown(Duration::ZERO);
    adders.into_iter().for_each(Pending::get);
    refused(outcome(running));
    assert_eq!(stage.queue.take_returned().len(), 1);
    assert_eq!(stage.goods.payloads.alive(), 1, "its handler reads it");
    stage.gate.open();
    until("the handler returns", || stage.goods.payloads.alive() == 0);
    until("the adders have left", || Arc::strong_count(&stage) == 1);
    let stage = Arc::into_inner(stage).expect("nobody else has it");
    stage.end("closed over adders");
}

/// Says its name when it is dropped.
#[derive(Clone)]
struct Named(&'static str, Log<&'static str>);

impl Drop for Named {
    fn drop(&mut self) {
        self.1.push(self.0);
    }
}

/// What a queue still holds when its last handle goes is dropped in this order: destructors of the user's may
/// depend on it.
#[test]
fn the_last_handle_drops_in_order() {
    let (runtime, _clock) = still();
    let log = Log::new();
    let named = |name| Named(name, log.clone());
    let dead = runtime.queue::<DeadLetter<Named>, ()>("dead").capacity(1);
    let dead = dead.build().unwrap();
    let hook = named("hook");
    let queue = runtime.queue::<Named, Named>("jobs").dead_letters(&dead);
    let queue = queue.keep_completed(1).keep_results(1);
    let queue = queue.on_completed(move |_, _| assert!(hook.1.len() < 99));
    let queue = queue.build().unwrap();
    let made = log.clone();
    let handler = move |job: &Job<'_, Named>| {
        let named = |name| Named(name, made.clone());
        match job.payload().0 {
            "done" => {
                job.set_progress(named("record"));
                Ok(named("result"))
            }
            "unsent" => {
                job.set_progress(named("history"));
                Err(Failure::msg("no"))
            }
            _ => Err(Failure::msg("no")),
        }
    };
    queue.workers(1, handler).unwrap();
    for name in ["sent", "unsent", "done"] {
        queue.add(named(name)).unwrap();
        runtime.run_until_idle();
    }
    queue.pause();
    queue.add(named("returned")).unwrap();
    runtime.shutdown(Duration::ZERO);
    drop((runtime, dead));
    // The handler's result went to nobody; a copy is kept.
    assert_eq!(log.take(), ["result", "done"]);
    drop(queue);
    // Shutdown sent the second letter, since the first one had been given back.
    let letters = ["sent", "unsent"];
    let records = ["record", "history"];
    let expected = [&["hook"][..], &letters, &records, &["result", "returned"]];
    assert_eq!(log.take(), expected.concat());
}
