//! What every step of answering one Graph request needs to know.

use super::address::{Key, Segment};
use super::entity::Entity;
use super::error::GraphError;
use super::rights::{Right, Rights};
use super::view;
use crate::azure::Azure;
use crate::entra::Principal;
use crate::entra::principals::{self, USER};
use crate::server::{Answer, Call};
use crate::state::{Moment, Object, Txn, World};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// An authenticated request on its way.
#[derive(Debug)]
pub struct Request<'a> {
    pub azure: &'a Azure,
    pub call: &'a Call,
    pub principal: &'a Principal,
    pub rights: Rights,
    pub now: Moment,
}

impl Request<'_> {
    /// Looks at the world.
    pub fn read<T>(
        &self,
        look: impl FnOnce(&World) -> Result<T, GraphError>,
    ) -> Result<T, GraphError> {
        self.azure.store.read(look)
    }

    /// Changes the world.
    pub fn write<T>(
        &self,
        work: impl FnOnce(&mut Txn<'_>) -> Result<T, GraphError>,
    ) -> Result<T, GraphError> {
        self.azure
            .store
            .write(work)
            .map_err(|_| GraphError::broken())?
    }

    /// The object that a key means, if the caller may do that with it.
    pub fn find(
        &self,
        world: &World,
        entity: &'static Entity,
        key: &Key,
        right: Right,
    ) -> Result<Arc<Object>, GraphError> {
        let object = locate(self.azure, world, entity, key);
        if !self.rights.allow(right, entity, object.as_deref()) {
            return Err(GraphError::denied());
        }
        object.ok_or_else(|| GraphError::not_found(key.text()))
    }

    pub fn demand(&self, right: Right, entity: &'static Entity) -> Result<(), GraphError> {
        if self.rights.allow(right, entity, None) {
            Ok(())
        } else {
            Err(GraphError::denied())
        }
    }

    /// The body as an object.
    pub fn body(&self) -> Result<Map<String, Value>, GraphError> {
        match serde_json::from_slice(&self.call.body) {
            Ok(Value::Object(body)) => Ok(body),
            _ if self.call.body.is_empty() => Err(GraphError::new(
                400,
                "BadRequest",
                "Empty Payload. JSON content expected.",
            )),
            _ => Err(GraphError::new(
                400,
                "BadRequest",
                "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.",
            )),
        }
    }

    /// Whether the caller wants a missing object to be created by a PATCH.
    pub fn creates_if_missing(&self) -> bool {
        self.call.header("prefer").is_some_and(|prefer| {
            prefer
                .split(',')
                .any(|word| word.trim().eq_ignore_ascii_case("create-if-missing"))
        })
    }

    /// Whether the caller accepts answers from the index.
    pub fn eventual(&self) -> bool {
        self.call
            .header("consistencylevel")
            .is_some_and(|level| level.eq_ignore_ascii_case("eventual"))
    }

    /// `@odata.context` for something.
    pub fn context(&self, what: &str) -> Value {
        json!(format!("{}/v1.0/$metadata#{what}", self.call.origin))
    }

    /// One object of a collection.
    pub fn entity_answer(&self, status: u16, entity: &Entity, body: Value) -> Answer {
        let context = self.context(&format!("{}/$entity", entity.segment));
        Answer::json(status, with_context(context, body))
    }

    /// A new object, with its address.
    pub fn created(&self, entity: &Entity, body: Value) -> Answer {
        let id = body.get("id").and_then(Value::as_str).unwrap_or_default();
        let location = format!(
            "{}/v2/{}/directoryObjects/{id}/Microsoft.DirectoryServices.{}",
            self.call.origin,
            self.azure.directory.tenant(),
            entity.class
        );
        self.entity_answer(201, entity, body)
            .with("location", location)
    }

    /// The answer of an action, which carries a bare address as Graph's do.
    pub fn done(&self, context: &str, body: Value) -> Answer {
        Answer::json(200, with_context(self.context(context), body))
            .with("location", self.call.origin.clone())
    }

    /// Objects of several collections, each with its type.
    pub fn objects(&self, world: &World, ids: impl Iterator<Item = String>) -> Vec<Value> {
        ids.filter_map(|id| any_object(self.azure, world, &id))
            .map(|(entity, object)| {
                let body = view::default(entity, view::of(self.azure, world, &object));
                typed(entity, body)
            })
            .collect()
    }
}

/// `@odata.context` goes first.
pub fn with_context(context: Value, body: Value) -> Value {
    let mut all = Map::new();
    all.insert("@odata.context".to_owned(), context);
    if let Value::Object(body) = body {
        all.extend(body);
    }
    Value::Object(all)
}

/// An object that says what it is.
pub fn typed(entity: &Entity, body: Value) -> Value {
    let mut all = Map::new();
    all.insert("@odata.type".to_owned(), json!(entity.odata_type));
    if let Value::Object(body) = body {
        all.extend(body);
    }
    Value::Object(all)
}

/// The object that a key means.
pub fn locate(
    azure: &Azure,
    world: &World,
    entity: &'static Entity,
    key: &Key,
) -> Option<Arc<Object>> {
    match key {
        Key::Alternate(property, value) => {
            let found = principals::by_member(world, entity.kind, &format!("/{property}"), value);
            found
                .cloned()
                .or_else(|| view::hidden(azure, world, entity, property, value))
        }
        Key::Id(id) if entity.kind == USER && id.contains('@') => {
            principals::by_member(world, USER, "/userPrincipalName", id).cloned()
        }
        Key::Id(id) => principals::object(world, entity.kind, id)
            .cloned()
            .or_else(|| view::hidden(azure, world, entity, "id", id)),
    }
}

/// The directory object of that id, whatever it is.
pub fn any_object(
    azure: &Azure,
    world: &World,
    id: &str,
) -> Option<(&'static Entity, Arc<Object>)> {
    super::entity::all().find_map(|entity| {
        let object = locate(azure, world, entity, &Key::Id(id.to_owned()))?;
        Some((entity, object))
    })
}

/// The id at the end of an `@odata.id` address.
pub fn referred(value: &Value) -> Option<String> {
    let address = value.as_str()?;
    let last = super::address::segments(&format!("/v1.0/{}", address.rsplit('/').next()?));
    let Segment { name, key } = last.into_iter().next()?;
    Some(key.map_or(name, |(_, value)| value))
}
