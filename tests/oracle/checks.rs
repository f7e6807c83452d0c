//! All that can be asked of a queue has the reference's answer.

use std::sync::Arc;

use std::time::{Duration, SystemTime};

use guichet::{DeadLetter, JobInfo, JobState};

use crate::reference::{AttemptFailure, Reference};
use crate::subject::{Parcel, Subject};

const LIVE: [JobState; 3] = [JobState::Waiting, JobState::Active, JobState::Delayed];
const ENDS: [JobState; 5] = [
    JobState::Completed,
    JobState::Dead,
    JobState::Cancelled,
    JobState::Interrupted,
    JobState::Returned,
];
/// How many records a page of a list has.
const PAGE: usize = 3;

/// What a manual clock's wall says at an instant.
pub fn wall(nanos: u64) -> SystemTime {
    let year_2000 = Duration::from_secs(10_957 * 24 * 60 * 60);
    SystemTime::UNIX_EPOCH + year_2000 + Duration::from_nanos(nanos)
}

impl<T: Parcel> Subject<T> {
    /// States and counts.
    pub fn check(&self, reference: &Reference) {
        let stats = self.queue.stats();
        assert_eq!(stats, reference.stats(self.lane), "{}", self.queue.name());
        assert!(stats.is_balanced(), "{stats:?}");
        let paused = reference.lanes[self.lane].paused;
        assert_eq!(self.queue.is_paused(), paused, "is_paused");
        for (number, job) in reference.jobs.iter().enumerate() {
            let Some(id) = job.id.filter(|_| job.lane == self.lane) else {
                continue;
            };
            let known = reference.is_tenant(number) || reference.is_kept(number);
            let expected = known.then_some(job.state);
            assert_eq!(self.queue.state(id), expected, "state of job {number}");
        }
    }

    /// The same of all that is known of jobs.
    pub fn check_all(&self, reference: &mut Reference) {
        self.check(reference);
        for number in 0..reference.jobs.len() {
            if reference.jobs[number].lane == self.lane && reference.jobs[number].id.is_some() {
                self.check_info(reference, number);
            }
        }
        for state in LIVE {
            let listed = self.pages(state);
            let mut ids: Vec<_> = listed.iter().map(|info| info.id.to_string()).collect();
            let jobs = reference.in_state(self.lane, state);
            let ids_of = jobs
                .iter()
                .map(|number| reference.jobs[*number].id.unwrap().to_string());
            let mut expected: Vec<_> = ids_of.collect();
            ids.sort();
            expected.sort();
            assert_eq!(ids, expected, "the {state:?} jobs");
        }
        for state in ENDS {
            let listed = self.pages(state);
            let expected = reference.records(self.lane, state);
            assert_eq!(self.queue.kept(state), expected.len(), "kept {state:?}");
            let ids: Vec<_> = listed.iter().map(|info| info.id).collect();
            let expected_ids: Vec<_> = expected
                .iter()
                .map(|number| reference.jobs[*number].id.unwrap())
                .collect();
            assert_eq!(ids, expected_ids, "the {state:?} jobs");
            for (info, number) in listed.iter().zip(expected) {
                check_record(reference, info, number);
                reference.cover("a record");
            }
        }
        for (number, lease) in &self.leases {
            let job = reference.holds[*number].unwrap().job;
            lease.payload().inspect(reference, job);
        }
        reference.cover("jobs");
        reference.cover("kept");
    }

    /// The jobs in a state, page by page.
    fn pages(&self, state: JobState) -> Vec<JobInfo> {
        let mut all = Vec::new();
        loop {
            let page = self.queue.jobs(state, all.len(), PAGE);
            let full = page.len() == PAGE;
            all.extend(page);
            assert!(all.len() < 1000, "the {state:?} jobs have no end");
            if !full {
                return all;
            }
        }
    }

