//! Grants: those that are missing, those that are there beside the declared ones, those allowed.

use std::collections::BTreeMap;

use super::finding::{Finding, Rule};
use crate::kinds::TargetType;
use crate::rbac::action::Action;
use crate::rbac::assignment::Assignment;
use crate::rbac::audit::Audit;
use crate::rbac::compare::Declared;
use crate::rbac::decision::Decision;
use crate::rbac::estate::{Column, Declaration, RowSort};
use crate::rbac::notable;
use crate::rbac::obtain::DirectoryRole;
use crate::rbac::read::PrincipalSort;
use crate::rbac::role::RoleDefinition;
use crate::rbac::scope::Scope;
use crate::rbac::truth::Truth;
use crate::resource::Severity;

/// How many resources or actions an explanation names.
const NAMED: usize = 4;

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
        let against = by.first()?;
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
    let tenant = audit.live.tenant();
    let mut findings = Vec::new();
    let held = tenant.assignments.iter().map(|one| (one, false));
    let eligible = tenant.eligible.iter().map(|one| (one, true));
    for (assignment, eligible) in held.chain(eligible) {
        let over = assignment.expires.is_some_and(|end| end <= audit.now);
        if over
            || !audit.estate.concerns(&assignment.scope)
            || audit.is_declared(assignment)
            || audit.is_allowed(assignment)
            || expired(audit, assignment).is_some()
        {
            continue;
        }
        findings.push(extra(audit, assignment, eligible));
    }
    findings
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

fn extra(audit: &Audit<'_>, assignment: &Assignment, eligible: bool) -> Finding {
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
    let verb = if eligible { "may activate" } else { "holds" };
    let mut text = format!(
        "{who} {verb} {} {}",
        audit.role_name(&assignment.role),
        audit.place(&assignment.scope)
    );
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
        ..Finding::new(severity, rule, subject)
    };
    let verb = if eligible {
        "end the eligibility"
    } else {
        "remove the assignment"
    };
    finding.about(principal).because(text).instead(format!(
        "{verb} {}, or declare it: in rbac/matrix.toml, or in [allowed] for a time",
        assignment.id
    ))
}

/// What a grant gives on our columns beyond what its holder is meant to have.
struct Given {
    /// What it lets somebody do, and on which columns.
    does: BTreeMap<&'static str, Vec<String>>,
    severity: Severity,
    perhaps: bool,
    /// Whether nobody knows what the role gives.
    obscure: bool,
    /// Whether it gives something beyond that no word is known for.
    more: bool,
}

impl Given {
    fn by(audit: &Audit<'_>, assignment: &Assignment, role: Option<&RoleDefinition>) -> Self {
        let mut given = Self {
            does: BTreeMap::new(),
            severity: Severity::Low,
            perhaps: false,
            obscure: role.is_none(),
            more: false,
        };
        let Some(role) = role else {
            given.severity = Severity::Critical;
            return given;
        };
        let gives = Declared::new(role.permissions.iter().cloned());
        let meant = audit.declared.holdings(&assignment.principal);
        for column in &audit.estate.columns {
            for (scope, reaches) in reached(audit, assignment, column) {
                let declared = meant.at(&scope).declared();
                given.perhaps |= reaches == Truth::Unknown;
                given.take(
                    column.of_type,
                    &column.address.to_string(),
                    &gives,
                    &declared,
                );
                given.more |= role.permissions.iter().any(|one| declared.lacks(one));
            }
        }
        if given.does.is_empty() && !given.more {
            // It bears on something of ours that is no column.
            let declared = meant.at(&assignment.scope).declared();
            given.more = role.permissions.iter().any(|one| declared.lacks(one));
        }
        if given.more {
            given.severity = given.severity.max(beyond_words(role));
        }
        given
    }

    fn take(&mut self, of_type: TargetType, column: &str, gives: &Declared, declared: &Declared) {
        for one in notable::on(of_type) {
            let action = Action::new(one.plane, one.action);
            if gives.has(&action) && !declared.has(&action) {
                let columns = self.does.entry(one.does).or_default();
                if !columns.iter().any(|known| known == column) {
                    columns.push(column.to_owned());
                }
                self.severity = self.severity.max(one.severity);
            }
        }
    }

    fn is_nothing(&self) -> bool {
        self.does.is_empty() && !self.more && !self.obscure
    }

    fn said(&self) -> String {
        if self.obscure {
            return ": what that role gives cannot be read".to_owned();
        }
        if self.is_nothing() {
            return ": nothing beyond what is declared, but declared nowhere".to_owned();
        }
        if self.does.is_empty() {
            return ": more than is declared there".to_owned();
        }
        let mut by_columns: BTreeMap<&[String], Vec<&str>> = BTreeMap::new();
        for one in notable::NOTABLE {
            if let Some(columns) = self.does.get(one.does) {
                let does = by_columns.entry(columns).or_default();
                if !does.contains(&one.does) {
                    does.push(one.does);
                }
            }
        }
        let told = by_columns
            .iter()
            .map(|(columns, does)| format!("{} on {}", some(does), some(columns)));
        format!(": lets it {}", told.collect::<Vec<_>>().join("; "))
    }
}

/// The scopes of a column that an assignment reaches, or may.
fn reached(audit: &Audit<'_>, assignment: &Assignment, column: &Column) -> Vec<(Scope, Truth)> {
    let hierarchy = &audit.live.tenant().hierarchy;
    if assignment.scope.continues(&column.scope) {
        return vec![(assignment.scope.clone(), Truth::True)];
    }
    let reaches = hierarchy.holds(&assignment.scope, &column.scope);
    if reaches == Truth::False {
        return Vec::new();
    }
    let scopes = std::iter::once(&column.scope).chain(&column.inside);
    scopes.map(|scope| (scope.clone(), reaches)).collect()
}

/// How bad it is to hold a role of which no word is known.
fn beyond_words(role: &RoleDefinition) -> Severity {
    let all = role.permissions.iter();
    let mut patterns = all.flat_map(|one| one.actions.iter().chain(&one.data_actions));
    match patterns.all(|pattern| pattern.text().to_ascii_lowercase().ends_with("/read")) {
        true => Severity::Medium,
        false => Severity::High,
    }
}

/// The first few of a list.
fn some(all: &[impl AsRef<str>]) -> String {
    let named: Vec<&str> = all.iter().take(NAMED).map(AsRef::as_ref).collect();
    let more = all.len().saturating_sub(NAMED);
    match more {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
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
