//! Buckets against exact values.

use super::*;

/// Every recorded value comes back within 1/32 of itself, and order is kept.
#[test]
fn percentiles_are_within_their_bucket() {
    let values = [0, 1, 31, 32, 63, 64, 1_000, 12_345, 1 << 20, 1 << 40];
    let mut last = 0;
    for value in values {
        let latency = Latency::new();
        latency.record(value);
        let median = LatencySummary::of([&latency].into_iter()).p50.as_nanos() as u64;
        assert!(
            median.abs_diff(value) <= value / 16 + 1,
            "{value} came back as {median}"
        );
        assert!(median >= last, "{value} came back below its predecessor");
        last = median;
    }
}

#[test]
fn longer_than_the_longest_counts_as_the_longest() {
    let latency = Latency::new();
    latency.record(u64::MAX);
    assert_eq!(LatencySummary::of([&latency].into_iter()).samples, 1);
}

#[test]
fn parts_are_added_up() {
    let (first, second) = (Latency::new(), Latency::new());
    (0..99).for_each(|_| first.record(100));
    second.record(1_000_000);
    let summary = LatencySummary::of([&first, &second].into_iter());
    assert_eq!(summary.samples, 100);
    assert!(
        summary.p50.as_nanos() < 110 && summary.max.as_nanos() > 900_000,
        "{summary:?}"
    );
}

#[test]
fn nothing_recorded_is_all_zero() {
    let latency = Latency::new();
    assert_eq!(
        LatencySummary::of([&latency].into_iter()),
        LatencySummary::default()
    );
}

#[test]
fn counters_count() {
    let counter = Counter::default();
    (0..5).for_each(|_| counter.bump());
    assert_eq!(counter.get(), 5);
}
