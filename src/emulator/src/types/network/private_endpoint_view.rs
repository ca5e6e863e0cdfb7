//! How a private endpoint looks: its connection as the target has it, its names, its parts.

use super::endpoint_fields::Connection;
use super::private_endpoint::{KIND, served};
use super::{provider, zone_group};
use crate::arm::ApiVersion;
use crate::state::{Object, World};
use serde_json::{Value, json};

/// Since when endpoints have addresses of their own choice and named interfaces.
const CHOSEN_SINCE: &str = "2021-05-01";

pub fn show(object: &Object, world: &World, api: &ApiVersion) -> Value {
    let etag = provider::own_etag(object);
    let mut body = object.body.clone();
    body["etag"] = json!(etag);
    let properties = &mut body["properties"];
    for name in [
        "privateLinkServiceConnections",
        "manualPrivateLinkServiceConnections",
    ] {
        properties[name] = json!([]);
    }
    if let Some(connection) = Connection::of(object) {
        let list = connection.list();
        let mut shown = connection.to_value();
        shown["id"] = json!(format!("{}/{list}/{}", object.id, connection.name));
        shown["etag"] = json!(etag);
        shown["type"] = json!(format!("{KIND}/{list}"));
        shown["properties"]["provisioningState"] = json!("Succeeded");
        shown["properties"]["privateLinkServiceConnectionState"] =
            state(object, world, &connection);
        properties[list] = json!([shown]);
    }
    if let Some(list) = properties["ipConfigurations"].as_array_mut() {
        for configuration in list {
            let name = configuration["name"].as_str().unwrap_or_default();
            configuration["id"] = json!(format!("{}/ipConfigurations/{name}", object.id));
            configuration["etag"] = json!(etag);
            configuration["type"] = json!(format!("{KIND}/ipConfigurations"));
            configuration["properties"]["provisioningState"] = json!("Succeeded");
        }
    }
    properties["networkInterfaces"] = json!([{"id": object.hidden["interface"]}]);
    properties["customDnsConfigs"] = json!(custom_dns(object, world));
    if api.date() < CHOSEN_SINCE
        && let Some(properties) = properties.as_object_mut()
    {
        properties.remove("ipConfigurations");
        properties.remove("customNetworkInterfaceName");
    }
    body
}

/// Whether the target has let the endpoint in.
pub fn approved(object: &Object, world: &World) -> bool {
    Connection::of(object)
        .is_some_and(|connection| standing(object, world, &connection)["status"] == "Approved")
}

/// What the endpoint says of its connection: while it is being written what it expects,
/// then what the target says.
fn state(object: &Object, world: &World, connection: &Connection) -> Value {
    if object.text("/properties/provisioningState") == Some("Updating") {
        return if connection.manual {
            json!({"status": "Pending", "description": "Awaiting Approval", "actionsRequired": "None"})
        } else {
            json!({"status": "Approved", "description": "Auto Approved", "actionsRequired": "None"})
        };
    }
    standing(object, world, connection)
}

fn standing(object: &Object, world: &World, connection: &Connection) -> Value {
    let Some(key) = object.hidden["connection"].as_str() else {
        // The target's type is not played: nobody is there to say otherwise.
        return if connection.manual {
            json!({"status": "Pending", "description": "", "actionsRequired": "None"})
        } else {
            json!({"status": "Approved", "description": "Auto-Approved", "actionsRequired": "None"})
        };
    };
    let Some(other) = world.object(key) else {
        return json!({"status": "Disconnected", "description": "Deleted state", "actionsRequired": "None"});
    };
    let said = &other.body["properties"]["privateLinkServiceConnectionState"];
    json!({
        "status": said["status"],
        "description": said["description"].as_str().unwrap_or_default(),
        "actionsRequired": said["actionsRequired"].as_str().unwrap_or("None"),
    })
}

/// Names that nobody but the endpoint answers for: once it stands and is approved, and as
/// long as no zone group does.
fn custom_dns(object: &Object, world: &World) -> Vec<Value> {
    let stands = object.hidden["established"] == json!(true);
    if !stands || !approved(object, world) || zone_group::of(world, &object.key()).next().is_some()
    {
        return Vec::new();
    }
    served(object, world)
        .into_iter()
        .filter_map(|(member, address)| {
            Some(json!({"fqdn": member?.host, "ipAddresses": [address]}))
        })
        .collect()
}
