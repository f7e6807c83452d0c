//! What is done to a queue and its jobs from outside: pause, change, inspection.

pub(crate) mod cancel;
pub(crate) mod change;
pub(crate) mod halt;
pub(crate) mod inspect;
pub(crate) mod listen;
pub(crate) mod lookup;
pub(crate) mod redrive;
