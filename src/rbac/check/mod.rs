//! Findings: whatever of access is more, less or other than `rbac/` says.
//!
//! An [`Audit`] in, [`Finding`]s out, the worst first. One cause is one
//! finding: what a grant adds is told with the grant, not once for each resource that it reaches,
//! and what could be obtained is judged as if every grant were as declared, so that it is told of
//! the way that is open then, too.

mod finding;
mod given;
mod grants;
mod holders;
mod network;
mod obtaining;
mod principals;
mod resources;
mod roles;

pub use finding::{Finding, Grant, Rule};
pub use holders::{Holder, holders};
pub use roles::{beyond_meanings, granted_roles};

use super::audit::Audit;

/// Everything that is found.
pub fn check(audit: &Audit<'_>) -> Vec<Finding> {
    let mut findings = grants::missing(audit);
    findings.extend(grants::beside(audit));
    findings.extend(grants::allowances(audit));
    findings.extend(roles::drifted(audit));
    findings.extend(roles::unknown_actions(audit));
    findings.extend(beyond_meanings(audit.estate, &audit.reading.tenant.roles));
    findings.extend(roles::misnamed(audit.estate, &audit.reading.tenant.roles));
    findings.extend(principals::check(audit));
    findings.extend(resources::check(audit));
    findings.extend(network::check(audit));
    findings.extend(obtaining::check(audit));
    findings.sort_by(|a, b| {
        let key = |one: &Finding| {
            (
                std::cmp::Reverse(one.severity),
                one.rule,
                one.subject.clone(),
            )
        };
        key(a)
            .cmp(&key(b))
            .then_with(|| a.explanation.cmp(&b.explanation))
    });
    findings
}
