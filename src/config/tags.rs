//! Azure's rules for tags.
//!
//! Reference: "Use tags to organize your Azure resources", Limitations.

use std::collections::{BTreeMap, BTreeSet};

use super::checked::Complaint;
use crate::resource::{APPROVALS_TAG, ID_TAG, MANAGED_BY_TAG, PROTECTED_TAG, Problem, same_tag};

/// Tags that onestream sets itself.
const RESERVED: [&str; 4] = [MANAGED_BY_TAG, ID_TAG, PROTECTED_TAG, APPROVALS_TAG];
/// How many tags Azure takes on a resource.
const MOST: usize = 50;
const LONGEST_NAME: usize = 512;
const LONGEST_VALUE: usize = 256;
const FORBIDDEN: &str = r"<>%&\?/";

/// Everything that Azure would refuse about the tags at `tags`.
pub(super) fn check(tags: &BTreeMap<String, String>) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let room = MOST - RESERVED.len();
    // The first that is too many stands somewhere; the table may be of several files.
    if let Some(name) = tags.keys().nth(room) {
        let count = tags.len();
        let own = RESERVED.len();
        let message = format!("{count} tags: Azure takes {MOST}, and onestream sets {own} itself");
        complaints.push(Complaint::of_key(Problem {
            path: vec!["tags".to_owned(), name.clone()],
            message,
            help: None,
            first: None,
        }));
    }
    let mut seen = BTreeSet::new();
    for (name, value) in tags {
        let problem = |message| Problem {
            path: vec!["tags".to_owned(), name.clone()],
            message,
            help: None,
            first: None,
        };
        let again = !seen.insert(name.to_lowercase());
        if let Some(message) = wrong_name(name, again) {
            complaints.push(Complaint::of_key(problem(message)));
        }
        let length = value.chars().count();
        if length > LONGEST_VALUE {
            let message = format!("{length} characters, where a tag holds {LONGEST_VALUE}");
            complaints.push(problem(message).into());
        }
    }
    complaints
}

fn wrong_name(name: &str, again: bool) -> Option<String> {
    let length = name.chars().count();
    let forbidden = |c: &char| c.is_control() || FORBIDDEN.contains(*c);
    if RESERVED.iter().any(|reserved| same_tag(reserved, name)) {
        Some(format!("the tag `{name}` is set by onestream itself"))
    } else if name.is_empty() {
        Some("a tag without a name".to_owned())
    } else if length > LONGEST_NAME {
        Some(format!(
            "a name of {length} characters, where Azure takes {LONGEST_NAME}"
        ))
    } else if let Some(bad) = name.chars().find(forbidden) {
        Some(format!(
            "a tag's name cannot have {bad:?}: none of {FORBIDDEN} and no control characters"
        ))
    } else if again {
        Some(format!(
            "the tag `{name}` differs from another by case only, which Azure ignores"
        ))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(tags: impl IntoIterator<Item = (String, String)>) -> usize {
        check(&tags.into_iter().collect()).len()
    }

    fn tag(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn azures_limits_hold() {
        assert_eq!(
            complaints([tag(&"n".repeat(512), &"v".repeat(256)), tag("a b", "")]),
            0
        );
        let bad = [
            tag(&"n".repeat(513), ""),
            tag("n", &"v".repeat(257)),
            tag("a/b", ""),
            tag("a\u{7}", ""),
            tag("", ""),
            tag("Managed-By", "me"),
            tag("onestream-id", "me"),
            tag("onestream-protected", "me"),
            tag("onestream-approvals", "me"),
        ];
        for bad in bad {
            assert_eq!(complaints([bad.clone()]), 1, "{bad:?}");
        }
        assert_eq!(complaints([tag("Team", "a"), tag("team", "b")]), 1);
        let many = |count: usize| (0..count).map(|n| tag(&format!("t{n}"), ""));
        assert_eq!(complaints(many(46)), 0);
        assert_eq!(complaints(many(47)), 1);
    }
}
