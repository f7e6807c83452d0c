//! Slots and tickets: who gets a slot, and where waiting jobs stand.

pub(crate) mod line;
pub(crate) mod room;
