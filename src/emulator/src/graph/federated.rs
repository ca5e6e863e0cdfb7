//! Federated identity credentials: whose tokens an application accepts instead of a secret.
//! <https://learn.microsoft.com/graph/api/resources/federatedidentitycredential>

use super::address::{Key, Segment};
use super::entity::APPLICATIONS;
use super::error::GraphError;
use super::federated_checks::{MEMBERS, apart, check, invalid, known};
use super::request::{Request, with_context};
use super::rights::Right;
use crate::server::Answer;
use crate::state::Object;
use axum::http::Method;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// Credentials that an application may have.
const LIMIT: usize = 20;

/// Everything below `/applications/id/federatedIdentityCredentials`.
pub fn answer(
    request: &Request<'_>,
    application: &Key,
    rest: &[Segment],
) -> Result<Answer, GraphError> {
    let which = match rest {
        [collection] => collection.key.as_ref().map(|(name, value)| match name {
            Some(name) => (name.as_str(), value.as_str()),
            None => ("id", value.as_str()),
        }),
        [_, id] => Some(("id", id.name.as_str())),
        _ => return Err(GraphError::method_not_allowed()),
    };
    match (&request.call.method, which) {
        (&Method::GET, None) => list(request, application),
        (&Method::GET, Some(which)) => one(request, application, which),
        (&Method::POST, None) => create(request, application, request.body()?),
        (&Method::PATCH, Some(which)) => update(request, application, which),
        (&Method::DELETE, Some(which)) => request.write(|txn| {
            let mut object = owner(request, txn.world(), application, Right::Change)?;
            let at = position(&object, which)?;
            credentials_mut(&mut object).remove(at);
            txn.put(object);
            Ok(Answer::empty(204))
        }),
        _ => Err(GraphError::method_not_allowed()),
    }
}

fn list(request: &Request<'_>, application: &Key) -> Result<Answer, GraphError> {
    let filter = match request.call.parameter("$filter") {
        None => None,
        Some(text) => Some(super::filter::Filter::parse(text).ok_or_else(|| {
            GraphError::bad("Invalid filter clause: the expression cannot be read.")
        })?),
    };
    request.read(|world| {
        let object = owner(request, world, application, Right::Read)?;
        let value: Vec<Value> = credentials(&object)
            .into_iter()
            .filter(|credential| {
                filter
                    .as_ref()
                    .is_none_or(|filter| filter.holds(credential))
            })
            .collect();
        let context = context(request, &object, "");
        Ok(Answer::json(
            200,
            with_context(context, json!({ "value": value })),
        ))
    })
}

fn one(
    request: &Request<'_>,
    application: &Key,
    which: (&str, &str),
) -> Result<Answer, GraphError> {
    request.read(|world| {
        let object = owner(request, world, application, Right::Read)?;
        let at = position(&object, which)?;
        let credential = credentials(&object).remove(at);
        let context = context(request, &object, "/$entity");
        Ok(Answer::json(200, with_context(context, credential)))
    })
}

fn create(
    request: &Request<'_>,
    application: &Key,
    sent: Map<String, Value>,
) -> Result<Answer, GraphError> {
    known(&sent)?;
    request.write(|txn| {
        let mut object = owner(request, txn.world(), application, Right::Change)?;
        let id = Uuid::new_v4().to_string();
        let text = |name: &str| sent.get(name).cloned().unwrap_or_default();
        let credential = json!({
            "id": id,
            "name": text("name"),
            "issuer": text("issuer"),
            "subject": text("subject"),
            "description": text("description"),
            "audiences": text("audiences"),
        });
        check(&credential)?;
        let held = credentials(&object);
        if held.len() >= LIMIT {
            return Err(invalid(
                "FederatedIdentityCredential",
                "",
                &format!(
                    "The number of federated identity credentials is at its limit of {LIMIT}."
                ),
            ));
        }
        apart(&held, &credential)?;
        credentials_mut(&mut object).push(credential.clone());
        let context = context(request, &object, "/$entity");
        txn.put(object);
        let location = format!(
            "{}/v2/{}/federatedIdentityCredentials/{id}",
            request.call.origin,
            request.azure.directory.tenant()
        );
        Ok(Answer::json(201, with_context(context, credential)).with("location", location))
    })
}

fn update(
    request: &Request<'_>,
    application: &Key,
    which: (&str, &str),
) -> Result<Answer, GraphError> {
    let mut sent = request.body()?;
    known(&sent)?;
    let changed = request.write(|txn| {
        let mut object = owner(request, txn.world(), application, Right::Change)?;
        let Ok(at) = position(&object, which) else {
            return Ok(None);
        };
        let held = credentials(&object);
        let mut credential = held[at].clone();
        if sent
            .get("name")
            .is_some_and(|name| *name != credential["name"])
        {
            return Err(GraphError::bad(
                "Property 'name' is read-only and cannot be set.",
            ));
        }
        for (name, value) in &sent {
            if MEMBERS.contains(&name.as_str()) {
                credential[name] = value.clone();
            }
        }
        check(&credential)?;
        apart(&held, &credential)?;
        credentials_mut(&mut object)[at] = credential;
        txn.put(object);
        Ok(Some(Answer::empty(204)))
    })?;
    match (changed, which) {
        (Some(answer), _) => Ok(answer),
        (None, ("name", name)) if request.creates_if_missing() => {
            sent.insert("name".to_owned(), json!(name));
            create(request, application, sent)
        }
        (None, (_, value)) => Err(GraphError::not_found(value)),
    }
}

fn owner(
    request: &Request<'_>,
    world: &crate::state::World,
    application: &Key,
    right: Right,
) -> Result<Object, GraphError> {
    let object = request.find(world, &APPLICATIONS, application, right)?;
    Ok(Object::clone(&object))
}

fn credentials(object: &Object) -> Vec<Value> {
    object
        .hidden
        .get("federated")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default()
}

fn credentials_mut(object: &mut Object) -> &mut Vec<Value> {
    if !object.hidden.is_object() {
        object.hidden = json!({});
    }
    let held = &mut object.hidden["federated"];
    if !held.is_array() {
        *held = json!([]);
    }
    held.as_array_mut()
        .expect("it was made a list two lines above")
}

/// A credential by id or name.
fn position(object: &Object, (property, value): (&str, &str)) -> Result<usize, GraphError> {
    let names: &[&str] = match property {
        "id" => &["id", "name"],
        "name" => &["name"],
        other => {
            return Err(GraphError::bad(format!(
                "'{other}' is not an alternate key of the resource."
            )));
        }
    };
    credentials(object)
        .iter()
        .position(|credential| {
            names
                .iter()
                .any(|name| credential[*name].as_str() == Some(value))
        })
        .ok_or_else(|| GraphError::not_found(value))
}

fn context(request: &Request<'_>, object: &Object, ending: &str) -> Value {
    request.context(&format!(
        "applications('{}')/federatedIdentityCredentials{ending}",
        object.text("/id").unwrap_or_default()
    ))
}
