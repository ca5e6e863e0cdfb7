//! Tags as an extension of whatever carries them.
//! <https://learn.microsoft.com/rest/api/resources/tags>

use super::context::Context;
use super::error::ArmError;
use super::path::ProviderPath;
use super::{body, locks, read};
use crate::server::Answer;
use crate::state::{Object, Txn, World};
use axum::http::Method;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Puts the names that tags already have back on those that differ by case only: the casing that a
/// tag was first given stays.
pub fn keep_names(old: &Map<String, Value>, tags: &mut Map<String, Value>) {
    for name in old.keys() {
        let mut names = tags.keys();
        let other = names.find(|other| *other != name && other.eq_ignore_ascii_case(name));
        if let Some(other) = other.cloned() {
            let value = tags.remove(&other).unwrap_or_default();
            tags.insert(name.clone(), value);
        }
    }
}

/// Whether a path means `…/providers/Microsoft.Resources/tags/default`.
pub fn meant(path: &ProviderPath) -> bool {
    path.kind(1) == "microsoft.resources/tags"
}

pub fn read(cx: &Context<'_>, world: &World, path: &ProviderPath) -> Result<Answer, ArmError> {
    let carrier = carrier(cx, world, path)?;
    Ok(Answer::json(200, shown(path, &tags_of(&carrier))))
}

pub fn write(cx: &Context<'_>, txn: &mut Txn<'_>, path: &ProviderPath) -> Result<Answer, ArmError> {
    let carrier = carrier(cx, txn.world(), path)?;
    let method = if cx.call.method == Method::DELETE {
        Method::PATCH
    } else {
        cx.call.method.clone()
    };
    locks::check(txn.world(), &method, &path.scope)?;
    let old = tags_of(&carrier);
    let tags = match cx.call.method {
        Method::DELETE => Map::new(),
        Method::PUT | Method::PATCH => {
            let (mut sent, operation) = sent(cx)?;
            keep_names(&old, &mut sent);
            match cx.call.method {
                Method::PUT => sent,
                _ => merged(old, sent, &operation)?,
            }
        }
        _ => {
            return Err(ArmError::method_not_allowed(
                cx.call.method.as_str(),
                "Microsoft.Resources/tags",
            ));
        }
    };
    let mut changed = Object::clone(&carrier);
    changed.body["tags"] = Value::Object(tags.clone());
    txn.put(changed.clone());
    if let Some(kind) = crate::types::of(&changed.kind) {
        kind.retagged(txn, &changed);
    }
    Ok(match cx.call.method {
        Method::DELETE => Answer::empty(200),
        _ => Answer::json(200, shown(path, &tags)),
    })
}

fn merged(
    mut old: Map<String, Value>,
    sent: Map<String, Value>,
    operation: &str,
) -> Result<Map<String, Value>, ArmError> {
    match operation.to_ascii_lowercase().as_str() {
        "merge" => old.extend(sent),
        "replace" => old = sent,
        "delete" => {
            for (name, value) in sent {
                if old.get(&name) == Some(&value) {
                    old.remove(&name);
                }
            }
        }
        other => {
            return Err(ArmError::unreadable(&format!(
                "Error converting value \"{other}\" to type 'TagPatchOperation'. Path 'operation', line 1, position 1."
            )));
        }
    }
    Ok(old)
}

/// The tags and the operation in a body.
fn sent(cx: &Context<'_>) -> Result<(Map<String, Value>, String), ArmError> {
    let sent = body::object(cx.call)?;
    let properties = body::properties(&sent)?;
    let operation = sent
        .get("operation")
        .and_then(Value::as_str)
        .unwrap_or("Merge")
        .to_owned();
    Ok((body::tags(&properties)?.unwrap_or_default(), operation))
}

fn carrier(cx: &Context<'_>, world: &World, path: &ProviderPath) -> Result<Arc<Object>, ArmError> {
    read::in_group(cx, world)?;
    read::extended(cx, world, &path.scope)?;
    world
        .object(&path.scope.to_ascii_lowercase())
        .cloned()
        .ok_or_else(|| {
            ArmError::gateway(
                404,
                "ResourceNotFound",
                format!("The scope '{}' carries no tags.", path.scope),
            )
        })
}

pub fn tags_of(object: &Object) -> Map<String, Value> {
    object
        .body
        .get("tags")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default()
}

fn shown(path: &ProviderPath, tags: &Map<String, Value>) -> Value {
    json!({
        "id": format!("{}/providers/Microsoft.Resources/tags/default", path.scope),
        "name": "default",
        "type": "Microsoft.Resources/tags",
        "properties": {"tags": tags},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_keeps_the_name_that_it_was_first_given() {
        let map = |tags: Value| tags.as_object().cloned().unwrap_or_default();
        let old = map(json!({"Team": "a", "gone": "b", "same": "c"}));
        let mut sent = map(json!({"team": "z", "same": "d", "NEW": "e"}));
        keep_names(&old, &mut sent);
        assert_eq!(sent, map(json!({"Team": "z", "same": "d", "NEW": "e"})));
    }
}
