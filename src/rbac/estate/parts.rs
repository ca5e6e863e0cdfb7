//! The parts of what is declared, and how they are found.

use std::collections::{BTreeMap, BTreeSet};

use crate::kinds::{Allowance, Deployer, Meaning, TargetType};
use crate::rbac::role::RoleDefinition;
use crate::rbac::scope::Scope;
use crate::resource::{Address, Request};

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
    /// Private endpoints, each with what it leads to.
    pub endpoints: Vec<(Scope, Scope)>,
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
    /// A provider, in lower case, of which somebody asks whether it has an action.
    pub looked_up: Option<String>,
    /// Whether it is in another cloud than the public one, whose dates do not hold there.
    pub elsewhere: bool,
    /// What capabilities call Azure's own roles that they give: by capability, then by GUID.
    pub called: BTreeMap<String, BTreeMap<String, String>>,
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

impl Estate {
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
