//! The pauses between attempts, who decides about them, and attempts that do not count.

use std::panic::resume_unwind;
use std::time::Duration;

use guichet::{
    Backoff, BuildError, Clock, Failure, Job, JobError, JobState, ManualClock, Queue, QueueBuilder,
    Runtime,
};

use super::support::*;

type Starts = Log<Duration>;

/// One worker that always fails and writes down when.
fn failing(builder: QueueBuilder<u32, ()>, clock: &ManualClock) -> (Queue<u32, ()>, Starts) {
    let queue = builder.build().unwrap();
    let starts = Log::new();
    let (seen, time) = (starts.clone(), clock.clone());
    queue
        .workers(1, move |_| {
            seen.push(time.now());
            Err(Failure::msg("again"))
        })
        .unwrap();
    (queue, starts)
}

fn jobs(runtime: &Runtime) -> QueueBuilder<u32, ()> {
    runtime.queue("jobs")
}

fn pauses(starts: &Starts) -> Vec<Duration> {
    let starts = starts.take();
    starts.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

fn failed(jobs: u64, retried: u64) -> Books {
    Books {
        failed: jobs,
        retried,
        ..NONE
    }
}

#[test]
fn pauses_are_as_long_as_the_backoff_says() {
    let odd = Duration::new(3, 7);
    let doubling = Backoff::exponential(secs(1));
    let cases: [(Backoff, u32, Vec<Duration>); 7] = [
        (Backoff::none(), 4, vec![Duration::ZERO; 3]),
        (Backoff::fixed(odd), 4, vec![odd; 3]),
        (Backoff::fixed(NANO), 3, vec![NANO; 2]),
        (doubling, 6, [1, 2, 4, 8, 16].map(secs).to_vec()),
        (doubling.cap(secs(5)), 6, [1, 2, 4, 5, 5].map(secs).to_vec()),
        (
            Backoff::exponential(secs(2000)),
            4,
            [2000, 3600, 3600].map(secs).to_vec(),
        ),
        (Backoff::fixed(secs(9)).cap(secs(2)), 3, vec![secs(2); 2]),
    ];
    for (backoff, attempts, expected) in cases {
        let (runtime, clock) = still();
        let builder = jobs(&runtime).attempts(attempts).backoff(backoff);
        let (queue, starts) = failing(builder, &clock);
        clock.advance(NANO);
        let handle = queue.submit(0).unwrap();
        let last = expected.iter().sum::<Duration>();
        if !last.is_zero() {
            runtime.advance(last - NANO);
            assert!(!handle.is_finished(), "{backoff:?}: never early");
            assert_eq!(queue.state(handle.id()), Some(JobState::Delayed));
            runtime.advance(NANO);
        }
        runtime.run_until_idle();
        assert!(matches!(outcome(handle), Err(JobError::Failed(_))));
        assert_eq!(pauses(&starts), expected, "{backoff:?}");
        audit(&queue.stats(), failed(1, u64::from(attempts) - 1));
    }
}

/// Longer than clocks count: the job waits and can be cancelled.
#[test]
fn an_endless_pause_is_waited_for() {
    let (runtime, clock) = still();
    let builder = jobs(&runtime).attempts(2);
    let builder = builder.backoff(Backoff::fixed(Duration::MAX));
    let (queue, starts) = failing(builder, &clock);
    let id = queue.add(0).unwrap();
    runtime.advance(secs(1 << 32));
    assert_eq!(starts.take().len(), 1);
    assert!(queue.cancel(id));
    let books = Books {
        cancelled: 1,
        retried: 1,
        ..NONE
    };
    audit(&queue.stats(), books);
}

/// Between half a pause and a whole one, not all the same, and the same in every run.
#[test]
fn jitter_spreads_pauses_the_same_way_every_time() {
    let run = || {
        let (runtime, clock) = still();
        let backoff = Backoff::exponential(secs(8)).jitter(0.5);
        let builder = jobs(&runtime).attempts(3).backoff(backoff);
        let (queue, starts) = failing(builder, &clock);
        let mut all = Vec::new();
        for number in 0..50 {
            queue.add(number).unwrap();
            runtime.advance(secs(24));
            let pauses = pauses(&starts);
            assert!(pauses[0] >= secs(4) && pauses[0] <= secs(8), "{pauses:?}");
            assert!(pauses[1] >= secs(8) && pauses[1] <= secs(16), "{pauses:?}");
            all.extend(pauses);
        }
        audit(&queue.stats(), failed(50, 100));
        all
    };
    let first = run();
    assert_eq!(first, run());
    let (mut low, mut high) = (0, 0);
    for pause in first.iter().step_by(2) {
        low += usize::from(*pause < secs(6));
        high += usize::from(*pause > secs(6));
    }
    assert!(low > 10 && high > 10, "{low} short ones, {high} long ones");
}

/// Jobs that fail together do not come back together.
#[test]
fn jitter_parts_jobs_that_failed_together() {
    let (runtime, clock) = still();
    let backoff = Backoff::fixed(secs(8)).jitter(1.0);
    let builder = jobs(&runtime).attempts(2).backoff(backoff);
    let (queue, starts) = failing(builder, &clock);
    queue.add_many((0..100).collect()).unwrap();
    runtime.advance(secs(8));
    let mut again = starts.take().split_off(100);
    assert_eq!(again.len(), 100);
    assert!(again.is_sorted() && again[99] <= secs(8));
    again.dedup();
    assert!(again.len() > 95, "{} instants", again.len());
    assert!(again[0] < secs(1) && again[again.len() - 1] > secs(7));
    audit(&queue.stats(), failed(100, 100));
}

#[test]
fn a_jitter_out_of_range_is_refused() {
    let (runtime, _) = still();
    for share in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        let backoff = Backoff::fixed(secs(1)).jitter(share);
        match refused(jobs(&runtime).backoff(backoff).build()) {
            BuildError::Invalid(invalid) => assert_eq!(invalid.option(), "jitter"),
            other => panic!("{other}"),
        }
    }
}

