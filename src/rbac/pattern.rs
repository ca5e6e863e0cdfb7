//! Patterns of actions: `*` stands for any text, slashes included, and case does not count.
//!
//! ## Why
//! Below a type, `/*/` also stands for a single slash. No page says so, but Azure's own roles
//! work by it: Managed Identity Operator holds `userAssignedIdentities/*/assign/action` and may
//! `userAssignedIdentities/assign/action`, and AzureML Data Scientist is kept from
//! `workspaces/computes/write` by `workspaces/computes/*/write`.

use std::fmt;

use super::action::Action;

/// What a list of a role holds, e.g. `Microsoft.KeyVault/vaults/*/read`.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    /// What it stands for, in lower case: a text fits if it fits one of them.
    globs: Vec<String>,
}

impl Pattern {
    /// The pattern that a role writes so.
    pub fn new(text: &str) -> Self {
        let wide = text.to_ascii_lowercase();
        let narrow = wide.split_once("/*/").and_then(|(of_type, rest)| {
            let below_a_type = of_type.contains('/');
            below_a_type.then(|| format!("{of_type}/{rest}"))
        });
        Self {
            text: text.to_owned(),
            globs: std::iter::once(wide).chain(narrow).collect(),
        }
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it speaks of an action; the plane is for those to mind who hold the pattern.
    pub fn matches(&self, action: &Action) -> bool {
        self.fits(action.key())
    }

    /// Whether a text in lower case fits.
    pub(super) fn fits(&self, text: &str) -> bool {
        self.globs.iter().any(|glob| fits(glob, text))
    }

    /// What it stands for, in lower case; each is literal but for `*`.
    pub(super) fn globs(&self) -> &[String] {
        &self.globs
    }

    /// In lower case: equal keys, equal patterns.
    pub(super) fn key(&self) -> &str {
        &self.globs[0]
    }

    /// Whether it stands for one action only.
    pub fn is_literal(&self) -> bool {
        !self.key().contains('*')
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Pattern {}

/// Whether `text` is `glob` with each star replaced by some text.
pub(super) fn fits(glob: &str, text: &str) -> bool {
    let mut parts = glob.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        // The leftmost find leaves the most to what follows.
        let Some((_, after)) = rest.split_once(part) else {
            return false;
        };
        rest = after;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_text_and_case_does_not_count() {
        for (pattern, action, expected) in [
            ("*", "A.B/c/read", true),
            ("*/Read", "a.b/C/d/READ", true),
            ("*/read", "a.b/c/write", false),
            ("A.B/*/read", "a.b/c/d/read", true),
            ("A.B/*/read", "a.b/read", false),
            ("A.B/c/*", "a.b/c/d/e/action", true),
            ("A.B/c/*", "a.b/c", false),
            ("A.B/c/*", "a.b/cd/read", false),
            ("A.B/c*", "a.b/cd/read", true),
            ("A.B/c/read", "a.b/C/Read", true),
            ("A.B/c/read", "a.b/c/read/more", false),
            ("A.B/c/read", "xa.b/c/read", false),
            ("A.B/c/*/assign/action", "a.b/c/assign/action", true),
            ("A.B/c/*/write", "a.b/c/d/write", true),
            ("A.B/c/*/write", "a.b/cwrite", false),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("a*bc*c", "abc", false),
            ("a*bc*c", "abbcc", true),
            ("**", "", true),
            ("", "", true),
            ("", "a", false),
        ] {
            let action = Action::control(action);
            assert_eq!(
                Pattern::new(pattern).matches(&action),
                expected,
                "{pattern} {action}"
            );
        }
    }
}
