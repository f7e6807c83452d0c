//! How a job to lease is found, and waited for.
//!
//! Whoever waits is a searcher meanwhile, and while one searches no other is woken; a consumer has its
//! turn meanwhile, and no other has. So nothing of the user's runs in a look: what is to be dropped leaves the search, and
//! the turn, first.

use crate::lane::Portion;
use crate::model::PopError;
use crate::queue::base::host::Visit;
use crate::queue::base::switches::Setting;
use crate::queue::lease::held::{Lease, LeaseError};
use crate::queue::life::Shared;
use crate::queue::life::begin::NotBegun;
use crate::queue::ready::line::Batch;
use crate::sync::{Arc, Backoff, Deadline, seeded};

/// What one look for a job to lease came to.
#[must_use = "what was found may hold a job's end"]
pub(crate) enum Hit<T: Send + Sync + 'static, R: Send + 'static> {
    Lease(Lease<T, R>),
    /// The attempt did not begin.
    None(NotBegun<T, R>),
}

/// Waits for a job up to `deadline`.
pub(crate) fn wait_for_lease<T: Send + Sync + 'static, R: Send + 'static>(
    shared: &Arc<Shared<T, R>>,
    deadline: Option<Deadline>,
) -> Result<Lease<T, R>, LeaseError> {
    loop {
        let found = search_for_lease(shared, deadline, &|| true)?;
        if let Some(lease) = leased(shared, found) {
            return Ok(lease);
        }
    }
}

/// Searches for a job up to `deadline`, as long as `may` says that the caller is to have it;
/// [`LeaseError::Timeout`] also when it says no.
pub(crate) fn search_for_lease<T: Send + Sync + 'static, R: Send + 'static>(
    shared: &Arc<Shared<T, R>>,
    deadline: Option<Deadline>,
    may: &dyn Fn() -> bool,
) -> Result<Hit<T, R>, LeaseError> {
    let attempt = || match may() {
        false => Some(Err(LeaseError::Timeout)),
        true => look_for_lease(shared).transpose(),
    };
    let found = shared.ready.wait_for_work(&shared.core, deadline, attempt);
    found.unwrap_or(Err(LeaseError::Timeout))
}

/// The next job, if there is one; `Closed` if there never will be.
pub(crate) fn try_lease<T: Send + Sync + 'static, R: Send + 'static>(
    shared: &Arc<Shared<T, R>>,
) -> Result<Option<Lease<T, R>>, LeaseError> {
    while let Some(found) = look_for_lease(shared)? {
        if let Some(lease) = leased(shared, found) {
            return Ok(Some(lease));
        }
    }
    Ok(None)
}

/// The lease, if one was found; else drops what was.
pub(crate) fn leased<T: Send + Sync + 'static, R: Send + 'static>(
    shared: &Arc<Shared<T, R>>,
    found: Hit<T, R>,
) -> Option<Lease<T, R>> {
    match found {
        Hit::Lease(lease) => Some(lease),
        Hit::None(why) => {
            shared.not_begun(why);
            None
        }
    }
}

/// One look for a job. It runs none of the user's code.
pub(crate) fn look_for_lease<T: Send + Sync + 'static, R: Send + 'static>(
    shared: &Arc<Shared<T, R>>,
) -> Result<Option<Hit<T, R>>, LeaseError> {
    let Some(host) = shared.core.host.upgrade() else {
        return Err(LeaseError::Closed);
    };
    let mut batch = Batch::new(1);
    let mut backoff = Backoff::default();
    loop {
        // Asked first, as in a worker's look.
        let now = shared.core.switches.seen();
        if now.any(Setting::STOPPED) {
            return Err(LeaseError::Closed);
        }
        if now.any(Setting::HALTED) {
            return Ok(None);
        }
        let taken = shared.ready.take(&mut batch, Portion::ONE, u32::MAX);
        if let Err(empty) = taken {
            match shared.ready.any_unstarted(&shared.core) {
                Some(ticket) => batch.take_over(ticket),
                None if shared.ready.has_moved() => {
                    backoff.snooze();
                    continue;
                }
                None if now.any(Setting::CLOSED) || empty == PopError::Closed => {
                    return Err(LeaseError::Closed);
                }
                None => return Ok(None),
            }
        }
        // Before the job is active: a shutdown that finds it so finds the visit.
        let visit = Visit::begin(host.clone());
        match shared.begin(batch.get(0)) {
            Ok((claim, _)) => {
                let deadline = shared.begin_lease(&claim);
                let lease = Lease::new(shared.clone(), claim, deadline, visit);
                return Ok(Some(Hit::Lease(lease)));
            }
            // The ticket was stale, or its job waits again.
            Err(NotBegun::Nothing) => {}
            Err(why) if seeded!("lease_drops_in_search") => shared.not_begun(why),
            Err(why) => return Ok(Some(Hit::None(why))),
        }
    }
}
