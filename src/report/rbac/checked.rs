//! Findings as other programs take them.

use super::super::checked::{Check, Checked, Issue, Level, Place, Rule};
use crate::rbac::check::{self, Finding};
use crate::rbac::read::Reading;
use crate::resource::Severity;

/// Where access is declared: what code scanning shows a finding at.
const MATRIX: &str = "rbac/matrix.toml";
const UNREAD: &str = "unread";
const HIDDEN: &str = "nothing was found in what could be read, and not all of it could be read";

/// The findings and what could not be read: a check for each rule, and one of the reading.
pub fn checked(cloud: &str, reading: &Reading, findings: &[Finding]) -> Checked {
    let of_rule = |rule: check::Rule| {
        let found = findings.iter().filter(move |finding| finding.rule == rule);
        let check = Check::new("access", rule.id()).found(found.map(issue));
        // What could not be read may hide a finding of any rule.
        let hidden = reading.is_partial() && check.issues.is_empty();
        check.found(hidden.then(|| Issue::unknown(UNREAD, HIDDEN)))
    };
    let unread = reading.unknown.iter().map(|one| {
        let failure = &one.failure;
        let message = format!(
            "{} cannot be read: {}: {}",
            one.what, failure.code, failure.message
        );
        Issue {
            instead: failure.hint.clone(),
            ..Issue::unknown(UNREAD, message)
        }
    });
    let rule = |rule: &check::Rule| Rule {
        id: rule.id().to_owned(),
        about: rule.about().to_owned(),
    };
    let checks = check::Rule::ALL.iter().copied().map(of_rule);
    Checked {
        title: "rbac check".to_owned(),
        cloud: Some(cloud.to_owned()),
        rules: check::Rule::ALL.iter().map(rule).collect(),
        checks: checks
            .chain([Check::new("access", UNREAD).found(unread)])
            .collect(),
    }
}

fn issue(finding: &Finding) -> Issue {
    let doubt = if finding.certain { "" } else { "possible: " };
    let message = format!("{doubt}{}", finding.explanation);
    Issue {
        about: Some(finding.subject.clone()),
        identity: identity(finding),
        place: Some(Place {
            file: MATRIX.to_owned(),
            at: None,
        }),
        instead: Some(finding.instead.clone()),
        ..Issue::wrong(finding.rule.id(), level(finding.severity), message)
    }
}

/// A grant by its id, else whom it is about with what was found.
fn identity(finding: &Finding) -> Option<String> {
    match (&finding.grant, &finding.principal) {
        (Some(grant), _) => Some(grant.id.to_lowercase()),
        (None, Some(principal)) => Some(format!("{principal}\n{}", finding.explanation)),
        (None, None) => None,
    }
}

fn level(severity: Severity) -> Level {
    match severity {
        Severity::Low => Level::Note,
        Severity::Medium => Level::Warning,
        Severity::High | Severity::Critical => Level::Error,
    }
}
