//! Who calls a cluster: principals of the tenant, or the cluster's own accounts.

use crate::azure::Azure;
use crate::entra::Audience;
use crate::entra::principals::{self, USER};
use crate::server::Call;
use crate::state::{Moment, Object, World};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The group that may do everything.
pub const MASTERS: &str = "system:masters";

/// Somebody who signed in to a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// As messages and bindings name it.
    pub name: String,
    pub groups: BTreeSet<String>,
    /// The object id, for principals of the tenant.
    pub principal: Option<String>,
}

impl Caller {
    fn local(name: &str, groups: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            principal: None,
        }
    }

    pub fn is_master(&self) -> bool {
        self.groups.contains(MASTERS)
    }
}

/// Whom a bearer token speaks for at a cluster.
pub fn of(
    azure: &Azure,
    world: &World,
    cluster: &Object,
    call: &Call,
    now: Moment,
) -> Option<Caller> {
    let (scheme, token) = call.header("authorization")?.split_once(' ')?;
    let token = token.trim();
    if !scheme.eq_ignore_ascii_case("Bearer") || token.is_empty() {
        return None;
    }
    let properties = &cluster.body["properties"];
    if properties["disableLocalAccounts"] != json!(true)
        && let Some(caller) = local(world, cluster, token)
    {
        return Some(caller);
    }
    if !properties["aadProfile"].is_object() {
        return None;
    }
    let principal = azure
        .directory
        .verify(token, Audience::Kubernetes, now)
        .ok()?;
    Some(entra(world, cluster, principal.object_id))
}

/// An account of the cluster's own, by the token in its credential file.
fn local(world: &World, cluster: &Object, token: &str) -> Option<Caller> {
    let is = |name: &str| {
        let fact = format!("{}#secret-{name}", cluster.key());
        world
            .fact(&fact)
            .is_some_and(|known| **known == json!(token))
    };
    if is("clusterAdmin") || is("clusterUser") {
        return Some(Caller::local("masterclient", &[MASTERS]));
    }
    is("clusterMonitoringUser").then(|| Caller::local("clusterMonitoringUser", &[]))
}

/// People are known by their sign-in name, everybody else by the object id; groups by
/// theirs.
fn entra(world: &World, cluster: &Object, object_id: String) -> Caller {
    let mut groups = principals::groups_of(world, &object_id);
    let admins = cluster.body["properties"]["aadProfile"]["adminGroupObjectIDs"].as_array();
    let is_admin = admins
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .any(|admin| groups.contains(admin));
    if is_admin {
        groups.insert(MASTERS.to_owned());
    }
    groups.insert("system:authenticated".to_owned());
    let name = principals::object(world, USER, &object_id)
        .and_then(|user| user.text("/userPrincipalName"))
        .map_or_else(|| object_id.clone(), ToOwned::to_owned);
    Caller {
        name,
        groups,
        principal: Some(object_id),
    }
}
