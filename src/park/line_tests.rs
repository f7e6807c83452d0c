//! Who is served first, and what one step at the store does. One thread plays all.

use super::Ended;
use super::exchange_tests::Shelf;
use super::line::{Line, Node, Wake};
use super::lines::Lines;
use super::tests::watched;
use crate::sync::thread;

fn enter<T>(line: &mut Line<T>, node: &Node<T>) -> usize {
    // SAFETY: the nodes of these tests outlive their lines, and nobody else uses them.
    unsafe { line.enter(node) }
}

fn enter_asleep<T>(line: &mut Line<T>, node: &Node<T>) {
    enter(line, node);
    assert!(line.fall_asleep(node, thread::current()));
}

/// Who is awake comes first, and yet a sleeper has its turn.
#[test]
fn a_sleeper_is_not_passed_over_for_ever() {
    let nodes: Vec<_> = (0..101).map(|number| Node::new(Some(number))).collect();
    let (mut line, mut wake) = (Line::new(), Wake::none());
    for (ahead, node) in nodes.iter().enumerate() {
        assert_eq!(enter(&mut line, node), ahead + 1);
    }
    assert!(line.fall_asleep(&nodes[0], thread::current()));
    let mut order = Vec::new();
    while line.servable() > 0 {
        let place = line.leave_first(&mut wake).expect("somebody waits");
        order.push(place.empty());
        place.let_go();
    }
    assert_eq!(order.iter().position(|number| *number == 0), Some(64));
    order.remove(64);
    assert!(order.into_iter().eq(1..101), "the others in their order");
    wake.all();
}

/// Of those asleep one is roused; the next when it is back, or when all must go.
#[test]
fn one_sleeper_is_roused_at_a_time() {
    let nodes = [1, 2, 3].map(|number| Node::new(Some(number)));
    let (mut line, mut wake) = (Line::new(), Wake::none());
    nodes.iter().for_each(|node| enter_asleep(&mut line, node));
    let mut serve = |line: &mut Line<i32>| line.leave_first(&mut wake).unwrap().let_go();
    assert_eq!(line.servable(), 3);
    serve(&mut line);
    assert_eq!(line.servable(), 0, "one is on its way");
    line.wake_up();
    assert_eq!(line.servable(), 2, "it is back");
    serve(&mut line);
    line.close();
    assert_eq!(line.servable(), 1, "the end does not wait");
    serve(&mut line);
    assert!(nodes.iter().all(|node| node.verdict() == Some(Ok(()))));
    wake.all();
}

#[test]
fn each_leaves_for_itself() {
    let nodes = [1, 2, 3, 4].map(|number| Node::new(Some(number)));
    let mut line = Line::new();
    assert!(line.is_empty());
    let [awake, also, asleep, stranger] = &nodes;
    enter(&mut line, awake);
    enter(&mut line, also);
    enter_asleep(&mut line, asleep);
    assert!(!line.fall_asleep(stranger, thread::current()));
    assert!(!line.get_up(awake) && !line.get_up(stranger));
    assert!(!line.leave(asleep) && !line.leave(stranger));
    assert!(line.leave(also) && !line.leave(also));
    assert!(line.leave(awake));
    assert!(!line.is_empty(), "one sleeps");
    assert!(line.get_up(asleep));
    assert!(!line.is_empty(), "it is awake");
    enter(&mut line, awake);
    assert!(
        line.leave(asleep),
        "it is out of turn only for who is ahead"
    );
    assert!(line.leave(awake) && line.is_empty());
}

/// Who gets up by itself is the first.
#[test]
fn a_sleeper_that_gets_up_goes_first() {
    let nodes = [1, 2].map(|number| Node::new(Some(number)));
    let (mut line, mut wake) = (Line::new(), Wake::none());
    enter_asleep(&mut line, &nodes[0]);
    enter(&mut line, &nodes[1]);
    assert_eq!(line.first().unwrap().empty(), 2);
    assert!(line.get_up(&nodes[0]));
    let first = line.leave_first(&mut wake).unwrap();
    assert_eq!(first.empty(), 1);
    wake.all();
}

/// Seven are woken between two turns of the lock, for one step may wake two.
#[test]
fn who_was_served_asleep_is_woken() {
    let nodes: Vec<_> = (0..7).map(|number| Node::new(Some(number))).collect();
    let (mut line, mut wake) = (Line::new(), Wake::none());
    for node in &nodes {
        enter_asleep(&mut line, node);
        assert!(!wake.is_full());
        line.leave_first(&mut wake).unwrap().let_go();
    }
    assert!(wake.is_full());
    watched(|| {
        wake.all();
        // Each of the seven is this thread.
        thread::park();
    });
}

/// What becomes of two lines at a store: a step, whether it did anything, and how many values were handed over in all.
struct Desk<'a> {
    store: &'a Shelf,
    lines: Lines<u32>,
    handed: u64,
}

