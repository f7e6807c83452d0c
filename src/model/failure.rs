//! What a handler says when an attempt did not work.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use super::discard;

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
pub struct Failure(Box<Inner>);

/// Behind one pointer, so that results stay small where nothing fails.
#[derive(Debug)]
struct Inner {
    kind: FailureKind,
    source: Source,
    /// The pause that the handler asks for.
    pause: Option<Duration>,
    /// Where a panic began.
    location: Option<String>,
}

/// How an attempt came to fail, or not to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// The handler returned an error.
    Error,
    /// The handler said that no other attempt would help.
    Discard,
    /// The handler panicked.
    Panic,
    /// The attempt took longer than its time-out.
    Timeout,
    /// The handler wants to be asked again later: no attempt was used.
    Snooze,
    /// The handler gave the job back: no attempt was used.
    Requeue,
    /// The handler was told that it goes too fast, so its queue is held: no attempt was used.
    RateLimited,
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FailureKind::Error => "error",
            FailureKind::Discard => "discard",
            FailureKind::Panic => "panic",
            FailureKind::Timeout => "timeout",
            FailureKind::Snooze => "snooze",
            FailureKind::Requeue => "requeue",
            FailureKind::RateLimited => "rate limited",
        })
    }
}

impl Failure {
    fn new(kind: FailureKind, source: impl Into<Source>) -> Self {
        Failure(Box::new(Inner {
            kind,
            source: source.into(),
            pause: None,
            location: None,
        }))
    }

    /// A failed attempt with a text for its reason.
    pub fn msg(reason: impl fmt::Display) -> Self {
        Self::new(FailureKind::Error, reason.to_string())
    }

    /// A failed attempt, as `?` makes one of an error; to be followed by [`after`](Failure::after).
    pub fn retry(reason: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(FailureKind::Error, reason)
    }

    /// The next attempt, if one is left, comes after `pause`, whatever the queue's backoff says.
    ///
    /// ```
    /// use guichet::Failure;
    /// use std::time::Duration;
    ///
    /// let busy = Failure::retry("503, come back in a minute").after(Duration::from_secs(60));
    /// assert_eq!(busy.retry_after(), Some(Duration::from_secs(60)));
    /// ```
    pub fn after(mut self, pause: Duration) -> Self {
        self.0.pause = Some(pause);
        self
    }

    /// Ends the job now: no attempt that is left will be made.
    pub fn discard(reason: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(FailureKind::Discard, reason)
    }

    /// Not now: the job comes back after `pause`, and the attempt does not count. Nothing limits how often.
    ///
    /// ```
    /// use std::time::Duration;
    /// let later = guichet::Failure::snooze(Duration::from_secs(30));
    /// assert_eq!(later.snoozed(), Some(Duration::from_secs(30)));
    /// ```
    pub fn snooze(pause: Duration) -> Self {
        Self::new(
            FailureKind::Snooze,
            "the handler wants to be asked again later",
        )
        .after(pause)
    }

    /// Not by me: the job goes back to its place in line at once, and the attempt does not count. Nothing limits
    /// how often; a worker without colleagues gets it again.
    pub fn requeue() -> Self {
        Self::new(FailureKind::Requeue, "the handler gave the job back")
    }

    /// Too fast: nothing of the queue starts for `pause`, as after [`Queue::hold`](crate::Queue::hold); the job goes back to its
    /// place in line, and the attempt does not count.
    ///
    /// ```
    /// use guichet::{Failure, FailureKind};
    /// use std::time::Duration;
    ///
    /// let limited = Failure::rate_limited(Duration::from_secs(1));
    /// assert_eq!(limited.kind(), FailureKind::RateLimited);
    /// ```
    pub fn rate_limited(pause: Duration) -> Self {
        Self::new(
            FailureKind::RateLimited,
            "the handler was told that it goes too fast",
        )
        .after(pause)
    }

    /// What a caught panic says, and where one that said this began.
    #[cfg_attr(guichet_loom, allow(dead_code))]
    pub(crate) fn panicked(
        payload: Box<dyn Any + Send>,
        location: impl FnOnce(&str) -> Option<String>,
    ) -> Self {
        let text = match payload.downcast::<String>() {
            Ok(text) => Some(*text),
            Err(payload) => match payload.downcast::<&'static str>() {
                Ok(text) => Some((*text).to_owned()),
                Err(payload) => {
                    discard(payload);
                    None
                }
            },
        };
        let location = location(text.as_deref().unwrap_or_default());
        let text = text.unwrap_or_else(|| "a panic without a text".to_owned());
        let mut failure = Self::new(FailureKind::Panic, text);
        failure.0.location = location;
        failure
    }

    /// An attempt whose time was over.
    #[cfg_attr(guichet_loom, allow(dead_code))]
    pub(crate) fn timed_out() -> Self {
        Self::new(
            FailureKind::Timeout,
            "the attempt took longer than its time-out",
        )
    }

    /// How the attempt came to fail, or not to count.
    pub fn kind(&self) -> FailureKind {
        self.0.kind
    }

    /// Whether the handler asked for no further attempt.
    pub fn is_discard(&self) -> bool {
        self.0.kind == FailureKind::Discard
    }

    /// Whether the handler panicked; [`error`](Failure::error) then has the panic's text.
    pub fn is_panic(&self) -> bool {
        self.0.kind == FailureKind::Panic
    }

    /// Whether the attempt took longer than its time-out.
    pub fn is_timeout(&self) -> bool {
        self.0.kind == FailureKind::Timeout
    }

    /// Where the panic began, as `file:line:column`, if it is one and that is known: a panic that was caught and resumed does
    /// not say it.
    pub fn location(&self) -> Option<&str> {
        self.0.location.as_deref()
    }

    /// After which pause the handler wants to be asked again, if that is what it says.
    pub fn snoozed(&self) -> Option<Duration> {
        self.0.pause.filter(|_| self.0.kind == FailureKind::Snooze)
    }

    /// For how long the queue is to be held, if that is what the handler says.
    pub fn limited(&self) -> Option<Duration> {
        self.0
            .pause
            .filter(|_| self.0.kind == FailureKind::RateLimited)
    }

    /// The pause before the next attempt that the handler asks for, if it does.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.pause.filter(|_| self.0.kind == FailureKind::Error)
    }

    /// Whether the handler gave the job back.
    pub fn is_requeue(&self) -> bool {
        self.0.kind == FailureKind::Requeue
    }

    /// The error that the handler returned.
    pub fn error(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.0.source
    }

    /// The error that the handler returned, to keep or to downcast.
    pub fn into_error(self) -> Box<dyn Error + Send + Sync> {
        self.0.source
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(FailureKind::Error, error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.kind, &self.0.location) {
            (FailureKind::Panic, None) => write!(f, "the handler panicked: {}", self.0.source),
            (FailureKind::Panic, Some(place)) => {
                write!(f, "the handler panicked at {place}: {}", self.0.source)
            }
            _ => write!(f, "{}", self.0.source),
        }
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Failure")
            .field(&self.0.kind)
            .field(&self.0.source)
            .finish()
    }
}
