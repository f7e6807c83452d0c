//! What the contenders do to the order of jobs.

use std::collections::{BinaryHeap, VecDeque};

use super::locked::{Store, Urgent};
use crate::cli::bench::task::priority;

fn through<S: Store>(numbers: u64) -> Vec<u64> {
    let mut store = S::with_room(8);
    (0..numbers).for_each(|number| store.put(number, number));
    assert_eq!(store.held() as u64, numbers);
    std::iter::from_fn(|| store.take()).collect()
}

#[test]
fn the_heap_gives_the_most_urgent_and_the_deque_the_oldest() {
    let mut due: Vec<u64> = (0..1_000).collect();
    assert_eq!(through::<VecDeque<u64>>(1_000), due);
    // A stable sort: first in, first out within a priority.
    due.sort_by_key(|number| priority(*number));
    assert_eq!(through::<BinaryHeap<Urgent>>(1_000), due);
}
