//! Role assignments, definitions, deny assignments, and what PIM adds, by lists over subscriptions.
//!
//! A subscription's lists hold what is above it and below it, in management groups included, so
//! they tell all: management groups themselves are not read, which few may.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::facts::{Hides, Reading, Unknown};
use super::fetch::{Listed, arm, broken, is_unlicensed, list};
use crate::provision::ports::{Failure, Reader};
use crate::rbac::access::Tenant;
use crate::rbac::assignment::{Assignment, Schedule};
use crate::rbac::body::BodyError;
use crate::rbac::catalogue::Catalogue;
use crate::rbac::denial::Denial;
use crate::rbac::estate::Estate;
use crate::rbac::role::RoleDefinition;
use crate::rbac::scope::Scope;
use crate::resource::Request;

const API_VERSION: &str = "2022-04-01";
const PIM_API_VERSION: &str = "2020-10-01";

const ELIGIBLE: &str = "eligible assignments";
const SCHEDULES: &str = "assignment schedules";

/// What was read of a tenant's authorisation.
#[derive(Default)]
pub(super) struct Authorization {
    tenant: Tenant,
    unknown: Vec<Unknown>,
    remarks: Vec<String>,
    catalogue: Catalogue,
    providers: BTreeSet<String>,
}

/// The lists of one subscription.
struct Lists {
    subscription: String,
    assignments: Listed,
    roles: Listed,
    denials: Listed,
    eligible: Listed,
    schedules: Listed,
}

impl Lists {
    /// Whether everything is there that is granted or denied above the subscription.
    fn is_whole(&self) -> bool {
        let there = |listed: &Listed| matches!(listed, Listed::All(_));
        let eligible = match &self.eligible {
            Listed::Failed(failure) => is_unlicensed(failure),
            Listed::All(_) | Listed::Absent => true,
        };
        there(&self.assignments) && there(&self.denials) && eligible
    }
}

/// Reads the lists of every subscription.
pub(super) async fn read(reader: &dyn Reader, estate: &Estate) -> Authorization {
    let subscriptions = estate.subscriptions.iter();
    let lists = futures::future::join_all(subscriptions.map(|id| of_subscription(reader, id)));
    let providers = providers(estate);
    let (lists, operations) = futures::join!(lists, operations(reader, &providers));
    let mut read = Authorization::default();
    let mut roles = Vec::new();
    for lists in lists {
        read.take(lists, &mut roles);
    }
    read.tenant.roles = roles.into_iter().collect();
    read.take_operations(providers, operations);
    read
}

async fn of_subscription(reader: &dyn Reader, id: &str) -> Lists {
    let request = |collection: &str, version: &str| {
        let path = format!("/subscriptions/{id}/providers/Microsoft.Authorization/{collection}");
        arm(path, version)
    };
    let requests = [
        request("roleAssignments", API_VERSION),
        request("roleDefinitions", API_VERSION),
        request("denyAssignments", API_VERSION),
        request("roleEligibilityScheduleInstances", PIM_API_VERSION),
        request("roleAssignmentScheduleInstances", PIM_API_VERSION),
    ];
    let [a, b, c, d, e] = &requests;
    let (assignments, roles, denials, eligible, schedules) = futures::join!(
        list(reader, a),
        list(reader, b),
        list(reader, c),
        list(reader, d),
        list(reader, e)
    );
    Lists {
        subscription: id.to_owned(),
        assignments,
        roles,
        denials,
        eligible,
        schedules,
    }
}

/// The providers whose actions the declared roles name, or somebody asks about.
fn providers(estate: &Estate) -> BTreeSet<String> {
    let roles = estate.roles.iter();
    let permissions = roles.flat_map(|role| &role.definition.permissions);
    let patterns = permissions.flat_map(|one| one.actions.iter().chain(&one.data_actions));
    patterns
        .filter_map(|pattern| pattern.text().split('/').next())
        .map(str::to_ascii_lowercase)
        .chain(estate.looked_up.clone())
        .collect()
}

/// What each provider can do: it only helps to find what is misspelt.
async fn operations(
    reader: &dyn Reader,
    providers: &BTreeSet<String>,
) -> Vec<Result<Option<Json>, Failure>> {
    let request = |provider: &String| {
        let path = format!("/providers/Microsoft.Authorization/providerOperations/{provider}");
        arm(path, API_VERSION).query("$expand", "resourceTypes")
    };
    let requests: Vec<Request> = providers.iter().map(request).collect();
    reader.get_many(&requests).await
}

