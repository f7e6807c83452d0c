//! Repetitions in turn: every contender runs once per round, and each round starts with another.
//!
//! A machine's speed drifts over seconds. Taken in turn, all contenders see the same drift; with the
//! order rotated, nobody always runs after the same neighbour.

use std::collections::BTreeMap;

use crate::child::Fault;
use crate::figures::Figures;

/// The runs of one contender in one cell.
#[derive(Clone, Debug)]
pub struct Row<K> {
    /// Whose.
    pub contender: K,
    /// What the runs measured.
    pub runs: Vec<Figures>,
    /// Why there are no more of them.
    pub fault: Option<Fault>,
}

impl<K> Row<K> {
    /// The medians, if every run went well.
    pub fn medians(&self) -> Option<Figures> {
        (self.fault.is_none() && !self.runs.is_empty()).then(|| Figures::medians(&self.runs))
    }
}

/// Has `run` make `reps` runs of each contender. Who fails is not run again.
pub fn in_turn<K: Copy>(
    contenders: &[K],
    reps: usize,
    mut run: impl FnMut(K) -> Result<Figures, Fault>,
) -> Vec<Row<K>> {
    let row = |contender: &K| Row {
        contender: *contender,
        runs: Vec::new(),
        fault: None,
    };
    let mut rows: Vec<Row<K>> = contenders.iter().map(row).collect();
    for rep in 0..reps {
        for nth in 0..rows.len() {
            let turn = (nth + rep) % rows.len();
            let row = &mut rows[turn];
            if row.fault.is_none() {
                match run(row.contender) {
                    Ok(figures) => row.runs.push(figures),
                    Err(fault) => row.fault = Some(fault),
                }
            }
        }
    }
    rows
}

/// Like [`in_turn`], with as many messages per run as take about `millis` milliseconds: found in a
/// contender's first turn, used in all. `run` is told whether a run counts.
pub fn calibrated<K: Copy + Ord>(
    contenders: &[K],
    reps: usize,
    millis: u64,
    mut run: impl FnMut(K, u64, bool) -> Result<Figures, Fault>,
) -> Vec<Row<K>> {
    let mut numbers: BTreeMap<K, u64> = BTreeMap::new();
    in_turn(contenders, reps, |contender| {
        let number = match numbers.get(&contender) {
            Some(number) => *number,
            None => calibrate(millis, |number| run(contender, number, false))?,
        };
        numbers.insert(contender, number);
        run(contender, number, true)
    })
}

/// Finds how many messages take about `millis` milliseconds: `run` is tried with more and more of
/// them until it takes long enough to tell. It must report `wall_ns`.
///
/// # Errors
/// That of the run that failed.
fn calibrate(
    millis: u64,
    mut run: impl FnMut(u64) -> Result<Figures, Fault>,
) -> Result<u64, Fault> {
    /// Enough for the threads of the largest cell to meet at all.
    const FEWEST: u64 = 1024;
    let goal = millis as f64 * 1e6;
    let mut number = FEWEST;
    loop {
        let wall = run(number)?.get("wall_ns").max(1.0);
        let scaled = number as f64 * goal / wall;
        if wall >= goal / 6.0 {
            return Ok((scaled as u64).max(FEWEST));
        }
        // A short run is mostly starting up, so it is trusted for the direction only.
        number = (scaled / 3.0).clamp(number as f64 * 2.0, number as f64 * 32.0) as u64;
    }
}
