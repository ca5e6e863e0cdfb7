//! What is wrong or odd in a configuration, as other programs take it.

use super::checked::{Check, Checked, Issue, Level, Place, Rule};
use crate::config::Mistake;

const WRONG: &str = "configuration";
const ODD: &str = "configuration-warning";

/// The mistakes and warnings of a configuration: a check for each file that has some, else one
/// that all is well.
pub fn checked<'m>(mistakes: impl IntoIterator<Item = &'m Mistake>) -> Checked {
    let mut checks: Vec<Check> = Vec::new();
    for mistake in mistakes {
        let place = mistake.location();
        let name = place
            .as_ref()
            .map_or("all files", |place| place.file.as_str());
        let at = checks.iter().position(|check| check.name == name);
        let at = at.unwrap_or_else(|| {
            checks.push(Check::new(WRONG, name));
            checks.len() - 1
        });
        let message = mistake.to_string();
        let issue = match mistake.is_warning() {
            true => Issue::odd(ODD, message),
            false => Issue::wrong(WRONG, Level::Error, message),
        };
        checks[at].issues.push(Issue {
            instead: mistake.advice().map(str::to_owned),
            place: place.map(|place| Place {
                file: place.file,
                at: Some((place.line, place.column)),
            }),
            ..issue
        });
    }
    if checks.is_empty() {
        checks.push(Check::new(WRONG, "all files"));
    }
    let rule = |id: &str, about: &str| Rule {
        id: id.to_owned(),
        about: about.to_owned(),
    };
    Checked {
        title: WRONG.to_owned(),
        cloud: None,
        rules: vec![
            rule(WRONG, "The configuration does not hold."),
            rule(ODD, "The configuration holds, and is odd."),
        ],
        checks,
    }
}
