//! Grants: those that are missing, those that are there beside the declared ones, those allowed.

use super::finding::{Finding, Grant, Rule};
use super::given::Given;
use crate::rbac::action::Action;
use crate::rbac::assignment::Assignment;
use crate::rbac::audit::Audit;
use crate::rbac::decision::Decision;
use crate::rbac::denial::Denial;
use crate::rbac::estate::{Declaration, RowSort};
use crate::rbac::excess::is_beside;
use crate::rbac::obtain::DirectoryRole;
use crate::rbac::read::PrincipalSort;
use crate::rbac::scope::Scope;
use crate::resource::Severity;

/// Declared grants that are not there, or do not give what they should.
pub(super) fn missing(audit: &Audit<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for grant in &audit.estate.grants {
        if audit.reading.is_blind_at(&grant.scope) {
            continue;
        }
        findings.extend(match standing(audit, grant) {
            None => Some(absent(audit, grant)),
            Some(assignment) => not_in_effect(audit, grant, assignment),
        });
    }
    for (name, deployer) in &audit.estate.deployers {
        findings.extend(deployer_lacks(
            audit,
            name,
            &deployer.object_id,
            &deployer.roles,
        ));
    }
    findings
}

/// The assignment that a declared grant is.
fn standing<'a>(audit: &'a Audit<'_>, grant: &Declaration) -> Option<&'a Assignment> {
    audit.held(grant.principal.as_deref()?, &grant.role, &grant.scope)
}

fn absent(audit: &Audit<'_>, grant: &Declaration) -> Finding {
    let role = audit.role_name(&grant.role);
    let who = match (&grant.principal, &grant.cell) {
        (Some(id), _) => audit.name(id),
        (None, Some((who, ..))) => format!("{who}, which does not exist yet,"),
        (None, None) => "an identity that does not exist yet".to_owned(),
    };
    let finding = Finding::new(
        Severity::Medium,
        Rule::MissingGrant,
        grant.address.to_string(),
    )
    .because(format!(
        "{who} does not hold {role} {}",
        audit.place(&grant.scope)
    ))
    .instead("`onestream apply` gives it");
    match &grant.principal {
        Some(id) => finding.about(id),
        None => finding,
    }
}

fn not_in_effect(
    audit: &Audit<'_>,
    grant: &Declaration,
    assignment: &Assignment,
) -> Option<Finding> {
    let finding = Finding::new(
        Severity::High,
        Rule::GrantNotInEffect,
        grant.address.to_string(),
    )
    .about(&assignment.principal);
    let who = audit.name(&assignment.principal);
    if let Some(condition) = &assignment.condition {
        return Some(
            finding
                .because(format!(
                    "{who} holds it under a condition that nobody declared: {}",
                    condition.text()
                ))
                .instead(format!(
                    "take the condition off {}, or delete it and let `onestream apply` make it anew",
                    assignment.id
                )),
        );
    }
    let effective = audit.live.holdings(&assignment.principal).at(&grant.scope);
    let role = audit.declared.tenant().roles.get(&grant.role)?;
    let mut lacking = role.permissions.iter().flat_map(|permission| {
        let actions = permission
            .actions
            .iter()
            .map(|it| Action::control(it.text()));
        let data = permission
            .data_actions
            .iter()
            .map(|it| Action::data(it.text()));
        actions.chain(data).collect::<Vec<_>>()
    });
    lacking.find_map(|action| {
        let decision = effective.decide(&action, &Default::default());
        let Decision::Denied { by, .. } = decision else {
            return None;
        };
        // A registry's mode is a finding of its own.
        let against = by.iter().find(|one| !Denial::is_mode(&one.id))?;
        Some(
            finding
                .clone()
                .because(format!(
                    "{who} holds it, and deny assignment {} at {} takes {action} back",
                    against.name, against.scope
                ))
                .instead(match against.system_protected {
                    true => "only Azure takes it away: remove what made it, such as a managed \
                             application, a blueprint or a deployment stack"
                        .to_owned(),
                    false => format!("remove {}", against.id),
                }),
        )
    })
}

fn deployer_lacks(audit: &Audit<'_>, name: &str, id: &str, roles: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subscription in &audit.estate.subscriptions {
        let scope = Scope::new(&format!("/subscriptions/{subscription}"));
        if audit.reading.is_blind_at(&scope) {
            continue;
        }
        for role in roles {
            if audit.held(id, role, &scope).is_none() {
                let role = audit.role_name(role);
                let finding = Finding::new(Severity::Medium, Rule::MissingGrant, name)
                    .about(id)
                    .because(format!(
                        "{name} deploys and does not hold {role} at {scope}"
                    ))
                    .instead("give it to it, or take it out of [deployers]");
                findings.push(finding);
            }
        }
    }
    findings
}

/// Grants on what is ours, or above or below it, that are neither declared nor allowed.
pub(super) fn beside(audit: &Audit<'_>) -> Vec<Finding> {
    let all = all_beside(audit);
    all.map(|(assignment, eligible)| extra(audit, assignment, eligible))
        .collect()
}

/// The same as assignments, and whether each may only be activated.
pub(super) fn all_beside<'a>(audit: &'a Audit<'_>) -> impl Iterator<Item = (&'a Assignment, bool)> {
    let tenant = audit.live.tenant();
    let held = tenant.assignments.iter().map(|one| (one, false));
    let eligible = tenant.eligible.iter().map(|one| (one, true));
    held.chain(eligible)
        .filter(|(one, _)| is_beside(audit, one) && expired(audit, one).is_none())
}

