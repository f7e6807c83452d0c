//! What is written down: steps as counts and events, what is known of live jobs and of ended ones, results.
//!
//! `step.rs` is the one way in for whatever happens to a job; `events.rs`, `subscription.rs` and `merge.rs` are where
//! it is told, `dossier.rs` and `notes.rs` have what is known of a live job, `end.rs`, `archive.rs` and `results.rs` of an
//! ended one, `lookup.rs` finds either.

pub(crate) mod archive;
#[cfg(all(test, not(any(guichet_loom, guichet_shuttle))))]
mod archive_tests;
pub(crate) mod dossier;
#[cfg(all(test, not(any(guichet_loom, guichet_shuttle))))]
mod dossier_tests;
pub(crate) mod end;
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
pub(crate) mod step;
pub(crate) mod subscription;

use archive::Archive;
use dossier::Dossiers;
use events::Hub;
use results::Kept;

use crate::model::Keep;
use crate::queue::base::books::{CommonBooks, Sum};
use crate::sync::{Arc, OnceLock};

/// All that one queue writes down of its jobs.
pub(crate) struct Records<R> {
    /// What is counted by others than workers.
    common: CommonBooks,
    /// What is known of live jobs.
    dossiers: Dossiers,
    /// The records of ended ones.
    archive: Archive,
    results: Option<Kept<R>>,
    /// Events, once somebody listened.
    hub: OnceLock<Arc<Hub>>,
}

impl<R> Records<R> {
    /// Of a queue with so many slots.
    pub(crate) fn new(
        slots: usize,
        [completed, failed]: [Keep; 2],
        results: Option<Kept<R>>,
    ) -> Self {
        Records {
            common: CommonBooks::default(),
            dossiers: Dossiers::new(slots),
            archive: Archive::new(completed, failed),
            results,
            hub: OnceLock::new(),
        }
    }

    /// The books of whoever is no worker.
    #[inline(always)]
    pub(crate) fn common(&self) -> &CommonBooks {
        &self.common
    }

    /// The same, summed up.
    pub(crate) fn sum(&self) -> Sum {
        let mut sum = Sum::default();
        sum.add_common(&self.common);
        sum
    }

    /// What is known of live jobs.
    pub(crate) fn dossiers(&self) -> &Dossiers {
        &self.dossiers
    }

    /// The records of ended jobs.
    pub(crate) fn archive(&self) -> &Archive {
        &self.archive
    }

    /// Results by id, if the queue keeps any.
    #[inline(always)]
    pub(crate) fn results(&self) -> Option<&Kept<R>> {
        self.results.as_ref()
    }
}
