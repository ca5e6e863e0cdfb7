//! Who comes into question in the directory: what each is, who owns it, who is in it, how it signs in.
//!
//! References: Microsoft Graph v1.0 `directoryObject`, `application`, `servicePrincipal`, `group`,
//! `unifiedRoleAssignment` and `appRoleAssignment`. Everybody costs a few parts of a batch; those
//! whom they name in turn are read in a next round.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::facts::{Federated, Hides, Principal, PrincipalSort, Reading, Secret, Unknown};
use super::fetch::{Listed, broken, graph, id, is_unlicensed, list, lists, text};
use crate::provision::ports::{Failure, Reader};
use crate::rbac::estate::Estate;
use crate::rbac::obtain::{AppRole, Application, DirectoryRole, GroupFacts, ServicePrincipal};
use crate::resource::Request;

/// The client id of Microsoft Graph, the same in every tenant.
const GRAPH: &str = "00000003-0000-0000-c000-000000000000";
/// What is assigned of an application that asks for no role of its own, and gives nothing.
/// <https://learn.microsoft.com/graph/api/resources/approleassignment>
const DEFAULT_ACCESS: &str = "00000000-0000-0000-0000-000000000000";
/// Who names whom in turn is followed this far.
const MOST_ROUNDS: usize = 16;
/// What is read of an owner or a member.
const WHO: &str = "id,displayName";

/// Reads who holds what of the directory, and everybody who comes into question.
pub(super) async fn read(reader: &dyn Reader, estate: &Estate, reading: &mut Reading) {
    let roles = graph("/v1.0/roleManagement/directory/roleAssignments");
    let eligible = graph("/v1.0/roleManagement/directory/roleEligibilityScheduleInstances");
    let (roles, eligible, app_roles) = futures::join!(
        list(reader, &roles),
        list(reader, &eligible),
        app_roles(reader)
    );
    take_roles(reading, roles);
    take_eligible(reading, eligible);
    take_app_roles(reading, app_roles);
    let mut open = subjects(estate, reading);
    let mut done = BTreeSet::new();
    for _ in 0..MOST_ROUNDS {
        if open.is_empty() {
            return;
        }
        let ids: Vec<String> = std::mem::take(&mut open).into_iter().collect();
        done.extend(ids.iter().cloned());
        let mut round = Round::new(reading);
        round.read(reader, &ids).await;
        open = round.named.difference(&done).cloned().collect();
    }
    if !open.is_empty() {
        let failure = broken("owners and members name one another without an end");
        unknown(reading, "everybody who comes into question", failure);
    }
}

/// Everybody who holds something that bears on what is ours.
fn subjects(estate: &Estate, reading: &Reading) -> BTreeSet<String> {
    let rows = estate.rows.iter().filter_map(|row| row.id.clone());
    let allowed = estate.allowed.values().map(|one| one.principal.clone());
    let tenant = &reading.tenant;
    let assigned = tenant.assignments.iter().chain(&tenant.eligible);
    let assigned =
        assigned.filter(|one| estate.concerns(&one.scope) || reading.concerns_nodes(&one.scope));
    let assigned = assigned.map(|one| one.principal.clone());
    let clusters = reading.resources.clusters.iter();
    let admins = clusters.flat_map(|one| one.admin_groups.iter().cloned());
    let vaults = reading.resources.vaults.iter();
    let policies = vaults.flat_map(|one| one.policies.iter().cloned());
    let directory = &reading.directory;
    let roles = directory.roles.keys().chain(directory.eligible.keys());
    let roles = roles.chain(directory.app_roles.keys());
    rows.chain(allowed)
        .chain(estate.asked.iter().cloned())
        .chain(assigned)
        .chain(admins)
        .chain(policies)
        .chain(roles.cloned())
        // Bindings in clusters may name somebody whom no directory has.
        .filter(|id| uuid::Uuid::try_parse(id).is_ok())
        .collect()
}