/// The entry of the allow-list that covered an assignment until it ended.
fn expired<'a>(audit: &'a Audit<'_>, assignment: &Assignment) -> Option<&'a str> {
    let mut all = audit.estate.allowed.iter();
    let (name, _) = all.find(|(_, one)| {
        let scope = one.scope.as_deref().map(Scope::new);
        one.until < audit.now.date()
            && one.principal == assignment.principal
            && one.role == assignment.role
            && scope.is_some_and(|scope| scope == assignment.scope)
    })?;
    Some(name)
}

/// What somebody holds, and where.
pub(super) fn held(audit: &Audit<'_>, assignment: &Assignment, eligible: bool) -> String {
    let place = audit.place(&assignment.scope);
    let verb = if eligible { "may activate " } else { "" };
    format!("{verb}{} {place}", audit.role_name(&assignment.role))
}

pub(super) fn extra(audit: &Audit<'_>, assignment: &Assignment, eligible: bool) -> Finding {
    let principal = &assignment.principal;
    let role = audit.live.tenant().roles.get(&assignment.role);
    let given = Given::by(audit, assignment, role);
    let rows = audit.rows_through(principal);
    let through: Vec<&str> = rows
        .iter()
        .filter(|row| row.id.as_deref() != Some(principal))
        .map(|row| row.name.as_str())
        .collect();
    let rule = match eligible {
        true => Rule::EligibleGrant,
        false if rows.is_empty() && !audit.is_known(principal) => Rule::StrangerGrant,
        false => Rule::ExtraGrant,
    };
    let mut who = audit.who(principal);
    let gone = audit
        .reading
        .principals
        .get(principal)
        .is_some_and(|one| one.sort == PrincipalSort::Gone);
    if gone {
        who = format!("{who}, who is gone,");
    }
    let verb = if eligible { "" } else { "holds " };
    let mut text = format!("{who} {verb}{}", held(audit, assignment, eligible));
    if let Some(binding) = &assignment.native {
        text.push_str(&format!(" by {binding}"));
    }
    if !through.is_empty() {
        text.push_str(&format!(", and through it {}", through.join(", ")));
    }
    text.push_str(&given.said());
    if let Some(condition) = &assignment.condition {
        text.push_str(&format!("; under the condition {}", condition.text()));
    }
    let subject = match &through[..] {
        [] => audit.name(principal),
        through => through.join(", "),
    };
    let severity = match (gone, given.is_nothing()) {
        (true, _) | (_, true) => Severity::Low,
        (false, false) => given.severity,
    };
    let finding = Finding {
        certain: assignment.condition.is_none() && !given.perhaps,
        grant: Some(Grant {
            id: assignment.id.clone(),
            role: assignment.role.clone(),
            scope: assignment.scope.to_string(),
            eligible,
        }),
        ..Finding::new(severity, rule, subject)
    };
    let instead = instead(assignment, eligible);
    finding.about(principal).because(text).instead(instead)
}

/// What to do about a grant that nobody declared.
fn instead(assignment: &Assignment, eligible: bool) -> String {
    let id = &assignment.id;
    if let Some(binding) = &assignment.native {
        let removal = binding.removal();
        let away = match &binding.edited {
            Some(role) => format!("`{removal}` takes it out of {role}, as Kubernetes has it"),
            None => format!("`{removal}` takes it away, of all whom it names"),
        };
        return format!("{away}; what it is needed for is declared in rbac/matrix.toml");
    }
    let remove = match (eligible, assignment.scope.is_in_subscription()) {
        (true, _) => format!("end the eligibility {id}"),
        (false, true) => format!("`onestream apply --revoke-excess {id}` takes it away"),
        (false, false) => format!("have {id} removed, which is above the subscription"),
    };
    format!("{remove}, or declare it: in rbac/matrix.toml, or in [allowed] for a time")
}

/// Entries of the allow-list that have ended.
pub(super) fn allowances(audit: &Audit<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, one) in &audit.estate.allowed {
        if one.until >= audit.now.date() {
            continue;
        }
        let scope = one.scope.as_deref().map(Scope::new);
        let held = match &scope {
            Some(scope) => audit.live.tenant().assignments.iter().any(|held| {
                held.principal == one.principal && held.role == one.role && held.scope == *scope
            }),
            None => {
                let role = DirectoryRole::of_template(&one.role);
                let held = audit.reading.directory.roles.get(&one.principal);
                role.zip(held)
                    .is_some_and(|(role, held)| held.contains(&role))
            }
        };
        let (severity, state, instead) = match held {
            true => (
                Severity::High,
                "is still held",
                "remove the grant, or let its owner say again why it is needed and until when",
            ),
            false => (Severity::Low, "is no longer held", "take the entry out"),
        };
        let place = one.scope.as_deref().unwrap_or("the directory");
        let finding = Finding::new(severity, Rule::ExpiredAllowance, format!("allowed.{name}"))
            .about(&one.principal)
            .because(format!(
                "{} of {} at {place} was allowed until {} ({}: {}) and {state}",
                audit.role_name(&one.role),
                audit.who(&one.principal),
                one.until,
                one.owner,
                one.reason
            ))
            .instead(instead);
        findings.push(finding);
    }
    findings
}

/// Whether a row is one that somebody keeps who deploys.
pub(super) fn deploys(audit: &Audit<'_>, id: &str) -> bool {
    let row = audit.estate.row_of(id);
    row.is_some_and(|row| row.sort == RowSort::Deployer)
}
