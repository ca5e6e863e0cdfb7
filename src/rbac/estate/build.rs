//! TOML to its parts: every name replaced by what stands for it in Azure.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::parts::{Column, Declaration, DeclaredRole, Estate, Managed, Row, RowSort, Trust};
use crate::kinds::{Grantee, Members, Role, Sections, Target};
use crate::provision::desired::Desired;
use crate::provision::observe::{Observed, State};
use crate::rbac::body::{BodyError, last_segment};
use crate::rbac::role::RoleDefinition;
use crate::rbac::scope::Scope;
use crate::resource::{
    Address, AddressError, EnvironmentName, Outputs, Place, Resource, Text, Value,
};

/// ARM's type of role assignments.
const ASSIGNMENT: &str = "Microsoft.Authorization/roleAssignments";
const DEFINITION: &str = "Microsoft.Authorization/roleDefinitions";
const APPLICATION_CREDENTIAL: &str = "microsoft.graph.federatedIdentityCredential";
const PRIVATE_ENDPOINT: &str = "Microsoft.Network/privateEndpoints";
const IDENTITY: &str = "Microsoft.ManagedIdentity/userAssignedIdentities";
const IDENTITY_CREDENTIAL: &str =
    "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials";

/// What the declared objects that stand make known: object ids, issuers.
pub fn outputs(desired: &Desired, observed: &Observed) -> Outputs {
    let mut outputs = Outputs::default();
    let mut open: Vec<&Resource> = desired.resources.values().collect();
    // An id may wait for the output of another, so it takes as many rounds as such chains are long.
    loop {
        let before = open.len();
        open.retain(|resource| {
            let id = resource.id.settle(&outputs);
            let Some(State::Present(object)) =
                id.known().map(|id| observed.state(resource.kind, id))
            else {
                return true;
            };
            outputs.insert(resource.address.clone(), object.outputs.clone());
            false
        });
        if open.len() == before {
            return outputs;
        }
    }
}

/// Why what is declared cannot be said in Azure's ids.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EstateError {
    /// A name does not fit an address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A declared role is none.
    #[error("a declared role: {0}")]
    Role(#[from] BodyError),
}

impl Estate {
    /// What `environments` declare, with what `outputs` make known.
    ///
    /// # Errors
    /// [`EstateError`] for what configuration does not let through.
    pub fn of<'a>(
        environments: impl IntoIterator<Item = (&'a Place, &'a Sections)>,
        desired: &Desired,
        outputs: &Outputs,
    ) -> Result<Self, EstateError> {
        let mut estate = Self {
            subscriptions: desired.subscriptions(),
            ..Self::default()
        };
        for (place, sections) in environments {
            estate.tenant.clone_from(&place.tenant);
            estate.add_rows(sections, outputs)?;
            estate.add_columns(place, sections, desired)?;
            estate.add_called(sections);
        }
        for resource in desired.resources.values() {
            estate.add(resource, outputs)?;
        }
        Ok(estate)
    }

    fn add_called(&mut self, sections: &Sections) {
        for grant in &sections.access.grants {
            for part in &grant.parts {
                if let Role::BuiltIn { id, name } = &part.role {
                    let called = self.called.entry(grant.capability.clone()).or_default();
                    called.insert(id.clone(), name.clone());
                }
            }
        }
    }

    fn add_rows(&mut self, sections: &Sections, outputs: &Outputs) -> Result<(), EstateError> {
        let access = &sections.access;
        let shared = EnvironmentName::shared();
        for name in access.principals.keys() {
            let grantee = Grantee::Principal(name.clone());
            self.rows.push(Row {
                name: name.clone(),
                sort: RowSort::Principal,
                id: known(&grantee.object_id()?, outputs),
                address: Some(Address::new(&shared, &format!("principal.{name}"))?),
                members: None,
            });
        }
        for (name, people) in &access.people {
            let (object_id, members) = match &people.membership {
                Members::Elsewhere(id) => (Some(id.clone()), None),
                Members::Ours(members) => (None, Some(members)),
            };
            let grantee = Grantee::People {
                name: name.clone(),
                object_id,
            };
            let ours = members.map(|_| Address::new(&shared, &format!("people.{name}")));
            for (person, id) in members.into_iter().flatten() {
                self.people.insert(id.to_lowercase(), person.clone());
            }
            self.rows.push(Row {
                name: name.clone(),
                sort: RowSort::People,
                id: known(&grantee.object_id()?, outputs),
                address: ours.transpose()?,
                members: members.map(|all| all.values().map(|id| id.to_lowercase()).collect()),
            });
        }
        for (name, deployer) in &access.deployers {
            self.rows.push(Row {
                name: name.clone(),
                sort: RowSort::Deployer,
                id: Some(deployer.object_id.clone()),
                address: None,
                members: None,
            });
        }
        self.meanings.extend(access.meanings.clone());
        self.deployers.extend(access.deployers.clone());
        self.allowed.extend(access.allowed.clone());
        Ok(())
    }

    fn add_columns(
        &mut self,
        place: &Place,
        sections: &Sections,
        desired: &Desired,
    ) -> Result<(), EstateError> {
        for target in sections.targets() {
            let address = place.address(&target.to_string())?;
            let resource = desired.resources.get(&address);
            let Some(id) = resource.and_then(|resource| resource.id.known()) else {
                continue;
            };
            let services = sections.services.values();
            let namespaces: BTreeSet<&str> = services.map(|it| it.namespace.as_str()).collect();
            let inside = match target {
                Target::Cluster => namespaces
                    .into_iter()
                    .map(|name| Scope::new(&format!("{id}/namespaces/{name}")))
                    .collect(),
                Target::Registry | Target::Key(_) => Vec::new(),
            };
            self.columns.push(Column {
                address,
                of_type: target.of_type(),
                scope: Scope::new(id),
                inside,
            });
        }
        Ok(())
    }

    fn add(&mut self, resource: &Resource, outputs: &Outputs) -> Result<(), EstateError> {
        match resource.kind.meta().arm_type {
            ASSIGNMENT => self.grants.extend(declaration(resource, outputs)),
            DEFINITION => self.roles.extend(role(resource, outputs)?),
            APPLICATION_CREDENTIAL | IDENTITY_CREDENTIAL => {
                self.credentials.extend(trust(resource, outputs));
            }
            arm_type => {
                if arm_type == IDENTITY
                    && let Some(id) = outputs.get(&resource.address, "principalId")
                {
                    let address = resource.address.clone();
                    self.identities.insert(id.to_lowercase(), address);
                }
                if arm_type == PRIVATE_ENDPOINT {
                    self.endpoints.extend(leads(resource, outputs));
                }
                if let Some(id) = resource.id.known().filter(|id| is_arm(id)) {
                    self.objects.push(Managed {
                        address: resource.address.clone(),
                        scope: Scope::new(id),
                        arm_type,
                        get: resource.kind.get(id),
                    });
                }
            }
        }
        Ok(())
    }
}

