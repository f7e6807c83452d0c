//! Why a job was cancelled: told to whoever waits, to its handler, and in its record.

use guichet::{Failure, JobError, JobId, JobState, Queue, Revoked};

use super::support::*;

fn reason_of(result: Result<u32, JobError>) -> Option<String> {
    match result {
        Err(JobError::Cancelled { reason }) => reason,
        other => panic!("{other:?}"),
    }
}

fn recorded(queue: &Queue<u32, u32>, id: JobId) -> Option<String> {
    let info = queue.job_info(id).expect("its record is kept");
    assert_eq!(info.state, JobState::Cancelled);
    info.cancel_reason
}

#[test]
fn a_waiting_or_delayed_jobs_reason_is_recorded() {
    let (runtime, _) = still();
    let queue = runtime.queue::<u32, u32>("jobs").build().unwrap();
    for reason in [None, Some("enough")] {
        for delayed in [false, true] {
            let job = queue.job(1);
            let handle = match delayed {
                true => job.delay(secs(1)).submit().unwrap(),
                false => job.submit().unwrap(),
            };
            let id = handle.id();
            assert!(match reason {
                None => queue.cancel(id),
                Some(why) => queue.cancel_because(id, why),
            });
            let reason = reason.map(str::to_owned);
            assert_eq!(reason_of(outcome(handle)), reason);
            assert_eq!(recorded(&queue, id), reason);
        }
    }
    let books = Books {
        cancelled: 4,
        ..NONE
    };
    audit(&queue.stats(), books);
}

/// Told while it runs, whatever had been written down about the job by then, and recorded.
#[test]
fn a_running_jobs_reason_reaches_its_handler_and_its_record() {
    for (logs, attempts) in [(false, 1), (true, 1), (false, 2)] {
        let (runtime, log) = (still().0, Log::new());
        let queue = runtime.queue::<u32, u32>("jobs").attempts(attempts);
        let queue = queue.build().unwrap();
        let (cancels, seen) = (queue.clone(), log.clone());
        queue
            .workers(1, move |job| {
                if job.attempt() < attempts {
                    return Err(Failure::msg("again"));
                }
                if logs {
                    job.log("begun");
                }
                assert_eq!(job.checkpoint(), Ok(()));
                assert!(cancels.cancel_because(job.id(), "enough"));
                assert!(!cancels.cancel_because(job.id(), "another reason"));
                seen.push(job.checkpoint());
                Ok(0)
            })
            .unwrap();
        let handle = queue.submit(1).unwrap();
        let id = handle.id();
        runtime.run_until_idle();
        let reason = Some("enough".to_owned());
        assert_eq!(reason_of(outcome(handle)), reason);
        assert_eq!(
            (recorded(&queue, id), log.take()),
            (reason.clone(), vec![Err(Revoked::Cancelled { reason })]),
            "recorded, and told; logs: {logs}, attempts: {attempts}"
        );
        let books = Books {
            cancelled: 1,
            late: 1,
            retried: u64::from(attempts) - 1,
            ..NONE
        };
        audit(&queue.stats(), books);
    }
}

/// Handlers whose time was over are told too, each of them, though the job was not running any more when it was cancelled.
#[test]
fn late_handlers_learn_the_reason() {
    for beside in [false, true] {
        let (runtime, _) = still();
        let queue = runtime.queue::<u32, u32>("jobs").attempts(3);
        let queue = queue.timeout(secs(10)).overlap_after(secs(5));
        let queue = queue.keep_failed(0).build().unwrap();
        let id = queue.add(1).unwrap();
        let mut late = vec![queue.try_lease().expect("the job")];
        runtime.advance(secs(15));
        if beside {
            late.push(queue.try_lease().expect("another attempt"));
        }
        assert!(queue.cancel_because(id, "enough"));
        for lease in late {
            let lost = lease.complete(0).expect_err("it was cancelled");
            let reason = Some("enough".to_owned());
            assert_eq!(*lost.why(), Revoked::Cancelled { reason });
        }
    }
}
