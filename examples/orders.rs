//! An order pipeline of two queues: payment, with retries, then shipping.
//!
//! The card company's line fails now and then, so a payment is tried up to five times. An order
//! without goods can never be paid: it is discarded at once. Only paid orders are shipped.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use guichet::{Failure, Job, JobError, Queue, Runtime};

#[derive(Clone, Debug)]
struct Order {
    number: u32,
    goods: Vec<&'static str>,
}

/// What the card company does: its line breaks for two calls out of five.
#[derive(Default)]
struct CardCompany {
    calls: AtomicU32,
}

impl CardCompany {
    fn charge(&self, order: &Order) -> Result<u32, std::io::Error> {
        match self.calls.fetch_add(1, Ordering::Relaxed) % 5 {
            1 | 3 => Err(std::io::ErrorKind::ConnectionReset.into()),
            _ => Ok(order.goods.len() as u32 * 10),
        }
    }
}

fn pay(
    job: &Job<'_, Order>,
    cards: &CardCompany,
    shipping: &Queue<Order, ()>,
) -> Result<u32, Failure> {
    let order = job.payload();
    if order.goods.is_empty() {
        return Err(Failure::discard(format!("order {} is empty", order.number)));
    }
    // The line's error becomes a failed attempt by `?`; the order then goes to the end of the line.
    let paid = cards.charge(order)?;
    // Another queue's room may be waited for; a full queue of one's own would be refused.
    shipping.add(order.clone())?;
    Ok(paid)
}

fn main() -> Result<(), guichet::Error> {
    let runtime = Runtime::new()?;

    let shipping = runtime
        .queue::<Order, ()>("shipping")
        .capacity(16)
        .build()?;
    let shelf: &'static Mutex<BTreeMap<&str, u32>> = Box::leak(Box::default());
    shipping.workers(1, |job| {
        let mut shelf = shelf
            .lock()
            .map_err(|_| Failure::msg("the shelf fell over"))?;
        job.payload()
            .goods
            .iter()
            .for_each(|good| *shelf.entry(*good).or_default() += 1);
        Ok(())
    })?;

    let payments = runtime
        .queue::<Order, u32>("payments")
        .capacity(16)
        .attempts(5)
        .build()?;
    let (cards, to_ship) = (CardCompany::default(), shipping.clone());
    payments.workers(2, move |job| pay(job, &cards, &to_ship))?;

    let baskets = [
        vec!["tea"],
        vec!["tea", "cup"],
        vec![],
        vec!["cup"],
        vec!["pot", "tea", "cup"],
    ];
    let mut pending = Vec::new();
    for number in 1..=20 {
        let goods = baskets[number as usize % baskets.len()].clone();
        pending.push((number, payments.submit(Order { number, goods })?));
    }
    let (mut income, mut refused) = (0, 0);
    for (number, payment) in pending {
        match payment.wait() {
            Ok(paid) => income += paid,
            Err(JobError::Failed(why)) if why.is_discard() => {
                refused += 1;
                println!("order {number} refused: {why}");
            }
            Err(other) => return Err(other.into()),
        }
    }
    println!("income {income}, {refused} orders refused");
    assert_eq!((income, refused), (280, 4));

    let report = runtime.shutdown(Duration::from_secs(30));
    for queue in &report.queues {
        let s = &queue.stats;
        println!(
            "{}: {} accepted, {} completed, {} failed, {} attempts repeated",
            queue.name, s.accepted, s.completed, s.failed, s.retried
        );
        assert!(s.is_balanced());
    }
    let shipped: u32 = shelf.lock().map(|shelf| shelf.values().sum()).unwrap_or(0);
    assert_eq!(shipped * 10, income, "what was paid was shipped");
    Ok(())
}
