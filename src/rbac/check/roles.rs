//! Roles: as declared, and no more than the words mean that they stand for.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::{Finding, Rule};
use crate::rbac::audit::Audit;
use crate::rbac::compare::Declared;
use crate::rbac::estate::{DeclaredRole, Estate};
use crate::rbac::meaning::{beyond, meant};
use crate::rbac::role::{RoleDefinition, Roles};
use crate::resource::Severity;

/// Custom roles that are not as declared.
pub(super) fn drifted(audit: &Audit<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let blind = audit.reading.unknown.iter().any(|one| one.scope.is_some());
    for role in &audit.estate.roles {
        let name = &role.definition.name;
        match audit.reading.tenant.roles.get(&role.definition.id) {
            None if blind => {}
            None => {
                let subject = role.address.to_string();
                let finding = Finding::new(Severity::Medium, Rule::MissingRole, subject)
                    .because(format!("the role {name} does not exist"))
                    .instead("`onestream apply` makes it");
                findings.push(finding);
            }
            Some(live) => findings.extend(differs(role, live)),
        }
    }
    findings
}

fn differs(role: &DeclaredRole, live: &RoleDefinition) -> Option<Finding> {
    let declared = Declared::new(role.definition.permissions.iter().cloned());
    let standing = Declared::new(live.permissions.iter().cloned());
    let more = beyond(&live.permissions, &declared);
    let less = beyond(&role.definition.permissions, &standing);
    let uncovered: Vec<String> = role
        .definition
        .assignable_scopes
        .iter()
        .filter(|scope| !live.assignable_scopes.iter().any(|at| scope.continues(at)))
        .map(ToString::to_string)
        .collect();
    let wider: Vec<String> = live
        .assignable_scopes
        .iter()
        .filter(|scope| {
            let mut declared = role.definition.assignable_scopes.iter();
            !declared.any(|at| scope.continues(at))
        })
        .map(ToString::to_string)
        .collect();
    let mut said = Vec::new();
    for (what, list) in [
        ("gives beyond what is declared", more.clone()),
        ("no longer gives", less),
        ("cannot be assigned at", uncovered),
        ("may be assigned beside at", wider),
    ] {
        if !list.is_empty() {
            said.push(format!("{what} {}", list.join(", ")));
        }
    }
    if said.is_empty() {
        return None;
    }
    let severity = if more.is_empty() {
        Severity::High
    } else {
        Severity::Critical
    };
    let finding = Finding::new(severity, Rule::DriftedRole, role.address.to_string())
        .because(format!("the role {} {}", live.name, said.join("; ")))
        .instead("`onestream apply` puts it back; find out who changed it in the activity log");
    Some(finding)
}

/// The roles that stand for each capability in the cells of the matrix, by their GUIDs.
pub fn granted_roles(estate: &Estate) -> BTreeMap<String, BTreeSet<String>> {
    let mut roles: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for grant in &estate.grants {
        if let Some((_, _, capability)) = &grant.cell {
            let of = roles.entry(capability.clone()).or_default();
            of.insert(grant.role.clone());
        }
    }
    roles
}

/// Roles of Azure's own that give more than the capability means that they stand for. Custom ones
/// are held against it where TOML is read.
pub fn beyond_meanings(estate: &Estate, roles: &Roles) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (capability, granted) in granted_roles(estate) {
        let Some(meaning) = estate.meanings.get(&capability) else {
            continue;
        };
        let meant = meant(meaning);
        for role in granted.iter().filter_map(|id| roles.get(id)) {
            if role.custom {
                continue;
            }
            let more = beyond(&role.permissions, &meant);
            if more.is_empty() {
                continue;
            }
            let subject = format!("capabilities.{capability}");
            let finding = Finding::new(Severity::Critical, Rule::BeyondMeaning, subject)
                .because(format!(
                    "{} gives {}, which `{capability}` does not mean",
                    role.name,
                    more.join(", ")
                ))
                .instead(
                    "name a role that gives no more in rbac/capabilities.toml: one of Azure's, or \
                     one of [roles] that lists each action",
                );
            findings.push(finding);
        }
    }
    findings
}