    fn check_info(&self, reference: &mut Reference, number: usize) {
        let job = &reference.jobs[number];
        let id = job.id.unwrap();
        let (tenant, kept) = (reference.is_tenant(number), reference.is_kept(number));
        let progress = self.queue.progress::<u32>(id).map(|value| *value);
        let known = kept || !job.state.is_terminal();
        if known || !tenant {
            let expected = job.progress.filter(|_| known);
            assert_eq!(progress, expected, "progress of job {number}");
        }
        let in_results = reference.lanes[self.lane].results.contains(&number);
        let expected = job.result.filter(|_| in_results);
        assert_eq!(self.queue.result(id), expected, "result of job {number}");
        let kept_result = expected.is_some();
        match self.queue.job_info(id) {
            Ok(info) if kept => {
                check_record(reference, &info, number);
                reference.cover("job_info of a record");
            }
            Ok(info) if known => {
                check_known(reference, &info, number);
                assert_eq!((info.reason, info.finished_at), (None, None));
                reference.cover("job_info");
            }
            // Its record is not kept, but its slot still tells of it.
            Ok(info) if tenant => {
                let seen = (info.id, info.state, info.attempts);
                assert_eq!(seen, (id, job.state, job.tries), "of job {number}");
            }
            Ok(info) => panic!("job {number} is gone: {info:?}"),
            Err(_) => {
                assert!(!known && !tenant, "job {number} is not gone");
                reference.cover("job_info: gone");
            }
        }
        if kept_result {
            reference.cover("a result that is kept");
        }
    }
}

/// What is known of a job, whether it lives or not.
fn check_known(reference: &Reference, info: &JobInfo, number: usize) {
    let job = &reference.jobs[number];
    let seen = (info.id, info.state, info.attempts, info.redelivered);
    let expected = (job.id.unwrap(), job.state, job.tries, job.redelivered);
    assert_eq!(seen, expected, "of job {number}");
    check_errors(&info.errors, &job.errors);
    assert_eq!(info.failures, job.errors.len() as u64);
    let most = reference.lanes[job.lane].setup.log_lines;
    let dropped = job.log.len().saturating_sub(most);
    assert_eq!(info.log_dropped, dropped as u64, "of job {number}");
    let lines = info.log.iter();
    let lines = lines.map(|line| (line.attempt, line.at, line.text.clone()));
    let expected = job.log[dropped..].iter();
    let expected = expected.map(|(attempt, at, line)| (*attempt, wall(*at), line.to_string()));
    assert!(
        lines.eq(expected),
        "the log of job {number}: {:?}",
        info.log
    );
    assert_eq!(info.cancel_reason, job.cancel_reason, "of job {number}");
    let progress = info.progress::<u32>().map(|value| *value);
    assert_eq!(progress, job.progress, "progress of job {number}");
}

fn check_record(reference: &Reference, info: &JobInfo, number: usize) {
    check_known(reference, info, number);
    let job = &reference.jobs[number];
    let seen = (info.reason, info.finished_at);
    assert_eq!(seen, (job.reason, Some(wall(job.ended))), "of job {number}");
}

fn check_errors(seen: &[Arc<guichet::AttemptError>], expected: &[AttemptFailure]) {
    let seen: Vec<_> = seen
        .iter()
        .map(|error| (error.attempt, error.kind, error.message.as_str(), error.at))
        .collect();
    let expected: Vec<_> = expected
        .iter()
        .map(|error| {
            (
                error.attempt,
                error.kind,
                error.text.as_str(),
                wall(error.at),
            )
        })
        .collect();
    assert_eq!(seen, expected, "the failed attempts");
}

/// The letter of a dead job.
pub fn check_letter<T>(reference: &Reference, letter: &DeadLetter<T>, dead: usize) {
    let job = &reference.jobs[dead];
    let reason = job.reason.expect("it is dead");
    let last = job.errors.last();
    let error = last.map_or_else(|| reason.to_string(), |error| error.text.clone());
    assert_eq!(letter.error, error, "the letter of job {dead}");
    let seen = (letter.kind, letter.attempts, letter.reason, letter.source);
    let expected = (
        last.map(|error| error.kind),
        job.tries,
        reason,
        job.id.unwrap(),
    );
    assert_eq!(seen, expected, "the letter of job {dead}");
    assert_eq!(letter.failed_at, wall(job.ended), "when job {dead} died");
    assert_eq!(letter.queue, "main");
    check_errors(&letter.history, &job.errors);
}
