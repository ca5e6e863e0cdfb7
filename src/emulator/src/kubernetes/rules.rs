//! Native roles and bindings: what they give, and who may give it.
//! <https://kubernetes.io/docs/reference/access-authn-authz/rbac/>

use super::access::{self, Wish};
use super::caller::Caller;
use super::request::Request;
use super::resources::{CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES, Resource};
use super::status::Status;
use super::store::Cabinet;
use crate::state::{Object, World};
use serde_json::Value;

/// The role that every cluster has.
pub const CLUSTER_ADMIN: &str = "cluster-admin";

/// Whether a binding allows a wish, with the reason that reviews show.
pub fn allowed(
    world: &World,
    cluster: &Object,
    caller: &Caller,
    wish: &Wish<'_>,
) -> Option<String> {
    let cabinet = Cabinet::of(cluster);
    let everywhere = cabinet.list(world, &CLUSTER_ROLE_BINDINGS, "");
    let here = if wish.namespace.is_empty() {
        Vec::new()
    } else {
        cabinet.list(world, &ROLE_BINDINGS, wish.namespace)
    };
    everywhere.iter().chain(&here).find_map(|binding| {
        let mine = subjects(binding).any(|subject| is(subject, caller));
        let rules = rules_of(cabinet, world, binding);
        (mine && rules.iter().any(|rule| covers(rule, wish))).then(|| {
            format!(
                "RBAC: allowed by {} \"{}\" of {} \"{}\"",
                binding["kind"].as_str().unwrap_or_default(),
                binding["metadata"]["name"].as_str().unwrap_or_default(),
                binding["roleRef"]["kind"].as_str().unwrap_or_default(),
                binding["roleRef"]["name"].as_str().unwrap_or_default(),
            )
        })
    })
}

fn subjects(binding: &Value) -> impl Iterator<Item = &Value> {
    binding["subjects"].as_array().into_iter().flatten()
}

/// Users are named by sign-in name or object id, groups by object id.
fn is(subject: &Value, caller: &Caller) -> bool {
    let name = subject["name"].as_str().unwrap_or_default();
    match subject["kind"].as_str() {
        Some("User") => name == caller.name || caller.principal.as_deref() == Some(name),
        Some("Group") => caller.groups.contains(name),
        _ => false,
    }
}

/// The rules of the role that a binding refers to.
fn rules_of(cabinet: Cabinet<'_>, world: &World, binding: &Value) -> Vec<Value> {
    let name = binding["roleRef"]["name"].as_str().unwrap_or_default();
    let namespace = binding["metadata"]["namespace"]
        .as_str()
        .unwrap_or_default();
    let role = if binding["roleRef"]["kind"] == "ClusterRole" {
        cabinet.get(world, &CLUSTER_ROLES, "", name)
    } else {
        cabinet.get(world, &ROLES, namespace, name)
    };
    role.and_then(|role| role["rules"].as_array().cloned())
        .unwrap_or_default()
}

fn covers(rule: &Value, wish: &Wish<'_>) -> bool {
    let resource = if wish.subresource.is_empty() {
        wish.resource.to_owned()
    } else {
        format!("{}/{}", wish.resource, wish.subresource)
    };
    let has =
        |list: &str, wanted: &str| texts(&rule[list]).any(|known| known == "*" || known == wanted);
    let named = rule["resourceNames"]
        .as_array()
        .is_none_or(|names| names.is_empty() || names.iter().any(|name| name == wish.name));
    has("verbs", wish.verb) && has("apiGroups", wish.group) && has("resources", &resource) && named
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

/// Refuses a role or binding that would give more than its writer has, unless the writer
/// may `escalate` or `bind`.
pub fn may_grant(
    request: &Request<'_>,
    world: &World,
    resource: &Resource,
    object: &Value,
) -> Result<(), Status> {
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let cabinet = Cabinet::of(&request.cluster);
    let (verb, about, role, rules) = if [&ROLES, &CLUSTER_ROLES].contains(&resource) {
        let rules = object["rules"].as_array().cloned().unwrap_or_default();
        ("escalate", resource.plural, name, rules)
    } else if [&ROLE_BINDINGS, &CLUSTER_ROLE_BINDINGS].contains(&resource) {
        let kind = match object["roleRef"]["kind"].as_str() {
            Some("ClusterRole") => &CLUSTER_ROLES,
            _ => &ROLES,
        };
        let role = object["roleRef"]["name"].as_str().unwrap_or_default();
        ("bind", kind.plural, role, rules_of(cabinet, world, object))
    } else {
        return Ok(());
    };
    let may = |wish: &Wish<'_>| {
        access::decide(
            request.azure,
            world,
            &request.cluster,
            &request.caller,
            wish,
        )
        .allowed
    };
    let special = Wish {
        verb,
        group: resource.group,
        resource: about,
        subresource: "",
        namespace,
        name: role,
    };
    if may(&special) || rules.iter().all(|rule| held(rule, namespace, may)) {
        return Ok(());
    }
    let groups: Vec<String> = request
        .caller
        .groups
        .iter()
        .map(|g| format!("\"{g}\""))
        .collect();
    Err(Status::forbidden(
        resource,
        name,
        &format!(
            "user \"{}\" (groups=[{}]) is attempting to grant RBAC permissions not currently held",
            request.caller.name,
            groups.join(" ")
        ),
    ))
}

/// Whether somebody may do all that a rule says.
fn held(rule: &Value, namespace: &str, may: impl Fn(&Wish<'_>) -> bool) -> bool {
    texts(&rule["apiGroups"]).all(|group| {
        texts(&rule["resources"]).all(|resource| {
            let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
            texts(&rule["verbs"]).all(|verb| {
                may(&Wish {
                    verb,
                    group,
                    resource,
                    subresource,
                    namespace,
                    name: "",
                })
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rules_cover_what_they_name() {
        let rule = json!({
            "apiGroups": ["apps"], "resources": ["deployments", "deployments/scale"],
            "verbs": ["get", "patch"], "resourceNames": ["web"],
        });
        let wish = Wish {
            verb: "get",
            group: "apps",
            resource: "deployments",
            subresource: "",
            namespace: "iam",
            name: "web",
        };
        assert!(covers(&rule, &wish));
        for other in [
            Wish {
                name: "api",
                ..wish
            },
            Wish {
                verb: "delete",
                ..wish
            },
            Wish { group: "", ..wish },
            Wish {
                subresource: "status",
                ..wish
            },
        ] {
            assert!(!covers(&rule, &other), "{other:?}");
        }
        let all = json!({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]});
        assert!(covers(&all, &wish));
    }
}
