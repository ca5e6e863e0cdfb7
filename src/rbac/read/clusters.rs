//! Native role bindings of clusters, where they may be read.
//!
//! ## Why
//! Azure's roles say nothing of them. That a private cluster's server is not reached from outside of
//! its network is how it should be, and one that is stopped has none: a remark says that they were
//! not read. Whatever else is in the way, a role that the reader lacks included, leaves unknown who
//! may do what, as everywhere.
//! References: Kubernetes `rbac.authorization.k8s.io/v1`; Microsoft Graph v1.0 `user`.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use url::form_urlencoded::byte_serialize;

use super::facts::{Hides, Reading, Unknown};
use super::fetch::{broken, graph, id};
use crate::provision::ports::{Failure, OUT_OF_REACH, Reader};
use crate::rbac::estate::Estate;
use crate::rbac::native::{Lists, Native};
use crate::rbac::scope::Scope;
use crate::resource::{Address, Method, Plane, Request};

const API: &str = "/apis/rbac.authorization.k8s.io/v1";
/// In the order of [`Lists`].
const LISTS: [&str; 4] = [
    "clusterrolebindings",
    "rolebindings",
    "clusterroles",
    "roles",
];

/// A cluster to be asked.
pub(super) struct Asked {
    pub(super) address: Address,
    pub(super) scope: Scope,
    /// Object ids of its admin groups, in lower case.
    pub(super) admins: Vec<String>,
    /// Whether it runs.
    pub(super) runs: bool,
    /// Whether its API server is reached from inside its network only.
    pub(super) private: bool,
}

/// What came of it.
#[derive(Default)]
pub(super) struct Bindings {
    native: Vec<Native>,
    unknown: Vec<Unknown>,
    remarks: Vec<String>,
}

/// Reads the bindings of these clusters.
pub(super) async fn read(reader: &dyn Reader, clusters: &[Asked]) -> Bindings {
    let asked = clusters.iter().filter(|one| one.runs);
    let requests: Vec<Request> = asked
        .flat_map(|one| LISTS.map(|list| request(&one.scope, list)))
        .collect();
    let mut answers = reader.get_many(&requests).await.into_iter();
    let mut bindings = Bindings::default();
    for one in clusters {
        if !one.runs {
            bindings.not_read(one, "it is stopped");
            continue;
        }
        let mut lists = Vec::new();
        for answer in answers.by_ref().take(LISTS.len()) {
            lists.push(items(answer));
        }
        bindings.take(one, lists);
    }
    bindings.people(reader).await;
    bindings
}

fn request(scope: &Scope, list: &str) -> Request {
    Request {
        plane: Plane::Cluster(scope.id().into()),
        api_version: None,
        ..Request::arm(Method::Get, format!("{API}/{list}"), "")
    }
}

/// The members of a list; an API server that is asked for no less tells all at once.
fn items(answer: Result<Option<Json>, Failure>) -> Result<Vec<Json>, Failure> {
    let mut body = answer?.ok_or_else(|| broken("the cluster knows no such list"))?;
    match body.get_mut("items").map(Json::take) {
        Some(Json::Array(items)) => Ok(items),
        // What an empty list may look like.
        Some(Json::Null) => Ok(Vec::new()),
        _ => Err(broken("a list of a cluster without items")),
    }
}

impl Bindings {
    fn not_read(&mut self, one: &Asked, why: &str) {
        self.remarks.push(format!(
            "native role bindings of {} are not read, and add to what Azure says: {why}",
            one.address
        ));
    }

    fn take(&mut self, one: &Asked, lists: Vec<Result<Vec<Json>, Failure>>) {
        let lists: Result<Vec<Vec<Json>>, Failure> = lists.into_iter().collect();
        let read = lists.and_then(|lists| match &lists[..] {
            [cluster_role_bindings, role_bindings, cluster_roles, roles] => {
                let lists = Lists {
                    cluster_role_bindings,
                    role_bindings,
                    cluster_roles,
                    roles,
                };
                Native::read(&one.scope, &one.admins, lists).map_err(broken)
            }
            _ => Err(broken("a list without an answer")),
        });
        match read {
            Ok(native) => self.native.push(native),
            Err(failure) if one.private && failure.code == OUT_OF_REACH => {
                self.not_read(one, &failure.message);
            }
            Err(failure) => self.unknown.push(Unknown {
                what: format!("native role bindings of {}", one.address),
                hides: Hides::Bindings(one.scope.clone()),
                failure,
            }),
        }
    }

    /// Puts people's object ids in place of their sign-in names.
    async fn people(&mut self, reader: &dyn Reader) {
        let assignments = self.native.iter().flat_map(|one| &one.assignments);
        let mut names: Vec<String> = assignments
            .map(|one| one.principal.clone())
            .filter(|name| name.contains('@'))
            .collect();
        names.sort();
        names.dedup();
        let person = |name: &String| {
            // Names may hold whatever a binding says; those of guests have a `#`.
            let name: String = byte_serialize(name.as_bytes()).collect();
            let name = name.replace('+', "%20");
            graph(format!("/v1.0/users/{name}")).query("$select", "id")
        };
        let requests: Vec<Request> = names.iter().map(person).collect();
        let answers = reader.get_many(&requests).await;
        let mut ids = BTreeMap::new();
        for (name, answer) in names.into_iter().zip(answers) {
            match answer {
                Ok(body) => {
                    ids.extend(body.and_then(|body| Some((name, id(&body, "/id")?))));
                }
                Err(failure) => self.unknown.push(Unknown {
                    what: format!("person {name}"),
                    hides: Hides::Facts,
                    failure,
                }),
            }
        }
        let assignments = self.native.iter_mut().flat_map(|one| &mut one.assignments);
        for assignment in assignments {
            if let Some(id) = ids.get(&assignment.principal) {
                assignment.principal.clone_from(id);
            }
        }
    }

    /// Adds them to what Azure says.
    pub(super) fn put(self, estate: &Estate, reading: &mut Reading) {
        reading.unknown.extend(self.unknown);
        reading.remarks.extend(self.remarks);
        let rows = estate.rows.iter().filter_map(|row| row.id.as_ref());
        let everybody: Vec<&String> = rows
            .chain(estate.people.keys())
            .chain(estate.identities.keys())
            .collect();
        let tenant = &mut reading.tenant;
        let mut roles: Vec<_> = tenant.roles.iter().cloned().collect();
        for native in self.native {
            for group in &native.everybody {
                for one in &everybody {
                    tenant.memberships.put(one, group);
                }
            }
            roles.extend(native.roles);
            tenant.assignments.extend(native.assignments);
            tenant.accounts.extend(native.accounts);
        }
        tenant.roles = roles.into_iter().collect();
    }
}
