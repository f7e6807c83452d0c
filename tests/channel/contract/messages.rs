//! Messages of every shape: none, large, strictly aligned, with forbidden bit patterns.

use std::fmt::Debug;
use std::num::NonZeroU8;
use std::thread;

use super::subject::bounded;
use crate::support::finishes;

/// Sends `make(0..)` through channels of several capacities, with one and with two threads.
fn travel<T: Send + PartialEq + Debug>(make: impl Fn(u8) -> T + Sync) {
    for capacity in [1, 2, 5] {
        let (sender, receiver) = bounded(capacity);
        for lap in 0..3 {
            for number in 0..capacity as u8 {
                assert_eq!(sender.try_send(make(lap + number)), Ok(()));
            }
            assert_eq!(
                sender.try_send(make(9)).map_err(|error| error.into_inner()),
                Err(make(9))
            );
            for number in 0..capacity as u8 {
                assert_eq!(receiver.try_recv(), Ok(make(lap + number)));
            }
        }
    }
    for capacity in [0, 1, 3] {
        let (sender, receiver) = bounded(capacity);
        thread::scope(|scope| {
            scope.spawn(|| (0..200).for_each(|number| sender.send(make(number)).unwrap()));
            for number in 0..200 {
                assert_eq!(receiver.recv(), Ok(make(number)));
            }
        });
    }
}

#[derive(Clone, Copy, PartialEq, Debug)]
#[repr(align(128))]
struct Aligned<X>(X);

#[derive(Clone, Copy, PartialEq, Debug)]
#[repr(align(4096))]
struct Page(u8);

#[test]
fn of_no_size() {
    finishes(|| travel(|_| ()));
    finishes(|| travel(|_| [0_u64; 0]));
}

#[test]
fn of_no_size_but_aligned() {
    finishes(|| travel(|_| Aligned(())));
}

#[test]
fn small_and_odd() {
    finishes(|| travel(|number| number));
    finishes(|| travel(|number| [number; 3]));
    finishes(|| travel(|number| (number, u32::from(number), number)));
    finishes(|| travel(|number| u128::from(number) << 100));
}

#[test]
fn with_forbidden_patterns() {
    finishes(|| travel(|number| number % 2 == 0));
    finishes(|| travel(|number| NonZeroU8::new(number | 1).unwrap()));
    finishes(|| travel(|number| (number % 2 == 0).then(|| Box::new(number))));
    finishes(|| travel(char::from));
    finishes(|| travel(|number| (number % 3 > 0).then_some(number % 3 > 1)));
}

#[test]
fn with_an_owner() {
    finishes(|| travel(|number| number.to_string()));
    finishes(|| travel(|number| vec![number.to_string(); usize::from(number % 4)]));
    finishes(|| travel(|number| Some(Box::new(Err::<String, u8>(number)))));
}

#[test]
fn large() {
    finishes(|| travel(|number| [number; 1_000]));
    finishes(|| travel(|number| [u64::from(number); 4_096]));
}

#[test]
fn strictly_aligned() {
    finishes(|| travel(Aligned));
    finishes(|| travel(|number| Aligned([number; 300])));
    finishes(|| travel(Page));
}

#[test]
fn a_strictly_aligned_message_lies_where_it_must() {
    // A message that is received has been moved to a place of the compiler's choice. Those left in
    // the queue are dropped where they lie.
    #[repr(align(256))]
    struct Here;
    impl Drop for Here {
        fn drop(&mut self) {
            assert_eq!((&raw const *self).addr() % 256, 0);
        }
    }
    for capacity in [1, 2, 3, 7] {
        let (sender, receiver) = bounded(capacity);
        for _ in 0..capacity {
            assert!(sender.try_send(Here).is_ok());
        }
        drop((sender, receiver));
    }
}

#[test]
fn of_unknown_type() {
    finishes(|| {
        let (sender, receiver) = bounded::<Box<dyn FnOnce() -> u8 + Send>>(2);
        let worker =
            thread::spawn(move || receiver.iter().map(|job| u32::from(job())).sum::<u32>());
        for number in 0..100 {
            assert!(sender.send(Box::new(move || number)).is_ok());
        }
        drop(sender);
        assert_eq!(worker.join().unwrap(), 4_950);
    });
}
