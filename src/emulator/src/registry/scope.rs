//! Scopes of tokens: `repository:NAME:pull,push`, `registry:catalog:*`.
//! <https://distribution.github.io/distribution/spec/auth/scope/>

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What may be done with one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    #[serde(rename = "Type")]
    pub kind: String,
    #[serde(rename = "Name")]
    pub name: String,
    #[serde(rename = "Actions")]
    pub actions: BTreeSet<String>,
}

impl Scope {
    pub fn repository(name: &str, actions: &[&str]) -> Self {
        Self::of("repository", name, actions)
    }

    pub fn catalog() -> Self {
        Self::of("registry", "catalog", &["*"])
    }

    fn of(kind: &str, name: &str, actions: &[&str]) -> Self {
        Self {
            kind: kind.to_owned(),
            name: name.to_owned(),
            actions: actions.iter().map(|action| (*action).to_owned()).collect(),
        }
    }

    /// Reads one scope; a repository's name may hold colons only before the last one, which
    /// makes it a name that no repository has.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        let (name, actions) = rest.rsplit_once(':')?;
        let actions: Vec<&str> = actions.split(',').filter(|a| !a.is_empty()).collect();
        (!name.is_empty()).then(|| Self::of(kind, name, &actions))
    }

    /// All scopes of a request; unreadable ones give nothing.
    pub fn parse_all<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<Self> {
        texts
            .flat_map(str::split_whitespace)
            .filter_map(Self::parse)
            .collect()
    }

    /// Whether the scopes of a token cover this one.
    pub fn covered_by(&self, held: &[Self]) -> bool {
        self.actions.iter().all(|action| {
            held.iter().any(|scope| {
                scope.kind == self.kind
                    && scope.name == self.name
                    && (scope.actions.contains(action) || scope.actions.contains("*"))
            })
        })
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Pull comes before push, as registries write it; the set is sorted the same way.
        let actions: Vec<&str> = self.actions.iter().map(String::as_str).collect();
        write!(f, "{}:{}:{}", self.kind, self.name, actions.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_and_compared() {
        let held = Scope::parse_all(["repository:a/b:pull,push registry:catalog:*"].into_iter());
        assert_eq!(held.len(), 2);
        assert_eq!(held[0].to_string(), "repository:a/b:pull,push");
        assert!(Scope::repository("a/b", &["pull"]).covered_by(&held));
        assert!(!Scope::repository("a/b", &["delete"]).covered_by(&held));
        assert!(!Scope::repository("a", &["pull"]).covered_by(&held));
        assert!(Scope::catalog().covered_by(&held));
        for bad in ["", "repository", "repository:x", "repository::pull"] {
            assert_eq!(Scope::parse(bad), None, "{bad}");
        }
    }
}
