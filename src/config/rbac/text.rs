//! Rules that texts of all three files share: names, lengths, GUIDs.

use super::super::azure;
use super::super::checked::Complaint;
use crate::resource::{Address, EnvironmentName, Problem};

/// What is wrong with the name at the end of `path`: it becomes a segment of addresses.
pub(super) fn name(path: &[impl AsRef<str>], longest: usize) -> Option<Complaint> {
    let name = path.last()?.as_ref();
    let segment = !name.contains('.') && Address::new(&EnvironmentName::shared(), name).is_ok();
    let (message, help) = if !segment {
        (
            format!("`{name}` does not fit into an address"),
            "lower-case letters, digits and hyphens, no hyphen first".to_owned(),
        )
    } else if name.len() > longest {
        (
            format!("a name of {} characters", name.len()),
            format!("at most {longest}"),
        )
    } else {
        return None;
    };
    Some(Complaint::of_key(problem(path, message).help(help)))
}

/// What is wrong with the length of a text, in characters.
pub(super) fn length(
    path: &[impl AsRef<str>],
    text: Option<&str>,
    shortest: usize,
    longest: usize,
) -> Option<Complaint> {
    let length = text?.chars().count();
    let message = if length < shortest {
        "an empty text".to_owned()
    } else if length > longest {
        format!("{length} characters, where Azure takes {longest}")
    } else {
        return None;
    };
    Some(problem(path, message).into())
}

/// What is wrong with a GUID.
pub(super) fn guid(path: &[impl AsRef<str>], text: &str) -> Option<Complaint> {
    (!azure::is_guid(text)).then(|| {
        let message = format!("`{text}` is not a GUID");
        problem(path, message)
            .help("such as 22222222-2222-4222-8222-222222222222")
            .into()
    })
}

/// A text, or what stands for it where it is absent.
pub(super) fn or(text: &Option<String>, absent: impl FnOnce() -> String) -> String {
    text.clone().unwrap_or_else(absent)
}

fn problem(path: &[impl AsRef<str>], message: String) -> Problem {
    Problem::below(path.iter().map(AsRef::as_ref), message)
}
