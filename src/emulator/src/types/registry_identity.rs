//! A registry's managed identity and the key that it encrypts with.

use super::checks;
use super::registry_fields::premium_if;
use crate::arm::{ArmError, Context};
use crate::state::{Moment, Object, World};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// The identity that a write asks for: nothing said, none, or one with the ids that Azure
/// adds.
pub fn identity(
    cx: &Context<'_>,
    world: &World,
    sent: &Map<String, Value>,
    old: Option<&Object>,
) -> Result<Option<Value>, ArmError> {
    let asked = checks::object(sent, "identity")?;
    let Some(kind) = checks::text(&asked, "type")? else {
        return Ok(None);
    };
    let lower = kind.to_ascii_lowercase().replace(' ', "");
    let (system, user) = match lower.as_str() {
        "none" => return Ok(Some(Value::Null)),
        "systemassigned" => (true, false),
        "userassigned" => (false, true),
        "systemassigned,userassigned" => (true, true),
        _ => return Err(checks::wrong("identity.type", &json!(kind))),
    };
    let mut identity = Map::new();
    let words: Vec<&str> = [(system, "systemAssigned"), (user, "userAssigned")]
        .iter()
        .filter_map(|(on, word)| on.then_some(*word))
        .collect();
    identity.insert("type".to_owned(), json!(words.join(", ")));
    if system {
        let before = old.and_then(|old| old.text("/identity/principalId"));
        let principal = before.map_or_else(|| Uuid::new_v4().to_string(), ToOwned::to_owned);
        identity.insert("principalId".to_owned(), json!(principal));
        identity.insert("tenantId".to_owned(), json!(cx.azure.directory.tenant()));
    }
    if user {
        let ids = checks::object(&asked, "userAssignedIdentities")?;
        let shown: Map<String, Value> = ids
            .iter()
            .filter(|(_, value)| system || !value.is_null())
            .map(|(id, _)| (id.clone(), assigned(world, id)))
            .collect();
        identity.insert("userAssignedIdentities".to_owned(), Value::Object(shown));
    }
    Ok(Some(Value::Object(identity)))
}

/// What Azure shows of a user-assigned identity.
fn assigned(world: &World, id: &str) -> Value {
    let known = world.object(&id.to_ascii_lowercase());
    let text = |member: &str| {
        known
            .and_then(|identity| identity.text(&format!("/properties/{member}")))
            .map_or_else(
                || {
                    Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{id}/{member}").as_bytes())
                        .to_string()
                },
                ToOwned::to_owned,
            )
    };
    json!({"principalId": text("principalId"), "clientId": text("clientId")})
}

/// The encryption that a write asks for, with what Azure adds to the key.
pub fn encryption(
    sent: &Map<String, Value>,
    sku: &str,
    body: &Map<String, Value>,
    now: Moment,
) -> Result<Value, ArmError> {
    let status = checks::word(sent, "status", &["enabled", "disabled"])?.unwrap_or("disabled");
    if status == "disabled" {
        return Ok(json!({ "status": status }));
    }
    premium_if(true, sku)?;
    let key = checks::object(sent, "keyVaultProperties")?;
    let identifier = checks::text(&key, "keyIdentifier")?
        .ok_or_else(|| checks::invalid("The encryption key identifier must be provided."))?;
    if body.get("identity").is_none() {
        return Err(checks::invalid(
            "A managed identity must be assigned to use customer-managed keys.",
        ));
    }
    let before =
        body.get("properties").map_or(
            &Value::Null,
            |properties| &properties["encryption"]["keyVaultProperties"],
        );
    let versioned = identifier.trim_end_matches('/').split('/').count() > 5;
    let mut shown = json!({
        "keyIdentifier": identifier,
        "versionedKeyIdentifier": if versioned {
            identifier.to_owned()
        } else {
            format!("{identifier}/{}", Uuid::new_v5(&Uuid::NAMESPACE_URL, identifier.as_bytes()).simple())
        },
        "identity": checks::text(&key, "identity")?.unwrap_or_default(),
        "keyRotationEnabled": !versioned,
    });
    // A first key is no rotation.
    let rotated = match before["keyIdentifier"].as_str() {
        Some(before) if before != identifier => json!(now.offset_form()),
        _ => before["lastKeyRotationTimestamp"].clone(),
    };
    if !rotated.is_null() {
        shown["lastKeyRotationTimestamp"] = rotated;
    }
    Ok(json!({"status": status, "keyVaultProperties": shown}))
}
