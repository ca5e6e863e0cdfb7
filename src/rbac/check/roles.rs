//! Roles: as declared, and no more than the words mean that they stand for.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::{Finding, Rule};
use crate::rbac::action::Action;
use crate::rbac::audit::Audit;
use crate::rbac::compare::Declared;
use crate::rbac::estate::{DeclaredRole, Estate};
use crate::rbac::meaning::{beyond, meant};
use crate::rbac::read::Hides;
use crate::rbac::role::{RoleDefinition, Roles};
use crate::resource::Severity;

/// Custom roles that are not as declared.
pub(super) fn drifted(audit: &Audit<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut unknown = audit.reading.unknown.iter();
    let blind = unknown.any(|one| matches!(one.hides, Hides::Grants(_)));
    for role in &audit.estate.roles {
        let name = &role.definition.name;
        match audit.reading.tenant.roles.get(&role.definition.id) {
            None if blind => {}
            None => {
                let subject = role.address.to_string();
                let finding = Finding::new(Severity::Medium, Rule::MissingRole, subject)
                    .because(format!(
                        "no subscription of ours lists the role {name}: it does not exist, or may \
                         not be assigned there"
                    ))
                    .instead("`onestream apply` makes it, or lets it be assigned");
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

/// Roles that TOML gives by the GUID of one and calls by the name of another: whoever reviews it
/// reads the name.
pub(super) fn misnamed(estate: &Estate, roles: &Roles) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (capability, called) in &estate.called {
        for (id, name) in called {
            let Some(role) = roles.get(id).filter(|role| !is_called(role, name)) else {
                continue;
            };
            let subject = format!("capabilities.{capability}");
            let finding = Finding::new(Severity::High, Rule::MisnamedRole, subject)
                .because(format!("what it calls {name} is {} ({id})", role.name))
                .instead("put the GUID of the role that is meant, or its name, into rbac/capabilities.toml");
            findings.push(finding);
        }
    }
    findings
}

/// Whether a role has a name, but for case and white space.
fn is_called(role: &RoleDefinition, name: &str) -> bool {
    role.name.trim().to_lowercase() == name.trim().to_lowercase()
}

/// Actions of declared roles that their providers do not have: misspelt, or gone.
pub(super) fn unknown_actions(audit: &Audit<'_>) -> Vec<Finding> {
    let (catalogue, providers) = (&audit.reading.catalogue, &audit.reading.providers);
    let mut findings = Vec::new();
    for role in &audit.estate.roles {
        let permissions = role.definition.permissions.iter();
        let actions = permissions.flat_map(|one| {
            let actions = one.actions.iter().map(|it| Action::control(it.text()));
            let data = one.data_actions.iter().map(|it| Action::data(it.text()));
            actions.chain(data)
        });
        for action in actions {
            let provider = action.name().split('/').next().unwrap_or_default();
            if !providers.contains(&provider.to_ascii_lowercase()) || catalogue.has(&action) {
                continue;
            }
            let near = catalogue.near(&action);
            let finding = Finding::new(Severity::Low, Rule::UnknownAction, role.address.as_str())
                .because(format!(
                    "{provider} has no {} {action}: it gives nothing",
                    action.plane()
                ))
                .instead(match near {
                    Some(near) => format!("did you mean {near}?"),
                    None => "take it out of the role in rbac/capabilities.toml".to_owned(),
                });
            findings.push(finding);
        }
    }
    findings
}
