//! What is declared and what was read, side by side, made ready to be compared.

use std::collections::{BTreeMap, BTreeSet};

use time::OffsetDateTime;

use super::access::{Access, Tenant};
use super::assignment::{Assignment, PrincipalType};
use super::compare::Declared;
use super::estate::{Column, Estate, Row};
use super::membership::Memberships;
use super::obtain::Ground;
use super::read::Reading;
use super::role::{RoleDefinition, Roles};
use super::scope::Scope;
use crate::resource::Address;

/// The two sides of every comparison.
#[derive(Debug)]
pub struct Audit<'a> {
    /// What is declared.
    pub estate: &'a Estate,
    /// What was read.
    pub reading: &'a Reading,
    /// When it was.
    pub now: OffsetDateTime,
    /// Access as it is.
    pub live: Access,
    /// Access as it would be with nothing but what is declared or allowed: the declared roles in
    /// place of those that stand, the declared members in place of those that are.
    pub declared: Access,
    /// What is allowed at this time.
    allowed: BTreeSet<Triple>,
    /// What is declared.
    granted: BTreeSet<Triple>,
    /// Where in the list of assignments each is that counts now.
    held: BTreeMap<Triple, usize>,
}

/// What an assignment is known by: principal, role and scope.
type Triple = (String, String, Scope);

impl<'a> Audit<'a> {
    /// The two sides at that time.
    pub fn new(estate: &'a Estate, reading: &'a Reading, now: OffsetDateTime) -> Self {
        let allowed = allowed(estate, now);
        let declared = Tenant {
            roles: roles(estate, reading),
            assignments: assignments(estate, &allowed),
            // Nobody declares them: they are what runs there, as clusters are.
            accounts: reading.tenant.accounts.clone(),
            memberships: memberships(estate, reading),
            hierarchy: reading.tenant.hierarchy.clone(),
            ..Tenant::default()
        };
        let granted = estate.grants.iter().filter_map(|grant| {
            let principal = grant.principal.clone()?;
            Some((principal, grant.role.clone(), grant.scope.clone()))
        });
        let live = Access::new(reading.tenant.clone(), now);
        let assignments = live.tenant().assignments.iter().enumerate();
        let counting = assignments.filter(|(_, one)| one.counts_at(now));
        Self {
            estate,
            reading,
            now,
            allowed,
            granted: granted.collect(),
            held: counting.map(|(at, one)| (triple(one), at)).collect(),
            declared: Access::new(declared, now),
            live,
        }
    }

    /// The assignment that somebody holds now of a role at exactly that scope.
    pub fn held(&self, principal: &str, role: &str, scope: &Scope) -> Option<&Assignment> {
        let key = (principal.to_owned(), role.to_owned(), scope.clone());
        let at = self.held.get(&key)?;
        self.live.tenant().assignments.get(*at)
    }

    /// What somebody is meant to be able to do at a scope.
    pub fn declared_at(&self, principal: &str, scope: &Scope) -> Declared {
        self.declared.holdings(principal).at(scope).declared()
    }

