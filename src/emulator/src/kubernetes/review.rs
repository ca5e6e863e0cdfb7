//! Reviews: what the caller itself may do.
//! <https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access>

use super::access::{self, Wish};
use super::request::Request;
use super::resources::ALL;
use super::status::Status;
use crate::server::Answer;
use serde_json::{Value, json};

const VERBS: &[&str] = &[
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
];

fn sent(request: &Request<'_>) -> Result<Value, Status> {
    serde_json::from_slice(&request.call.body).map_err(|error| Status::bad(error.to_string()))
}

/// `POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews`
pub fn access(request: &Request<'_>) -> Result<Answer, Status> {
    let mut review = sent(request)?;
    let asked = review["spec"]["resourceAttributes"].clone();
    if !asked.is_object() {
        return Err(Status::bad("spec.resourceAttributes is required"));
    }
    let text = |member: &str| asked[member].as_str().unwrap_or_default();
    let namespace = match (text("resource"), text("namespace")) {
        ("namespaces", "") => text("name"),
        (_, namespace) => namespace,
    };
    let wish = Wish {
        verb: text("verb"),
        group: text("group"),
        resource: text("resource"),
        subresource: text("subresource"),
        namespace,
        name: text("name"),
    };
    let verdict = request.read(|world| {
        access::decide(
            request.azure,
            world,
            &request.cluster,
            &request.caller,
            &wish,
        )
    });
    review["apiVersion"] = json!("authorization.k8s.io/v1");
    review["kind"] = json!("SelfSubjectAccessReview");
    review["metadata"] = json!({"creationTimestamp": null});
    review["status"] = json!({"allowed": verdict.allowed});
    if !verdict.reason.is_empty() {
        review["status"]["reason"] = json!(verdict.reason);
    }
    Ok(Answer::json(201, review))
}

/// `POST /apis/authorization.k8s.io/v1/selfsubjectrulesreviews`: one rule per resource that
/// anything may be done with.
pub fn rules(request: &Request<'_>) -> Result<Answer, Status> {
    let review = sent(request)?;
    let namespace = review["spec"]["namespace"].as_str().unwrap_or_default();
    if namespace.is_empty() {
        return Err(Status::bad("no namespace on request"));
    }
    let rules: Vec<Value> = request.read(|world| {
        let may = |wish: &Wish<'_>| {
            access::decide(request.azure, world, &request.cluster, &request.caller, wish).allowed
        };
        ALL.iter()
            .filter_map(|known| {
                let wish = |verb| Wish {
                    verb,
                    group: known.group,
                    resource: known.plural,
                    subresource: "",
                    namespace: if known.namespaced { namespace } else { "" },
                    name: "",
                };
                let verbs: Vec<&str> = VERBS.iter().copied().filter(|v| may(&wish(v))).collect();
                (!verbs.is_empty()).then(
                    || json!({"verbs": verbs, "apiGroups": [known.group], "resources": [known.plural]}),
                )
            })
            .collect()
    });
    Ok(Answer::json(
        201,
        json!({
            "kind": "SelfSubjectRulesReview",
            "apiVersion": "authorization.k8s.io/v1",
            "metadata": {"creationTimestamp": null},
            "spec": {},
            "status": {"resourceRules": rules, "nonResourceRules": [], "incomplete": false},
        }),
    ))
}