fn unknown(reading: &mut Reading, what: impl Into<String>, failure: Failure) {
    reading.unknown.push(Unknown {
        what: what.into(),
        hides: Hides::Facts,
        failure,
    });
}

fn take_roles(reading: &mut Reading, listed: Listed) {
    const WHAT: &str = "directory role assignments";
    match listed {
        Listed::All(all) => reading.directory.roles = by_holder(&all),
        Listed::Absent => unknown(reading, WHAT, broken("Graph knows no such list")),
        Listed::Failed(failure) => unknown(reading, WHAT, failure),
    }
}

fn take_eligible(reading: &mut Reading, listed: Listed) {
    match listed {
        Listed::All(all) => reading.directory.eligible = by_holder(&all),
        Listed::Failed(failure) if !is_unlicensed(&failure) => {
            unknown(reading, "eligible directory roles", failure);
        }
        // Where the tenant has no PIM, that is said of assignments too.
        Listed::Absent | Listed::Failed(_) => {}
    }
}

/// The directory roles that lead on, by who has them.
fn by_holder(all: &[Json]) -> BTreeMap<String, BTreeSet<DirectoryRole>> {
    let mut holders: BTreeMap<String, BTreeSet<DirectoryRole>> = BTreeMap::new();
    for body in all {
        let role = text(body, "/roleDefinitionId").and_then(DirectoryRole::of_template);
        if let (Some(role), Some(holder)) = (role, id(body, "/principalId")) {
            holders.entry(holder).or_default().insert(role);
        }
    }
    holders
}

/// The application roles that Graph offers, and who holds them.
async fn app_roles(reader: &dyn Reader) -> (Result<Option<Json>, Failure>, Listed) {
    let api = format!("/v1.0/servicePrincipals(appId='{GRAPH}')");
    let offered = graph(api.clone()).query("$select", "id,appRoles");
    let given = graph(format!("{api}/appRoleAssignedTo"));
    futures::join!(reader.get(&offered), list(reader, &given))
}

fn take_app_roles(reading: &mut Reading, read: (Result<Option<Json>, Failure>, Listed)) {
    const WHAT: &str = "application roles of Microsoft Graph";
    let (offered, given) = match read {
        (Ok(Some(offered)), Listed::All(given)) => (offered, given),
        (Err(failure), _) | (_, Listed::Failed(failure)) => {
            return unknown(reading, WHAT, failure);
        }
        _ => return unknown(reading, WHAT, broken("Graph has no service principal")),
    };
    let roles = offered.pointer("/appRoles").and_then(Json::as_array);
    let roles: BTreeMap<String, Option<AppRole>> = roles
        .into_iter()
        .flatten()
        .filter_map(|role| Some((id(role, "/id")?, AppRole::of_value(text(role, "/value")?))))
        .collect();
    for body in &given {
        let (Some(role), Some(holder)) = (id(body, "/appRoleId"), id(body, "/principalId")) else {
            continue;
        };
        // What is no longer offered may still be held.
        let role = match roles.get(&role) {
            Some(role) => role.clone(),
            None if role == DEFAULT_ACCESS => None,
            None => Some(AppRole::Unknown(role)),
        };
        if let Some(role) = role {
            let held = reading.directory.app_roles.entry(holder).or_default();
            held.insert(role);
        }
    }
}

/// One round of reading.
struct Round<'r> {
    reading: &'r mut Reading,
    /// Who was named and has to be read in turn.
    named: BTreeSet<String>,
}

impl<'r> Round<'r> {
    fn new(reading: &'r mut Reading) -> Self {
        Self {
            reading,
            named: BTreeSet::new(),
        }
    }

