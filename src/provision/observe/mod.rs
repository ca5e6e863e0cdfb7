//! Observing: one LIST per kind and scope, projected to what we own.
//!
//! [`observe`] turns what is declared into [`Observed`]. Invariants: what could not be read is
//! unreadable, never absent, and so is everything below it; nothing is written. It must not
//! decide what an observation means: that is the plan, and drift.
//!
//! ## Why
//! One read per resource is what makes other tools' plans take minutes and what gets them
//! throttled. Requests stay within the pages of each kind's LIST, one LIST per parent for the
//! kinds that need it, one GET per object where LIST omits managed fields, and one LIST per managed
//! group of whatever stands in it.

mod contents;
mod deleted;
mod marks;
mod observed;
mod read;
mod seen;
mod strangers;

pub use contents::contents;
pub(super) use contents::held_id;
pub use observed::{Object, Observed, Remains, Remembered, State, Stray, Unreadable};
pub use read::{left_behind, observe};

#[cfg(test)]
mod tests;