    /// What obtaining is judged by: access as it is, with the facts that were read.
    pub fn as_it_is(&self) -> Ground<'_> {
        self.ground(&self.live)
    }

    /// The same with access as it is declared.
    pub fn as_declared(&self) -> Ground<'_> {
        self.ground(&self.declared)
    }

    fn ground<'g>(&'g self, access: &'g Access) -> Ground<'g> {
        Ground {
            access,
            directory: &self.reading.directory,
            resources: &self.reading.resources,
        }
    }

    /// Whether an assignment bears on anything of ours, the nodes of a cluster included.
    pub fn concerns(&self, assignment: &Assignment) -> bool {
        let scope = &assignment.scope;
        self.estate.concerns(scope) || self.reading.concerns_nodes(scope)
    }

    /// Whether an assignment is one by which AKS lets a cluster act.
    pub fn is_azures(&self, assignment: &Assignment) -> bool {
        let own = self.reading.own.get(&assignment.principal);
        own.is_some_and(|own| {
            let mut given = own.given.iter();
            given.any(|(role, scope)| *role == assignment.role && *scope == assignment.scope)
        })
    }

    /// Whether an assignment is allowed now, by the allow-list or to who deploys.
    pub fn is_allowed(&self, assignment: &Assignment) -> bool {
        self.allowed.contains(&triple(assignment))
    }

    /// Whether a role assignment is declared.
    pub fn is_declared(&self, assignment: &Assignment) -> bool {
        self.granted.contains(&triple(assignment))
    }

    /// The scopes at which a column is judged: its own, and those in it that something is granted
    /// on.
    pub fn scopes(&self, column: &Column) -> Vec<Scope> {
        let mut scopes = vec![column.scope.clone()];
        scopes.extend(column.inside.iter().cloned());
        let tenant = &self.reading.tenant;
        for assignment in tenant.assignments.iter().chain(&tenant.eligible) {
            let scope = &assignment.scope;
            if scope.continues(&column.scope) && !scopes.contains(scope) {
                scopes.push(scope.clone());
            }
        }
        scopes
    }

    /// What people call somebody: as TOML does, else as the directory does, unless that is what
    /// TOML calls somebody else. Anybody may take any name in a directory.
    pub fn name(&self, id: &str) -> String {
        let estate = self.estate;
        let row = estate.row_of(id).map(|row| row.name.clone());
        let key = id.to_ascii_lowercase();
        let ours = row
            .or_else(|| estate.people.get(&key).cloned())
            .or_else(|| Some(estate.identities.get(&key)?.to_string()))
            .or_else(|| {
                let own = self.reading.own.get(&key)?;
                Some(format!("{} of {}", own.part, own.address))
            });
        ours.unwrap_or_else(|| {
            let name = self.reading.name(id);
            let is_taken = estate.row(name).is_some()
                || estate.people.values().any(|person| person == name)
                || name.parse::<Address>().is_ok();
            let name = if is_taken { id } else { name };
            name.to_owned()
        })
    }

    /// Somebody's name with the object id, where the name alone does not tell who it is.
    pub fn who(&self, id: &str) -> String {
        let name = self.name(id);
        let known = self.estate.row_of(id).is_some() || name.eq_ignore_ascii_case(id);
        if known {
            name
        } else {
            format!("{name} ({id})")
        }
    }

    /// A text with what people call somebody in place of object ids.
    pub fn in_names(&self, text: &str) -> String {
        let words = text.split(' ').map(|word| {
            let id = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
            let key = id.to_ascii_lowercase();
            match self.reading.principals.contains_key(&key) {
                true => word.replace(id, &self.name(id)),
                false => word.to_owned(),
            }
        });
        words.collect::<Vec<_>>().join(" ")
    }

    /// What people call a role.
    pub fn role_name(&self, id: &str) -> String {
        let role = self.reading.tenant.roles.get(id);
        role.map_or_else(|| format!("role {id}"), |role| role.name.clone())
    }

    /// Where something is granted, in the words of TOML where it has some.
    pub fn place(&self, scope: &Scope) -> String {
        let mut objects = self.estate.objects.iter();
        if let Some(one) = objects.find(|one| one.scope == *scope) {
            return format!("on {}", one.address);
        }
        let mut columns = self.estate.columns.iter();
        let inside = columns.find_map(|column| {
            let rest = scope.id().get(column.scope.id().len()..)?;
            scope
                .continues(&column.scope)
                .then(|| format!("on {}{rest}", column.address))
        });
        inside.unwrap_or_else(|| format!("at {scope}"))
    }

    /// Whether TOML names somebody: as a row, a member, an identity, or in the allow-list.
    pub fn is_known(&self, id: &str) -> bool {
        let key = id.to_ascii_lowercase();
        self.estate.row_of(id).is_some()
            || self.estate.people.contains_key(&key)
            || self.estate.identities.contains_key(&key)
            || self.reading.own.contains_key(&key)
            || self.estate.allowed.values().any(|one| one.principal == key)
    }

    /// The rows that somebody counts as or that count as somebody, through groups too.
    pub fn rows_through(&self, id: &str) -> Vec<&Row> {
        let memberships = &self.reading.tenant.memberships;
        let through = |row: &&Row| {
            let Some(own) = &row.id else {
                return false;
            };
            own.eq_ignore_ascii_case(id) || memberships.of(own).contains_key(id)
        };
        self.estate.rows.iter().filter(through).collect()
    }
}

fn triple(one: &Assignment) -> Triple {
    (one.principal.clone(), one.role.clone(), one.scope.clone())
}

/// What is allowed at that time.
fn allowed(estate: &Estate, now: OffsetDateTime) -> BTreeSet<Triple> {
    let mut allowed = BTreeSet::new();
    for one in estate
        .allowed
        .values()
        .filter(|one| one.until >= now.date())
    {
        if let Some(scope) = &one.scope {
            let key = (one.principal.clone(), one.role.clone(), Scope::new(scope));
            allowed.insert(key);
        }
    }
    for deployer in estate.deployers.values() {
        for role in &deployer.roles {
            for subscription in &estate.subscriptions {
                let scope = Scope::new(&format!("/subscriptions/{subscription}"));
                allowed.insert((deployer.object_id.clone(), role.clone(), scope));
            }
        }
    }
    allowed
}

/// The roles that stand, with those of TOML as TOML says them.
fn roles(estate: &Estate, reading: &Reading) -> Roles {
    let live = reading.tenant.roles.iter().cloned();
    let ours = estate.roles.iter().map(|role| role.definition.clone());
    live.chain(ours)
        .collect::<Vec<RoleDefinition>>()
        .into_iter()
        .collect()
}

fn assignments(estate: &Estate, allowed: &BTreeSet<Triple>) -> Vec<Assignment> {
    let assignment = |id: String, scope: &Scope, role: &str, principal: &str| Assignment {
        id,
        scope: scope.clone(),
        role: role.to_owned(),
        principal: principal.to_owned(),
        principal_type: PrincipalType::Other(String::new()),
        condition: None,
        starts: None,
        expires: None,
        native: None,
    };
    let declared = estate.grants.iter().filter_map(|grant| {
        let principal = grant.principal.as_ref()?;
        let id = grant.address.to_string();
        Some(assignment(id, &grant.scope, &grant.role, principal))
    });
    let allowed = allowed.iter().map(|(principal, role, scope)| {
        let id = format!("allowed {principal} {role}");
        assignment(id, scope, role, principal)
    });
    declared.chain(allowed).collect()
}

/// The declared members of our groups, and those that are in groups that others keep.
fn memberships(estate: &Estate, reading: &Reading) -> Memberships {
    let mut memberships = Memberships::default();
    let mut open: Vec<String> = Vec::new();
    for row in &estate.rows {
        let Some(group) = &row.id else {
            continue;
        };
        match &row.members {
            Some(members) => {
                for member in members {
                    memberships.put(member, group);
                }
            }
            None => open.push(group.clone()),
        }
    }
    let mut seen: BTreeMap<String, ()> = BTreeMap::new();
    while let Some(group) = open.pop() {
        if seen.insert(group.clone(), ()).is_some() {
            continue;
        }
        let known = reading.principals.get(&group);
        for member in known.into_iter().flat_map(|group| &group.members) {
            memberships.put(member, &group);
            open.push(member.clone());
        }
    }
    memberships
}