    async fn read(&mut self, reader: &dyn Reader, ids: &[String]) {
        let object = |id: &String| graph(format!("/v1.0/directoryObjects/{id}"));
        let requests: Vec<Request> = ids.iter().map(object).collect();
        let answers = reader.get_many(&requests).await;
        let (mut services, mut groups) = (Vec::new(), Vec::new());
        for (id, answer) in ids.iter().zip(answers) {
            let body = self.principal(id, answer);
            match self.reading.principals.get(id).map(|one| one.sort) {
                Some(PrincipalSort::ServicePrincipal) => services.push((id.clone(), body)),
                Some(PrincipalSort::Group) => groups.push((id.clone(), body)),
                Some(PrincipalSort::User) => self.user(id),
                _ => {}
            }
        }
        self.services(reader, services).await;
        self.groups(reader, groups).await;
    }

    /// Notes what somebody is.
    fn principal(&mut self, id: &str, answer: Result<Option<Json>, Failure>) -> Json {
        let mut principal = Principal::unknown(id);
        let body = match answer {
            Ok(Some(body)) => {
                principal.sort = sort(&body);
                if let Some(name) = text(&body, "/displayName") {
                    principal.name = name.to_owned();
                }
                principal.secrets = secrets(&body);
                body
            }
            Ok(None) => {
                principal.sort = PrincipalSort::Gone;
                Json::Null
            }
            Err(failure) => {
                unknown(self.reading, format!("principal {id}"), failure);
                Json::Null
            }
        };
        self.reading.principals.insert(id.to_owned(), principal);
        body
    }

    fn user(&mut self, id: &str) {
        let users = &mut self.reading.directory.users;
        if !users.iter().any(|known| known == id) {
            users.push(id.to_owned());
        }
    }

    /// Notes those whom a list names; their object ids.
    fn people(&mut self, bodies: &[Json]) -> Vec<String> {
        let mut ids = Vec::new();
        for body in bodies {
            let Some(id) = id(body, "/id") else {
                continue;
            };
            match sort(body) {
                PrincipalSort::User => {
                    self.user(&id);
                    let name = text(body, "/displayName").unwrap_or(&id);
                    let known = self.reading.principals.entry(id.clone());
                    known.or_insert_with(|| Principal {
                        name: name.to_owned(),
                        sort: PrincipalSort::User,
                        ..Principal::unknown(&id)
                    });
                }
                _ => {
                    self.named.insert(id.clone());
                }
            }
            ids.push(id);
        }
        ids
    }

    /// What a list of owners or credentials holds.
    fn listed(&mut self, what: &str, of: &str, listed: Option<Listed>) -> Vec<Json> {
        match listed {
            Some(Listed::All(all)) => all,
            // The application of somebody else's tenant, or of a managed identity.
            Some(Listed::Absent) | None => Vec::new(),
            Some(Listed::Failed(failure)) => {
                let of = self.reading.name(of).to_owned();
                unknown(self.reading, format!("{what} of {of}"), failure);
                Vec::new()
            }
        }
    }

    async fn services(&mut self, reader: &dyn Reader, services: Vec<(String, Json)>) {
        let requests: Vec<Request> = services.iter().flat_map(about).collect();
        let objects: Vec<Request> = services.iter().map(application).collect();
        let (listed, objects) = futures::join!(lists(reader, &requests), reader.get_many(&objects));
        let mut listed = listed.into_iter();
        for ((id, _), answer) in services.into_iter().zip(objects) {
            let own = self.listed("owners", &id, listed.next());
            let own = self.people(&own);
            let of_application = self.listed("application owners", &id, listed.next());
            let of_application = self.people(&of_application);
            let federated = self.listed("federated credentials", &id, listed.next());
            let mut further = Vec::new();
            match answer {
                Ok(Some(body)) => {
                    further = secrets(&body);
                    self.reading.directory.applications.push(Application {
                        name: text(&body, "/displayName").unwrap_or(&id).to_owned(),
                        service_principal: id.clone(),
                        owners: of_application.clone(),
                    });
                }
                Ok(None) => {}
                Err(failure) => {
                    let what = format!("application of {}", self.reading.name(&id));
                    unknown(self.reading, what, failure);
                }
            }
            if !own.is_empty() {
                let facts = ServicePrincipal {
                    id: id.clone(),
                    owners: own.clone(),
                };
                self.reading.directory.service_principals.push(facts);
            }
            if let Some(principal) = self.reading.principals.get_mut(&id) {
                principal.secrets.extend(further);
                principal.federated = federated.iter().map(credential).collect();
                principal.owners = own;
                principal.owners.extend(of_application);
                principal.owners.sort();
                principal.owners.dedup();
            }
        }
    }