impl<'a> Desk<'a> {
    fn new(store: &'a Shelf) -> Self {
        Desk {
            store,
            lines: Lines([Line::new(), Line::new()]),
            handed: 0,
        }
    }

    fn takers(&mut self) -> &mut Line<u32> {
        &mut self.lines.0[0]
    }

    fn givers(&mut self) -> &mut Line<u32> {
        &mut self.lines.0[1]
    }

    fn step(&mut self) -> bool {
        let mut wake = Wake::none();
        let done = self.lines.step(self.store, &mut wake, &mut self.handed);
        wake.all();
        done
    }
}

const SERVED: Option<Result<(), Ended>> = Some(Ok(()));
const CLOSED: Option<Result<(), Ended>> = Some(Err(Ended::Closed));

#[test]
fn where_nobody_waits_nothing_is_done() {
    for store in [
        Shelf::holding(None),
        Shelf::holding(Some(1)),
        Shelf::without_room(),
    ] {
        let before = store.held();
        assert!(!Desk::new(&store).step());
        assert_eq!(store.held(), before);
    }
}

/// First in, first out: a taker has what lies there, not what a giver brings.
#[test]
fn a_value_goes_through_the_store() {
    let (store, taker, giver) = (Shelf::holding(Some(1)), Node::new(None), Node::new(Some(2)));
    let mut desk = Desk::new(&store);
    enter(desk.takers(), &taker);
    enter(desk.givers(), &giver);
    assert!(desk.step());
    assert_eq!((taker.verdict(), taker.take()), (SERVED, Some(1)));
    assert_eq!((giver.verdict(), store.held()), (None, None));
    assert!(desk.step());
    assert_eq!((giver.verdict(), store.held()), (SERVED, Some(2)));
    assert!(!desk.step());
    assert_eq!(desk.handed, 0);
}

#[test]
fn at_an_empty_store_a_value_is_handed_over() {
    for store in [Shelf::holding(None), Shelf::without_room()] {
        let takers = [const { None }; 2].map(Node::new);
        let givers = [1, 2].map(|value| Node::new(Some(value)));
        let mut desk = Desk::new(&store);
        takers
            .iter()
            .for_each(|node| _ = enter(desk.takers(), node));
        givers
            .iter()
            .for_each(|node| _ = enter(desk.givers(), node));
        for at in 0..2 {
            assert!(desk.step());
            assert_eq!(takers[at].verdict(), SERVED);
            assert_eq!(givers[at].verdict(), SERVED);
            assert_eq!(takers[at].take(), Some(at as u32 + 1));
            assert_eq!(desk.handed, at as u64 + 1);
        }
        assert!(!desk.step());
    }
}

/// A giver keeps its value and its place; a taker waits on.
#[test]
fn who_cannot_be_served_waits_on() {
    let (store, giver) = (Shelf::holding(Some(1)), Node::new(Some(2)));
    let mut desk = Desk::new(&store);
    enter(desk.givers(), &giver);
    assert!(!desk.step());
    assert_eq!((giver.verdict(), store.held()), (None, Some(1)));
    assert_eq!(giver.take(), Some(2));
    assert!(desk.givers().leave(&giver));

    let (store, taker) = (Shelf::holding(None), Node::new(None));
    let mut desk = Desk::new(&store);
    enter(desk.takers(), &taker);
    assert!(!desk.step());
    assert!(taker.verdict().is_none() && desk.takers().leave(&taker));
}

/// With room they are spared while one is on its way; without, they wait for nothing but each other.
#[test]
fn sleepers_at_a_store_without_room_are_not_spared() {
    for (store, steps) in [(Shelf::holding(None), 1), (Shelf::without_room(), 2)] {
        let takers = [const { None }; 2].map(Node::new);
        let givers = [1, 2].map(|value| Node::new(Some(value)));
        let mut desk = Desk::new(&store);
        takers
            .iter()
            .for_each(|node| enter_asleep(desk.takers(), node));
        givers
            .iter()
            .for_each(|node| enter_asleep(desk.givers(), node));
        assert!((0..steps).all(|_| desk.step()));
        assert!(!desk.step());
        assert_eq!(desk.handed, steps);
    }
}

#[test]
fn at_a_closed_store_everybody_is_turned_away() {
    let store = Shelf::holding(None);
    store.close();
    let takers = [const { None }; 2].map(Node::new);
    let givers = [1, 2].map(|value| Node::new(Some(value)));
    let mut desk = Desk::new(&store);
    enter(desk.takers(), &takers[0]);
    enter_asleep(desk.takers(), &takers[1]);
    enter(desk.givers(), &givers[0]);
    enter_asleep(desk.givers(), &givers[1]);
    assert!((0..4).all(|_| desk.step()) && !desk.step());
    assert!(takers.iter().all(|node| node.verdict() == CLOSED));
    assert!(givers.iter().all(|node| node.verdict() == CLOSED));
    assert!(givers.iter().map(Node::take).eq([Some(1), Some(2)]));
}
