//! Making and changing objects.
//! <https://kubernetes.io/docs/reference/using-api/api-concepts/>

use super::look::{find, shown};
use super::remove::erase;
use super::request::{Request, Target};
use super::resources::{NAMESPACES, Resource};
use super::status::Status;
use super::store::{Cabinet, metadata, stamp};
use super::{apply, fields, patch, pods, rules, validate};
use crate::server::Answer;
use crate::state::{Txn, World};
use serde_json::{Value, json};

/// The body, which must be an object of the resource's kind where it says so.
fn body(request: &Request<'_>, target: &Target) -> Result<Value, Status> {
    let mut body: Value = serde_json::from_slice(&request.call.body)
        .map_err(|error| Status::bad(format!("the body is not JSON: {error}")))?;
    if !body.is_object() {
        return Err(Status::bad("the body is not an object"));
    }
    let (version, kind) = match target.subresource.as_str() {
        "scale" => ("autoscaling/v1".to_owned(), "Scale"),
        _ => (target.resource.api_version(), target.resource.kind),
    };
    for (member, wanted) in [("apiVersion", version.as_str()), ("kind", kind)] {
        match body[member].as_str() {
            None => body[member] = json!(wanted),
            Some(found) if found == wanted => {}
            Some(found) => {
                return Err(Status::bad(format!(
                    "{member} in the data ({found}) does not match the expected {member} ({wanted})"
                )));
            }
        }
    }
    let meta = &body["metadata"];
    for (member, wanted) in [("name", &target.name), ("namespace", &target.namespace)] {
        if let Some(found) = meta[member].as_str()
            && !wanted.is_empty()
            && found != wanted
        {
            return Err(Status::bad(format!(
                "the {member} of the object ({found}) does not match the {member} on the request ({wanted})"
            )));
        }
    }
    Ok(body)
}

/// Who fields are noted for: by its own word, or the first word of its user agent.
fn manager<'a>(request: &Request<'a>) -> &'a str {
    let call = request.call;
    let agent = call
        .header("user-agent")
        .and_then(|text| text.split('/').next());
    call.parameter("fieldManager")
        .filter(|name| !name.is_empty())
        .or(agent)
        .unwrap_or("unknown")
}

/// `POST` to a collection
pub fn create(request: &Request<'_>, target: &Target) -> Result<Answer, Status> {
    let sent = body(request, target)?;
    let object = request.write(|txn| {
        let fresh = new(request, txn.world(), target, sent)?;
        store(request, txn, target.resource, None, fresh)
    })?;
    Ok(Answer::json(201, object))
}

