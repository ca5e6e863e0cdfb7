//! Reporting: outcomes and events of every layer in, text, JSON and Markdown out,
//! and SARIF and JUnit of what is checked.
//!
//! Each module turns one kind of result into a `String` in one of the [`Format`]s; `progress`
//! turns the events of an apply into moving or time-stamped lines. Invariants: what a colour
//! says a sign or word says too; ids are shortened in tables only; every JSON document has
//! `version` and `cloud`; text that came from Azure cannot steer a terminal nor break out of
//! its Markdown cell. It decides nothing, knows nothing of the command line, and writes to
//! nothing but the stream that `progress` is given.

pub mod approval;
pub mod audit;
pub mod checked;
pub mod configuration;
pub mod diagnostics;
pub mod graph;
mod json;
mod junit;
mod layout;
pub mod lock;
mod markdown;
pub mod outcome;
pub mod plan;
pub mod progress;
pub mod proof;
pub mod rbac;
mod sarif;
mod sign;
pub mod state;
mod style;
#[cfg(test)]
mod testing;
mod value;

pub use layout::{plain, plain_but_coloured};
pub use style::{Format, Style, UnknownFormat};
