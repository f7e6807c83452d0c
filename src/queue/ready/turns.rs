//! Whose turn it is among those who lease from one queue.

use std::cmp::Reverse;

use crate::park::{EventCount, Yields};
use crate::sync::{Arc, Deadline, Mutex};

/// Who consumes from one queue.
pub(crate) struct Roster {
    /// Whether only one of them does at a time.
    single: bool,
    list: Mutex<List>,
    /// Those whose turn it is not.
    bench: EventCount,
}

#[derive(Default)]
struct List {
    members: Vec<Member>,
    /// Calls that wait for a job, as they came.
    wanting: Vec<Wish>,
    next: u64,
}

struct Member {
    number: u64,
    priority: i32,
    /// How many leases it may have.
    prefetch: usize,
    leases: usize,
}

struct Wish {
    number: u64,
    member: u64,
}

impl Roster {
    /// Nobody yet; with `single` only the first of the highest priority gets jobs.
    pub(crate) fn new(single: bool) -> Self {
        Roster {
            single,
            list: Mutex::new(List::default()),
            bench: EventCount::new(Yields::Warily),
        }
    }

    /// One more, who may have `prefetch` leases; its number.
    pub(crate) fn register(&self, priority: i32, prefetch: usize) -> u64 {
        let mut list = self.list.lock();
        let number = list.number();
        list.members.push(Member {
            number,
            priority,
            prefetch,
            leases: 0,
        });
        number
    }

    /// One leaves; the next one takes over.
    pub(crate) fn leave(&self, member: u64) {
        let mut list = self.list.lock();
        list.members.retain(|one| one.number != member);
        drop(list);
        self.wake_all();
    }

    /// A call of this member's stands in the list until the wish is dropped. With it, whether it displaces another that
    /// waits where workers wait, who is to be woken.
    pub(crate) fn wish(&self, member: u64) -> (Wanting<'_>, bool) {
        let mut list = self.list.lock();
        let number = list.number();
        list.wanting.push(Wish { number, member });
        let displaces = list.head(self.single) == Some(number) && list.wanting.len() > 1;
        drop(list);
        let roster = self;
        (Wanting { number, roster }, displaces)
    }

    /// The member has one more lease, until the seat is dropped; `None` if it has left.
    pub(crate) fn take_seat(self: &Arc<Self>, member: u64) -> Option<Seat> {
        self.list.lock().member(member)?.leases += 1;
        let roster = self.clone();
        Some(Seat { roster, member })
    }

    pub(crate) fn wake_all(&self) {
        self.bench.notify_all();
    }
}

/// One lease's place among those that its consumer may have.
pub(crate) struct Seat {
    roster: Arc<Roster>,
    member: u64,
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(member) = self.roster.list.lock().member(self.member) {
            member.leases -= 1;
        }
        self.roster.wake_all();
    }
}

/// A call in the list.
pub(crate) struct Wanting<'a> {
    number: u64,
    roster: &'a Roster,
}

impl Wanting<'_> {
    /// Whether it is its turn.
    pub(crate) fn is_head(&self) -> bool {
        let list = self.roster.list.lock();
        list.head(self.roster.single) == Some(self.number)
    }

    /// Waits for its turn, or until `over` says that there are no turns any more; false if the time is over before.
    pub(crate) fn wait(&self, deadline: Option<Deadline>, over: impl Fn() -> bool) -> bool {
        let turn = |_| (self.is_head() || over()).then_some(());
        let bench = &self.roster.bench;
        bench.wait_until(deadline, turn, || 1, || 0).is_some()
    }
}

impl Drop for Wanting<'_> {
    fn drop(&mut self) {
        let mut list = self.roster.list.lock();
        list.wanting.retain(|wish| wish.number != self.number);
        let others = !list.wanting.is_empty();
        drop(list);
        if others {
            self.roster.wake_all();
        }
    }
}

impl List {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn member(&mut self, number: u64) -> Option<&mut Member> {
        self.members.iter_mut().find(|one| one.number == number)
    }

    /// Whether a call of this member's may get a job.
    fn may(&self, member: u64, single: bool) -> bool {
        let rank = |one: &Member| (Reverse(one.priority), one.number);
        let active = self.members.iter().min_by_key(|one| rank(one));
        let itself = self.members.iter().find(|one| one.number == member);
        itself.is_some_and(|one| one.leases < one.prefetch)
            && (!single || active.is_some_and(|active| active.number == member))
    }

    /// Whose turn it is.
    fn head(&self, single: bool) -> Option<u64> {
        let priority = |wish: &Wish| {
            let member = self.members.iter().find(|one| one.number == wish.member);
            member.map_or(0, |one| one.priority)
        };
        let able = self
            .wanting
            .iter()
            .filter(|wish| self.may(wish.member, single));
        let first = able.min_by_key(|wish| (Reverse(priority(wish)), wish.number));
        first.map(|wish| wish.number)
    }
}
