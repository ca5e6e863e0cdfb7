//! Outcomes: what a run did, what failed and why, what was skipped, what remains.
//!
//! An [`Outcome`] is told by resource, as the plan was: the two halves of a replace, or of
//! lifting a lock and putting it back, are one line. Between those halves something is missing
//! that stood before; where a run ended there, every format says so.

mod account;
mod json;
mod markdown;
mod text;

#[cfg(test)]
mod tests;

use super::{Format, Style};
use crate::provision::apply::Outcome;
use crate::provision::plan::Plan;

/// The outcome of applying `plan`, in a format.
pub fn render(plan: &Plan, outcome: &Outcome, format: Format, style: &Style) -> String {
    match format {
        Format::Table => text::render(plan, outcome, style),
        Format::Json => json::render(plan, outcome),
        Format::Markdown => markdown::render(plan, outcome),
    }
}