    async fn groups(&mut self, reader: &dyn Reader, groups: Vec<(String, Json)>) {
        let requests: Vec<Request> = groups
            .iter()
            .flat_map(|(id, _)| {
                let group = format!("/v1.0/groups/{id}");
                ["members", "owners"]
                    .map(|list| graph(format!("{group}/{list}")).query("$select", WHO))
            })
            .collect();
        let mut listed = lists(reader, &requests).await.into_iter();
        for (id, body) in groups {
            let members = listed.next();
            if !matches!(members, Some(Listed::All(_))) {
                self.reading.tenant.memberships.put_unread(&id);
            }
            let members = self.listed("members", &id, members);
            let members = self.people(&members);
            for member in &members {
                self.reading.tenant.memberships.put(member, &id);
            }
            let owners = self.listed("owners", &id, listed.next());
            let owners = self.people(&owners);
            let assignable = body.pointer("/isAssignableToRole").and_then(Json::as_bool);
            self.reading.directory.groups.push(GroupFacts {
                id: id.clone(),
                owners: owners.clone(),
                role_assignable: assignable == Some(true),
            });
            if let Some(principal) = self.reading.principals.get_mut(&id) {
                principal.owners = owners;
                principal.members = members;
            }
        }
    }
}

/// The lists that tell who could act as a service principal.
fn about((id, body): &(String, Json)) -> [Request; 3] {
    let principal = format!("/v1.0/servicePrincipals/{id}");
    let app = application_path(body);
    [
        graph(format!("{principal}/owners")).query("$select", WHO),
        graph(format!("{app}/owners")).query("$select", WHO),
        graph(format!("{app}/federatedIdentityCredentials")),
    ]
}

/// The read of a service principal's application.
fn application((_, body): &(String, Json)) -> Request {
    let properties = "id,displayName,passwordCredentials,keyCredentials";
    graph(application_path(body)).query("$select", properties)
}

fn application_path(principal: &Json) -> String {
    let app = text(principal, "/appId").unwrap_or_default();
    format!("/v1.0/applications(appId='{app}')")
}

fn sort(body: &Json) -> PrincipalSort {
    match text(body, "/@odata.type").unwrap_or_default() {
        "#microsoft.graph.user" => PrincipalSort::User,
        "#microsoft.graph.servicePrincipal" => PrincipalSort::ServicePrincipal,
        "#microsoft.graph.group" => PrincipalSort::Group,
        _ => PrincipalSort::Other,
    }
}

fn secrets(body: &Json) -> Vec<Secret> {
    let lists = [
        ("/passwordCredentials", "client secret"),
        ("/keyCredentials", "certificate"),
    ];
    let all = lists.into_iter().flat_map(|(path, what)| {
        let held = body.pointer(path).and_then(Json::as_array);
        held.into_iter().flatten().map(move |one| {
            let ends = text(one, "/endDateTime");
            Secret {
                what,
                name: text(one, "/displayName")
                    .or_else(|| text(one, "/keyId"))
                    .unwrap_or_default()
                    .to_owned(),
                ends: ends.and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok()),
            }
        })
    });
    all.collect()
}

fn credential(body: &Json) -> Federated {
    let said = |path: &str| text(body, path).unwrap_or_default().to_owned();
    Federated {
        name: said("/name"),
        issuer: said("/issuer"),
        subject: said("/subject"),
    }
}
