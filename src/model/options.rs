//! Ranges of options, and the error that names them.

use std::error::Error;
use std::fmt;
use std::ops::RangeInclusive;

/// An option outside its range, or that does not fit the others: which, what was given, what is allowed.
///
/// ```
/// # let runtime = guichet::Runtime::new()?;
/// let refused = runtime.queue::<u32, u32>("squares").capacity(0).build().unwrap_err();
/// assert_eq!(refused.to_string(), "capacity must be 1 to 16777214, not 0");
/// # Ok::<(), guichet::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidOption {
    option: &'static str,
    wrong: Wrong,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Wrong {
    Range {
        given: String,
        range: RangeInclusive<u64>,
    },
    Needs(&'static str),
}

impl InvalidOption {
    /// The option's name, as the builder's method has it.
    pub fn option(&self) -> &'static str {
        self.option
    }

    /// What is allowed, if that is a range.
    pub fn range(&self) -> Option<RangeInclusive<u64>> {
        match &self.wrong {
            Wrong::Range { range, .. } => Some(range.clone()),
            Wrong::Needs(_) => None,
        }
    }

    /// `option` was given without what it needs.
    #[cfg_attr(guichet_loom, allow(dead_code))]
    pub(crate) fn unfit(option: &'static str, needs: &'static str) -> Self {
        InvalidOption {
            option,
            wrong: Wrong::Needs(needs),
        }
    }

    fn outside(option: &'static str, given: String, range: RangeInclusive<u64>) -> Self {
        InvalidOption {
            option,
            wrong: Wrong::Range { given, range },
        }
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
        Err(InvalidOption::outside(option, given.to_string(), range))
    }
}

/// Refuses a share that is not 0 to 1.
#[cfg_attr(guichet_loom, allow(dead_code))]
pub fn check_share(option: &'static str, given: f32) -> Result<(), InvalidOption> {
    if (0.0..=1.0).contains(&given) {
        Ok(())
    } else {
        Err(InvalidOption::outside(option, given.to_string(), 0..=1))
    }
}

impl fmt::Display for InvalidOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let option = self.option;
        match &self.wrong {
            Wrong::Range { given, range } => {
                let (low, high) = (range.start(), range.end());
                write!(f, "{option} must be {low} to {high}, not {given}")
            }
            Wrong::Needs(needs) => write!(f, "{option} needs {needs}"),
        }
    }
}

impl Error for InvalidOption {}
