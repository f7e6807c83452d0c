//! Runs one model under three schedulers, or under one schedule again.

use std::collections::hash_map::RandomState;
use std::env;
use std::hash::BuildHasher;

use shuttle::scheduler::{
    PctScheduler, RandomScheduler, ReplayScheduler, Scheduler,
    UncontrolledNondeterminismCheckScheduler, UrwRandomScheduler,
};
use shuttle::{Config, MaxSteps, Runner};

fn config(most_steps: MaxSteps) -> Config {
    let mut config = Config::new();
    config.max_steps = most_steps;
    config.stack_size = 0x2_0000;
    config
}

pub fn explore(
    scheduler: impl Scheduler + 'static,
    model: impl Fn() + Send + Sync + 'static,
) -> usize {
    // Far more than a schedule that makes progress takes: a model that gets here does not.
    explore_up_to(MaxSteps::FailAfter(200_000), scheduler, model)
}

/// Schedules of at most so many steps.
pub fn explore_up_to(
    most_steps: MaxSteps,
    scheduler: impl Scheduler + 'static,
    model: impl Fn() + Send + Sync + 'static,
) -> usize {
    Runner::new(scheduler, config(most_steps)).run(model)
}

pub fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    let number = text.trim().parse();
    Some(number.unwrap_or_else(|_| panic!("{name}={text}: expected a whole number")))
}

/// Explores `model` under random, PCT and URW schedules, and prints the seed and how many there were.
pub fn check(model: fn()) {
    if let Ok(schedule) = env::var("SHUTTLE_SCHEDULE") {
        explore(ReplayScheduler::new_from_encoded(&schedule), model);
        return;
    }
    let iterations = number("SHUTTLE_ITERATIONS").unwrap_or(1_000) as usize;
    // shuttle itself prefers the variable's value to the one it is given.
    let seed = number("SHUTTLE_RANDOM_SEED").unwrap_or_else(|| RandomState::new().hash_one(()));
    let name = std::thread::current().name().unwrap_or("?").to_owned();
    println!("model {name}: SHUTTLE_RANDOM_SEED={seed}");
    // In this order: the first that fails has been named.
    println!("random");
    let mut schedules = explore(RandomScheduler::new_from_seed(seed, iterations), model);
    println!("PCT, depth 3");
    schedules += explore(PctScheduler::new_from_seed(seed, 3, iterations), model);
    println!("URW");
    schedules += explore(UrwRandomScheduler::new_from_seed(seed, iterations), model);
    println!("model {name}: {schedules} schedules");
    // A model that depends on anything else than its schedule could not be repeated.
    let random = RandomScheduler::new_from_seed(seed, iterations.min(50));
    explore(UncontrolledNondeterminismCheckScheduler::new(random), model);
}
