//! Which statement of the MQTT specifications is shown by which test.
//!
//! The numbered statements of MQTT 3.1.1 and 5.0 are listed in `data/`. Tests cite them in comments; this crate finds
//! the citations in the sources of the workspace, holds them against the lists, and writes `docs/conformance.md`.
//! Nothing of it is part of a program: it runs no broker and reads nothing but sources.

mod check;
mod citation;
mod lexer;
mod report;
mod rust_tests;
mod scan;
mod sources;
mod statements;

pub use check::{Problem, problems};
pub use citation::{Citation, Place, Stray, Version, citations_in};
pub use report::{DOCUMENT, render};
pub use scan::scan;
pub use sources::{Evidence, gather, workspace};
pub use statements::{NotTestable, Statements};
