//! Role assignments, definitions, deny assignments, and what PIM adds, by lists over subscriptions.
//!
//! A subscription's list of assignments holds those above it and below it, those of management
//! groups included, so one list tells all.

use serde_json::Value as Json;

use super::facts::{Reading, Unknown};
use super::fetch::{Listed, arm, broken, is_unlicensed, list};
use crate::provision::ports::{Failure, Reader};
use crate::rbac::access::Tenant;
use crate::rbac::assignment::{Assignment, Schedule};
use crate::rbac::body::BodyError;
use crate::rbac::denial::Denial;
use crate::rbac::estate::Estate;
use crate::rbac::role::RoleDefinition;
use crate::rbac::scope::Scope;

const API_VERSION: &str = "2022-04-01";
const PIM_API_VERSION: &str = "2020-10-01";
const GROUPS_API_VERSION: &str = "2020-05-01";

/// What was read of a tenant's authorisation.
#[derive(Default)]
pub(super) struct Authorization {
    tenant: Tenant,
    unknown: Vec<Unknown>,
    remarks: Vec<String>,
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

/// Reads the lists of every subscription, and the management groups.
pub(super) async fn read(reader: &dyn Reader, estate: &Estate) -> Authorization {
    let subscriptions = estate.subscriptions.iter();
    let lists = futures::future::join_all(subscriptions.map(|id| of_subscription(reader, id)));
    let (lists, groups) = futures::join!(lists, management_groups(reader, &estate.tenant));
    let mut read = Authorization::default();
    let mut roles = Vec::new();
    for lists in lists {
        read.take(lists, &mut roles);
    }
    read.tenant.roles = roles.into_iter().collect();
    match groups {
        Ok(Some(body)) => match read.tenant.hierarchy.add(&body) {
            Ok(()) => {}
            Err(error) => read.remarks.push(format!("management groups: {error}")),
        },
        // The lists of the subscriptions hold what is granted in the groups above them.
        Ok(None) | Err(_) => read.remarks.push(
            "management groups cannot be read: which of them a subscription lies in is taken \
             from the assignments that Azure lists with it"
                .to_owned(),
        ),
    }
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

async fn management_groups(reader: &dyn Reader, tenant: &str) -> Result<Option<Json>, Failure> {
    let path = format!("/providers/Microsoft.Management/managementGroups/{tenant}");
    let request = arm(path, GROUPS_API_VERSION)
        .query("$expand", "children")
        .query("$recurse", "true");
    reader.get(&request).await
}

impl Authorization {
    pub(super) fn put(self, reading: &mut Reading) {
        reading.tenant = self.tenant;
        reading.unknown.extend(self.unknown);
        reading.remarks.extend(self.remarks);
    }

    fn take(&mut self, lists: Lists, roles: &mut Vec<RoleDefinition>) {
        let id = &lists.subscription;
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
        let found = self.members(id, "eligible assignments", lists.eligible, Assignment::read);
        self.tenant.eligible.extend(found);
        let found = self.members(id, "assignment schedules", lists.schedules, schedule);
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
        self.unknown.push(Unknown {
            what: format!("{what} of subscription {subscription}"),
            scope: Some(Scope::new(&format!("/subscriptions/{subscription}"))),
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
