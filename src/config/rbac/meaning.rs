//! `means` of capabilities: no role gives more than the word says.
//!
//! ## Why
//! A cell is read as its word. A role that gives more than the word widens every cell that says it,
//! and nobody who reads the matrix sees it. What one of Azure's own roles gives only Azure knows:
//! it is held against `means` when it is read.

use std::collections::{BTreeMap, BTreeSet};

use super::super::checked::Complaint;
use super::capabilities::wrong_action;
use super::tables::{CapabilitiesFile, CapabilityTable, MeaningTable, RoleTable};
use crate::kinds::Meaning;
use crate::resource::Problem;

/// What is wrong with the meanings, and which roles go beyond them.
pub(super) fn check(file: &CapabilitiesFile) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (name, capability) in &file.capabilities {
        match &capability.means {
            Some(means) => {
                complaints.extend(wrong(name, means));
                complaints.extend(beyond(name, capability, means, &file.roles));
            }
            None => complaints.extend(missing(name, capability)),
        }
    }
    complaints
}

/// The lists of a meaning or a role, by their keys.
fn lists<'l>(actions: &'l [String], data: &'l [String]) -> [(&'static str, &'l [String]); 2] {
    [("actions", actions), ("data_actions", data)]
}

fn wrong(name: &str, means: &MeaningTable) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (key, actions) in lists(&means.actions, &means.data_actions) {
        for (at, action) in actions.iter().enumerate() {
            if let Some((message, help)) = wrong_action(action) {
                let at = at.to_string();
                let path = ["capabilities", name, "means", key, &at];
                complaints.push(Problem::below(path, message).help(help).into());
            }
        }
    }
    complaints
}

/// The actions of its custom roles that a capability does not mean.
fn beyond(
    name: &str,
    capability: &CapabilityTable,
    means: &MeaningTable,
    roles: &BTreeMap<String, RoleTable>,
) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let named: BTreeSet<&String> = capability
        .grants
        .iter()
        .filter_map(|g| g.role.as_ref())
        .collect();
    for role_name in named {
        let Some(role) = roles.get(role_name) else {
            continue;
        };
        let given = lists(&role.actions, &role.data_actions);
        let meant = lists(&means.actions, &means.data_actions);
        for ((key, given), (_, meant)) in given.into_iter().zip(meant) {
            let meant: BTreeSet<String> = meant.iter().map(|it| it.to_lowercase()).collect();
            for (at, action) in given.iter().enumerate() {
                if wrong_action(action).is_some() || meant.contains(&action.to_lowercase()) {
                    continue;
                }
                let at = at.to_string();
                let message = format!("`{action}` is more than `{name}` means");
                let problem = Problem::below(["roles", role_name, key, &at], message)
                    .help("take it out, or say in `means` what it is needed for")
                    .clashing(["capabilities", name, "means"]);
                complaints.push(problem.into());
            }
        }
    }
    complaints
}

/// A role of Azure's own says itself what it gives; somebody has to say what is wanted of it.
fn missing(name: &str, capability: &CapabilityTable) -> Option<Complaint> {
    let mut grants = capability.grants.iter();
    let at = grants.position(|grant| grant.built_in.is_some())?;
    let at = at.to_string();
    let path = ["capabilities", name, "grants", &at, "built_in"];
    let message = format!("nothing says what `{name}` may give at most");
    let help = format!(
        "add `means` to [capabilities.{name}]: its `actions` and `data_actions`, each in full"
    );
    Some(Problem::below(path, message).help(help).into())
}

/// What each capability means, where it says so.
pub(super) fn meanings(file: &CapabilitiesFile) -> BTreeMap<String, Meaning> {
    let meaning = |(name, table): (&String, &CapabilityTable)| {
        let means = table.means.as_ref()?;
        let meaning = Meaning {
            actions: means.actions.clone(),
            data_actions: means.data_actions.clone(),
        };
        Some((name.clone(), meaning))
    };
    file.capabilities.iter().filter_map(meaning).collect()
}
