//! Reminders for some later day: added with a delay, brought forward, put off; and three days in no time.
//!
//! With a `ManualClock` the program itself turns the clock, so it shows, as a test would, what happens when.

use std::time::Duration;

use guichet::{Clock, JobState, ManualClock, Runtime};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn main() -> Result<(), guichet::Error> {
    let clock = ManualClock::new();
    let runtime = Runtime::builder().clock(clock.clone()).build()?;
    let reminders = runtime.queue::<&str, Duration>("reminders").build()?;
    let time = clock.clone();
    reminders.workers(1, move |job| {
        let hours = time.now().as_secs() / 3600;
        println!("day {}, {:>2} h: {}", hours / 24, hours % 24, job.payload());
        Ok(time.now())
    })?;

    let passport = reminders.job("renew the passport").delay(3 * DAY);
    let passport = passport.submit()?;
    let plants = reminders.job("water the plants").delay(2 * DAY).submit()?;
    let dentist = reminders.job("call the dentist").at(clock.wall() + DAY);
    let dentist = dentist.submit()?;
    let report = reminders.job("send the report").delay(5 * DAY).submit()?;

    // Half a day later the plants look thirsty, and the dentist is away until tomorrow evening.
    runtime.advance(12 * HOUR);
    assert_eq!(reminders.state(plants.id()), Some(JobState::Delayed));
    reminders.promote(plants.id()).expect("it is delayed");
    reminders
        .reschedule(dentist.id(), 30 * HOUR)
        .expect("it is delayed, too");

    // All of it happens in between, each at its hour.
    runtime.advance(3 * DAY);
    assert_eq!(plants.wait()?, 12 * HOUR);
    assert_eq!(dentist.wait()?, 42 * HOUR);
    assert_eq!(passport.wait()?, 3 * DAY);
    assert_eq!(clock.now(), 3 * DAY + 12 * HOUR);

    // Shutdown waits for no later day: what is delayed comes back.
    assert!(!report.is_finished());
    runtime.shutdown(Duration::ZERO);
    let returned = reminders.take_returned();
    println!("not due yet: {}", returned[0].1);
    assert_eq!(returned, [(report.id(), "send the report")]);
    assert!(reminders.stats().is_balanced());
    Ok(())
}