/// Each of the two options on its own, the other is the queue's.
#[test]
fn a_jobs_own_options_go_over_the_queues() {
    let (runtime, clock) = still();
    let builder = jobs(&runtime).attempts(3);
    let (queue, starts) = failing(builder.backoff(Backoff::fixed(secs(10))), &clock);
    let run = |attempts: Option<u32>, backoff: Option<Backoff>| {
        let mut job = queue.job(0);
        if let Some(attempts) = attempts {
            job = job.attempts(attempts);
        }
        if let Some(backoff) = backoff {
            job = job.backoff(backoff);
        }
        job.add().unwrap();
        runtime.advance(secs(1000));
        pauses(&starts)
    };
    let own = Some(Backoff::exponential(secs(1)));
    assert_eq!(run(None, None), [secs(10); 2]);
    assert_eq!(run(Some(4), None), [secs(10); 3]);
    assert_eq!(run(Some(1), None), []);
    assert_eq!(run(None, own), [secs(1), secs(2)]);
    assert_eq!(run(Some(4), own), [secs(1), secs(2), secs(4)]);
    // The slot's next tenant has the queue's again.
    assert_eq!(run(None, None), [secs(10); 2]);
    audit(&queue.stats(), failed(6, 2 + 3 + 2 + 3 + 2));
}

#[test]
fn a_jobs_own_attempts_are_what_its_handler_sees() {
    let (runtime, _) = still();
    let queue = jobs(&runtime).attempts(2).build().unwrap();
    let log = Log::new();
    let seen = log.clone();
    queue
        .workers(1, move |job| {
            seen.push((job.attempt(), job.is_last_attempt()));
            Err(Failure::msg("again"))
        })
        .unwrap();
    queue.job(0).attempts(3).add().unwrap();
    runtime.run_until_idle();
    assert_eq!(log.take(), [(1, false), (2, false), (3, true)]);
    queue.job(0).attempts(1).add().unwrap();
    runtime.run_until_idle();
    assert_eq!(log.take(), [(1, true)]);
    audit(&queue.stats(), failed(2, 2));
}

