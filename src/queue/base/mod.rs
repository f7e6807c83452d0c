//! What every room uses: errors, the word of flags, counters, what one worker shows of itself, what the runtime gives.

pub(crate) mod books;
pub(crate) mod core;
pub(crate) mod current;
pub(crate) mod desk;
pub(crate) mod error;
pub(crate) mod hooks;
pub(crate) mod host;
pub(crate) mod job_view;
pub(crate) mod lent;
pub(crate) mod options;
pub(crate) mod presence;
pub(crate) mod refusal;
pub(crate) mod relief;
pub(crate) mod stats;
pub(crate) mod switches;
pub(crate) mod terms;
pub(crate) mod timetable;
pub(crate) mod tray;
