//! Reading request bodies the way ARM's front door does.

use super::error::ArmError;
use super::regions;
use crate::server::Call;
use serde_json::{Map, Value};

/// Members that ARM lets through in every resource.
const COMMON: &[&str] = &[
    "id",
    "name",
    "type",
    "location",
    "tags",
    "properties",
    "sku",
    "kind",
    "plan",
    "identity",
    "zones",
    "managedBy",
    "managedByExtended",
    "extendedLocation",
    "scale",
    "etag",
    "systemData",
    "eTag",
    "apiVersion",
];

const MAX_TAGS: usize = 50;

/// The body as an object; an absent one is an error.
pub fn object(call: &Call) -> Result<Map<String, Value>, ArmError> {
    if call.body.is_empty() {
        return Err(ArmError::gateway(
            400,
            "MissingRequestBody",
            "The request body must be provided.",
        ));
    }
    match serde_json::from_slice(&call.body) {
        Ok(Value::Object(body)) => Ok(body),
        Ok(_) => Err(ArmError::unreadable(
            "Error converting value to type 'ResourceDefinition'. Path '', line 1, position 1.",
        )),
        Err(error) => Err(ArmError::unreadable(&format!(
            "Unexpected character encountered while parsing value. Path '', line {}, position {}.",
            error.line(),
            error.column()
        ))),
    }
}

/// Refuses members that neither ARM nor the type knows.
pub fn known_members(
    body: &Map<String, Value>,
    more: &[&str],
    definition: &str,
) -> Result<(), ArmError> {
    let only = |known: &[&str]| {
        body.keys().find(|member| {
            !known
                .iter()
                .chain(more)
                .any(|k| k.eq_ignore_ascii_case(member))
        })
    };
    let stranger = match definition {
        "ResourceGroupDefinition" => only(&[
            "id",
            "name",
            "type",
            "location",
            "tags",
            "properties",
            "managedBy",
        ]),
        _ => only(COMMON),
    };
    match stranger {
        None => Ok(()),
        Some(member) => Err(ArmError::unreadable(&format!(
            "Could not find member '{member}' on object of type '{definition}'. Path '{member}', line 1, position {}.",
            member.len() + 4
        ))),
    }
}

/// Tags as ARM accepts them: at most 50, plain names, texts as values.
pub fn tags(body: &Map<String, Value>) -> Result<Option<Map<String, Value>>, ArmError> {
    let tags = match body.get("tags") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(tags)) => tags,
        Some(_) => {
            return Err(ArmError::unreadable(
                "Error converting value to type 'System.Collections.Generic.Dictionary`2[System.String,System.String]'. Path 'tags', line 1, position 1.",
            ));
        }
    };
    if tags.len() > MAX_TAGS {
        return Err(ArmError::gateway(
            400,
            "TooManyTags",
            format!(
                "Too many tags on the resource/resource group. Requested tag count - '{}'. Maximum number of tags allowed - '{MAX_TAGS}'.",
                tags.len()
            ),
        ));
    }
    let mut read = Map::new();
    for (name, value) in tags {
        read.insert(name.clone(), tag(name, value)?);
    }
    Ok(Some(read))
}

fn tag(name: &str, value: &Value) -> Result<Value, ArmError> {
    if name.is_empty()
        || name
            .chars()
            .any(|c| "<>%&\\?/".contains(c) || c.is_control())
    {
        return Err(ArmError::gateway(
            400,
            "InvalidTagNameCharacters",
            format!(
                "The tag names '{name}' have reserved characters '<,>,%,&,\\,?,/' or control characters."
            ),
        ));
    }
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(_) | Value::Object(_) => {
            return Err(ArmError::unreadable(&format!(
                "Error reading string. Unexpected token. Path 'tags.{name}', line 1, position 1."
            )));
        }
    };
    if name.chars().count() > 512 || text.chars().count() > 256 {
        return Err(ArmError::gateway(
            400,
            "InvalidTagLength",
            format!(
                "The tag '{name}' is too long: a name has at most 512 characters and a value at most 256."
            ),
        ));
    }
    Ok(Value::String(text))
}

/// The location of an object that is in no region.
pub fn global(body: &Map<String, Value>, kind: &str) -> Result<String, ArmError> {
    match body.get("location").and_then(Value::as_str) {
        Some(sent) if sent.eq_ignore_ascii_case("global") => Ok("global".to_owned()),
        None | Some("") => Err(location_required()),
        Some(sent) => Err(not_available(sent, kind, "global")),
    }
}

/// The region of a new regional object, in Azure's own spelling.
pub fn location(body: &Map<String, Value>, kind: &str) -> Result<String, ArmError> {
    let sent = body
        .get("location")
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
        .ok_or_else(location_required)?;
    if !regions::exists(sent) {
        return Err(not_available(sent, kind, &regions::names()));
    }
    Ok(regions::normal(sent))
}

fn location_required() -> ArmError {
    ArmError::gateway(
        400,
        "LocationRequired",
        "The location property is required for this definition.",
    )
}

fn not_available(sent: &str, kind: &str, regions: &str) -> ArmError {
    ArmError::gateway(
        400,
        "LocationNotAvailableForResourceType",
        format!(
            "The provided location '{sent}' is not available for resource type '{kind}'. List of available regions for the resource type is '{regions}'."
        ),
    )
}

/// The location in a body that nothing has checked yet.
pub fn sent_location(call: &Call) -> Option<String> {
    let body: Map<String, Value> = serde_json::from_slice(&call.body).ok()?;
    Some(body.get("location")?.as_str()?.to_owned())
}

/// `properties`, or nothing.
pub fn properties(body: &Map<String, Value>) -> Result<Map<String, Value>, ArmError> {
    match body.get("properties") {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(properties)) => Ok(properties.clone()),
        Some(_) => Err(ArmError::unreadable(
            "Error converting value to type 'Newtonsoft.Json.Linq.JObject'. Path 'properties', line 1, position 1.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn tags_are_texts_and_few() {
        let read = tags(&map(json!({"tags": {"a": "b", "n": 1, "z": null}}))).unwrap();
        assert_eq!(read, Some(map(json!({"a": "b", "n": "1", "z": ""}))));
        let many: Map<String, Value> = (0..51).map(|n| (format!("t{n}"), json!(""))).collect();
        assert_eq!(
            tags(&map(json!({ "tags": many }))).unwrap_err().code,
            "TooManyTags"
        );
        let error = tags(&map(json!({"tags": {"a/b": "c"}}))).unwrap_err();
        assert_eq!(error.code, "InvalidTagNameCharacters");
    }

    #[test]
    fn strange_members_are_refused() {
        let body = map(json!({"location": "eastus", "colour": "red"}));
        let error = known_members(&body, &[], "ResourceDefinition").unwrap_err();
        assert!(error.message.contains("'colour'"), "{}", error.message);
        assert!(known_members(&body, &["colour"], "ResourceDefinition").is_ok());
    }

    #[test]
    fn locations_in_any_spelling() {
        assert_eq!(
            location(&map(json!({"location": "East US 2"})), "x").unwrap(),
            "eastus2"
        );
        assert_eq!(
            location(&map(json!({"location": "moon"})), "x")
                .unwrap_err()
                .code,
            "LocationNotAvailableForResourceType"
        );
        assert_eq!(
            location(&map(json!({})), "x").unwrap_err().code,
            "LocationRequired"
        );
    }
}
