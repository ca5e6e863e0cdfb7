//! POST, PATCH and DELETE of directory objects, and Graph's upsert.
//! <https://learn.microsoft.com/graph/api/application-upsert>

use super::address::Key;
use super::check;
use super::deleted;
use super::entity::{APPLICATIONS, Entity, SERVICE_PRINCIPALS};
use super::error::GraphError;
use super::normal;
use super::request::{Request, locate, referred};
use super::rights::{GRAPH_APP, Right};
use super::view;
use crate::entra::principals::{self, APPLICATION, GROUP, SERVICE_PRINCIPAL};
use crate::entra::replication::{self, Replica};
use crate::server::Answer;
use crate::state::{Object, Txn};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// Lists and the ids that a body binds to them.
type Bound = Vec<(&'static str, Vec<String>)>;

/// `POST /collection`
pub fn create(request: &Request<'_>, entity: &'static Entity) -> Result<Answer, GraphError> {
    request.demand(Right::Create, entity)?;
    let sent = request.body()?;
    request.write(|txn| made(request, txn, entity, sent))
}

/// Makes an object and answers with it as it was sent; only reads turn its lists.
fn made(
    request: &Request<'_>,
    txn: &mut Txn<'_>,
    entity: &'static Entity,
    sent: Map<String, Value>,
) -> Result<Answer, GraphError> {
    let object = new(request, txn, entity, sent)?;
    let mut body = view::of(request.azure, txn.world(), &object);
    normal::turn(entity, &mut body);
    Ok(request.created(entity, view::default(entity, body)))
}

/// `PATCH /collection/id`, which creates what is missing where the caller prefers that.
pub fn update(
    request: &Request<'_>,
    entity: &'static Entity,
    key: &Key,
) -> Result<Answer, GraphError> {
    let mut sent = request.body()?;
    request.write(|txn| {
        if let Some(old) = locate(request.azure, txn.world(), entity, key) {
            let old = Object::clone(&old);
            if !request.rights.allow(Right::Change, entity, Some(&old)) {
                return Err(GraphError::denied());
            }
            change(request, txn, entity, old, sent)?;
            return Ok(Answer::empty(204));
        }
        let Key::Alternate(property, value) = key else {
            request.demand(Right::Change, entity)?;
            return Err(GraphError::not_found(key.text()));
        };
        if !request.creates_if_missing() {
            request.demand(Right::Read, entity)?;
            return Err(GraphError::not_found(value));
        }
        request.demand(Right::Create, entity)?;
        // Nobody chooses the client id of an application.
        if entity.kind == APPLICATION && property == "appId" {
            return Err(GraphError::not_found(value));
        }
        sent.insert(property.clone(), json!(value));
        made(request, txn, entity, sent)
    })
}

/// `DELETE /collection/id`
pub fn delete(
    request: &Request<'_>,
    entity: &'static Entity,
    key: &Key,
) -> Result<Answer, GraphError> {
    request.write(|txn| {
        let object = request.find(txn.world(), entity, key, Right::Change)?;
        if txn.world().object(&object.key()).is_none() {
            return Err(GraphError::bad(
                "Managed identities are deleted with their resource.",
            ));
        }
        if entity.kind == APPLICATION
            && let Some(principal) = object
                .text("/appId")
                .and_then(|id| principals::service_principal(txn.world(), id))
                .cloned()
        {
            deleted::bin(txn, &SERVICE_PRINCIPALS, &principal, request.now);
        }
        deleted::bin(txn, entity, &object, request.now);
        Ok(Answer::empty(204))
    })
}

fn new(
    request: &Request<'_>,
    txn: &mut Txn<'_>,
    entity: &'static Entity,
    sent: Map<String, Value>,
) -> Result<Object, GraphError> {
    let (sent, bound) = unbind(sent);
    let mut allowed_appid = entity.read_only.to_vec();
    if entity.kind == APPLICATION {
        // Sent empty by the official CLI.
        allowed_appid.retain(|name| *name != "passwordCredentials");
    }
    check::properties(entity, &sent, &allowed_appid)?;
    check::required(entity, &sent)?;
    let id = Uuid::new_v4().to_string();
    let mut body = (entity.template)();
    normal::merge(&mut body, turned(entity, sent));
    body["id"] = json!(id);
    body["createdDateTime"] = json!(normal::second(request.now));
    match entity.kind {
        APPLICATION => body["appId"] = json!(Uuid::new_v4().to_string()),
        SERVICE_PRINCIPAL => backed(request, txn, &body)?,
        GROUP => {
            body["renewedDateTime"] = body["createdDateTime"].clone();
            body["securityIdentifier"] = json!(normal::security_identifier(&id));
        }
        _ => {}
    }
    normal::settle(entity, &mut body)?;
    check::values(entity, &body)?;
    check::unique(txn.world(), entity, &body, &id)?;
    let mut hidden = json!({});
    for (list, ids) in bound {
        hidden[list] = json!(known_ids(request, txn, ids)?);
    }
    if hidden.get("owners").is_none() && entity.kind != principals::USER {
        hidden["owners"] = json!(owner_of_new(request, entity));
    }
    let object = Object {
        id: principals::key(entity.kind, &id),
        kind: entity.kind.to_owned(),
        body,
        hidden,
        pending: None,
    };
    txn.put(object.clone());
    replication::appear(txn, Replica::Lists, &id, request.now);
    if entity.kind != APPLICATION {
        replication::appear(txn, Replica::Principals, &id, request.now);
    }
    Ok(object)
}

/// An application owns the applications and service principals that it makes.
fn owner_of_new(request: &Request<'_>, entity: &Entity) -> Vec<String> {
    if [APPLICATION, SERVICE_PRINCIPAL].contains(&entity.kind) {
        vec![request.principal.object_id.clone()]
    } else {
        Vec::new()
    }
}

/// A service principal stands for an application that exists and has none yet.
fn backed(request: &Request<'_>, txn: &Txn<'_>, body: &Value) -> Result<(), GraphError> {
    let app_id = body
        .get("appId")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let taken = principals::service_principal(txn.world(), app_id).is_some();
    if taken {
        return Err(GraphError::new(
            409,
            "Request_MultipleObjectsWithSameKeyValue",
            format!(
                "The service principal cannot be created, updated, or restored because the service principal name {app_id} is already in use."
            ),
        ));
    }
    let known = app_id == GRAPH_APP || principals::application(txn.world(), app_id).is_some();
    if !known {
        return Err(GraphError::bad(format!(
            "The appId '{app_id}' of the service principal does not reference a valid application object."
        )));
    }
    let key = Key::Alternate("appId".to_owned(), app_id.to_owned());
    let application = locate(request.azure, txn.world(), &APPLICATIONS, &key);
    if request
        .rights
        .allow(Right::Change, &APPLICATIONS, application.as_deref())
    {
        Ok(())
    } else {
        Err(GraphError::denied())
    }
}

fn change(
    request: &Request<'_>,
    txn: &mut Txn<'_>,
    entity: &'static Entity,
    mut object: Object,
    sent: Map<String, Value>,
) -> Result<(), GraphError> {
    let (mut sent, bound) = unbind(sent);
    if !bound.is_empty() && entity.kind != GROUP {
        return Err(GraphError::bad(
            "Owners are changed through their own address.",
        ));
    }
    // A key in the address may stand in the body too, as it is.
    for property in entity.alternate_keys {
        if sent.get(*property) == object.body.get(*property) {
            sent.remove(*property);
        }
    }
    if sent.contains_key("uniqueName") && object.body.get("uniqueName").is_some() {
        return Err(GraphError::bad(
            "Property 'uniqueName' is read-only and cannot be set.",
        ));
    }
    check::properties(entity, &sent, entity.read_only)?;
    if entity.kind == SERVICE_PRINCIPAL && sent.contains_key("appId") {
        return Err(GraphError::bad(
            "Property 'appId' is read-only and cannot be set.",
        ));
    }
    normal::merge(&mut object.body, turned(entity, sent));
    normal::settle(entity, &mut object.body)?;
    check::values(entity, &object.body)?;
    let id = object.text("/id").unwrap_or_default().to_owned();
    check::unique(txn.world(), entity, &object.body, &id)?;
    for (list, ids) in bound {
        let ids = known_ids(request, txn, ids)?;
        super::links::add(&mut object, list, &ids)?;
    }
    txn.put(object);
    Ok(())
}

/// A body as it is kept: its lists are in the order of reads.
fn turned(entity: &Entity, sent: Map<String, Value>) -> Value {
    let mut body = Value::Object(sent);
    normal::turn(entity, &mut body);
    body
}

/// Takes the `…@odata.bind` members out of a body.
fn unbind(sent: Map<String, Value>) -> (Map<String, Value>, Bound) {
    let mut rest = Map::new();
    let mut bound = Vec::new();
    for (name, value) in sent {
        let list = name
            .strip_suffix("@odata.bind")
            .and_then(super::links::list_named);
        match list {
            Some(list) => {
                let ids = value.as_array().into_iter().flatten().filter_map(referred);
                bound.push((list, ids.collect()));
            }
            None => {
                rest.insert(name, value);
            }
        }
    }
    (rest, bound)
}

/// The ids, if all of them are somebody.
fn known_ids(
    request: &Request<'_>,
    txn: &Txn<'_>,
    ids: Vec<String>,
) -> Result<Vec<String>, GraphError> {
    for id in &ids {
        let known = super::request::any_object(request.azure, txn.world(), id);
        if known.is_none() {
            return Err(GraphError::not_found(id));
        }
    }
    Ok(ids)
}
