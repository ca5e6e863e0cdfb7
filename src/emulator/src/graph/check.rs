//! What Graph refuses in the bodies of directory objects.

use super::entity::Entity;
use super::error::GraphError;
use crate::entra::principals::{APPLICATION, DELETED, GROUP, SERVICE_PRINCIPAL, USER};
use crate::state::World;
use serde_json::{Map, Value};

const AUDIENCES: &[&str] = &[
    "AzureADMyOrg",
    "AzureADMultipleOrgs",
    "AzureADandPersonalMicrosoftAccount",
    "PersonalMicrosoftAccount",
];

/// Longest texts of some properties, in characters.
const LENGTHS: &[(&str, usize)] = &[
    ("displayName", 256),
    ("description", 1024),
    ("notes", 1024),
    ("mailNickname", 64),
    ("uniqueName", 256),
];

/// Only properties that there are and that may be set.
pub fn properties(
    entity: &Entity,
    sent: &Map<String, Value>,
    read_only: &[&str],
) -> Result<(), GraphError> {
    let template = (entity.template)();
    for (name, value) in sent {
        if name.starts_with("@odata") {
            continue;
        }
        let known = template.get(name).is_some() || entity.silent.contains(&name.as_str());
        if !known {
            return Err(GraphError::bad(format!(
                "Property '{name}' does not exist as a declared property or extension property."
            )));
        }
        let empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        if read_only.contains(&name.as_str()) && !empty {
            return Err(GraphError::bad(format!(
                "Property '{name}' is read-only and cannot be set."
            )));
        }
    }
    Ok(())
}

/// What a new object cannot do without.
pub fn required(entity: &Entity, sent: &Map<String, Value>) -> Result<(), GraphError> {
    let missing = entity.required.iter().find(|name| {
        sent.get(**name)
            .is_none_or(|value| value.is_null() || value.as_str() == Some(""))
    });
    match missing {
        None => Ok(()),
        Some(name) => Err(GraphError::bad(format!(
            "A value is required for property '{name}' of resource '{}'.",
            entity.class
        ))),
    }
}

/// Types and ranges of what an object would become.
pub fn values(entity: &Entity, body: &Value) -> Result<(), GraphError> {
    let template = (entity.template)();
    let invalid = |name: &str| {
        GraphError::bad(format!(
            "Invalid value specified for property '{name}' of resource '{}'.",
            entity.class
        ))
    };
    for (name, default) in template.as_object().into_iter().flatten() {
        let value = &body[name.as_str()];
        let fits = match default {
            Value::Array(_) => value.is_array(),
            Value::Bool(_) => value.is_boolean() || value.is_null(),
            Value::Object(_) => value.is_object() || value.is_null(),
            Value::String(_) => value.is_string() || value.is_null(),
            Value::Null | Value::Number(_) => true,
        };
        if !fits {
            return Err(invalid(name));
        }
    }
    for (name, longest) in LENGTHS {
        let length = body[*name].as_str().map_or(0, |text| text.chars().count());
        if length > *longest {
            return Err(invalid(name));
        }
    }
    let tags = body["tags"].as_array().into_iter().flatten();
    if tags.into_iter().any(|tag| {
        tag.as_str()
            .is_none_or(|tag| tag.is_empty() || tag.chars().count() > 256)
    }) {
        return Err(invalid("tags"));
    }
    let audience = body["signInAudience"].as_str();
    if entity.kind == APPLICATION && !audience.is_some_and(|word| AUDIENCES.contains(&word)) {
        return Err(invalid("signInAudience"));
    }
    if entity.kind == GROUP
        && body["mailEnabled"] == Value::Bool(false)
        && body["securityEnabled"] == Value::Bool(false)
    {
        return Err(GraphError::bad(
            "The service does not currently support writes of mail-enabled groups. Please ensure that the mail-enablement property is unset and the security-enablement property is set.",
        ));
    }
    Ok(())
}

/// Values that no two objects share, those in the bin included.
pub fn unique(world: &World, entity: &Entity, body: &Value, id: &str) -> Result<(), GraphError> {
    let names: &[&str] = match entity.kind {
        APPLICATION | GROUP => &["uniqueName"],
        USER => &["userPrincipalName"],
        _ => &[],
    };
    let others = || {
        let binned = world.of_kind(DELETED).filter(|(_, object)| {
            object.hidden.get("kind").and_then(Value::as_str) == Some(entity.kind)
        });
        world
            .of_kind(entity.kind)
            .chain(binned)
            .map(|(_, object)| object)
            .filter(|object| object.text("/id") != Some(id))
    };
    for name in names {
        let Some(value) = body[*name].as_str() else {
            continue;
        };
        let pointer = format!("/{name}");
        if others().any(|other| {
            other
                .text(&pointer)
                .is_some_and(|taken| taken.eq_ignore_ascii_case(value))
        }) {
            return Err(GraphError::same_value(name));
        }
    }
    if [APPLICATION, SERVICE_PRINCIPAL].contains(&entity.kind) {
        let uris = body["identifierUris"].as_array().into_iter().flatten();
        for uri in uris {
            if others().any(|other| {
                other.body["identifierUris"]
                    .as_array()
                    .is_some_and(|taken| taken.contains(uri))
            }) {
                return Err(GraphError::same_value("identifierUris"));
            }
        }
    }
    Ok(())
}
