//! `Microsoft.KeyVault/vaults/privateEndpointConnections`: the vault's side of private
//! endpoints. They come into being with an endpoint; here they are approved, rejected and
//! removed.
//! <https://learn.microsoft.com/rest/api/keyvault/keyvault/private-endpoint-connections>

use super::vault::VERSIONS;
use super::vault_fields::{bad, properties, refuse};
use crate::arm::{
    Address, ArmError, Context, Deleted, Located, Meta, Pattern, Placement, ResourceType, Started,
    Target, Written, set_state,
};
use crate::state::{Moment, Object, OwnAddress, Polling, World};
use serde_json::{Map, Value, json};
use uuid::Uuid;

pub struct VaultConnection;

/// The canonical type.
const KIND: &str = "Microsoft.KeyVault/vaults/privateEndpointConnections";

static META: Meta = Meta {
    kind: KIND,
    api_versions: VERSIONS,
    placement: Placement::Group,
    location: Located::Nowhere,
    tracked: false,
    system_data: None,
    lockable: true,
    members: &[],
};

const ADDRESS: Address = Address::UnderResource {
    segment: "kv-operations",
    prefix: "",
};

static WRITE: Pattern = Pattern {
    address: ADDRESS,
    polling: Polling::Object {
        header: Some(OwnAddress::AsyncOperation),
    },
    retry_after: None,
    seconds: 30,
};

static DELETION: Pattern = Pattern {
    address: ADDRESS,
    polling: Polling::Object {
        header: Some(OwnAddress::Location),
    },
    retry_after: None,
    seconds: 30,
};

impl ResourceType for VaultConnection {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn put(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        target: &Target,
        old: Option<&Object>,
        sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        let old = old.ok_or_else(|| self.not_found(target))?;
        let properties = properties(sent)?;
        let asked = &properties
            .get("privateLinkServiceConnectionState")
            .cloned()
            .unwrap_or(Value::Null);
        let status = ["Approved", "Pending", "Rejected", "Disconnected"]
            .into_iter()
            .find(|known| {
                asked["status"]
                    .as_str()
                    .is_some_and(|s| s.eq_ignore_ascii_case(known))
            })
            .ok_or_else(|| {
                bad("An invalid value was provided for 'privateLinkServiceConnectionState.status'.")
            })?;
        let mut state = json!({"status": status, "actionsRequired": "None"});
        if let Some(description) = asked["description"].as_str() {
            state["description"] = json!(description);
        }
        let mut body = old.body.as_object().cloned().unwrap_or_default();
        body.insert("etag".to_owned(), json!(etag()));
        if let Some(properties) = body.get_mut("properties").and_then(Value::as_object_mut) {
            properties.insert("privateLinkServiceConnectionState".to_owned(), state);
            properties.insert("provisioningState".to_owned(), json!("Updating"));
        }
        Ok(Written {
            status: 200,
            body,
            hidden: Value::Null,
            started: Some(Started {
                pattern: &WRITE,
                word: "Updating",
            }),
        })
    }

    fn delete(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _old: &Object,
    ) -> Result<Deleted, ArmError> {
        Ok(Deleted::Later {
            pattern: &DELETION,
            shown: false,
        })
    }

    fn settle(&self, object: &mut Object, _now: Moment) {
        set_state(object, "Succeeded");
        object.body["etag"] = json!(etag());
    }

    fn not_found(&self, _target: &Target) -> ArmError {
        refuse(
            404,
            "ResourceNotFound",
            "The specified resource does not exist.",
        )
    }
}

fn etag() -> String {
    Uuid::new_v4().simple().to_string()
}

/// The connections as the vault's own body lists them.
pub fn shown_in_vault(world: &World, vault: &Object) -> Vec<Value> {
    let prefix = format!("{}/privateendpointconnections/", vault.key());
    world
        .under(&prefix)
        .filter(|(_, connection)| connection.kind == KIND)
        .map(|(_, connection)| {
            let mut shown = json!({
                "id": connection.id,
                "properties": connection.body["properties"],
            });
            if let Some(etag) = connection.body.get("etag") {
                shown["etag"] = etag.clone();
            }
            shown
        })
        .collect()
}
