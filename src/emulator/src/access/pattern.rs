//! Action patterns: `*` stands for any text, slashes included, and case does not count.

/// What a role's actions list holds, e.g. `Microsoft.KeyVault/vaults/*/read`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    pub fn new(text: &str) -> Self {
        Self(text.to_ascii_lowercase())
    }

    /// Whether the pattern covers `action`, which is in lower case.
    pub fn covers(&self, action: &str) -> bool {
        if fits(&self.0, action) {
            return true;
        }
        // Below a type a star may also stand for nothing: Managed Identity Operator's
        // `userAssignedIdentities/*/assign/action` is what grants assigning an identity,
        // `userAssignedIdentities/assign/action`.
        match self.0.split_once("/*/") {
            Some((type_name, verb)) if type_name.contains('/') => {
                fits(&format!("{type_name}/{verb}"), action)
            }
            _ => false,
        }
    }
}

/// Whether a pattern, stars standing for any text, fits `action`.
fn fits(pattern: &str, action: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = action.strip_prefix(first) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_span_slashes_and_case_does_not_count() {
        let covers = |pattern: &str, action: &str| Pattern::new(pattern).covers(action);
        assert!(covers("*", "a.b/c/read"));
        assert!(covers("*/Read", "a.b/c/d/read"));
        assert!(covers("A.B/*/read", "a.b/c/d/read"));
        assert!(covers("A.B/c/*", "a.b/c/d/e/action"));
        assert!(covers("a.b/c/read", "a.b/c/read"));
        assert!(covers("a.b/c/*/assign/action", "a.b/c/assign/action"));
        assert!(!covers("a.b/c/read", "a.b/c/read/more"));
        assert!(!covers("A.B/*/read", "a.b/read"));
        assert!(!covers("*/read", "a.b/c/write"));
        assert!(!covers("a.b/c*d/read", "a.b/cd"));
        assert!(!covers("a*a", "a"));
    }
}
