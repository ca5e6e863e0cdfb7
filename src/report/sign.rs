//! Signs: what an operation does, in one character and one colour.

use super::style::{Style, Tone};
use crate::provision::plan::Action;

/// The sign of what is refused or failed.
pub(super) const REFUSED: &str = "!";
/// The sign of what could not be read.
pub(super) const UNREADABLE: &str = "?";

/// The sign of an action.
pub(super) fn of(action: Action, style: &Style) -> &'static str {
    match (action, style.unicode) {
        (Action::Create, _) => "+",
        (Action::Update, _) => "~",
        (Action::Delete, _) => "-",
        (Action::Replace, true) => "±",
        (Action::Replace, false) => "-+",
        (Action::Adopt, true) => "←",
        (Action::Adopt, false) => "<-",
        (Action::Recover, true) => "↻",
        (Action::Recover, false) => "^",
    }
}

/// The colour of an action.
pub(super) fn tone(action: Action) -> Tone {
    match action {
        Action::Create | Action::Recover => Tone::Good,
        Action::Update => Tone::Change,
        Action::Replace | Action::Delete => Tone::Bad,
        Action::Adopt => Tone::Hand,
    }
}
