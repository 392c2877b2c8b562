//! What the checker says.

use std::fmt;

/// Something that the specification does not allow, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation(pub(crate) String);

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Violation {}

pub(crate) type Checked<T = ()> = Result<T, Violation>;

/// Ends the step with a [`Violation`].
macro_rules! violated {
    ($($text:tt)*) => { return Err($crate::violation::Violation(format!($($text)*))) };
}

/// A condition that has to hold.
macro_rules! must {
    ($condition:expr, $($text:tt)*) => { if !$condition { $crate::violation::violated!($($text)*); } };
}

pub(crate) use {must, violated};
