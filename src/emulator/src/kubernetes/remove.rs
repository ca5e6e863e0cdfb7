//! Deleting objects, with what they own.
//! <https://kubernetes.io/docs/concepts/architecture/garbage-collection/>

use super::look::{find, selected};
use super::pods;
use super::request::{Request, Target};
use super::resources::{ALL, NAMESPACES, Resource};
use super::status::Status;
use super::store::{Cabinet, stamp};
use crate::server::Answer;
use crate::state::Txn;
use serde_json::{Value, json};

/// `DELETE` of one object, or of a collection
pub fn delete(request: &Request<'_>, target: &Target) -> Result<Answer, Status> {
    let options: Value = if request.call.body.is_empty() {
        json!({})
    } else {
        serde_json::from_slice(&request.call.body)
            .map_err(|error| Status::bad(error.to_string()))?
    };
    request.write(|txn| {
        if target.name.is_empty() {
            let items = selected(request, txn.world(), target)?;
            for item in &items {
                remove(request, txn, target.resource, item, &options);
            }
            return Ok(Answer::json(
                200,
                json!({"kind": format!("{}List", target.resource.kind), "apiVersion": target.resource.api_version(), "metadata": {}, "items": items}),
            ));
        }
        let old = find(request, txn.world(), target)?;
        for member in ["uid", "resourceVersion"] {
            let wanted = &options["preconditions"][member];
            if !wanted.is_null() && *wanted != old["metadata"][member] {
                let mut status = Status::conflict(target.resource, &target.name);
                status.message = format!("{}: Precondition failed: {member} in precondition: {wanted}, {member} in object meta: {}", status.message, old["metadata"][member]);
                return Err(status);
            }
        }
        remove(request, txn, target.resource, &old, &options);
        Ok(Answer::json(
            200,
            json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
                "details": {
                    "name": target.name, "group": target.resource.group,
                    "kind": target.resource.plural, "uid": old["metadata"]["uid"],
                },
            }),
        ))
    })
}

/// Deletes an object, or marks it where a finalizer holds it.
fn remove(
    request: &Request<'_>,
    txn: &mut Txn<'_>,
    resource: &Resource,
    object: &Value,
    options: &Value,
) {
    let cabinet = Cabinet::of(&request.cluster);
    let policy = options["propagationPolicy"]
        .as_str()
        .or(request.call.parameter("propagationPolicy"));
    if request.dry() {
        return;
    }
    if object["metadata"]["finalizers"]
        .as_array()
        .is_some_and(|f| !f.is_empty())
    {
        let mut going = object.clone();
        going["metadata"]["deletionTimestamp"] = json!(stamp(request.now));
        cabinet.put(txn, resource, going);
        return;
    }
    if policy == Some("Orphan") {
        let text = |member: &str| object["metadata"][member].as_str().unwrap_or_default();
        cabinet.remove(txn, resource, text("namespace"), text("name"));
    } else {
        erase(cabinet, txn, resource, object);
    }
}

/// Removes an object with all that it owns, or, for a namespace, all that is in it.
pub fn erase(cabinet: Cabinet<'_>, txn: &mut Txn<'_>, resource: &Resource, object: &Value) {
    let text = |member: &str| object["metadata"][member].as_str().unwrap_or_default();
    let whole = (resource == &NAMESPACES).then(|| text("name"));
    let namespace = whole.unwrap_or(text("namespace"));
    cabinet.remove(txn, resource, text("namespace"), text("name"));
    if namespace.is_empty() {
        return;
    }
    for below in ALL.iter().filter(|below| below.namespaced) {
        for item in cabinet.list(txn.world(), below, namespace) {
            if whole.is_some() || pods::owned_by(&item, object) {
                erase(cabinet, txn, below, &item);
            }
        }
    }
}