impl Authorization {
    pub(super) fn put(self, reading: &mut Reading) {
        reading.tenant = self.tenant;
        reading.unknown.extend(self.unknown);
        reading.remarks.extend(self.remarks);
        reading.catalogue = self.catalogue;
        reading.providers = self.providers;
    }

    fn take_operations(
        &mut self,
        providers: BTreeSet<String>,
        answers: Vec<Result<Option<Json>, Failure>>,
    ) {
        let mut unread = Vec::new();
        for (provider, answer) in providers.into_iter().zip(answers) {
            let body = answer.ok().flatten();
            match body.map(|body| self.catalogue.add(&body)) {
                Some(Ok(())) => {
                    self.providers.insert(provider);
                }
                Some(Err(_)) | None => unread.push(provider),
            }
        }
        if !unread.is_empty() {
            self.remarks.push(format!(
                "actions of {} are not looked up: their operations cannot be read",
                unread.join(", ")
            ));
        }
    }

    fn take(&mut self, lists: Lists, roles: &mut Vec<RoleDefinition>) {
        let id = &lists.subscription;
        if lists.is_whole() {
            self.tenant.hierarchy.put_whole(id);
        }
        let found = self.members(id, "role assignments", lists.assignments, Assignment::read);
        for assignment in found {
            if let Some(group) = assignment.scope.management_group() {
                self.tenant.hierarchy.put_above(id, group);
            }
            // What stands above several subscriptions is listed with each of them.
            let mut known = self.tenant.assignments.iter();
            if assignment.scope.subscription().is_some()
                || known.all(|one| !one.id.eq_ignore_ascii_case(&assignment.id))
            {
                self.tenant.assignments.push(assignment);
            }
        }
        let found = self.members(id, "role definitions", lists.roles, RoleDefinition::read);
        roles.extend(found);
        let found = self.members(id, "deny assignments", lists.denials, Denial::read);
        for denial in found {
            if let Some(group) = denial.scope.management_group() {
                self.tenant.hierarchy.put_above(id, group);
            }
            let mut known = self.tenant.denials.iter();
            if known.all(|one| !one.id.eq_ignore_ascii_case(&denial.id)) {
                self.tenant.denials.push(denial);
            }
        }
        if !self.has_pim(&lists.eligible) {
            return;
        }
        let found = self.members(id, ELIGIBLE, lists.eligible, Assignment::read);
        for eligible in found {
            if let Some(group) = eligible.scope.management_group() {
                self.tenant.hierarchy.put_above(id, group);
            }
            self.tenant.eligible.push(eligible);
        }
        let found = self.members(id, SCHEDULES, lists.schedules, schedule);
        self.tenant.schedules.extend(found.into_iter().flatten());
    }

    /// Whether the tenant has Privileged Identity Management.
    fn has_pim(&mut self, eligible: &Listed) -> bool {
        let has = match eligible {
            Listed::All(_) => true,
            Listed::Absent => false,
            Listed::Failed(failure) => !is_unlicensed(failure),
        };
        let remark = "eligible assignments are not applicable: the tenant has no PIM";
        if !has && !self.remarks.iter().any(|known| known == remark) {
            self.remarks.push(remark.to_owned());
        }
        has
    }

    /// The members of a list, each as what it is.
    fn members<T>(
        &mut self,
        subscription: &str,
        what: &str,
        listed: Listed,
        read: fn(&Json) -> Result<T, BodyError>,
    ) -> Vec<T> {
        let failure = match listed {
            Listed::All(bodies) => match bodies.iter().map(read).collect() {
                Ok(all) => return all,
                Err(error) => broken(error),
            },
            Listed::Absent => broken("Azure knows no such list"),
            Listed::Failed(failure) => failure,
        };
        // What may be activated changes nothing of what holds.
        let decides = !matches!(what, ELIGIBLE | SCHEDULES);
        self.unknown.push(Unknown {
            what: format!("{what} of subscription {subscription}"),
            hides: match decides {
                true => Hides::Grants(Scope::new(&format!("/subscriptions/{subscription}"))),
                false => Hides::Facts,
            },
            failure,
        });
        Vec::new()
    }
}

/// An instance on a schedule; those without an assignment of their own are no matter.
fn schedule(body: &Json) -> Result<Option<Schedule>, BodyError> {
    let origin = body.pointer("/properties/originRoleAssignmentId");
    match origin.and_then(Json::as_str) {
        Some(_) => Schedule::read(body).map(Some),
        None => Ok(None),
    }
}
