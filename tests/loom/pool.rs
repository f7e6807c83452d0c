//! The pool: a vacant slot has one owner, and "none" is said only when none was.

use guichet::internals::park::{EventCount, Yields};
use guichet::internals::table::{Pool, Vacant};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::check;

fn claim(pool: &Pool, thread: usize) -> Option<Vacant> {
    pool.claim(thread, 1).and_then(|mut run| run.pop())
}

/// A slot's memory passes from one owner to the next: each writes it without further ado.
struct Memory(Vec<UnsafeCell<u32>>);

impl Memory {
    fn of(slots: usize) -> Self {
        Memory((0..slots).map(|_| UnsafeCell::new(0)).collect())
    }
    fn write(&self, vacant: &Vacant) {
        self.0[vacant.slot() as usize].with_mut(|cell| unsafe { *cell += 1 });
    }
}

/// Two threads with their own homes: claim, write, give back.
fn hands_over(name: &str, slots: usize) {
    check(name, move || {
        let shared = Arc::new((Pool::new(0, slots, 2), Memory::of(slots)));
        let work = |shared: &(Pool, Memory), home| {
            if let Some(vacant) = claim(&shared.0, home) {
                shared.1.write(&vacant);
                shared.0.give_back(vacant);
            }
        };
        let thread = {
            let shared = shared.clone();
            thread::spawn(move || work(&shared, 1))
        };
        work(&shared, 0);
        thread.join().unwrap();
        let mut left: Vec<_> = (0..slots)
            .map(|home| claim(&shared.0, home).expect("a slot was lost").slot())
            .collect();
        left.sort_unstable();
        assert_eq!(
            left,
            (0..slots as u32).collect::<Vec<_>>(),
            "one slot, two owners"
        );
        assert!(claim(&shared.0, 0).is_none(), "a slot was invented");
    });
}

#[test]
fn pool_hands_over_one() {
    hands_over("pool_hands_over_one", 1);
}

#[test]
fn pool_hands_over_two() {
    hands_over("pool_hands_over_two", 2);
}

/// One of two slots is taken at any time: whoever asks gets the other, while it moves about.
#[test]
fn pool_none_is_exact() {
    check("pool_none_is_exact", || {
        let pool = Arc::new(Pool::new(0, 2, 2));
        let other = pool.clone();
        let mover = thread::spawn(move || {
            // Refills its home with both, keeps one and gives it back.
            let vacant = claim(&other, 1).expect("two slots, at most one of them taken");
            other.give_back(vacant);
        });
        assert!(
            claim(&pool, 0).is_some(),
            "none was said while a slot was vacant"
        );
        mover.join().unwrap();
    });
}

/// The same over two groups: a slot given back behind the looker's back.
#[test]
fn pool_none_is_exact_over_groups() {
    check("pool_none_is_exact_over_groups", || {
        let pool = Arc::new(Pool::new(0, 3, 1));
        let mut held: Vec<Vacant> = (0..2).map(|_| claim(&pool, 0).unwrap()).collect();
        let other = pool.clone();
        let mover = thread::spawn(move || {
            // Gives back before it takes: at least one of three is vacant at any time.
            other.give_back(held.pop().unwrap());
            drop(claim(&other, 0).expect("at most two of three slots are taken"));
        });
        assert!(
            claim(&pool, 0).is_some(),
            "none was said while a slot was vacant"
        );
        mover.join().unwrap();
    });
}

/// A slot that one thread gave back and stashed is stolen by another: its memory comes along.
#[test]
fn pool_steals_from_stash() {
    check("pool_steals_from_stash", || {
        let shared = Arc::new((Pool::new(0, 2, 2), Memory::of(2)));
        let held = [claim(&shared.0, 0).unwrap(), claim(&shared.0, 0).unwrap()];
        let other = shared.clone();
        let giver = thread::spawn(move || {
            held.iter().for_each(|vacant| other.1.write(vacant));
            held.into_iter()
                .for_each(|vacant| other.0.give_back(vacant));
            claim(&other.0, 1)
                .inspect(|vacant| other.1.write(vacant))
                .is_some()
        });
        claim(&shared.0, 0).inspect(|vacant| shared.1.write(vacant));
        assert!(
            giver.join().unwrap(),
            "none was said while a slot was vacant"
        );
    });
}

/// One of two slots is vacant all the time, while it moves into a stash: the hint must not deny it.
#[test]
fn pool_hint_sees_moves() {
    check("pool_hint_sees_moves", || {
        let pool = Arc::new(Pool::new(0, 2, 2));
        let other = pool.clone();
        let mover = thread::spawn(move || drop(claim(&other, 1).expect("two slots are vacant")));
        assert!(
            pool.has_vacancy(),
            "no vacancy was seen while a slot was vacant"
        );
        mover.join().unwrap();
    });
}

/// A slot lies in a stash, another is held. Its holder gives it back before it takes the stashed one.
#[test]
fn pool_none_is_exact_over_stashes() {
    check("pool_none_is_exact_over_stashes", || {
        let pool = Arc::new(Pool::new(0, 3, 2));
        // Home 1 refills with slots 0 and 1, and keeps 1 in its stash; home 0 takes slot 2.
        let (_held, held) = (claim(&pool, 1).unwrap(), claim(&pool, 0).unwrap());
        let other = pool.clone();
        let mover = thread::spawn(move || {
            other.give_back(held);
            drop(claim(&other, 1).expect("at most two of three slots are taken"));
        });
        assert!(
            claim(&pool, 0).is_some(),
            "none was said while a slot was vacant"
        );
        mover.join().unwrap();
    });
}

/// Blocked adders: one leaves its search while another sleeps and a third moves what was given back
/// into its stash. The sleeper must be woken for what is left. A lost wake-up is a deadlock.
#[test]
fn pool_wakes_through_stash() {
    check("pool_wakes_through_stash", || {
        let shared = Arc::new((Pool::new(0, 2, 3), EventCount::new(Yields::Freely)));
        let held = shared.0.claim(0, 2).unwrap();
        let (first, second) = (shared.clone(), shared.clone());
        let blocked = thread::spawn(move || {
            let (pool, event) = &*second;
            let attempt = |_| pool.claim(1, 1);
            event
                .wait_until(None, attempt, || usize::from(pool.has_vacancy()), || 0)
                .is_some()
        });
        let lucky = thread::spawn(move || {
            let (pool, event) = &*first;
            event.wait_until(None, |_| Some(()), || usize::from(pool.has_vacancy()), || 0)
        });
        shared.0.give_back_all(held);
        shared.1.notify_one_after_rmw();
        drop(claim(&shared.0, 2));
        assert!(blocked.join().unwrap());
        lucky.join().unwrap();
    });
}
