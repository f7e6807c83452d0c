//! A mail queue with priorities: a password reset does not wait behind ten thousand newsletters.
//!
//! While the server sends newsletters (priority 5, the default), somebody asks for a new password (priority 1). That
//! letter is the next to be sent, though the worker has taken some newsletters out of the line already.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use guichet::{Order, Runtime};

enum Mail {
    Newsletter(u32),
    PasswordReset(&'static str),
}

const NEWSLETTERS: u32 = 10_000;

fn main() -> Result<(), guichet::Error> {
    let runtime = Runtime::new()?;
    let mail = runtime
        .queue::<Mail, u32>("mail")
        .order(Order::Bands(10))
        .capacity(NEWSLETTERS as usize + 1)
        .build()?;
    mail.add_many((1..=NEWSLETTERS).map(Mail::Newsletter).collect())?;

    // The server stops at newsletter 100 until the password was asked for: so the example is the same every time.
    let (reached, at_100) = mpsc::sync_channel(1);
    let (asked, go_on) = mpsc::channel();
    let go_on = std::sync::Mutex::new(go_on);
    let sent = Arc::new(AtomicU32::new(0));
    let count = sent.clone();
    mail.workers(1, move |job| {
        let number = count.fetch_add(1, Ordering::Relaxed) + 1;
        match job.payload() {
            Mail::Newsletter(100) => {
                let _ = reached.send(());
                let _ = go_on.lock().map(|go_on| go_on.recv());
            }
            Mail::Newsletter(_) => {}
            Mail::PasswordReset(to) => println!("letter {number}: a new password for {to}"),
        }
        Ok(number)
    })?;

    let _ = at_100.recv();
    let reset = mail.job(Mail::PasswordReset("ada@example.org"));
    let reset = reset.priority(1).submit()?;
    let _ = asked.send(());

    let place = reset.wait()?;
    println!("{NEWSLETTERS} newsletters were there before it; it was sent as number {place}");
    assert_eq!(place, 101, "right behind the letter that was being sent");

    let report = runtime.shutdown(Duration::from_secs(30));
    let stats = &report.queues[0].stats;
    println!("{} letters sent in all", stats.completed);
    assert_eq!(stats.completed, u64::from(NEWSLETTERS) + 1);
    assert_eq!(sent.load(Ordering::Relaxed), NEWSLETTERS + 1);
    assert!(stats.is_balanced());
    Ok(())
}
