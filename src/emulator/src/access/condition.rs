//! Conditions of role assignments.
//!
//! ## Why
//!
//! Conditions speak of attributes that only the service in question knows (blobs, Kubernetes
//! groups, the role in a request). Here one is asked only whether it speaks of an action at
//! all: an action that it names is granted by no conditional assignment, so that a condition
//! never gives more than Azure would.
//! <https://learn.microsoft.com/azure/role-based-access-control/conditions-format>

use super::decision::Plane;
use super::pattern::Pattern;

/// A condition as text, and the actions that it names.
#[derive(Clone, Debug)]
pub struct Condition {
    named: Vec<Pattern>,
}

impl Condition {
    /// Reads a condition; `None` where the parentheses or quotes do not close.
    pub fn parse(text: &str) -> Option<Self> {
        let (mut depth, mut quoted) = (0_i32, false);
        for c in text.chars() {
            match c {
                '\'' => quoted = !quoted,
                '(' if !quoted => depth += 1,
                ')' if !quoted => depth -= 1,
                _ => {}
            }
            if depth < 0 {
                return None;
            }
        }
        if depth != 0 || quoted || text.trim().is_empty() {
            return None;
        }
        let named = text
            .match_indices("ActionMatches")
            .filter_map(|(at, _)| text[at..].split('\'').nth(1))
            .map(Pattern::new)
            .collect();
        Some(Self { named })
    }

    /// Whether `action`, in lower case, is granted without looking at attributes.
    pub fn leaves_alone(&self, plane: Plane, action: &str) -> bool {
        if self.named.is_empty() {
            // It speaks of attributes of data, or of who may be granted what.
            return plane == Plane::Control
                && !action.starts_with("microsoft.authorization/roleassignments/");
        }
        !self.named.iter().any(|named| named.covers(action))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_bear_on_what_they_name() {
        let text =
            "((!(ActionMatches{'A.B/blobs/read'})) OR (@Resource[A.B:Name] StringEquals 'x)'))";
        let condition = Condition::parse(text).unwrap();
        assert!(!condition.leaves_alone(Plane::Data, "a.b/blobs/read"));
        assert!(condition.leaves_alone(Plane::Data, "a.b/blobs/write"));
        let bare = Condition::parse("@Resource[A.B:Name] stringEquals 'foo'").unwrap();
        assert!(bare.leaves_alone(Plane::Control, "a.b/read"));
        assert!(!bare.leaves_alone(Plane::Data, "a.b/read"));
        assert!(!bare.leaves_alone(
            Plane::Control,
            "microsoft.authorization/roleassignments/write"
        ));
        for bad in ["", "(a", "a)", "'a"] {
            assert!(Condition::parse(bad).is_none(), "{bad}");
        }
    }
}