/// The function is asked with the job and the failure, after each attempt that is not the last.
#[test]
fn a_function_decides_about_the_pause() {
    let (runtime, clock) = still();
    let (asked, asks) = (Log::new(), Log::new());
    let questions = asks.clone();
    let builder = jobs(&runtime)
        .attempts(4)
        .backoff(Backoff::fixed(secs(99)))
        .backoff_with(move |job, failure| {
            questions.push((*job.payload(), job.attempt(), failure.to_string()));
            match job.payload() {
                0 => Some(secs(u64::from(job.attempt()))),
                1 => (job.attempt() < 2).then_some(Duration::ZERO),
                _ => None,
            }
        });
    let queue = builder.build().unwrap();
    let (seen, time) = (asked.clone(), clock.clone());
    queue
        .workers(1, move |job| {
            seen.push((*job.payload(), time.now()));
            Err(Failure::msg(format!("try {}", job.attempt())))
        })
        .unwrap();
    let expected = [
        (0, vec![0, 1, 3, 6], 3),
        (1, vec![100, 100], 2),
        (2, vec![200], 1),
    ];
    for (number, starts, questions) in expected {
        let handle = queue.submit(number).unwrap();
        runtime.advance(secs(100));
        match outcome(handle) {
            Err(JobError::Failed(why)) => {
                assert_eq!(why.to_string(), format!("try {}", starts.len()));
            }
            other => panic!("{other:?}"),
        }
        let at = starts.into_iter().map(|second| (number, secs(second)));
        assert_eq!(asked.take(), at.collect::<Vec<_>>());
        let asks = asks.take().into_iter();
        assert!(asks.eq((1..=questions).map(|n| (number, n, format!("try {n}")))));
    }
    audit(&queue.stats(), failed(3, 3 + 1));
}

#[test]
fn a_function_that_panics_is_as_good_as_none() {
    let (runtime, clock) = still();
    let builder = jobs(&runtime)
        .attempts(3)
        .backoff(Backoff::fixed(secs(5)))
        .backoff_with(|_, _| resume_unwind(Box::new("broken")))
        .retry_if(|_| resume_unwind(Box::new("broken too")));
    let (queue, starts) = failing(builder, &clock);
    queue.add(0).unwrap();
    runtime.advance(secs(10));
    assert_eq!(pauses(&starts), [secs(5); 2]);
    // Their panics are nobody's attempt.
    audit(&queue.stats(), failed(1, 2));
}

/// By kind; a discarded job is not even asked about, nor is a last attempt.
#[test]
fn a_predicate_decides_which_failures_are_worth_another_attempt() {
    for panics_too in [false, true] {
        let (runtime, asked) = (still().0, Log::new());
        let asks = asked.clone();
        let queue = jobs(&runtime)
            .attempts(3)
            .retry_if(move |failure| {
                asks.push(failure.is_panic());
                match failure.is_panic() {
                    true => panics_too,
                    false => failure.to_string() != "hopeless",
                }
            })
            .build()
            .unwrap();
        queue
            .workers(1, |job| match job.payload() {
                0 => Err(Failure::msg("again")),
                1 => resume_unwind(Box::new("broken")),
                2 => Err(Failure::msg("hopeless")),
                _ => Err(Failure::discard("never")),
            })
            .unwrap();
        let run = |number| {
            let before = queue.stats().retried;
            let handle = queue.submit(number).unwrap();
            runtime.run_until_idle();
            assert!(matches!(outcome(handle), Err(JobError::Failed(_))));
            (queue.stats().retried - before, asked.take())
        };
        assert_eq!(run(0), (2, vec![false; 2]));
        match panics_too {
            true => assert_eq!(run(1), (2, vec![true; 2])),
            false => assert_eq!(run(1), (0, vec![true])),
        }
        assert_eq!(run(2), (0, vec![false]));
        assert_eq!(run(3), (0, vec![]));
        let books = Books {
            panicked: if panics_too { 3 } else { 1 },
            ..failed(4, if panics_too { 4 } else { 2 })
        };
        audit(&queue.stats(), books);
    }
}

