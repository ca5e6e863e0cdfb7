//! `Microsoft.Storage/storageAccounts/privateEndpointConnections`: the account's side of private
//! endpoints, which come and go with those.
//! <https://learn.microsoft.com/rest/api/storagerp/private-endpoint-connections>

use super::provider::{VERSIONS, refuse};
use crate::arm::{ArmError, Context, Located, Meta, Placement, ResourceType, Target, Written};
use crate::state::{Object, World};
use serde_json::{Map, Value, json};

pub struct Connection;

/// The canonical type.
const KIND: &str = "Microsoft.Storage/storageAccounts/privateEndpointConnections";

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

impl ResourceType for Connection {
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
        let mut body = old.body.as_object().cloned().unwrap_or_default();
        let state = &sent["properties"]["privateLinkServiceConnectionState"];
        let known = ["Approved", "Pending", "Rejected"];
        let status = known.into_iter().find(|known| {
            let status = state["status"].as_str();
            status.is_some_and(|status| status.eq_ignore_ascii_case(known))
        });
        let status = status.ok_or_else(|| super::provider::invalid("status"))?;
        body["properties"]["privateLinkServiceConnectionState"] = json!({
            "status": status,
            "description": state["description"],
            "actionRequired": "None",
        });
        Ok(Written {
            status: 200,
            body,
            hidden: old.hidden.clone(),
            started: None,
        })
    }

    fn not_found(&self, _target: &Target) -> ArmError {
        refuse(
            404,
            "PrivateEndpointConnectionNotFound",
            "Private endpoint connection is not found.",
        )
    }
}

/// The connections as the account's own body lists them.
pub fn shown_in_account(world: &World, account: &Object) -> Vec<Value> {
    let prefix = format!("{}/privateendpointconnections/", account.key());
    let below = world.under(&prefix);
    below
        .filter(|(_, connection)| connection.kind == KIND)
        .map(|(_, connection)| connection.body.clone())
        .collect()
}
