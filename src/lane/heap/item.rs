//! What the order holds.

/// An item that left the lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// The smallest leaves first.
    pub key: u64,
    /// Among equal keys, the smallest leaves first.
    pub place: i64,
    /// What was pushed.
    pub value: u64,
}

impl Item {
    #[inline(always)]
    pub(super) fn order(&self) -> (u64, i64) {
        (self.key, self.place)
    }
}
