//! The matrix: model programs that are drawn, not listed; each pair of operations meets, and each
//! triple with one that moves tickets, makes them invalid or compacts lines.
//!
//! ```text
//! MATRIX_SECONDS=300 RUSTFLAGS="--cfg guichet_shuttle" CARGO_TARGET_DIR=target/shuttle \
//!     cargo test --release --test shuttle matrix -- --nocapture
//! ```
//! A program (`program.rs`) is a prelude and two to four actors of one or two operations each
//! (`operation.rs`); `stage.rs` and `play.rs` perform it, `board.rs` writes down what is known, and
//! `judge.rs` and `legal.rs` say what must be true. Each is explored under PCT of
//! depth 3, and a tenth as often under random and URW schedules. The cells are walked in an order
//! that `MATRIX_SEED` decides, several programs of each, until all have had their budget or
//! `MATRIX_SECONDS` (20) are over. `MATRIX_OPS=Cancel,Lease` walks only cells of these operations,
//! `MATRIX_WITHOUT` only those without. A failure prints its program:
//! `MATRIX_PROGRAM=Cancel,Lease/7` explores that alone, with `SHUTTLE_SCHEDULE` one schedule of it,
//! with `MATRIX_TRACE=1` step by step. `MATRIX_INEXACT=1` lets a false `Full` pass.

mod board;
mod judge;
mod legal;
mod operation;
mod play;
mod program;
mod stage;

use std::any::Any;
use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::env;
use std::hash::BuildHasher;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use shuttle::scheduler::{PctScheduler, RandomScheduler, ReplayScheduler, UrwRandomScheduler};
use shuttle::{MaxSteps, thread};

use super::explore::{explore_up_to, number};
use board::{Role, play};
use operation::{Cell, Op};
use program::{Dice, Program};
pub use stage::Counter;
use stage::Stage;

/// How far a cell is explored: so many programs, each under so many schedules of PCT.
struct Budget {
    programs: usize,
    schedules: usize,
}

#[test]
fn pairs() {
    let budget = Budget {
        programs: 10,
        schedules: 200,
    };
    walk("pairs", Cell::pairs(), budget);
}

#[test]
fn triples() {
    let budget = Budget {
        programs: 3,
        schedules: 100,
    };
    walk("triples", Cell::triples(), budget);
}

/// A program takes some 1,500 steps.
const MOST_STEPS: usize = 50_000;

/// Why a program failed, and after how many schedules.
struct Failure {
    schedules: usize,
    text: String,
}

/// One execution.
fn execute(program: &Arc<Program>, hope: &Arc<Mutex<String>>) {
    play(Role::Judge);
    let stage = Arc::new(Stage::new(program.clone(), hope.clone()));
    let events = program.shape.heard.then(|| stage.queue.subscribe());
    // A job that expires into a dead letter drops no payload: the main thread would not learn of
    // it.
    let listener = program.dies_silently().then(|| {
        let (board, events) = (stage.board.clone(), stage.queue.subscribe());
        judge::helper("listener", move || events.for_each(|_| board.write(|_| ())))
    });
    stage.prelude();
    let actors = (0..program.actors.len()).map(|me| {
        let stage = stage.clone();
        let actor = thread::Builder::new().name(format!("actor {me}"));
        actor.spawn(move || stage.act(me)).expect("a thread")
    });
    let actors = actors.collect();
    stage.judge(actors, events);
    listener
        .into_iter()
        .for_each(|listener| listener.join().unwrap());
}

/// Explores a program under all schedulers; how many schedules there were.
fn explore_program(program: Program, schedules: usize) -> Result<usize, Failure> {
    let seed = program.seed;
    let (program, hope) = (Arc::new(program), Arc::new(Mutex::new(String::new())));
    let count = Arc::new(AtomicUsize::new(0));
    let model = || {
        let (program, hope, count) = (program.clone(), hope.clone(), count.clone());
        move || {
            count.fetch_add(1, Relaxed);
            execute(&program, &hope);
        }
    };
    let fails = MaxSteps::FailAfter(MOST_STEPS);
    // URW may run one thread that is woken for no reason for ever, and none of the others.
    let ends = MaxSteps::ContinueAfter(MOST_STEPS);
    let run = || match env::var("SHUTTLE_SCHEDULE") {
        Ok(schedule) => {
            let replay = ReplayScheduler::new_from_encoded(&schedule);
            explore_up_to(fails, replay, model())
        }
        Err(_) => {
            let few = schedules.div_ceil(10);
            let pct = PctScheduler::new_from_seed(seed, 3, schedules);
            let random = RandomScheduler::new_from_seed(seed, few);
            let urw = UrwRandomScheduler::new_from_seed(seed, few);
            explore_up_to(fails, pct, model())
                + explore_up_to(fails, random, model())
                + explore_up_to(ends, urw, model())
        }
    };
    catch_unwind(AssertUnwindSafe(run)).map_err(|panic| Failure {
        schedules: count.load(Relaxed),
        text: format!(
            "{}; the main thread waited until: {}",
            text_of(&*panic),
            hope.lock().unwrap_or_else(|dead| dead.into_inner())
        ),
    })
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| text.to_string()));
    text.unwrap_or_else(|| "a panic".into())
}

