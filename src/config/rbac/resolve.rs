//! Files to [`Access`]: every word replaced by what it means, environment by environment.

use std::collections::{BTreeMap, BTreeSet};

use super::super::configuration::Environment;
use super::tables::PrincipalsFile;
use super::{Cell, Reading, allowed, capabilities, meaning, principals, signers};
use crate::kinds::{Access, CustomRole, Grant, Grantee, Role};

impl Reading {
    /// Puts what the files say on the environments. Meant for files without faults.
    pub(in crate::config) fn give(&self, environments: &mut [Environment]) {
        let shared = environments.iter().find(|it| it.name().is_shared());
        let Some(estate) = shared.map(|shared| shared.place.estate.clone()) else {
            return;
        };
        let mut roles = capabilities::roles(&self.capabilities, &estate);
        for environment in environments.iter_mut() {
            let grants = self.grants(environment);
            allow(&mut roles, &grants, &environment.place.subscription);
            environment.sections.access.grants = grants;
        }
        let Some(shared) = environments.iter_mut().find(|it| it.name().is_shared()) else {
            return;
        };
        for role in roles.values_mut() {
            role.subscriptions.insert(shared.place.subscription.clone());
        }
        let access = &mut shared.sections.access;
        *access = Access {
            principals: principals::principals(&self.principals, &estate),
            people: principals::people(&self.principals, &estate),
            roles,
            meanings: meaning::meanings(&self.capabilities),
            deployers: allowed::deployers(&self.principals),
            allowed: allowed::allowed(&self.principals),
            grants: std::mem::take(&mut access.grants),
        };
        // Roles are assignable in the subscription of `shared` already.
        signers::give(&self.principals, &self.capabilities, shared);
    }

    /// Who approves plans, by name: their object ids.
    pub(in crate::config) fn approvers(&self) -> BTreeMap<String, String> {
        signers::approvers(&self.principals)
    }

    fn grants(&self, environment: &Environment) -> Vec<Grant> {
        let services = environment.sections.services.values();
        let namespaces: BTreeSet<String> = services.map(|it| it.namespace.clone()).collect();
        let here = |cell: &&Cell| cell.environment == *environment.name();
        let grant = |cell: &Cell| {
            let capability = self.capabilities.capabilities.get(&cell.capability)?;
            let parts = capabilities::parts(capability, &namespaces);
            Some(Grant {
                to: grantee(&self.principals, &cell.row),
                capability: cell.capability.clone(),
                target: cell.target.clone(),
                parts,
                probes: (capability.probes.as_ref()).map(|probes| probes.iter().copied().collect()),
            })
        };
        self.cells.iter().filter(here).filter_map(grant).collect()
    }
}

fn grantee(file: &PrincipalsFile, row: &str) -> Grantee {
    let name = row.to_owned();
    match file.groups.get(row) {
        Some(group) => Grantee::People {
            name,
            object_id: group.object_id.as_ref().map(|id| id.to_lowercase()),
        },
        None => Grantee::Principal(name),
    }
}

/// Notes that the custom roles of these grants are assigned in a subscription.
fn allow(roles: &mut BTreeMap<String, CustomRole>, grants: &[Grant], subscription: &str) {
    for part in grants.iter().flat_map(|grant| &grant.parts) {
        if let Role::Custom(name) = &part.role
            && let Some(role) = roles.get_mut(name)
        {
            role.subscriptions.insert(subscription.to_owned());
        }
    }
}
