//! What becomes of a site, and of the whole run.

use crate::find::Site;
use crate::order::Order;
use std::time::Duration;

/// What the models say to one weakening.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Killed {
        by: String,
        /// Where `fence_after_rmw` does nothing, as on x86.
        bare: bool,
        said: String,
    },
    Survived,
    NotReached,
    /// No model failed, but this one did not end in time.
    TimedOut(String),
    /// A model ended as no test does.
    Strange(String),
}

/// A weakening that was tried.
#[derive(Clone, Debug)]
pub struct Trial {
    pub weaker: Order,
    pub answer: Answer,
    pub took: Duration,
}

/// What becomes of a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Killed,
    Explained,
    /// Its explanation says that no model sees it; one does.
    Stale,
    Survived,
    NotReached,
    TimedOut,
    Strange,
}

impl Verdict {
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Killed => "killed",
            Verdict::Explained => "explained",
            Verdict::Stale => "stale",
            Verdict::Survived => "survived",
            Verdict::NotReached => "not reached",
            Verdict::TimedOut => "timed out",
            Verdict::Strange => "ended strangely",
        }
    }

    pub fn is_fine(self) -> bool {
        matches!(self, Verdict::Killed | Verdict::Explained)
    }

    /// Of one weakening.
    pub fn of(answer: &Answer, explained: bool) -> Self {
        match answer {
            Answer::Killed { .. } => Verdict::Killed,
            Answer::TimedOut(_) => Verdict::TimedOut,
            Answer::Strange(_) => Verdict::Strange,
            Answer::Survived | Answer::NotReached if explained => Verdict::Explained,
            Answer::Survived => Verdict::Survived,
            Answer::NotReached => Verdict::NotReached,
        }
    }

    /// Of the site, by its whole weakening. An explanation that nothing needs is stale.
    pub fn of_site(site: &Site, trials: &[Trial]) -> Self {
        let explained = site.unseen.is_some();
        let all_killed = trials
            .iter()
            .all(|trial| matches!(trial.answer, Answer::Killed { .. }));
        match Verdict::of(&trials[0].answer, explained) {
            Verdict::Killed if explained && all_killed => Verdict::Stale,
            verdict => verdict,
        }
    }
}