fn operations(name: &str) -> Option<Vec<Op>> {
    let names = env::var(name).ok()?;
    let cell: Result<Cell, _> = names.parse();
    Some(cell.unwrap_or_else(|wrong| panic!("{name}: {wrong}")).0)
}

fn walk(name: &str, mut cells: Vec<Cell>, budget: Budget) {
    let seed = number("MATRIX_SEED").unwrap_or_else(|| RandomState::new().hash_one(()) >> 32);
    if let Ok(text) = env::var("MATRIX_PROGRAM") {
        let program: Program = text.parse().unwrap_or_else(|wrong| panic!("{wrong}"));
        if (program.cell.0.len() == 2) == (name == "pairs") {
            println!("{program:?}");
            let schedules = number("SHUTTLE_ITERATIONS").map_or(budget.schedules, |n| n as usize);
            let explored = explore_program(program, schedules);
            explored.unwrap_or_else(|why| panic!("after {}: {}", why.schedules, why.text));
        }
        return;
    }
    let (only, without) = (operations("MATRIX_OPS"), operations("MATRIX_WITHOUT"));
    let without = without.unwrap_or_default();
    cells.retain(|cell| {
        let mut ops = cell.0.iter();
        let wanted = ops.all(|op| only.as_ref().is_none_or(|only| only.contains(op)));
        wanted && !cell.0.iter().any(|op| without.contains(op))
    });
    let limit = Duration::from_secs(number("MATRIX_SECONDS").unwrap_or(20));
    println!(
        "matrix of {name}: MATRIX_SEED={seed}, {} cells, {limit:?}",
        cells.len()
    );
    let mut walk = Walk::new(limit, seed, without);
    for _ in 0..budget.programs {
        walk.shuffle(&mut cells);
        for cell in &cells {
            walk.visit(cell, budget.schedules);
        }
    }
    walk.report(name, cells.len());
}

/// What was explored so far.
struct Walk {
    end: Instant,
    began: Instant,
    dice: Dice,
    without: Vec<Op>,
    visited: BTreeMap<Cell, usize>,
    failures: Vec<String>,
}

impl Walk {
    fn new(limit: Duration, seed: u64, without: Vec<Op>) -> Self {
        Walk {
            end: Instant::now() + limit,
            began: Instant::now(),
            dice: Dice::new(seed),
            without,
            visited: BTreeMap::new(),
            failures: Vec::new(),
        }
    }

    fn shuffle(&mut self, cells: &mut [Cell]) {
        (1..cells.len()).for_each(|at| cells.swap(at, self.dice.below(at + 1)));
    }

    fn visit(&mut self, cell: &Cell, schedules: usize) {
        if Instant::now() >= self.end || self.failures.len() >= MOST_FAILURES {
            return;
        }
        let program = loop {
            let program = Program::draw(cell, self.dice.next() >> 32);
            if !self.without.iter().any(|op| program.has(*op)) {
                break program;
            }
        };
        let shown = format!("{program:?}");
        match explore_program(program, schedules) {
            Ok(count) => *self.visited.entry(cell.clone()).or_default() += count,
            Err(why) => {
                let failure = format!("{shown}\n  schedule {}: {}\n", why.schedules, why.text);
                println!("FAILED: {failure}");
                self.failures.push(failure);
            }
        }
    }

    /// How often each cell ran, and what failed.
    fn report(&self, name: &str, cells: usize) {
        let total: usize = self.visited.values().sum();
        print!("{}", table(&self.visited));
        let seconds = self.began.elapsed().as_secs_f64();
        println!(
            "matrix of {name}: {total} schedules, {} of {cells} cells, {:.0} a second",
            self.visited.len(),
            total as f64 / seconds
        );
        let failed = self.failures.len();
        assert!(
            failed == 0,
            "{failed} programs failed:\n{}",
            self.failures.join("\n")
        );
    }
}

/// After so many there is enough to read.
const MOST_FAILURES: usize = 20;

/// Operation by operation: schedules in which they met, in hundreds.
fn table(visited: &BTreeMap<Cell, usize>) -> String {
    let mut met = BTreeMap::<(Op, Op), usize>::new();
    for (Cell(ops), count) in visited {
        for (at, first) in ops.iter().enumerate() {
            for second in &ops[at + 1..] {
                *met.entry((*first, *second)).or_default() += count;
            }
        }
    }
    let heads = (0..Op::ALL.len()).map(|at| format!("{at:>4}"));
    let mut text = format!("{:>18}{}\n", "hundreds", heads.collect::<String>());
    for (at, first) in Op::ALL.iter().enumerate() {
        text += &format!("{:>3} {:14}{}", at, format!("{first:?}"), "    ".repeat(at));
        for second in &Op::ALL[at..] {
            text += &format!("{:>4}", met.get(&(*first, *second)).map_or(0, |n| n / 100));
        }
        text += "\n";
    }
    text
}
