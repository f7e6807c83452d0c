//! The merge against a model of tellers and a reader, whose every step may come between any two of another's.

use std::collections::VecDeque;

use proptest::prelude::*;

use crate::model::{Event, EventKind, FailureKind, JobId};
use crate::queue::record::events::Packed;
use crate::queue::record::merge::Merge;

fn event(slot: u32, number: u64, kind: EventKind) -> Event {
    Event {
        job: JobId {
            queue: 7,
            slot,
            occupancy: 1 + number,
        },
        sequence: number & ((1 << 40) - 1),
        kind,
        attempt: 3,
        failure: None,
    }
}

fn numbers(merge: &mut Merge) -> Vec<(u32, u64)> {
    merge.settle();
    let ready = std::iter::from_fn(|| merge.next());
    let ready = ready.map(|packed| packed.unpack(7));
    ready
        .map(|event| (event.job.slot, event.sequence))
        .collect()
}

#[test]
fn an_event_is_what_it_was_packed_from() {
    let all = Event {
        job: JobId {
            queue: 7,
            slot: u32::MAX,
            occupancy: u64::MAX,
        },
        sequence: (1 << 40) - 1,
        kind: EventKind::LetterKept,
        attempt: (1 << 24) - 1,
        failure: Some(FailureKind::RateLimited),
    };
    assert_eq!(Packed::new(&all).unpack(7), all);
    let none = event(0, 0, EventKind::Added);
    assert_eq!(Packed::new(&none).unpack(7), none);
}

/// A job's events come in order wherever they lie, and what is beside them in a log keeps its place.
#[test]
fn what_comes_before_is_fetched() {
    let mut merge = Merge::new(2);
    for (slot, number) in [(1, 2), (1, 3), (2, 2)] {
        merge.push(
            0,
            Packed::new(&event(slot, number, EventKind::Started)),
            true,
        );
    }
    for (slot, number) in [(9, 1), (1, 1), (2, 1)] {
        merge.push(1, Packed::new(&event(slot, number, EventKind::Added)), true);
    }
    let order = [(9, 1), (1, 1), (1, 2), (1, 3), (2, 1), (2, 2)];
    assert_eq!(numbers(&mut merge), order);
    assert!(merge.is_empty());
}

/// What is not due keeps the later ones of its job back, and no others of other logs.
#[test]
fn what_is_not_due_holds() {
    let mut merge = Merge::new(3);
    merge.push(0, Packed::new(&event(1, 2, EventKind::Started)), true);
    merge.push(1, Packed::new(&event(1, 1, EventKind::Added)), false);
    merge.push(2, Packed::new(&event(2, 5, EventKind::Added)), true);
    assert_eq!(numbers(&mut merge), [(2, 5)]);
    assert_eq!(numbers(&mut merge), [(1, 1), (1, 2)]);
    assert_eq!(numbers(&mut merge), []);
}

/// Also in one log: something before it may not have been read.
#[test]
fn what_is_not_due_is_not_fetched() {
    let mut merge = Merge::new(1);
    merge.push(0, Packed::new(&event(1, 6, EventKind::Started)), true);
    merge.push(0, Packed::new(&event(1, 5, EventKind::Started)), false);
    assert_eq!(numbers(&mut merge), []);
    merge.push(0, Packed::new(&event(1, 4, EventKind::Started)), true);
    assert_eq!(numbers(&mut merge), [(1, 4), (1, 5), (1, 6)]);
}

/// Threads that share a log tell in a circle: the order of the jobs counts.
#[test]
fn a_circle_is_cut() {
    let mut merge = Merge::new(2);
    for (slot, number) in [(1, 6), (2, 3)] {
        merge.push(
            0,
            Packed::new(&event(slot, number, EventKind::Started)),
            true,
        );
    }
    for (slot, number) in [(2, 4), (1, 5)] {
        merge.push(
            1,
            Packed::new(&event(slot, number, EventKind::Started)),
            true,
        );
    }
    let told = numbers(&mut merge);
    let of = |slot| {
        told.iter()
            .filter(move |one| one.0 == slot)
            .map(|one| one.1)
    };
    assert!(of(1).eq([5, 6]) && of(2).eq([3, 4]), "{told:?}");
}

/// One event of the model: which, and when it was told.
#[derive(Clone, Copy, Debug)]
struct Told {
    teller: usize,
    slot: u32,
    /// Its place among the events of its slot.
    rank: u64,
    claimed: usize,
    finished: usize,
}

/// Tellers, their logs, and a reader that does what `Reader` does, step by step.
struct Model {
    clock: usize,
    tellers: Vec<VecDeque<(u32, u64, bool)>>,
    /// Which event the teller has claimed a place for and not written.
    writing: Vec<Option<usize>>,
    told: Vec<Told>,
    logs: Vec<Vec<usize>>,
    merge: Merge,
    next: Vec<usize>,
    tails: [Vec<usize>; 2],
    /// The next log of the reader's present phase.
    at: usize,
    phase: usize,
    seen: Vec<usize>,
}

