//! Findings as other programs take them.

use super::super::checked::{Check, Checked, Issue, Level, Place, Rule};
use crate::rbac::check::{self, Finding};
use crate::rbac::read::Reading;
use crate::resource::Severity;

/// Where access is declared: what code scanning shows a finding at.
const MATRIX: &str = "rbac/matrix.toml";
const UNREAD: &str = "unread";

/// The findings and what could not be read: a check for each rule, and one of the reading.
pub fn checked(cloud: &str, reading: &Reading, findings: &[Finding]) -> Checked {
    let of_rule = |rule: check::Rule| {
        let found = findings.iter().filter(move |finding| finding.rule == rule);
        Check::new("access", rule.id()).found(found.map(issue))
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
        place: Some(Place {
            file: MATRIX.to_owned(),
            at: None,
        }),
        instead: Some(finding.instead.clone()),
        ..Issue::wrong(finding.rule.id(), level(finding.severity), message)
    }
}

fn level(severity: Severity) -> Level {
    match severity {
        Severity::Low => Level::Note,
        Severity::Medium => Level::Warning,
        Severity::High | Severity::Critical => Level::Error,
    }
}
