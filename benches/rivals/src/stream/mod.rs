//! `stream`: words through a channel as fast as they go.
//!
//! [`run`] is one run, in a child process; [`plan`] makes the runs of all cells and tells what came
//! of them; [`floors`] knows what guichet has to reach.

mod floors;
mod plan;
mod run;

pub use plan::{Options, measure};
pub use run::Run;