const SLOTS: usize = 3;
/// Two of the numbers before they begin again.
const FIRST: u64 = (1 << 40) - 2;

impl Model {
    fn new(tellers: usize, logs: usize) -> Self {
        Model {
            clock: 1,
            tellers: vec![VecDeque::new(); tellers],
            writing: vec![None; tellers],
            told: Vec::new(),
            logs: vec![Vec::new(); logs],
            merge: Merge::new(logs),
            next: vec![0; logs],
            tails: [vec![0; logs], vec![0; logs]],
            at: 0,
            phase: 0,
            seen: Vec::new(),
        }
    }

    /// A teller that has something to write goes on with it.
    fn tell(&mut self, teller: usize) {
        if let Some(writing) = self.writing[teller].take() {
            self.told[writing].finished = self.clock;
        } else if let Some((slot, number, notice)) = self.tellers[teller].pop_front() {
            let log = teller % self.logs.len();
            self.logs[log].push(self.told.len());
            self.writing[teller] = Some(self.told.len());
            self.told.push(Told {
                teller,
                slot,
                rank: 2 * number + u64::from(notice),
                claimed: self.clock,
                finished: usize::MAX,
            });
        }
    }

    fn read(&mut self) {
        let log = self.at;
        if self.phase < 2 {
            self.tails[self.phase][log] = self.logs[log].len();
        } else {
            while self.next[log] < self.tails[1][log] {
                let place = self.next[log];
                let which = self.logs[log][place];
                let told = self.told[which];
                if told.finished == usize::MAX {
                    return;
                }
                let kind = [EventKind::Started, EventKind::Stuck][told.rank as usize % 2];
                let mut event = event(told.slot, told.rank / 2, kind);
                event.job.occupancy = which as u64;
                let due = place < self.tails[0][log];
                self.merge.push(log, Packed::new(&event), due);
                self.next[log] += 1;
            }
        }
        self.at = (self.at + 1) % self.logs.len();
        if self.at == 0 {
            self.phase = (self.phase + 1) % 3;
            if self.phase == 0 {
                self.merge.settle();
                while let Some(packed) = self.merge.next() {
                    self.seen.push(packed.unpack(7).job.occupancy as usize);
                }
            }
        }
    }

    fn finish(&mut self) {
        for teller in 0..self.tellers.len() {
            while self.writing[teller].is_some() || !self.tellers[teller].is_empty() {
                self.clock += 1;
                self.tell(teller);
            }
        }
        for _ in 0..3 * 3 * self.logs.len() {
            self.read();
        }
        assert!(self.merge.is_empty(), "something still waits");
    }

    fn check(&self) {
        let mut all = self.seen.clone();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..self.told.len()), "{:?}", self.seen);
        let own_logs = self.tellers.len() <= self.logs.len();
        for (at, later) in self.seen.iter().map(|seen| self.told[*seen]).enumerate() {
            for sooner in self.seen[at + 1..].iter().map(|seen| self.told[*seen]) {
                let late = sooner.finished > later.claimed;
                assert!(
                    sooner.slot != later.slot || sooner.rank >= later.rank || late,
                    "{later:?} came before {sooner:?}"
                );
                assert!(
                    !own_logs || sooner.teller != later.teller || sooner.claimed > later.claimed,
                    "{later:?} came before {sooner:?} of the same teller"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Nothing is lost or doubled; what was told before another event of its job was told comes before it, if it has the smaller
    /// number; a teller with a log of its own is heard in the order in which it told.
    #[test]
    fn in_order(
        tellers in 1_usize..5,
        logs in 1_usize..5,
        prompt in any::<bool>(),
        steps in prop::collection::vec((0_usize..8, any::<prop::sample::Index>(), 0..SLOTS), 0..200),
    ) {
        let mut model = Model::new(tellers, logs);
        let mut numbers = [FIRST; SLOTS];
        let mut noticed = false;
        for (what, teller, slot) in steps {
            let teller = teller.index(tellers);
            model.clock += 1;
            match what {
                0 | 1 => {
                    // Between two notices with the same number there is no order.
                    let notice = what == 1 && slot == 0 && !noticed;
                    noticed = notice || noticed && slot != 0;
                    numbers[slot] += u64::from(!notice);
                    model.tellers[teller].push_back((slot as u32, numbers[slot], notice));
                    if prompt {
                        while model.writing[teller].is_some() || !model.tellers[teller].is_empty() {
                            model.clock += 1;
                            model.tell(teller);
                        }
                    }
                }
                2..5 => model.tell(teller),
                _ => model.read(),
            }
        }
        model.finish();
        model.check();
    }
}
