//! What Graph makes of the bodies that it stores: merging, defaults, spellings.

use super::entity::Entity;
use super::error::GraphError;
use crate::entra::principals::APPLICATION;
use crate::state::Moment;
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use uuid::Uuid;

/// Lays `sent` over `target`: objects are merged, everything else is replaced.
pub fn merge(target: &mut Value, sent: Value) {
    match (target, sent) {
        (Value::Object(target), Value::Object(sent)) => {
            for (name, value) in sent {
                if !name.starts_with("@odata") {
                    merge(target.entry(name).or_insert(Value::Null), value);
                }
            }
        }
        (target, sent) => *target = untyped(sent),
    }
}

/// A value without the types that callers annotate it with: they are never answered.
fn untyped(value: Value) -> Value {
    match value {
        Value::Object(members) => members
            .into_iter()
            .filter(|(name, _)| !name.starts_with("@odata"))
            .map(|(name, value)| (name, untyped(value)))
            .collect(),
        Value::Array(items) => items.into_iter().map(untyped).collect(),
        value => value,
    }
}

/// Lists of applications that Graph reads back last item first, whatever wrote them.
const TURNED: &[&str] = &[
    "/appRoles",
    "/passwordCredentials",
    "/publicClient/redirectUris",
    "/requiredResourceAccess",
    "/spa/redirectUris",
    "/web/redirectUris",
];

/// Turns lists from the order that callers send to the one that they read, and back.
pub fn turn(entity: &Entity, body: &mut Value) {
    if entity.kind != APPLICATION {
        return;
    }
    for pointer in TURNED {
        if let Some(list) = body.pointer_mut(pointer).and_then(Value::as_array_mut) {
            list.reverse();
        }
    }
}

/// A moment to the second, as directory objects print it.
pub fn second(now: Moment) -> String {
    Moment::from(now.seconds()).zulu()
}

/// Fills in what Graph adds to an object's parts.
pub fn settle(entity: &Entity, body: &mut Value) -> Result<(), GraphError> {
    if let Some(keys) = body.get_mut("keyCredentials").and_then(Value::as_array_mut) {
        for key in keys {
            key_credential(key)?;
        }
    }
    if entity.kind != APPLICATION {
        return Ok(());
    }
    let personal = body["signInAudience"]
        .as_str()
        .is_some_and(|audience| audience.contains("PersonalMicrosoftAccount"));
    let version = &mut body["api"]["requestedAccessTokenVersion"];
    if version.is_null() && personal {
        *version = json!(2);
    }
    if let Some(roles) = body.get_mut("appRoles").and_then(Value::as_array_mut) {
        for role in roles {
            if role["origin"].is_null() {
                role["origin"] = json!("Application");
            }
        }
    }
    if let Some(claims) = body
        .get_mut("optionalClaims")
        .and_then(Value::as_object_mut)
    {
        for list in ["idToken", "accessToken", "saml2Token"] {
            let list = claims.entry(list).or_insert_with(|| json!([]));
            for claim in list.as_array_mut().into_iter().flatten() {
                for (name, value) in [
                    ("additionalProperties", json!([])),
                    ("essential", json!(false)),
                    ("source", Value::Null),
                ] {
                    if claim[name].is_null() {
                        claim[name] = value;
                    }
                }
            }
        }
    }
    Ok(())
}

/// A certificate: its thumbprint is kept, its bytes are never shown.
fn key_credential(key: &mut Value) -> Result<(), GraphError> {
    let usage = key["usage"].as_str().unwrap_or_default();
    let kind = key["type"].as_str().unwrap_or_default();
    if !["Verify", "Sign", "Encrypt"].contains(&usage) || kind.is_empty() {
        return Err(GraphError::bad("Key credential is invalid."));
    }
    if key["keyId"].is_null() {
        key["keyId"] = json!(Uuid::new_v4().to_string());
    }
    if key["customKeyIdentifier"].is_null() {
        let thumbprint = key["key"].as_str().map(|text| {
            let bytes = STANDARD
                .decode(text)
                .unwrap_or_else(|_| text.as_bytes().to_vec());
            digest(&SHA1_FOR_LEGACY_USE_ONLY, &bytes)
                .as_ref()
                .iter()
                .map(|byte| format!("{byte:02X}"))
                .collect::<String>()
        });
        key["customKeyIdentifier"] = json!(thumbprint);
    }
    for name in ["displayName", "startDateTime", "endDateTime"] {
        if key[name].is_null() {
            key[name] = Value::Null;
        }
    }
    key["key"] = Value::Null;
    Ok(())
}

/// The security identifier of a directory object: its id in four numbers.
pub fn security_identifier(id: &str) -> String {
    let bytes = Uuid::try_parse(id).unwrap_or_default().to_bytes_le();
    let numbers: Vec<String> = bytes
        .chunks_exact(4)
        .map(|chunk| {
            let number = chunk
                .iter()
                .rev()
                .fold(0_u32, |number, byte| (number << 8) | u32::from(*byte));
            number.to_string()
        })
        .collect();
    format!("S-1-12-1-{}", numbers.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_merge_and_lists_are_replaced() {
        let mut target = json!({"web": {"a": 1, "b": [1, 2]}, "tags": ["x"]});
        merge(
            &mut target,
            json!({"web": {"b": [3]}, "tags": [], "@odata.type": "t"}),
        );
        assert_eq!(target, json!({"web": {"a": 1, "b": [3]}, "tags": []}));
    }

    #[test]
    fn annotations_are_not_kept() {
        let mut target = json!({});
        let key = json!([{"@odata.type": "t", "keyId": "k"}]);
        merge(
            &mut target,
            json!({"keyCredentials": key, "api": {"@odata.type": "t"}}),
        );
        assert_eq!(
            target,
            json!({"keyCredentials": [{"keyId": "k"}], "api": {}})
        );
    }

    #[test]
    fn identifiers_follow_from_ids() {
        assert_eq!(
            security_identifier("a3f6c606-38ec-42d7-8c0e-d4ecaf0d9d61"),
            "S-1-12-1-2750858758-1121401068-3973320332-1637682607"
        );
    }
}
