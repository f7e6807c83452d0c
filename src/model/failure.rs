//! What a handler says when an attempt did not work.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::time::Duration;

type Source = Box<dyn Error + Send + Sync>;

/// Why an attempt failed, and whether another may help.
///
/// Made by `?` from any error (another attempt, if one is left), by [`Failure::msg`] from a text,
/// or by [`Failure::discard`] when the job can never work. Not itself a [`std::error::Error`], so
/// that `?` converts; [`error`](Failure::error) gives the error inside.
///
/// ```
/// use guichet::Failure;
/// fn parse(text: &str) -> Result<u32, Failure> {
///     if text.is_empty() {
///         return Err(Failure::discard("an empty order can't be mended"));
///     }
///     Ok(text.parse::<u32>()?)
/// }
/// assert!(parse("").unwrap_err().is_discard());
/// assert!(!parse("x").unwrap_err().is_discard());
/// ```
pub struct Failure {
    kind: Kind,
    source: Source,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Error,
    Discard,
    Panic,
    Snooze(Duration),
    Requeue,
}

impl Failure {
    /// A failed attempt with a text for its reason.
    pub fn msg(reason: impl fmt::Display) -> Self {
        Failure {
            kind: Kind::Error,
            source: reason.to_string().into(),
        }
    }

    /// Ends the job now: no attempt that is left will be made.
    pub fn discard(reason: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Failure {
            kind: Kind::Discard,
            source: reason.into(),
        }
    }

    /// Not now: the job comes back after `pause`, and the attempt does not count. Nothing limits how often.
    ///
    /// ```
    /// use std::time::Duration;
    /// let later = guichet::Failure::snooze(Duration::from_secs(30));
    /// assert_eq!(later.snoozed(), Some(Duration::from_secs(30)));
    /// ```
    pub fn snooze(pause: Duration) -> Self {
        Failure {
            kind: Kind::Snooze(pause),
            source: "the handler wants to be asked again later".into(),
        }
    }

    /// Not by me: the job goes back to its place in line at once, and the attempt does not count. Nothing limits
    /// how often; a worker without colleagues gets it again.
    pub fn requeue() -> Self {
        Failure {
            kind: Kind::Requeue,
            source: "the handler gave the job back".into(),
        }
    }

    /// What a caught panic says.
    #[cfg_attr(guichet_loom, allow(dead_code))]
    pub(crate) fn panicked(payload: Box<dyn Any + Send>) -> Self {
        let text = match payload.downcast::<String>() {
            Ok(text) => *text,
            Err(payload) => match payload.downcast::<&'static str>() {
                Ok(text) => (*text).to_owned(),
                Err(payload) => {
                    // The handler's own type: its destructor may panic in turn, and nobody needs it.
                    std::mem::forget(payload);
                    "a panic without a text".to_owned()
                }
            },
        };
        Failure {
            kind: Kind::Panic,
            source: text.into(),
        }
    }

    /// Whether the handler asked for no further attempt.
    pub fn is_discard(&self) -> bool {
        self.kind == Kind::Discard
    }

    /// Whether the handler panicked; [`error`](Failure::error) then has the panic's text.
    pub fn is_panic(&self) -> bool {
        self.kind == Kind::Panic
    }

    /// After which pause the handler wants to be asked again, if that is what it says.
    pub fn snoozed(&self) -> Option<Duration> {
        match self.kind {
            Kind::Snooze(pause) => Some(pause),
            _ => None,
        }
    }

    /// Whether the handler gave the job back.
    pub fn is_requeue(&self) -> bool {
        self.kind == Kind::Requeue
    }

    /// The error that the handler returned.
    pub fn error(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.source
    }

    /// The error that the handler returned, to keep or to downcast.
    pub fn into_error(self) -> Box<dyn Error + Send + Sync> {
        self.source
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure {
            kind: Kind::Error,
            source: Box::new(error),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Error | Kind::Discard | Kind::Snooze(_) | Kind::Requeue => {
                write!(f, "{}", self.source)
            }
            Kind::Panic => write!(f, "the handler panicked: {}", self.source),
        }
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Failure")
            .field(&self.kind)
            .field(&self.source)
            .finish()
    }
}
