//! What an API server tells of itself: version, groups, resources.
//! <https://kubernetes.io/docs/concepts/overview/kubernetes-api/>

use super::resources::{ALL, groups};
use super::status::Status;
use crate::server::Answer;
use crate::state::Object;
use serde_json::{Value, json};

const VERBS: &[&str] = &[
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
];

/// `GET /version`
pub fn version(cluster: &Object) -> Answer {
    let properties = &cluster.body["properties"];
    let version = properties["currentKubernetesVersion"]
        .as_str()
        .or(properties["kubernetesVersion"].as_str())
        .unwrap_or_default();
    let mut parts = version.split('.');
    Answer::json(
        200,
        json!({
            "major": parts.next(),
            "minor": parts.next(),
            "gitVersion": format!("v{version}"),
            "gitCommit": "",
            "gitTreeState": "clean",
            "buildDate": "",
            "goVersion": "",
            "compiler": "gc",
            "platform": "linux/amd64",
        }),
    )
}

/// `GET /api`
pub fn core() -> Answer {
    Answer::json(
        200,
        json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}),
    )
}

/// `GET /apis`
pub fn all_groups() -> Answer {
    let groups: Vec<Value> = groups().into_iter().map(|(g, v)| group(g, v)).collect();
    Answer::json(
        200,
        json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}),
    )
}

/// `GET /apis/GROUP`
pub fn one_group(name: &str) -> Result<Answer, Status> {
    let (_, version) = groups()
        .into_iter()
        .find(|(known, _)| *known == name)
        .ok_or_else(Status::no_such_path)?;
    let mut body = group(name, version);
    body["kind"] = json!("APIGroup");
    body["apiVersion"] = json!("v1");
    Ok(Answer::json(200, body))
}

fn group(name: &str, version: &str) -> Value {
    let version = json!({"groupVersion": format!("{name}/{version}"), "version": version});
    json!({"name": name, "versions": [version], "preferredVersion": version})
}

/// `GET /api/v1` and `GET /apis/GROUP/VERSION`
pub fn resources(group: &str, version: &str) -> Result<Answer, Status> {
    let mut list = Vec::new();
    if group == "authorization.k8s.io" && version == "v1" {
        for (plural, kind) in [
            ("selfsubjectaccessreviews", "SelfSubjectAccessReview"),
            ("selfsubjectrulesreviews", "SelfSubjectRulesReview"),
        ] {
            list.push(json!({"name": plural, "singularName": kind.to_lowercase(), "namespaced": false, "kind": kind, "verbs": ["create"]}));
        }
    }
    for known in ALL
        .iter()
        .filter(|k| k.group == group && k.version == version)
    {
        list.push(json!({
            "name": known.plural,
            "singularName": known.singular,
            "namespaced": known.namespaced,
            "kind": known.kind,
            "verbs": VERBS,
            "shortNames": known.short,
        }));
        for word in known.subresources {
            let (kind, verbs) = match *word {
                "scale" => ("Scale", vec!["get", "patch", "update"]),
                "log" => (known.kind, vec!["get"]),
                _ => (known.kind, vec!["get", "patch", "update"]),
            };
            list.push(json!({
                "name": format!("{}/{word}", known.plural),
                "singularName": "",
                "namespaced": known.namespaced,
                "kind": kind,
                "verbs": verbs,
            }));
        }
    }
    if list.is_empty() {
        return Err(Status::no_such_path());
    }
    let version = if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    };
    Ok(Answer::json(
        200,
        json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": list}),
    ))
}