/// A text that is known, in lower case.
fn known(text: &Text, outputs: &Outputs) -> Option<String> {
    Some(text.settle(outputs).known()?.to_lowercase())
}

fn is_arm(id: &str) -> bool {
    id.get(..15)
        .is_some_and(|start| start.eq_ignore_ascii_case("/subscriptions/"))
}

fn text(properties: &Value, path: &str, outputs: &Outputs) -> Option<String> {
    match properties.at(path)?.settle(outputs) {
        Value::String(text) => Some(text),
        _ => None,
    }
}

fn declaration(resource: &Resource, outputs: &Outputs) -> Option<Declaration> {
    let id = resource.id.known_start();
    let collection = format!("/providers/{ASSIGNMENT}/").to_lowercase();
    let at = id.to_lowercase().rfind(&collection)?;
    let properties = &resource.properties;
    let role = text(properties, "properties.roleDefinitionId", outputs)?;
    let cell = resource.kind.access(&resource.address);
    Some(Declaration {
        address: resource.address.clone(),
        scope: Scope::new(id.get(..at)?),
        role: last_segment(&role)?,
        principal: text(properties, "properties.principalId", outputs).map(|id| id.to_lowercase()),
        cell: cell.map(|cell| {
            let [who, target, capability] = [cell.who, cell.target, cell.capability];
            (who.to_owned(), target.to_owned(), capability.to_owned())
        }),
    })
}

/// A private endpoint with each of what it leads to.
fn leads(resource: &Resource, outputs: &Outputs) -> Vec<(Scope, Scope)> {
    let (Some(id), Ok(body)) = (resource.id.known(), resource.properties.resolve(outputs)) else {
        return Vec::new();
    };
    let connections = body.pointer("/properties/privateLinkServiceConnections");
    let connections = connections.and_then(Json::as_array).into_iter().flatten();
    let target = |one: &Json| {
        Some(Scope::new(
            one.pointer("/properties/privateLinkServiceId")?.as_str()?,
        ))
    };
    let targets = connections.filter_map(target);
    targets.map(|target| (Scope::new(id), target)).collect()
}

fn role(resource: &Resource, outputs: &Outputs) -> Result<Option<DeclaredRole>, BodyError> {
    let (Some(id), Ok(mut body)) = (resource.id.known(), resource.properties.resolve(outputs))
    else {
        return Ok(None);
    };
    body["id"] = Json::from(id);
    body["properties"]["type"] = Json::from("CustomRole");
    Ok(Some(DeclaredRole {
        address: resource.address.clone(),
        definition: RoleDefinition::read(&body)?,
    }))
}

fn trust(resource: &Resource, outputs: &Outputs) -> Option<Trust> {
    let id = resource.id.settle(outputs);
    let id = id.known()?;
    let name = id.rsplit(['/', '\'']).find(|part| part.len() > 1)?;
    let said = |key: &str| {
        let below = format!("properties.{key}");
        text(&resource.properties, key, outputs)
            .or_else(|| text(&resource.properties, &below, outputs))
    };
    Some(Trust {
        address: resource.address.clone(),
        holder: resource.parent.clone()?,
        name: name.to_owned(),
        issuer: said("issuer"),
        subject: said("subject"),
    })
}
