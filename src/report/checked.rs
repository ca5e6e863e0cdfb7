//! What was checked, as other programs take it: SARIF for code scanning, JUnit for test reports.

use serde::Serialize;

use super::{junit, sarif};

/// What a command checked, whatever it checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What the checks are of, such as `configuration`.
    pub title: String,
    /// The cloud that was looked at, if one was.
    pub cloud: Option<String>,
    /// What checks can find, told also where nothing was found.
    pub rules: Vec<Rule>,
    /// The checks, in the order in which they are told.
    pub checks: Vec<Check>,
}

/// A kind of finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its id, stable.
    pub id: String,
    /// What is found where it is broken.
    pub about: String,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What it belongs to, such as an environment.
    pub group: String,
    /// What was looked at; with the group it names the check among those of other runs.
    pub name: String,
    /// What was found; nothing where all is well.
    pub issues: Vec<Issue>,
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// The id of the rule that it breaks.
    pub rule: String,
    /// How bad it is.
    pub level: Level,
    /// Whether the check fails for it; what is only odd does not fail one.
    pub fails: bool,
    /// What it is about: an address, a name.
    pub about: Option<String>,
    /// What tells it from others of its rule, in every run the same; the message where it is absent.
    pub identity: Option<String>,
    /// Where it is written.
    pub place: Option<Place>,
    /// What was found.
    pub message: String,
    /// What to do about it.
    pub instead: Option<String>,
}

/// How bad an issue is; the words are SARIF's, but for what is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Worth knowing.
    Note,
    /// Odd, or of little harm.
    Warning,
    /// Wrong.
    Error,
    /// Could not be looked at: neither well nor wrong.
    Unknown,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, from the root folder, with `/`.
    pub file: String,
    /// Line and column, from 1, where they are known.
    pub at: Option<(usize, usize)>,
}

/// A format for other programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exchange {
    /// SARIF 2.1.0: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>.
    Sarif,
    /// JUnit's XML, as CI services read it.
    Junit,
}

impl Checked {
    /// As a document of a format.
    pub fn render(&self, format: Exchange) -> String {
        match format {
            Exchange::Sarif => sarif::render(self),
            Exchange::Junit => junit::render(self),
        }
    }

    /// Every issue with its check.
    pub(super) fn issues(&self) -> impl Iterator<Item = (&Check, &Issue)> {
        let of = |check| move |issue| (check, issue);
        self.checks
            .iter()
            .flat_map(move |check| check.issues.iter().map(of(check)))
    }
}

impl Check {
    /// A check of a group, of which nothing is found yet.
    pub fn new(group: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            group: group.into(),
            name: name.into(),
            issues: Vec::new(),
        }
    }

    /// With what was found.
    #[must_use]
    pub fn found(mut self, issues: impl IntoIterator<Item = Issue>) -> Self {
        self.issues.extend(issues);
        self
    }
}

impl Issue {
    /// Something wrong.
    pub fn wrong(rule: impl Into<String>, level: Level, message: impl Into<String>) -> Self {
        Self {
            rule: rule.into(),
            level,
            fails: true,
            about: None,
            identity: None,
            place: None,
            message: message.into(),
            instead: None,
        }
    }

    /// Something that could not be looked at.
    pub fn unknown(rule: impl Into<String>, message: impl Into<String>) -> Self {
        Self::wrong(rule, Level::Unknown, message)
    }

    /// Something odd, for which nothing fails.
    pub fn odd(rule: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            fails: false,
            ..Self::wrong(rule, Level::Warning, message)
        }
    }
}