/// As often as the handler likes, neither the predicate nor the backoff is asked, and what has been tried stays tried.
#[test]
fn a_snooze_uses_no_attempt() {
    let (runtime, clock) = still();
    let queue = jobs(&runtime)
        .attempts(2)
        .backoff(Backoff::fixed(secs(100)))
        .retry_if(|failure| failure.snoozed().is_none())
        .backoff_with(|_, failure| {
            assert!(failure.snoozed().is_none());
            Some(secs(7))
        })
        .build()
        .unwrap();
    let starts = Log::new();
    let (seen, time) = (starts.clone(), clock.clone());
    queue
        .workers(1, move |job| {
            let now = time.now().as_secs();
            seen.push((now, job.attempt(), job.is_last_attempt()));
            match now {
                0..1000 => Err(Failure::snooze(secs(1))),
                1000 => Err(Failure::msg("again")),
                1007 => Err(Failure::snooze(secs(3))),
                _ => Ok(()),
            }
        })
        .unwrap();
    let handle = queue.submit(0).unwrap();
    runtime.advance(secs(1) - NANO);
    assert_eq!(queue.state(handle.id()), Some(JobState::Delayed));
    assert_eq!(starts.take(), [(0, 1, false)]);
    runtime.advance(secs(2000));
    value(handle);
    let starts = starts.take();
    assert_eq!(starts.len(), 1002);
    assert!(starts[..1000].iter().all(|start| start.1 == 1));
    assert_eq!(starts[1000..], [(1007, 2, true), (1010, 2, true)]);
    let books = Books {
        completed: 1,
        retried: 1,
        snoozed: 1001,
        ..NONE
    };
    audit(&queue.stats(), books);
}

/// A snooze for no time goes behind its peers, a requeue to its place.
#[test]
fn a_snooze_for_no_time_goes_behind_its_peers() {
    let (runtime, log) = (still().0, Log::new());
    let queue = jobs(&runtime).build().unwrap();
    let seen = log.clone();
    let handler = move |job: &Job<'_, u32>| {
        seen.push(*job.payload());
        match (*job.payload(), seen.len()) {
            (0, 0..3) => Err(Failure::snooze(Duration::ZERO)),
            _ => Ok(()),
        }
    };
    queue.workers(1, handler).unwrap();
    queue.add_many(vec![0, 1]).unwrap();
    runtime.run_until_idle();
    assert_eq!(log.take(), [0, 1, 0]);
    let books = Books {
        completed: 2,
        snoozed: 1,
        ..NONE
    };
    audit(&queue.stats(), books);
}

/// With threads, which hand a job that fails, snoozes and is given back to one another.
#[test]
fn threads_try_a_job_as_often_as_it_has_attempts() {
    let (runtime, inside) = (runtime(), Count::new());
    let queue = runtime
        .queue::<std::sync::Mutex<u32>, u32>("jobs")
        .attempts(4)
        .backoff(Backoff::fixed(Duration::from_micros(20)))
        .build()
        .unwrap();
    let count = inside.clone();
    queue
        .workers(3, move |job| {
            count.bump();
            let mut visits = job.payload().try_lock().expect("two attempts at a time");
            *visits += 1;
            match *visits % 3 {
                1 => Err(Failure::snooze(Duration::from_micros(10))),
                2 => Err(Failure::requeue()),
                _ if job.is_last_attempt() => Ok(job.attempt()),
                _ => Err(Failure::msg("again")),
            }
        })
        .unwrap();
    let handles: Vec<_> = (0..100).map(|_| queue.submit(Default::default())).collect();
    for handle in handles {
        assert_eq!(value(handle.unwrap()), 4);
    }
    assert_eq!(inside.get(), 100 * 12);
    let books = Books {
        completed: 100,
        retried: 300,
        snoozed: 400,
        requeued: 400,
        ..NONE
    };
    settle(&queue, books);
}
