//! `Microsoft.KeyVault/vaults`: made in one step, but its name takes a while to resolve;
//! deleted vaults stay recoverable and keep their name.
//! <https://learn.microsoft.com/rest/api/keyvault/keyvault/vaults>

use super::vault_fields::{self as fields, refuse};
use super::{deleted_vault, vault_actions, vault_connection};
use crate::arm::{
    Action, Address, ApiVersion, ArmError, Context, Deleted, Located, Meta, Pattern, Placement,
    ResourceType, Since, Started, Target, Written,
};
use crate::state::{Moment, Object, Polling, Txn, World};
use serde_json::{Map, Value, json};
use std::sync::Arc;

pub struct Vault;

/// The canonical type.
pub const KIND: &str = "Microsoft.KeyVault/vaults";

static META: Meta = Meta {
    kind: KIND,
    api_versions: VERSIONS,
    placement: Placement::Group,
    location: Located::Regional,
    tracked: true,
    system_data: Some(SYSTEM_DATA),
    lockable: true,
    members: &[],
};

/// Versions of the provider, newest first.
pub const VERSIONS: &[&str] = &[
    "2024-11-01",
    "2023-07-01",
    "2023-02-01",
    "2022-07-01",
    "2021-10-01",
    "2019-09-01",
    "2018-02-14",
    "2016-10-01",
    "2015-06-01",
];

/// Since when answers carry `systemData` and `publicNetworkAccess`.
const SYSTEM_DATA: Since = Since {
    stable: Some("2021-10-01"),
    preview: Some("2021-04-01"),
};

/// Until the name of a new vault resolves.
const REGISTERING: &str = "RegisteringDns";

/// Nobody is told where to ask: clients read the vault until it is ready.
static REGISTRATION: Pattern = Pattern {
    address: Address::UnderResource {
        segment: "kv-operations",
        prefix: "",
    },
    polling: Polling::Object { header: None },
    retry_after: None,
    seconds: 30,
};

impl ResourceType for Vault {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn put(
        &self,
        cx: &Context<'_>,
        world: &World,
        target: &Target,
        old: Option<&Object>,
        sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        fields::valid_name(target.name())?;
        let properties = fields::properties(sent)?;
        if old.is_none() {
            let recover = fields::recovers(&properties)?;
            if let Some(saved) = recoverable(cx, world, target, recover)? {
                return Ok(written(saved, false));
            }
        }
        let mut body = Map::new();
        body.insert("location".to_owned(), sent["location"].clone());
        let tags = sent.get("tags").cloned().unwrap_or_else(|| json!({}));
        body.insert("tags".to_owned(), tags);
        let properties = fields::laid(target.name(), &properties, old)?;
        body.insert("properties".to_owned(), Value::Object(properties));
        Ok(written(body, old.is_none()))
    }

    fn patch(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        target: &Target,
        old: &Object,
        sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        let mut body = old.body.as_object().cloned().unwrap_or_default();
        if let Some(tags) = sent.get("tags").filter(|tags| tags.is_object()) {
            body.insert("tags".to_owned(), tags.clone());
        }
        let properties = fields::patched(target.name(), &fields::properties(sent)?, old)?;
        body.insert("properties".to_owned(), Value::Object(properties));
        Ok(written(body, false))
    }

    fn delete(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _old: &Object,
    ) -> Result<Deleted, ArmError> {
        Ok(Deleted::Now(200))
    }

    fn leaving(&self, txn: &mut Txn<'_>, object: &Object, now: Moment) {
        deleted_vault::keep(txn, object, now);
    }

    fn stored(&self, _cx: &Context<'_>, txn: &mut Txn<'_>, object: &Object) {
        deleted_vault::restore(txn, object);
    }

    fn view(&self, object: &Object, world: &World, api: &ApiVersion) -> Value {
        let mut body = object.body.clone();
        let registering = object.text("/properties/provisioningState") == Some(REGISTERING);
        let connections = vault_connection::shown_in_vault(world, object);
        if let Some(properties) = body.get_mut("properties").and_then(Value::as_object_mut) {
            properties
                .entry("vaultUri")
                .or_insert_with(|| json!(address(object.name(), registering)));
            if !connections.is_empty() {
                properties.insert("privateEndpointConnections".to_owned(), json!(connections));
            }
            if !api.has(SYSTEM_DATA) {
                properties.remove("publicNetworkAccess");
            }
        }
        if let Some(members) = body.as_object_mut() {
            if api.has(SYSTEM_DATA) {
                members.entry("systemData").and_modify(in_milliseconds);
            } else {
                members.remove("systemData");
            }
        }
        body
    }

