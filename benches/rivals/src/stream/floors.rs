//! What guichet's channel has to reach in a cell.

use crate::cell::Cell;
use crate::regime::Regime;
use crate::report::Floor;

/// The conditions of a cell.
#[derive(Clone, Copy, Debug)]
pub struct Conditions {
    /// In whose company.
    pub regime: Regime,
    /// Threads.
    pub cell: Cell,
    /// Room.
    pub capacity: usize,
    /// Words sent together.
    pub batch: usize,
}

impl Conditions {
    /// The floors, given guichet's rate in terms of crossbeam's and of the best parking rival's.
    pub fn floors(self, to_crossbeam: f64, to_best: f64) -> Vec<Floor> {
        let Conditions {
            regime,
            cell,
            capacity,
            batch,
        } = self;
        let batched = if batch == 1 {
            String::new()
        } else {
            format!(" batch {batch}")
        };
        let what =
            |than: &str| format!("stream {regime} {cell} capacity {capacity}{batched}, x {than}");
        vec![
            Floor::at_least(self.over_crossbeam(), to_crossbeam, what("crossbeam")),
            Floor::at_least(0.9, to_best, what("the best parking rival")),
        ]
    }

    /// Where a reason is known why much more is possible, much more is asked.
    fn over_crossbeam(self) -> f64 {
        let many = self.cell.senders >= 2 && self.cell.receivers >= 2;
        let one_receiver = self.cell.receivers == 1 && self.cell.senders <= 2;
        match (self.batch, self.capacity, self.regime) {
            (64, 1024, _) => 2.0,
            (1, 1, Regime::OneCore | Regime::Loaded) => 7.0,
            (1, 16, Regime::Quiet) if one_receiver => 10.0,
            (1, 1024, _) if many => 1.2,
            _ => 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_is_asked_where_more_is_possible() {
        use Regime::{Loaded, OneCore, Quiet};
        for (regime, cell, capacity, batch, limit) in [
            (Quiet, "1x1", 0, 1, 1.0),
            (Quiet, "4x4", 1, 1, 1.0),
            (OneCore, "1x1", 1, 1, 7.0),
            (Loaded, "8x8", 1, 1, 7.0),
            (Quiet, "1x1", 16, 1, 10.0),
            (Quiet, "2x1", 16, 1, 10.0),
            (Quiet, "1x2", 16, 1, 1.0),
            (Loaded, "1x1", 16, 1, 1.0),
            (Quiet, "1x1", 1024, 1, 1.0),
            (Quiet, "2x2", 1024, 1, 1.2),
            (Quiet, "2x1", 1024, 1, 1.0),
            (Quiet, "1x1", 1024, 64, 2.0),
            (Loaded, "1x1", 1, 64, 1.0),
        ] {
            let conditions = Conditions {
                regime,
                cell: cell.parse().expect("a cell"),
                capacity,
                batch,
            };
            let limits = conditions
                .floors(1.0, 1.0)
                .into_iter()
                .map(|floor| floor.limit);
            assert_eq!(limits.collect::<Vec<_>>(), [limit, 0.9], "{conditions:?}");
        }
    }
}
