//! App role assignments: which application permissions somebody was given.
//! <https://learn.microsoft.com/graph/api/serviceprincipal-post-approleassignments>

use super::address::{Key, Segment};
use super::entity::SERVICE_PRINCIPALS;
use super::error::GraphError;
use super::normal;
use super::request::{Request, any_object, with_context};
use super::rights::Right;
use super::view;
use crate::entra::principals::{self, APP_ROLE_ASSIGNMENT};
use crate::server::Answer;
use crate::state::{Object, World};
use axum::http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

/// Everything below `…/appRoleAssignments` and `…/appRoleAssignedTo`.
pub fn answer(
    request: &Request<'_>,
    principal: &Key,
    rest: &[Segment],
) -> Result<Answer, GraphError> {
    let given = rest
        .first()
        .is_some_and(|segment| segment.name.eq_ignore_ascii_case("appRoleAssignedTo"));
    let side = if given { "/resourceId" } else { "/principalId" };
    match (&request.call.method, rest) {
        (&Method::GET, [_]) => request.read(|world| {
            let id = id_of(request, world, principal)?;
            let value: Vec<Value> = world
                .of_kind(APP_ROLE_ASSIGNMENT)
                .filter(|(_, object)| object.text(side) == Some(&id))
                .map(|(_, object)| object.body.clone())
                .collect();
            let context = request.context("appRoleAssignments");
            Ok(Answer::json(
                200,
                with_context(context, json!({ "value": value })),
            ))
        }),
        (&Method::POST, [_]) => assign(request),
        (&Method::DELETE, [_, id]) => {
            may(request)?;
            request.write(|txn| {
                let key = principals::key(APP_ROLE_ASSIGNMENT, &id.name);
                if txn.world().object(&key).is_none() {
                    return Err(GraphError::not_found(&id.name));
                }
                txn.remove(&key);
                Ok(Answer::empty(204))
            })
        }
        _ => Err(GraphError::method_not_allowed()),
    }
}

fn id_of(request: &Request<'_>, world: &World, key: &Key) -> Result<String, GraphError> {
    let object = request.find(world, &SERVICE_PRINCIPALS, key, Right::Read)?;
    Ok(object.text("/id").unwrap_or_default().to_owned())
}

fn may(request: &Request<'_>) -> Result<(), GraphError> {
    let rights = &request.rights;
    if rights.manages_roles() || rights.any(&["AppRoleAssignment.ReadWrite.All"]) {
        Ok(())
    } else {
        Err(GraphError::denied())
    }
}

fn assign(request: &Request<'_>) -> Result<Answer, GraphError> {
    may(request)?;
    let sent = request.body()?;
    let text = |name: &str| {
        sent.get(name)
            .and_then(Value::as_str)
            .ok_or_else(|| GraphError::bad(format!("A value is required for property '{name}'.")))
    };
    let (principal, resource, role) = (
        text("principalId")?,
        text("resourceId")?,
        text("appRoleId")?,
    );
    request.write(|txn| {
        let world = txn.world();
        let (entity, holder) = any_object(request.azure, world, principal)
            .ok_or_else(|| GraphError::not_found(principal))?;
        let api = principals::object(world, principals::SERVICE_PRINCIPAL, resource)
            .ok_or_else(|| GraphError::not_found(resource))?;
        let shown = view::of(request.azure, world, api);
        let offered = shown["appRoles"]
            .as_array()
            .is_some_and(|roles| roles.iter().any(|offered| offered["id"] == role));
        if !offered {
            return Err(GraphError::bad(
                "Permission being assigned was not found on application",
            ));
        }
        let twice = world.of_kind(APP_ROLE_ASSIGNMENT).any(|(_, object)| {
            object.text("/principalId") == Some(principal)
                && object.text("/resourceId") == Some(resource)
                && object.text("/appRoleId") == Some(role)
        });
        if twice {
            return Err(GraphError::bad(
                "Permission being assigned already exists on the object",
            ));
        }
        let body = json!({
            "id": Uuid::new_v4().simple().to_string(),
            "deletedDateTime": null,
            "appRoleId": role,
            "createdDateTime": normal::second(request.now),
            "principalDisplayName": view::of(request.azure, world, &holder)["displayName"],
            "principalId": principal,
            "principalType": entity.class,
            "resourceDisplayName": shown["displayName"],
            "resourceId": resource,
        });
        txn.put(stored(body.clone()));
        let context = request.context("appRoleAssignments/$entity");
        Ok(Answer::json(201, with_context(context, body)))
    })
}

/// An assignment as it is kept.
pub fn stored(body: Value) -> Object {
    let id = body["id"].as_str().unwrap_or_default();
    Object {
        id: principals::key(APP_ROLE_ASSIGNMENT, id),
        kind: APP_ROLE_ASSIGNMENT.to_owned(),
        body,
        hidden: Value::Null,
        pending: None,
    }
}
