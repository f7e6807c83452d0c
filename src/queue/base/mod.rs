//! What every room uses: errors, the word of flags, counters, what one worker shows of itself, what the runtime gives.

pub(crate) mod books;
pub(crate) mod core;
pub(crate) mod current;
pub(crate) mod desk;
pub(crate) mod error;
pub(crate) mod host;
pub(crate) mod options;
pub(crate) mod presence;
pub(crate) mod refusal;
pub(crate) mod relief;
pub(crate) mod switches;
pub(crate) mod terms;
pub(crate) mod tray;
