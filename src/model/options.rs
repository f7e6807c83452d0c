//! Ranges of options, and the error that names them.

use std::error::Error;
use std::fmt;
use std::ops::RangeInclusive;

/// An option outside its range: which, what was given, what is allowed.
///
/// ```
/// # let runtime = guichet::Runtime::new()?;
/// let refused = runtime.queue::<u32, u32>("squares").capacity(0).build().unwrap_err();
/// assert_eq!(refused.to_string(), "capacity must be 1 to 16777215, not 0");
/// # Ok::<(), guichet::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidOption {
    option: &'static str,
    given: u64,
    range: RangeInclusive<u64>,
}

impl InvalidOption {
    /// The option's name, as the builder's method has it.
    pub fn option(&self) -> &'static str {
        self.option
    }

    /// What is allowed.
    pub fn range(&self) -> RangeInclusive<u64> {
        self.range.clone()
    }
}

/// `given`, or the error that names `option` and its `range`.
pub fn check_range(
    option: &'static str,
    given: u64,
    range: RangeInclusive<u64>,
) -> Result<u64, InvalidOption> {
    if range.contains(&given) {
        Ok(given)
    } else {
        Err(InvalidOption {
            option,
            given,
            range,
        })
    }
}

impl fmt::Display for InvalidOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (low, high) = (self.range.start(), self.range.end());
        write!(
            f,
            "{} must be {low} to {high}, not {}",
            self.option, self.given
        )
    }
}

impl Error for InvalidOption {}
