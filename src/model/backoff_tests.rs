//! Pauses against their formula, at the ends of every range too.

use proptest::prelude::*;
use std::time::Duration;

use super::backoff::Backoff;

const LONGEST: Duration = Duration::from_nanos(u64::MAX);

fn any_backoff() -> impl Strategy<Value = Backoff> {
    let base = prop_oneof![0_u64..1 << 20, any::<u64>()].prop_map(Duration::from_nanos);
    let cap = proptest::option::of(any::<u64>().prop_map(Duration::from_nanos));
    let jitter = prop_oneof![Just(0.0), Just(1.0), 0.0..=1.0];
    (any::<bool>(), base, cap, jitter).prop_map(|(doubling, base, cap, jitter)| {
        let backoff = match doubling {
            true => Backoff::exponential(base),
            false => Backoff::fixed(base),
        };
        let backoff = cap.map_or(backoff, |cap| backoff.cap(cap));
        backoff.jitter(jitter)
    })
}

fn any_attempt() -> impl Strategy<Value = u32> {
    prop_oneof![1_u32..80, any::<u32>()]
}

proptest! {
    #[test]
    fn more_failures_never_shorten_the_pause(
        backoff in any_backoff(), one in any_attempt(), other in any_attempt(), random: u64,
    ) {
        let (fewer, more) = (one.min(other), one.max(other));
        prop_assert!(backoff.delay(fewer, random) <= backoff.delay(more, random));
    }

    #[test]
    fn more_random_never_lengthens_the_pause(
        backoff in any_backoff(), attempt in any_attempt(), one: u64, other: u64,
    ) {
        let (low, high) = (one.min(other), one.max(other));
        prop_assert!(backoff.delay(attempt, high) <= backoff.delay(attempt, low));
    }

    #[test]
    fn without_jitter_the_pause_is_the_formula(
        base: u64, cap: u64, attempt in any_attempt(), random: u64,
    ) {
        let cap = Duration::from_nanos(cap);
        let mut expected = u128::from(base);
        for _ in 1..attempt.min(65) {
            expected *= 2;
        }
        let expected = Duration::from_nanos(expected.min(cap.as_nanos()) as u64);
        let base = Duration::from_nanos(base);
        let backoff = Backoff::exponential(base).cap(cap);
        prop_assert_eq!(backoff.delay(attempt, random), expected);
        prop_assert_eq!(Backoff::fixed(base).delay(attempt, random), base);
        prop_assert_eq!(Backoff::fixed(base).cap(cap).delay(attempt, random), base.min(cap));
    }

    /// Both ends of the span are reached, and nothing lies outside.
    #[test]
    fn jitter_draws_from_its_span(
        backoff in any_backoff(), share in 0.0_f64..=1.0, attempt in any_attempt(), random: u64,
    ) {
        let longest = backoff.jitter(0.0).delay(attempt, random);
        let spread = backoff.jitter(share);
        let drawn = spread.delay(attempt, random);
        prop_assert_eq!(spread.delay(attempt, 0), longest);
        prop_assert!(spread.delay(attempt, u64::MAX) <= drawn && drawn <= longest);
        let shortest = longest.as_nanos() as f64 * (1.0 - share);
        // An `f32` is off by 2^-24 at most, a nanosecond by one.
        let error = 1.0 + longest.as_nanos() as f64 / f64::from(1 << 23);
        let low = spread.delay(attempt, u64::MAX).as_nanos() as f64;
        prop_assert!((low - shortest).abs() <= error, "{low} is not {shortest}");
    }

    #[test]
    fn the_cap_is_kept(backoff in any_backoff(), cap: u64, attempt in any_attempt(), random: u64) {
        let cap = Duration::from_nanos(cap);
        prop_assert!(backoff.cap(cap).delay(attempt, random) <= cap);
    }

    #[test]
    fn the_bits_keep_everything(backoff in any_backoff()) {
        prop_assert_eq!(Backoff::from_bits(backoff.to_bits()), backoff);
    }

    /// Four equal parts of the random numbers give four equal parts of the span.
    #[test]
    fn the_draw_is_even(quarters in 0_u64..4, pause in 4_u64..1 << 50) {
        let backoff = Backoff::fixed(Duration::from_nanos(pause)).jitter(1.0);
        let drawn = backoff.delay(1, quarters << 62).as_nanos() as u64;
        let even = pause - (u128::from(pause + 1) * u128::from(quarters) / 4) as u64;
        prop_assert_eq!(drawn, even);
    }
}

#[test]
fn the_last_attempt_saturates() {
    let nanosecond = Duration::from_nanos(1);
    let uncapped = Backoff::exponential(nanosecond).cap(Duration::MAX);
    assert_eq!(uncapped.delay(64, 0), Duration::from_nanos(1 << 63));
    assert_eq!(uncapped.delay(65, 0), LONGEST);
    assert_eq!(uncapped.delay(u32::MAX, 0), LONGEST);
    assert_eq!(
        uncapped.jitter(1.0).delay(u32::MAX, u64::MAX),
        Duration::ZERO
    );
    assert_eq!(Backoff::fixed(Duration::MAX).delay(1, 0), LONGEST);
    let nothing = Backoff::exponential(Duration::ZERO).cap(Duration::MAX);
    assert_eq!(nothing.delay(u32::MAX, 0), Duration::ZERO);
}

#[test]
fn defaults_are_as_documented() {
    assert_eq!(Backoff::default(), Backoff::none());
    assert_eq!(Backoff::none().delay(u32::MAX, 7), Duration::ZERO);
    let seconds = Backoff::exponential(Duration::from_secs(1));
    let hour = Duration::from_secs(3600);
    assert_eq!(seconds.delay(12, 0), Duration::from_secs(2048));
    assert_eq!(seconds.delay(13, 0), hour);
    assert_eq!(seconds.delay(0, 0), Duration::from_secs(1));
    assert_eq!(Backoff::exponential(2 * hour).delay(1, 0), hour);
    assert_eq!(Backoff::fixed(2 * hour).delay(1, 0), 2 * hour);
}

#[test]
fn a_jitter_outside_its_range_is_told_and_harmless() {
    let pause = Duration::from_secs(8);
    let with = |share| Backoff::fixed(pause).jitter(share);
    for share in [0.0, 0.25, 1.0] {
        assert!(with(share).check().is_ok(), "{share}");
    }
    for share in [-0.5, 1.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let refused = with(share).check().unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!("jitter must be 0 to 1, not {share}")
        );
        assert_eq!((refused.option(), refused.range()), ("jitter", Some(0..=1)));
        for random in [0, u64::MAX] {
            assert!(with(share).delay(1, random) <= pause);
        }
    }
}