    fn actions(&self) -> &'static [Action] {
        vault_actions::ACTIONS
    }
}

/// Always 200; a new vault is not ready yet.
fn written(mut body: Map<String, Value>, new: bool) -> Written {
    if let Some(properties) = body.get_mut("properties").and_then(Value::as_object_mut) {
        let state = if new { REGISTERING } else { "Succeeded" };
        properties.insert("provisioningState".to_owned(), json!(state));
    }
    Written {
        status: 200,
        body,
        hidden: Value::Null,
        started: new.then_some(Started {
            pattern: &REGISTRATION,
            word: REGISTERING,
        }),
    }
}

/// The body of the deleted vault that a PUT brings back. Without that wish, a name that a
/// deleted or another vault has is refused.
fn recoverable(
    cx: &Context<'_>,
    world: &World,
    target: &Target,
    recover: bool,
) -> Result<Option<Map<String, Value>>, ArmError> {
    let name = target.name();
    if let Some(deleted) = deleted_vault::named(world, name, cx.now) {
        if recover && deleted_vault::vault_key(deleted) == target.key {
            return Ok(deleted_vault::saved_body(deleted));
        }
        return Err(refuse(
            409,
            "ConflictError",
            "A vault with the same name already exists in deleted state. You need to either recover or purge existing key vault. Follow this link https://go.microsoft.com/fwlink/?linkid=2149745 for more information on soft delete.",
        ));
    }
    if named(world, name).is_some() {
        return Err(refuse(
            409,
            "VaultAlreadyExists",
            format!(
                "The vault name '{name}' is already in use. Vault names are globally unique so it is possible that the name is already taken. If you are sure that the vault name was not taken then it is possible that a vault with the same name was recently deleted but not purged after being placed in a recoverable state. If the vault is in a recoverable state then the vault will need to be purged before reusing the name. For more information about VaultAlreadyExists, soft delete and purging a vault follow this link https://go.microsoft.com/fwlink/?linkid=2147740."
            ),
        ));
    }
    if recover {
        return Err(refuse(
            404,
            "ResourceNotFound",
            "The specified resource does not exist.",
        ));
    }
    Ok(None)
}

/// The vault that has that name, in whatever group and subscription.
pub fn named(world: &World, name: &str) -> Option<Arc<Object>> {
    world
        .of_kind(KIND)
        .map(|(_, object)| object)
        .find(|object| object.name().eq_ignore_ascii_case(name))
        .cloned()
}

/// Where a vault answers. Until the name resolves, it is shown as it was typed.
fn address(name: &str, registering: bool) -> String {
    if registering {
        format!("https://{name}.vault.localhost")
    } else {
        format!("https://{}.vault.localhost/", name.to_ascii_lowercase())
    }
}

/// Vaults print times with `Z` and at most milliseconds.
fn in_milliseconds(system_data: &mut Value) {
    for member in ["createdAt", "lastModifiedAt"] {
        let Some(text) = system_data[member].as_str() else {
            continue;
        };
        let plain = text.trim_end_matches('Z');
        let plain = plain.strip_suffix("+00:00").unwrap_or(plain);
        let short = match plain.split_once('.') {
            Some((seconds, fraction)) => {
                let fraction: String = fraction.chars().take(3).collect();
                format!("{seconds}.{fraction}Z")
            }
            None => format!("{plain}Z"),
        };
        system_data[member] = json!(short);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        let mut data = json!({
            "createdAt": "2023-12-21T23:56:35.1020897+00:00",
            "lastModifiedAt": "2023-12-21T23:56:35+00:00",
        });
        in_milliseconds(&mut data);
        assert_eq!(data["createdAt"], json!("2023-12-21T23:56:35.102Z"));
        assert_eq!(data["lastModifiedAt"], json!("2023-12-21T23:56:35Z"));
    }
}
