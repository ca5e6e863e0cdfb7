//! What is declared of access, in Azure's own ids: rows, columns, grants, and ways to sign in.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::body::{BodyError, last_segment};
use super::role::RoleDefinition;
use super::scope::Scope;
use crate::kinds::{Allowance, Deployer, Grantee, Meaning, Members, Sections, Target, TargetType};
use crate::provision::desired::Desired;
use crate::provision::observe::{Observed, State};
use crate::resource::{
    Address, AddressError, EnvironmentName, Outputs, Place, Request, Resource, Text, Value,
};

/// ARM's type of role assignments.
const ASSIGNMENT: &str = "Microsoft.Authorization/roleAssignments";
const DEFINITION: &str = "Microsoft.Authorization/roleDefinitions";
const APPLICATION_CREDENTIAL: &str = "microsoft.graph.federatedIdentityCredential";
const IDENTITY: &str = "Microsoft.ManagedIdentity/userAssignedIdentities";
const IDENTITY_CREDENTIAL: &str =
    "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials";

/// What a root folder declares of access.
#[derive(Debug, Clone, Default)]
pub struct Estate {
    /// The tenant.
    pub tenant: String,
    /// The subscriptions that the environments live in.
    pub subscriptions: Vec<String>,
    /// Principals, then groups, then who deploys.
    pub rows: Vec<Row>,
    /// Registries, clusters and keys, environment by environment.
    pub columns: Vec<Column>,
    /// The role assignments, those that no cell asks for too.
    pub grants: Vec<Declaration>,
    /// Roles that Azure does not have built in.
    pub roles: Vec<DeclaredRole>,
    /// Everything of ours in Resource Manager that something can be granted on.
    pub objects: Vec<Managed>,
    /// Whose tokens stand for whom.
    pub credentials: Vec<Trust>,
    /// Object ids of the identities of clusters and services, with their addresses.
    pub identities: BTreeMap<String, Address>,
    /// Object ids of people, with what `principals.toml` calls them.
    pub people: BTreeMap<String, String>,
    /// All that each capability may come to.
    pub meanings: BTreeMap<String, Meaning>,
    /// Who runs `apply`, by name.
    pub deployers: BTreeMap<String, Deployer>,
    /// Grants beside the matrix, by name.
    pub allowed: BTreeMap<String, Allowance>,
    /// Object ids of whom somebody asks about beside all these.
    pub asked: BTreeSet<String>,
}

/// A row of the matrix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What TOML calls it.
    pub name: String,
    /// What it is.
    pub sort: RowSort,
    /// Its object id in lower case; `None` while it does not exist.
    pub id: Option<String>,
    /// What makes it, where it is ours.
    pub address: Option<Address>,
    /// The object ids of its members, in lower case; `None` for what has none of ours.
    pub members: Option<BTreeSet<String>>,
}

/// What a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowSort {
    /// What a pipeline signs in as.
    Principal,
    /// A group of people.
    People,
    /// Who runs `apply`.
    Deployer,
}

/// A column of the matrix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its address.
    pub address: Address,
    /// What sort of thing it is.
    pub of_type: TargetType,
    /// Its id.
    pub scope: Scope,
    /// The scopes inside of it that something is granted on: namespaces of services.
    pub inside: Vec<Scope>,
}

/// A role assignment that is declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration {
    /// Its address.
    pub address: Address,
    /// Where.
    pub scope: Scope,
    /// The GUID of its role, in lower case.
    pub role: String,
    /// The object id of whom it is given to, in lower case; `None` while nobody knows it.
    pub principal: Option<String>,
    /// The cell that asks for it: row, column's path and capability.
    pub cell: Option<(String, String, String)>,
}

/// A custom role that is declared.
#[derive(Debug, Clone)]
pub struct DeclaredRole {
    /// Its address.
    pub address: Address,
    /// What it gives.
    pub definition: RoleDefinition,
}

/// Something of ours in Resource Manager.
#[derive(Debug, Clone)]
pub struct Managed {
    /// Its address.
    pub address: Address,
    /// Its id.
    pub scope: Scope,
    /// Azure's type.
    pub arm_type: &'static str,
    /// What reads it.
    pub get: Request,
}

/// A federated credential that is declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// Its address.
    pub address: Address,
    /// The application or identity that it stands for.
    pub holder: Address,
    /// Its name.
    pub name: String,
    /// The issuer; `None` while nobody knows it.
    pub issuer: Option<String>,
    /// The subject.
    pub subject: Option<String>,
}

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
        }
        for resource in desired.resources.values() {
            estate.add(resource, outputs)?;
        }
        Ok(estate)
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

    /// The object id of a row, a member of a group, or whoever has that object id.
    pub fn id_of(&self, who: &str) -> Option<String> {
        let row = self.rows.iter().find(|row| row.name == who);
        let person = || {
            let mut people = self.people.iter();
            people
                .find(|(_, name)| *name == who)
                .map(|(id, _)| id.clone())
        };
        let id = || uuid::Uuid::try_parse(who).ok().map(|id| id.to_string());
        match row {
            Some(row) => row.id.clone(),
            None => person().or_else(id),
        }
    }

    /// The row with that name.
    pub fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }

    /// The row with that object id, in any case.
    pub fn row_of(&self, id: &str) -> Option<&Row> {
        let known = |row: &&Row| {
            row.id
                .as_deref()
                .is_some_and(|own| own.eq_ignore_ascii_case(id))
        };
        self.rows.iter().find(known)
    }

    /// The objects of one of Azure's types.
    pub fn objects_of(&self, arm_type: &str) -> impl Iterator<Item = &Managed> {
        let of_type = move |one: &&Managed| one.arm_type.eq_ignore_ascii_case(arm_type);
        self.objects.iter().filter(of_type)
    }

    /// Whether something granted at a scope bears on anything of ours: on it, on what it lies in,
    /// or on what lies in it. Management groups that were listed with our subscriptions do.
    pub fn concerns(&self, scope: &Scope) -> bool {
        scope.is_root()
            || scope.is_management_group()
            || self
                .objects
                .iter()
                .any(|one| one.scope.continues(scope) || scope.continues(&one.scope))
    }

    /// What a cell says.
    pub fn capabilities(&self, row: &Row, column: &Column) -> Vec<&str> {
        let (environment, path) = (column.address.environment(), column.address.path());
        let mut said: Vec<&str> = Vec::new();
        for grant in &self.grants {
            if let Some((who, target, capability)) = &grant.cell
                && grant.address.environment() == environment
                && *who == row.name
                && target == path
                && !said.contains(&capability.as_str())
            {
                said.push(capability);
            }
        }
        said
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
