//! The bin: what was deleted and can be restored for a while.
//! <https://learn.microsoft.com/graph/api/resources/directory>

use super::address::Segment;
use super::check;
use super::entity::{self, Entity};
use super::error::GraphError;
use super::normal;
use super::request::{Request, typed, with_context};
use super::rights::Right;
use super::view;
use crate::entra::principals::{self, APP_ROLE_ASSIGNMENT, DELETED, GROUP, SERVICE_PRINCIPAL};
use crate::entra::replication;
use crate::server::Answer;
use crate::state::{Moment, Object, Txn, World};
use axum::http::Method;
use serde_json::{Value, json};
use std::sync::Arc;

/// Takes an object away: into the bin where its kind has one.
pub fn bin(txn: &mut Txn<'_>, entity: &Entity, object: &Object, now: Moment) {
    let id = object.text("/id").unwrap_or_default().to_owned();
    txn.remove(&object.key());
    replication::vanish(txn, &id);
    leave_groups(txn, &id);
    if entity.kind == SERVICE_PRINCIPAL {
        let granted: Vec<String> = txn
            .world()
            .of_kind(APP_ROLE_ASSIGNMENT)
            .filter(|(_, object)| object.text("/principalId") == Some(&id))
            .map(|(key, _)| key.clone())
            .collect();
        for key in granted {
            txn.remove(&key);
        }
    }
    if !entity.recyclable {
        return;
    }
    let mut body = object.body.clone();
    body["deletedDateTime"] = json!(normal::second(now));
    txn.put(Object {
        id: principals::key(DELETED, &id),
        kind: DELETED.to_owned(),
        body,
        hidden: json!({"kind": entity.kind, "hidden": object.hidden}),
        pending: None,
    });
}

fn leave_groups(txn: &mut Txn<'_>, id: &str) {
    let groups: Vec<Arc<Object>> = txn
        .world()
        .of_kind(GROUP)
        .map(|(_, group)| group.clone())
        .filter(|group| {
            principals::lists(group, "members", id) || principals::lists(group, "owners", id)
        })
        .collect();
    for group in groups {
        let mut group = Object::clone(&group);
        for list in ["members", "owners"] {
            if let Some(ids) = group.hidden.get_mut(list).and_then(Value::as_array_mut) {
                ids.retain(|member| member.as_str() != Some(id));
            }
        }
        txn.put(group);
    }
}

/// `/directory/deletedItems/…`
pub fn answer(request: &Request<'_>, rest: &[Segment]) -> Result<Answer, GraphError> {
    let words: Vec<&str> = rest.iter().map(|segment| segment.name.as_str()).collect();
    match (&request.call.method, words.as_slice()) {
        (&Method::GET, [name]) if entity::of_type(name).is_some() => {
            let entity = entity::of_type(name).ok_or_else(|| GraphError::not_found(name))?;
            list(request, entity)
        }
        (&Method::GET, [id]) => request.read(|world| {
            let (entity, object) = find(request, world, id, Right::Read)?;
            let context = request.context("directoryObjects/$entity");
            let body = typed(entity, view::of(request.azure, world, &object));
            Ok(Answer::json(200, with_context(context, body)))
        }),
        (&Method::DELETE, [id]) => request.write(|txn| {
            let (_, object) = find(request, txn.world(), id, Right::Change)?;
            txn.remove(&object.key());
            Ok(Answer::empty(204))
        }),
        (&Method::POST, [id, "restore"]) => restore(request, id),
        _ => Err(GraphError::method_not_allowed()),
    }
}

fn list(request: &Request<'_>, entity: &'static Entity) -> Result<Answer, GraphError> {
    request.demand(Right::Read, entity)?;
    let filter = match request.call.parameter("$filter") {
        None => None,
        Some(text) => Some(super::filter::Filter::parse(text).ok_or_else(|| {
            GraphError::bad("Invalid filter clause: the expression cannot be read.")
        })?),
    };
    request.read(|world| {
        let value: Vec<Value> = world
            .of_kind(DELETED)
            .map(|(_, object)| object)
            .filter(|object| kind(object) == Some(entity.kind))
            .map(|object| object.body.clone())
            .filter(|body| filter.as_ref().is_none_or(|filter| filter.holds(body)))
            .map(|body| view::selected(entity, request.call.parameter("$select"), body))
            .collect();
        let context = request.context(entity.segment);
        Ok(Answer::json(
            200,
            with_context(context, json!({ "value": value })),
        ))
    })
}

fn restore(request: &Request<'_>, id: &str) -> Result<Answer, GraphError> {
    request.write(|txn| {
        let (entity, object) = find(request, txn.world(), id, Right::Change)?;
        let taken = object
            .text("/appId")
            .filter(|_| entity.kind == SERVICE_PRINCIPAL)
            .is_some_and(|id| principals::service_principal(txn.world(), id).is_some());
        if taken {
            return Err(GraphError::new(
                409,
                "Request_MultipleObjectsWithSameKeyValue",
                format!(
                    "The service principal cannot be created, updated, or restored because the service principal name {} is already in use.",
                    object.text("/appId").unwrap_or_default()
                ),
            ));
        }
        check::unique(txn.world(), entity, &object.body, id)?;
        let mut body = object.body.clone();
        body["deletedDateTime"] = Value::Null;
        let restored = Object {
            id: principals::key(entity.kind, id),
            kind: entity.kind.to_owned(),
            body,
            hidden: object.hidden.get("hidden").cloned().unwrap_or_default(),
            pending: None,
        };
        txn.remove(&object.key());
        txn.put(restored.clone());
        let body = view::default(entity, view::of(request.azure, txn.world(), &restored));
        let context = request.context("directoryObjects/$entity");
        Ok(Answer::json(200, with_context(context, typed(entity, body))))
    })
}

fn find(
    request: &Request<'_>,
    world: &World,
    id: &str,
    right: Right,
) -> Result<(&'static Entity, Arc<Object>), GraphError> {
    let object = principals::object(world, DELETED, id)
        .cloned()
        .ok_or_else(|| GraphError::not_found(id))?;
    let entity = kind(&object)
        .and_then(entity::of_kind)
        .ok_or_else(|| GraphError::not_found(id))?;
    // Who owned it, owns it in the bin.
    let owned = Object {
        hidden: object.hidden.get("hidden").cloned().unwrap_or_default(),
        ..Object::clone(&object)
    };
    if request.rights.allow(right, entity, Some(&owned)) {
        Ok((entity, object))
    } else {
        Err(GraphError::denied())
    }
}

fn kind(object: &Object) -> Option<&str> {
    object.hidden.get("kind").and_then(Value::as_str)
}
