//! Reading objects: one, or a collection page by page.
//! <https://kubernetes.io/docs/reference/using-api/api-concepts/>

use super::controller;
use super::request::{Request, Target};
use super::resources::{AUTOSCALERS, DEPLOYMENTS, EVENTS, PODS, REPLICA_SETS, Resource};
use super::selector::Selector;
use super::status::Status;
use super::store::Cabinet;
use crate::server::Answer;
use crate::state::World;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// Resources whose look is a step of the controller.
const MOVING: &[&Resource] = &[&DEPLOYMENTS, &REPLICA_SETS, &PODS, &EVENTS, &AUTOSCALERS];

/// `GET` of one object or a collection
pub fn read(request: &Request<'_>, target: &Target) -> Result<Answer, Status> {
    if MOVING.contains(&target.resource) {
        request.write(|txn| {
            controller::step(request.azure, txn, &request.cluster, request.now);
            Ok(())
        })?;
    }
    if target.name.is_empty() {
        return list(request, target);
    }
    let object = request.read(|world| find(request, world, target))?;
    if target.subresource == "log" {
        return Ok(Answer::content(200, "text/plain", String::new()));
    }
    Ok(Answer::json(200, shown(target, object)))
}

/// An object as its path asks for it: itself, or its scale.
pub fn shown(target: &Target, object: Value) -> Value {
    if target.subresource != "scale" {
        return object;
    }
    let meta = &object["metadata"];
    let labels = object["spec"]["selector"]["matchLabels"].as_object();
    let selector: Vec<String> = labels
        .into_iter()
        .flatten()
        .map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default()))
        .collect();
    json!({
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {
            "name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"],
            "resourceVersion": meta["resourceVersion"],
            "creationTimestamp": meta["creationTimestamp"],
        },
        "spec": {"replicas": object["spec"]["replicas"]},
        "status": {
            "replicas": object["status"]["replicas"].as_i64().unwrap_or_default(),
            "selector": selector.join(","),
        },
    })
}

/// The object that a path names.
pub fn find(request: &Request<'_>, world: &World, target: &Target) -> Result<Value, Status> {
    Cabinet::of(&request.cluster)
        .get(world, target.resource, &target.namespace, &target.name)
        .ok_or_else(|| Status::not_found(target.resource, &target.name))
}

/// The objects of a collection that the request's selectors let pass.
pub fn selected(
    request: &Request<'_>,
    world: &World,
    target: &Target,
) -> Result<Vec<Value>, Status> {
    let call = request.call;
    let selector = Selector::parse(
        call.parameter("labelSelector"),
        call.parameter("fieldSelector"),
    )?;
    let mut items = Cabinet::of(&request.cluster).list(world, target.resource, &target.namespace);
    items.retain(|item| selector.matches(item));
    Ok(items)
}

fn list(request: &Request<'_>, target: &Target) -> Result<Answer, Status> {
    let call = request.call;
    let (items, revision) = request.read(|world| {
        let revision = Cabinet::of(&request.cluster).revision(world);
        selected(request, world, target).map(|items| (items, revision))
    })?;
    let place = |item: &Value| {
        let text = |member: &str| item["metadata"][member].as_str().unwrap_or_default();
        format!("{}/{}", text("namespace"), text("name"))
    };
    let after = match call.parameter("continue").filter(|token| !token.is_empty()) {
        None => String::new(),
        Some(token) => URL_SAFE_NO_PAD
            .decode(token)
            .ok()
            .and_then(|text| String::from_utf8(text).ok())
            .ok_or_else(|| Status::bad("continue key is not valid"))?,
    };
    let limit = match call.parameter("limit") {
        None | Some("0") => usize::MAX,
        Some(text) => text
            .parse()
            .map_err(|_| Status::bad("limit is not a number"))?,
    };
    let rest: Vec<Value> = items
        .into_iter()
        .filter(|item| after.is_empty() || place(item) > after)
        .collect();
    let mut meta = json!({"resourceVersion": revision.to_string()});
    if let Some(last) = rest
        .get(limit.saturating_sub(1))
        .filter(|_| rest.len() > limit)
    {
        meta["continue"] = json!(URL_SAFE_NO_PAD.encode(place(last)));
        meta["remainingItemCount"] = json!(rest.len() - limit);
    }
    let items: Vec<Value> = rest.into_iter().take(limit).collect();
    Ok(Answer::json(
        200,
        json!({
            "kind": format!("{}List", target.resource.kind),
            "apiVersion": target.resource.api_version(),
            "metadata": meta,
            "items": items,
        }),
    ))
}
