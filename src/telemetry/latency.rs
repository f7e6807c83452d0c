//! Sampled durations in buckets that one thread fills and anybody reads.
//!
//! A bucket's width is 1/32 of its value, as in HdrHistogram with two digits; merging and
//! percentiles are that library's, on a copy made when somebody asks.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::Counter;

const SUB_BITS: u32 = 5;
const SUBS: usize = 1 << SUB_BITS;
/// Up to 2^41 ns, 36 minutes; longer ones count as that. A model makes every bucket anew in each
/// execution, and has no time to measure.
const OCTAVES: usize = if crate::sync::MODEL { 2 } else { 37 };
const LONGEST: u64 = (1 << (OCTAVES as u32 + SUB_BITS - 1)) - 1;

/// Durations that one thread records.
#[derive(Debug)]
pub struct Latency {
    buckets: Box<[Counter]>,
}

impl Latency {
    /// An empty record; its memory never grows.
    pub fn new() -> Self {
        Latency {
            buckets: (0..OCTAVES * SUBS).map(|_| Counter::default()).collect(),
        }
    }

    /// Records one duration. Only one thread at a time may call this.
    #[inline]
    pub fn record(&self, nanos: u64) {
        self.buckets[Self::bucket(nanos.min(LONGEST))].bump();
    }

    fn bucket(nanos: u64) -> usize {
        // The first two octaves are exact; from then on the five bits below the leading one count.
        let octave = (64 - (nanos | (SUBS as u64 - 1)).leading_zeros()) - SUB_BITS;
        let sub = (nanos >> octave.saturating_sub(1)) as usize & (SUBS - 1);
        octave as usize * SUBS + sub
    }

    /// The middle of a bucket.
    fn value(bucket: usize) -> u64 {
        let (octave, sub) = (bucket / SUBS, (bucket % SUBS) as u64);
        if octave == 0 {
            return sub;
        }
        let width = 1_u64 << (octave - 1);
        (SUBS as u64 + sub) * width + width / 2
    }

    /// Adds what was recorded to `sum`.
    fn add_to(&self, sum: &mut Histogram<u64>) {
        for (bucket, count) in self.buckets.iter().enumerate() {
            if count.get() > 0 {
                sum.saturating_record_n(Self::value(bucket), count.get());
            }
        }
    }
}

impl Default for Latency {
    fn default() -> Self {
        Self::new()
    }
}

/// Percentiles of the sampled durations of one kind, within 3 %.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LatencySummary {
    /// How many were sampled; the other fields are zero if none was.
    pub samples: u64,
    /// Half of them were shorter.
    pub p50: Duration,
    /// 99 of 100 were shorter.
    pub p99: Duration,
    /// 999 of 1,000 were shorter.
    pub p999: Duration,
    /// The longest.
    pub max: Duration,
}

impl LatencySummary {
    /// The summary of what several workers recorded.
    pub fn of<'a>(parts: impl Iterator<Item = &'a Latency>) -> Self {
        let mut sum = Histogram::<u64>::new_with_bounds(1, LONGEST, 2)
            .expect("the bounds are constants that the histogram accepts");
        parts.for_each(|part| part.add_to(&mut sum));
        let at = |quantile| Duration::from_nanos(sum.value_at_quantile(quantile));
        LatencySummary {
            samples: sum.len(),
            p50: at(0.5),
            p99: at(0.99),
            p999: at(0.999),
            max: Duration::from_nanos(sum.max()),
        }
    }
}
