//! One run: a contender, a level, so many jobs. Set up, release, wait, stop the clock, tear down, check.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::contenders::{Contender, Failed, Producing};
use super::fault::Fault;
use super::gate::Gate;
use super::meter::{Consumed, Meter};
use super::sample::Latencies;
use super::task::{Share, Task, Workload};
use crate::cli::level::Level;

/// What is the same in every run of a plan.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Jobs that may lie between producers and workers.
    pub capacity: usize,
    /// How long no job may end before the rest counts as lost.
    pub patience: Duration,
}

/// What a run measured.
#[derive(Debug)]
pub struct Measured {
    /// From the release of the producers to the end of the last job.
    pub consumed: Consumed,
    /// Of the sampled jobs.
    pub latencies: Latencies,
}

/// Makes one run. Threads stand ready before the clock starts, and end after it has stopped.
///
/// # Errors
/// See [`Fault`]; after `Stalled` the threads concerned are left to the end of the process.
pub fn measure(
    contender: &dyn Contender,
    level: Level,
    workload: &Workload,
    jobs: u64,
    terms: Terms,
) -> Result<Measured, Fault> {
    let task = Arc::new(Task::new(workload, jobs, level.workers));
    let system = contender.start(level.workers, terms.capacity, &task)?;
    let gate = Arc::new(Gate::default());
    let (report, reports) = mpsc::channel();
    let mut producers = Vec::with_capacity(level.producers);
    for share in Share::cut(&task, &gate, level.producers) {
        match spawn(system.producer(), share, report.clone()) {
            Ok(producer) => producers.push(producer),
            Err(source) => {
                gate.open(false);
                return Err(Fault::NoThread(source.to_string()));
            }
        }
    }
    drop(report);
    gate.gather(level.producers);

    let meter = Meter::start();
    gate.open(true);
    let waited = task.wait(terms.patience);
    let consumed = meter.read();

    if let Err(ran) = waited {
        // Tearing down could wait for ever for what is stuck, so it is left alone.
        std::mem::forget(system);
        let failed = reports.try_iter().find_map(Result::err);
        return Err(failed.map_or(Fault::Stalled { ran, jobs }, Fault::Failed));
    }
    for _ in 0..producers.len() {
        match reports.recv_timeout(terms.patience) {
            Ok(result) => result?,
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                std::mem::forget(system);
                return Err(Fault::Unsound(
                    "all jobs have run, yet a producer still waits".to_owned(),
                ));
            }
        }
    }
    for producer in producers {
        producer
            .join()
            .map_err(|_| Fault::Unsound("a producer panicked".to_owned()))?;
    }
    let finished = system.finish();
    // The task's own books name the fault more exactly than the contender's.
    task.verify().map_err(Fault::Unsound)?;
    finished?;
    Ok(Measured {
        consumed,
        latencies: task.latencies(),
    })
}

fn spawn(
    produce: Producing,
    share: Share,
    report: mpsc::Sender<Result<(), Failed>>,
) -> std::io::Result<JoinHandle<()>> {
    thread::Builder::new()
        .name("producer".to_owned())
        .spawn(move || {
            // Nobody listens any more only when the run has already failed.
            let _ = report.send(produce(share));
        })
}
