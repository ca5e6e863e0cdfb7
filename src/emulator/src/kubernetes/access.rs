//! Who may do what in a cluster: by Azure roles where they count, and by native bindings
//! beside them.
//! <https://learn.microsoft.com/azure/aks/manage-azure-rbac>

use super::caller::Caller;
use super::resources::{self, Resource};
use super::rules;
use super::status::Status;
use crate::access::{Attributes, Decision, Plane, Question, Source, Value};
use crate::arm;
use crate::azure::Azure;
use crate::state::{Object, World};
use serde_json::json;

/// Something that somebody wants to do. Group, resource and verb may be `*` in reviews.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish<'a> {
    pub verb: &'a str,
    pub group: &'a str,
    pub resource: &'a str,
    pub subresource: &'a str,
    pub namespace: &'a str,
    pub name: &'a str,
}

/// What is decided, with what the decision says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub allowed: bool,
    pub reason: String,
}

/// Custom resources, in conditions.
const CUSTOM: &str = "Microsoft.ContainerService/managedClusters/customresources";

const NO_ROLE: &str =
    "User does not have access to the resource in Azure. Update role assignment to allow access.";

pub fn decide(
    azure: &Azure,
    world: &World,
    cluster: &Object,
    caller: &Caller,
    wish: &Wish<'_>,
) -> Verdict {
    let allowed = |reason: String| Verdict {
        allowed: true,
        reason,
    };
    if caller.is_master() {
        return allowed(String::new());
    }
    let roles = cluster.body["properties"]["aadProfile"]["enableAzureRBAC"] == json!(true);
    let principal = caller.principal.as_deref().filter(|_| roles);
    if let Some(principal) = principal
        && let Decision::Granted { assignment, role } =
            by_role(azure, world, cluster, principal, wish)
    {
        let assignment = assignment.rsplit('/').next().unwrap_or_default();
        return allowed(format!(
            "Access allowed by Azure RBAC Role Assignment {} of Role {} to user {principal}",
            assignment.replace('-', ""),
            role.replace('-', "")
        ));
    }
    if let Some(reason) = rules::allowed(world, cluster, caller, wish) {
        return allowed(reason);
    }
    Verdict {
        allowed: false,
        reason: principal.map_or_else(String::new, |_| NO_ROLE.to_owned()),
    }
}

fn by_role(
    azure: &Azure,
    world: &World,
    cluster: &Object,
    principal: &str,
    wish: &Wish<'_>,
) -> Decision {
    let scope = if wish.namespace.is_empty() {
        cluster.id.clone()
    } else {
        format!("{}/namespaces/{}", cluster.id, wish.namespace)
    };
    let attributes = custom(wish);
    let question = Question {
        plane: Plane::Data,
        action: &action(wish),
        scope: &scope,
        attributes: &attributes,
    };
    arm::weigh(azure, world, principal, &question)
}

/// What conditions may say of a custom resource.
/// <https://learn.microsoft.com/azure/aks/manage-azure-rbac>
fn custom(wish: &Wish<'_>) -> Attributes {
    let known = resources::ALL
        .iter()
        .find(|known| known.custom && known.group == wish.group && known.plural == wish.resource);
    let Some(known) = known else {
        return Attributes::default();
    };
    let text = |text: &str| vec![Value::Text(text.to_owned())];
    Attributes::default()
        .with(
            Source::Request,
            &format!("{CUSTOM}:group"),
            text(known.group),
        )
        .with(Source::Request, &format!("{CUSTOM}:kind"), text(known.kind))
}

/// The data action that a wish is. Custom resources share one name, whatever their group.
fn action(wish: &Wish<'_>) -> String {
    let verb = match wish.verb {
        "get" | "list" | "watch" => "read",
        "create" | "update" | "patch" => "write",
        "delete" | "deletecollection" => "delete",
        "*" => "*",
        special => return format!("{}/{special}/action", path(wish)),
    };
    if wish.resource == "pods" && wish.subresource == "exec" {
        return format!("{}/exec/action", path(wish));
    }
    format!("{}/{verb}", path(wish))
}

fn path(wish: &Wish<'_>) -> String {
    const CLUSTERS: &str = "Microsoft.ContainerService/managedClusters";
    let custom = resources::ALL
        .iter()
        .any(|known| known.custom && known.group == wish.group);
    match (custom, wish.group) {
        (true, _) => format!("{CLUSTERS}/customresources"),
        (false, "") => format!("{CLUSTERS}/{}", wish.resource),
        (false, group) => format!("{CLUSTERS}/{group}/{}", wish.resource),
    }
}

/// How somebody is refused.
pub fn refusal(caller: &Caller, resource: &Resource, wish: &Wish<'_>, reason: &str) -> Status {
    let what = if wish.subresource.is_empty() {
        wish.resource.to_owned()
    } else {
        format!("{}/{}", wish.resource, wish.subresource)
    };
    let place = if wish.namespace.is_empty() {
        "at the cluster scope".to_owned()
    } else {
        format!("in the namespace \"{}\"", wish.namespace)
    };
    let mut why = format!(
        "User \"{}\" cannot {} resource \"{what}\" in API group \"{}\" {place}",
        caller.name, wish.verb, wish.group
    );
    if !reason.is_empty() {
        why.push_str(": ");
        why.push_str(reason);
    }
    Status::forbidden(resource, wish.name, &why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish<'a>(verb: &'a str, group: &'a str, resource: &'a str) -> Wish<'a> {
        Wish {
            verb,
            group,
            resource,
            subresource: "",
            namespace: "iam",
            name: "",
        }
    }

    #[test]
    fn actions_follow_from_group_resource_and_verb() {
        let of = |verb, group, resource| {
            action(&wish(verb, group, resource))
                .trim_start_matches("Microsoft.ContainerService/managedClusters/")
                .to_owned()
        };
        assert_eq!(of("list", "apps", "deployments"), "apps/deployments/read");
        assert_eq!(of("patch", "", "services"), "services/write");
        assert_eq!(of("deletecollection", "", "pods"), "pods/delete");
        assert_eq!(
            of("bind", "rbac.authorization.k8s.io", "roles"),
            "rbac.authorization.k8s.io/roles/bind/action"
        );
        assert_eq!(
            of("update", "gateway.networking.k8s.io", "httproutes"),
            "customresources/write"
        );
        let exec = Wish {
            subresource: "exec",
            ..wish("create", "", "pods")
        };
        assert!(action(&exec).ends_with("/pods/exec/action"));
    }
}
