//! Plans for review: a [`Plan`] and the guard's objections as text, JSON or Markdown.
//!
//! The three formats share one grouping: by environment, by address, a replace or a lifted lock
//! as one line. Nothing is left out of JSON; text and Markdown shorten what a reviewer can look
//! up, and say where they do.
//!
//! ## Why
//! A create shows the managed fields that are not at their default, which needs the constant
//! field tables of [`crate::kinds`]: the plan holds every field and does not tell which of them
//! TOML says. The full tree stands in JSON.

mod access;
mod grouping;
mod json;
mod markdown;
mod text;

#[cfg(test)]
mod tests;

use super::{Format, Style};
use crate::provision::guard::{Objection, Rule};
use crate::provision::plan::Plan;

/// A plan in a format, with what the guard says to it.
pub fn render(plan: &Plan, objections: &[Objection], format: Format, style: &Style) -> String {
    match format {
        Format::Table => text::render(plan, objections, style),
        Format::Json => json::render(plan, objections),
        Format::Markdown => markdown::render(plan, objections),
    }
}

/// The names of a plan's environments, then of those that only its operations know.
pub(super) fn environments(plan: &Plan) -> Vec<&str> {
    grouping::environments(plan)
}

/// The objections beside the plan's own refusals, which are shown as such.
fn beside_refusals<'a>(
    plan: &'a Plan,
    objections: &'a [Objection],
) -> impl Iterator<Item = &'a Objection> {
    let told = |objection: &&Objection| {
        objection.rule == Rule::Refused
            && plan.refusals.iter().any(|refusal| {
                objection.address.as_ref() == Some(&refusal.address)
                    && objection.problem == refusal.problem
            })
    };
    objections.iter().filter(move |objection| !told(objection))
}