/// A new object out of what was sent.
fn new(
    request: &Request<'_>,
    world: &World,
    target: &Target,
    mut sent: Value,
) -> Result<Value, Status> {
    let cabinet = Cabinet::of(&request.cluster);
    let text = |member: &str| {
        sent["metadata"][member]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let mut name = text("name");
    if name.is_empty() && !text("generateName").is_empty() {
        let seed = format!("{}/{}", text("generateName"), cabinet.revision(world));
        name = format!("{}{}", text("generateName"), pods::word(&seed, 5));
    }
    if name.is_empty() {
        let causes = [(
            "metadata.name".to_owned(),
            "Required value: name or generateName is required".to_owned(),
        )];
        return Err(Status::invalid(target.resource, "", &causes));
    }
    if target.resource.namespaced {
        let namespace = cabinet.get(world, &NAMESPACES, "", &target.namespace);
        if namespace.is_none() {
            return Err(Status::not_found(&NAMESPACES, &target.namespace));
        }
    }
    if cabinet
        .get(world, target.resource, &target.namespace, &name)
        .is_some()
    {
        return Err(Status::already_exists(target.resource, &name));
    }
    let mut fresh = metadata(&name, &target.namespace, request.now);
    for member in [
        "labels",
        "annotations",
        "generateName",
        "finalizers",
        "ownerReferences",
        "managedFields",
    ] {
        if let Some(value) = sent["metadata"].get(member) {
            fresh[member] = value.clone();
        }
    }
    if sent.get("spec").is_some() {
        fresh["generation"] = json!(1);
    }
    sent["metadata"] = fresh;
    if let Some(members) = sent.as_object_mut() {
        members.remove("status");
    }
    Ok(sent)
}

/// `PUT` of an object, its status or its scale
pub fn update(request: &Request<'_>, target: &Target) -> Result<Answer, Status> {
    let sent = body(request, target)?;
    let object = request.write(|txn| {
        let old = find(request, txn.world(), target)?;
        let version = &sent["metadata"]["resourceVersion"];
        let stale = version.as_str().is_some_and(|v| !v.is_empty())
            && *version != old["metadata"]["resourceVersion"];
        let uid = &sent["metadata"]["uid"];
        if stale || (uid.is_string() && *uid != old["metadata"]["uid"]) {
            return Err(Status::conflict(target.resource, &target.name));
        }
        let next = laid(target, &old, sent);
        store(request, txn, target.resource, Some(&old), next)
    })?;
    Ok(Answer::json(200, shown(target, object)))
}

/// What an update makes of an object: its path says which part may change.
fn laid(target: &Target, old: &Value, sent: Value) -> Value {
    let mut next = old.clone();
    match target.subresource.as_str() {
        "scale" => next["spec"]["replicas"] = sent["spec"]["replicas"].clone(),
        "status" => next["status"] = sent["status"].clone(),
        _ => {
            next = sent;
            match old.get("status") {
                Some(status) => next["status"] = status.clone(),
                None => {
                    if let Some(members) = next.as_object_mut() {
                        members.remove("status");
                    }
                }
            }
        }
    }
    next
}

/// `PATCH` of an object, its status or its scale
pub fn patch(request: &Request<'_>, target: &Target) -> Result<Answer, Status> {
    let kind = request.call.header("content-type").unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_owned();
    if kind == "application/apply-patch+yaml" {
        return applied(request, target);
    }
    let change: Value = serde_json::from_slice(&request.call.body)
        .map_err(|error| Status::bad(format!("the body is not JSON: {error}")))?;
    let object = request.write(|txn| {
        let old = find(request, txn.world(), target)?;
        let mut next = shown(target, old.clone());
        match kind.as_str() {
            "application/merge-patch+json" => patch::merge(&mut next, &change),
            "application/json-patch+json" => patch::json_patch(&mut next, &change)?,
            "application/strategic-merge-patch+json" if !target.resource.custom => {
                patch::strategic(&mut next, &change);
            }
            _ => return Err(unsupported(target)),
        }
        if next["metadata"]["resourceVersion"] != old["metadata"]["resourceVersion"] {
            return Err(Status::conflict(target.resource, &target.name));
        }
        let next = laid(target, &old, next);
        store(request, txn, target.resource, Some(&old), next)
    })?;
    Ok(Answer::json(200, shown(target, object)))
}

fn unsupported(target: &Target) -> Status {
    let mut kinds = vec![
        "application/json-patch+json",
        "application/merge-patch+json",
    ];
    if !target.resource.custom {
        kinds.push("application/strategic-merge-patch+json");
    }
    kinds.push("application/apply-patch+yaml");
    Status::new(
        415,
        "UnsupportedMediaType",
        format!(
            "the body of the request was in an unknown format - accepted media types include: {}",
            kinds.join(", ")
        ),
    )
}

/// Server-side apply. Of YAML only what is JSON too is read.
fn applied(request: &Request<'_>, target: &Target) -> Result<Answer, Status> {
    let call = request.call;
    let manager = call.parameter("fieldManager").unwrap_or_default();
    if manager.is_empty() {
        return Err(Status::bad(
            "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch",
        ));
    }
    if !target.subresource.is_empty() {
        return Err(Status::not_allowed());
    }
    let mut sent = body(request, target)?;
    sent["metadata"]["name"] = json!(target.name);
    let force = call.parameter("force") == Some("true");
    let time = stamp(request.now);
    let (status, object) = request.write(|txn| {
        let old = find(request, txn.world(), target).ok();
        if let Some(version) = sent["metadata"]["resourceVersion"].as_str()
            && old
                .as_ref()
                .is_none_or(|old| old["metadata"]["resourceVersion"] != version)
        {
            return Err(Status::conflict(target.resource, &target.name));
        }
        let merged = apply::apply(target.resource, old.as_ref(), &sent, manager, force, &time)?;
        match old {
            None => {
                let fresh = new(request, txn.world(), target, merged)?;
                keep(request, txn, target.resource, None, fresh).map(|object| (201, object))
            }
            Some(old) => {
                let next = laid(target, &old, merged);
                keep(request, txn, target.resource, Some(&old), next).map(|object| (200, object))
            }
        }
    })?;
    Ok(Answer::json(status, object))
}

/// Stores an object and notes whose its fields are.
fn store(
    request: &Request<'_>,
    txn: &mut Txn<'_>,
    resource: &Resource,
    old: Option<&Value>,
    mut next: Value,
) -> Result<Value, Status> {
    fields::updated(old, &mut next, manager(request), &stamp(request.now));
    keep(request, txn, resource, old, next)
}

/// Stores an object if it may be what it is; one that stays the same keeps its version.
fn keep(
    request: &Request<'_>,
    txn: &mut Txn<'_>,
    resource: &Resource,
    old: Option<&Value>,
    mut next: Value,
) -> Result<Value, Status> {
    let cabinet = Cabinet::of(&request.cluster);
    if let Some(old) = old {
        for member in [
            "name",
            "namespace",
            "uid",
            "creationTimestamp",
            "generation",
            "resourceVersion",
            "deletionTimestamp",
        ] {
            match old["metadata"].get(member) {
                Some(value) => next["metadata"][member] = value.clone(),
                None => {
                    if let Some(members) = next["metadata"].as_object_mut() {
                        members.remove(member);
                    }
                }
            }
        }
    }
    validate::defaults(resource, &mut next);
    validate::check(resource, &next)?;
    rules::may_grant(request, txn.world(), resource, &next)?;
    if let Some(old) = old {
        validate::immutable(resource, old, &next)?;
        if *old == next {
            return Ok(next);
        }
        if old.get("spec") != next.get("spec") && resource != &NAMESPACES {
            let generation = old["metadata"]["generation"].as_i64().unwrap_or(1);
            next["metadata"]["generation"] = json!(generation + 1);
        }
    }
    if request.dry() {
        return Ok(next);
    }
    let going = next["metadata"]["deletionTimestamp"].is_string();
    let held = next["metadata"]["finalizers"]
        .as_array()
        .is_some_and(|f| !f.is_empty());
    if going && !held {
        erase(cabinet, txn, resource, &next);
        return Ok(next);
    }
    let stored = cabinet.put(txn, resource, next);
    if old.is_none() && resource == &NAMESPACES {
        let name = stored["metadata"]["name"].as_str().unwrap_or_default();
        cabinet.account(txn, name, request.now);
    }
    Ok(stored)
}
