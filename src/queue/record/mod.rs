//! What is written down: events, what is known of live jobs and of ended ones, results.

pub(crate) mod archive;
#[cfg(all(test, not(any(guichet_loom, guichet_shuttle))))]
mod archive_tests;
pub(crate) mod dossier;
#[cfg(all(test, not(any(guichet_loom, guichet_shuttle))))]
mod dossier_tests;
pub(crate) mod events;
pub(crate) mod lookup;
pub(crate) mod merge;
#[cfg(all(test, not(any(guichet_loom, guichet_shuttle))))]
mod merge_tests;
pub(crate) mod notes;
pub(crate) mod recent;
pub(crate) mod results;
#[cfg(all(test, not(any(guichet_loom, guichet_shuttle))))]
mod results_tests;
pub(crate) mod subscription;
