//! Looking at stored objects, and changing them behind the API's back: edits in the
//! portal, copies of tags, things that a provider would never allow.

use super::{ok, refuse, unwritten};
use crate::azure::Azure;
use crate::server::{Answer, Call};
use crate::state::Object;
use axum::http::Method;
use serde_json::{Value, json};

/// `GET` lists (by `prefix` or `kind`) or shows `?id=`; `PUT` sets a body, `PATCH` merges
/// into it (RFC 7396), or with `part=hidden` into what no body shows, such as the federated
/// credentials of an application; `DELETE` removes the object and all below it.
pub fn answer(azure: &Azure, call: &Call, method: &Method) -> Result<Answer, String> {
    let id = call.parameter("id").map(|id| id.trim_end_matches('/'));
    let key = id.map(key_of);
    match (method, id.zip(key)) {
        (&Method::GET, None) => Ok(list(azure, call)),
        (&Method::GET, Some((_, key))) => Ok(azure.store.read(|world| match world.object(&key) {
            Some(object) => ok(shown(object)),
            None => missing(),
        })),
        (&Method::DELETE, Some((_, key))) => azure
            .store
            .write(|txn| {
                if txn.world().object(&key).is_none() {
                    return missing();
                }
                txn.remove_tree(&key);
                Answer::empty(204)
            })
            .map_err(unwritten),
        (&Method::PUT, Some((id, key))) => {
            let body: Value = super::read(call)?;
            put(azure, id, &key, body)
        }
        (&Method::PATCH, Some((_, key))) => {
            let patch: Value = super::read(call)?;
            azure
                .store
                .write(|txn| match txn.world().object(&key).cloned() {
                    None => missing(),
                    Some(object) => {
                        let mut changed = Object::clone(&object);
                        match call.parameter("part") {
                            Some("hidden") => merge(&mut changed.hidden, &patch),
                            _ => merge(&mut changed.body, &patch),
                        }
                        let answer = ok(shown(&changed));
                        txn.put(changed);
                        answer
                    }
                })
                .map_err(unwritten)
        }
        _ => Err("give ?id= and GET, PUT, PATCH or DELETE".to_owned()),
    }
}

/// The key that an id is stored under: role definitions belong to the tenant, whatever
/// subscription they are spoken of in.
fn key_of(id: &str) -> String {
    let key = id.to_ascii_lowercase();
    let roles = "/providers/microsoft.authorization/roledefinitions/";
    match key.find(roles) {
        Some(at) => key[at..].to_owned(),
        None => key,
    }
}

fn put(azure: &Azure, id: &str, key: &str, body: Value) -> Result<Answer, String> {
    let kind = body
        .get("type")
        .and_then(Value::as_str)
        .ok_or("the body needs a type")?
        .to_owned();
    azure
        .store
        .write(|txn| {
            let old = txn.world().object(key).cloned();
            let object = Object {
                id: old.as_ref().map_or_else(
                    || id[id.len() - key.len()..].to_owned(),
                    |old| old.id.clone(),
                ),
                kind,
                body,
                hidden: old.map_or(Value::Null, |old| old.hidden.clone()),
                pending: None,
            };
            let answer = ok(shown(&object));
            txn.put(object);
            answer
        })
        .map_err(unwritten)
}

fn list(azure: &Azure, call: &Call) -> Answer {
    let prefix = call
        .parameter("prefix")
        .unwrap_or_default()
        .to_ascii_lowercase();
    let kind = call.parameter("kind");
    azure.store.read(|world| {
        let value: Vec<Value> = world
            .under(&prefix)
            .filter(|(_, object)| kind.is_none_or(|kind| object.kind.eq_ignore_ascii_case(kind)))
            .map(|(_, object)| shown(object))
            .collect();
        ok(json!({ "value": value }))
    })
}

/// The object as stored, without what is hidden.
fn shown(object: &Object) -> Value {
    json!({
        "id": object.id,
        "kind": object.kind,
        "body": object.body,
        "pending": object.pending,
    })
}

fn missing() -> Answer {
    refuse(404, "there is no such object")
}

/// RFC 7396: null removes, objects merge, everything else replaces.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (name, value) in patch {
        let Some(map) = target.as_object_mut() else {
            return;
        };
        if value.is_null() {
            map.remove(name);
        } else {
            merge(map.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging() {
        let mut target = json!({"a": {"b": 1, "c": 2}, "d": [1]});
        merge(
            &mut target,
            &json!({"a": {"b": null, "e": {"f": 3}}, "d": "x"}),
        );
        assert_eq!(target, json!({"a": {"c": 2, "e": {"f": 3}}, "d": "x"}));
    }
}
