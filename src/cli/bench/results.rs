//! What was measured, and what it comes to: medians with their range, ratios between neighbours in time.
//!
//! On a shared machine throughput drifts by tens of percent within a minute. A ratio is therefore taken between the
//! two runs of the same repetition, which lie seconds apart, and the median is taken over the ratios; the ratio of
//! two medians would compare different minutes.

#[cfg(test)]
mod tests;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::run::Measured;
use super::sample::Latencies;
use crate::cli::args::Impl;
use crate::cli::level::Level;

/// One run in figures.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    /// 1, 2, 3 …; the contenders of one repetition ran side by side.
    pub repetition: u64,
    /// Jobs in this run.
    pub jobs: u64,
    /// Wall time in seconds.
    pub seconds: f64,
    /// Jobs per second of wall time.
    pub jobs_per_second: f64,
    /// CPU nanoseconds of the whole process per job.
    pub cpu_ns_per_job: Option<f64>,
    /// Calls of the allocator per job.
    pub allocations_per_job: f64,
    /// From the call of add to the start of the handler.
    pub add_to_start: Percentiles,
    /// From the call of add to the end of the work.
    pub add_to_end: Percentiles,
}

impl Run {
    /// The figures of `measured`.
    pub fn new(repetition: u64, jobs: u64, measured: &Measured) -> Self {
        let (consumed, each) = (measured.consumed, jobs as f64);
        let seconds = consumed.wall.as_secs_f64();
        Run {
            repetition,
            jobs,
            seconds,
            jobs_per_second: each / seconds,
            cpu_ns_per_job: consumed.cpu.map(|cpu| cpu.as_nanos() as f64 / each),
            allocations_per_job: consumed.allocations as f64 / each,
            add_to_start: Percentiles::of(&measured.latencies.start),
            add_to_end: Percentiles::of(&measured.latencies.end),
        }
    }
}

/// A latency distribution in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Percentiles {
    /// Sampled jobs.
    pub samples: u64,
    /// Half of them took no longer.
    pub p50_us: f64,
    /// 99 of 100 took no longer.
    pub p99_us: f64,
    /// 999 of 1000 took no longer.
    pub p999_us: f64,
    /// None took longer.
    pub max_us: f64,
}

impl Percentiles {
    /// Reads a histogram of nanoseconds.
    pub fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e3;
        let max_us = histogram.max() as f64 / 1e3;
        Percentiles {
            samples: histogram.len(),
            p50_us: at(0.5),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us,
        }
    }
}

/// A figure over the repetitions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// The middle, or the mean of the two in the middle.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The most.
    pub max: f64,
}

impl Spread {
    /// Of the figures given; `None` if there are none.
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = figures.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median = if sorted.len().is_multiple_of(2) {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        } else {
            sorted[middle]
        };
        Some(Spread { median, min, max })
    }
}

/// All runs of one contender at one level of one workload.
#[derive(Debug)]
pub struct Row {
    /// Which contender.
    pub id: Impl,
    /// Its name in the table.
    pub name: &'static str,
    /// Its runs, by repetition.
    pub runs: Vec<Run>,
    /// The samples of all runs.
    pub latencies: Latencies,
}

impl Row {
    /// Adds the figures of a run.
    pub fn push(&mut self, repetition: u64, jobs: u64, measured: &Measured) {
        self.runs.push(Run::new(repetition, jobs, measured));
        self.latencies.merge(&measured.latencies);
    }

    /// One figure of every run.
    pub fn spread(&self, figure: impl Fn(&Run) -> Option<f64>) -> Option<Spread> {
        Spread::of(self.runs.iter().filter_map(figure))
    }
}

/// All contenders at one level of one workload.
#[derive(Debug)]
pub struct Group {
    /// `empty`, `files` or `priority`.
    pub workload: &'static str,
    /// The concurrency level.
    pub level: Level,
    /// A row for each contender, in the order of the table.
    pub rows: Vec<Row>,
}

impl Group {
    /// The row of a contender, if it was measured.
    pub fn row(&self, id: Impl) -> Option<&Row> {
        self.rows
            .iter()
            .find(|row| row.id == id && !row.runs.is_empty())
    }

    /// How many times the throughput of `base` that of `id` is, over the repetitions that have both.
    pub fn ratio(&self, id: Impl, base: Impl) -> Option<Spread> {
        self.ratio_of(id, base, |run| Some(run.jobs_per_second))
    }

    /// How many times the CPU time per job of `base` that of `id` is, over the repetitions that have both.
    pub fn cpu_ratio(&self, id: Impl, base: Impl) -> Option<Spread> {
        self.ratio_of(id, base, |run| run.cpu_ns_per_job)
    }

    fn ratio_of(
        &self,
        id: Impl,
        base: Impl,
        figure: impl Fn(&Run) -> Option<f64>,
    ) -> Option<Spread> {
        let (row, base) = (self.row(id)?, self.row(base)?);
        let ratios = row.runs.iter().filter_map(|run| {
            let partner = base
                .runs
                .iter()
                .find(|partner| partner.repetition == run.repetition)?;
            Some(figure(run)? / figure(partner)?)
        });
        Spread::of(ratios)
    }
}
