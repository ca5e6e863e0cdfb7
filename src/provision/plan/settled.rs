//! What a plan holds of an object: a declared resource with what is known by now, and the image
//! of a live one.

use std::sync::Arc;

use super::{Action, Operation, Step};
use crate::provision::observe::Object;
use crate::resource::{Compare, Kind, Resource, Text, Value, own_words, tag_of};

/// A resource with the outputs filled in that are known already.
pub(super) struct Settled {
    pub(super) id: Text,
    pub(super) properties: Arc<Value>,
}

impl Settled {
    /// The id to write on: Azure's own, where the object was matched by something else.
    pub(super) fn id_of(&self, object: &Object) -> Text {
        match self.id.known() {
            Some(id) if !id.eq_ignore_ascii_case(&object.id) => object.id.clone().into(),
            _ => self.id.clone(),
        }
    }

    pub(super) fn operation(&self, resource: &Resource, action: Action, step: Step) -> Operation {
        Operation {
            address: resource.address.clone(),
            kind: resource.kind.meta().name.to_owned(),
            id: self.id.clone(),
            action,
            step,
            reason: String::new(),
            changes: Vec::new(),
            desired: Some(Value::clone(&self.properties)),
            before: None,
            stateful: resource.kind.meta().stateful,
            guards: resource.kind.meta().is_guard,
            access: false,
            widens: None,
            restores: None,
            carries: Vec::new(),
            handle: None,
            references: resource.references().into_iter().collect(),
        }
    }
}

/// The managed fields of a live object, of a map with own keys only the keys of `owned`.
pub(super) fn image(kind: &dyn Kind, owned: &Value, live: &Value) -> Value {
    let mut image = live.clone();
    for field in kind
        .meta()
        .fields
        .iter()
        .filter(|field| field.compare == Compare::OwnKeys)
    {
        let held = live.at(field.path).and_then(Value::as_map);
        let keys = owned
            .at(field.path)
            .and_then(Value::as_map)
            .into_iter()
            .flatten();
        let kept = keys.map(|(key, _)| {
            (
                key.clone(),
                held.and_then(|map| tag_of(map, key))
                    .cloned()
                    .unwrap_or_default(),
            )
        });
        image.set(field.path, Value::Map(kept.collect()));
    }
    for field in kind
        .meta()
        .fields
        .iter()
        .filter(|field| field.compare == Compare::OwnWords)
    {
        if let (Some(Value::List(own)), Some(Value::List(held))) =
            (owned.at(field.path), live.at(field.path))
        {
            image.set(field.path, Value::List(own_words(own, held)));
        }
    }
    image
}
