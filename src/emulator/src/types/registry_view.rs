//! How a registry looks in each api-version.

use super::{private_endpoint_connection, registry, registry_fields, replication};
use crate::arm::{ApiVersion, Since};
use crate::state::{Object, World};
use serde_json::{Value, json};

/// Members below `properties` and since when they exist.
const SINCE: &[(&str, Since)] = &[
    ("/policies", both("2019-05-01", "2018-02-01")),
    ("/policies/exportPolicy", both("2021-09-01", "2021-06-01")),
    (
        "/policies/azureADAuthenticationAsArmPolicy",
        both("2025-04-01", "2021-12-01"),
    ),
    ("/policies/softDeletePolicy", preview("2021-12-01")),
    ("/encryption", both("2021-09-01", "2019-12-01")),
    ("/dataEndpointEnabled", both("2021-09-01", "2019-12-01")),
    ("/dataEndpointHostNames", both("2021-09-01", "2019-12-01")),
    (
        "/privateEndpointConnections",
        both("2021-09-01", "2019-12-01"),
    ),
    ("/publicNetworkAccess", both("2021-09-01", "2019-12-01")),
    (
        "/networkRuleBypassOptions",
        both("2021-09-01", "2020-11-01"),
    ),
    ("/zoneRedundancy", both("2021-09-01", "2020-11-01")),
    ("/anonymousPullEnabled", registry_fields::ANONYMOUS_PULL),
    ("/metadataSearch", preview("2023-11-01")),
    (
        "/networkRuleBypassAllowedForTasks",
        both("2025-11-01", "2025-05-01"),
    ),
    ("/roleAssignmentMode", both("2025-11-01", "2024-11-01")),
];

/// From these versions on, rules for virtual networks are neither read nor shown.
const WITHOUT_NETWORKS: Since = both("2021-09-01", "2021-12-01");

const fn both(stable: &'static str, preview: &'static str) -> Since {
    Since {
        stable: Some(stable),
        preview: Some(preview),
    }
}

const fn preview(preview: &'static str) -> Since {
    Since {
        stable: None,
        preview: Some(preview),
    }
}

pub fn show(object: &Object, world: &World, api: &ApiVersion) -> Value {
    let mut body = object.body.clone();
    if !api.has(registry::SYSTEM_DATA) {
        remove(&mut body, "/systemData");
    }
    body["properties"]["dataEndpointHostNames"] = json!(data_hosts(object, world));
    body["properties"]["privateEndpointConnections"] = json!(connections(object, world));
    if registry_fields::sku_of(object) != registry_fields::PREMIUM {
        remove(&mut body, "/properties/networkRuleSet");
    }
    if api.has(WITHOUT_NETWORKS) {
        remove(&mut body, "/properties/networkRuleSet/virtualNetworkRules");
    }
    for (path, since) in SINCE {
        if !api.has(*since) {
            remove(&mut body, &format!("/properties{path}"));
        }
    }
    body
}

/// Host names of the data endpoints, home region first.
fn data_hosts(object: &Object, world: &World) -> Vec<String> {
    if object.body["properties"]["dataEndpointEnabled"] != json!(true) {
        return Vec::new();
    }
    let name = object.name().to_ascii_lowercase();
    let home = object.location().unwrap_or_default().to_owned();
    let replicas = replication::regions(world, object).filter(|region| *region != home);
    [home.clone()]
        .into_iter()
        .chain(replicas)
        .map(|region| format!("{name}.{region}.data.azurecr.localhost"))
        .collect()
}

fn connections(object: &Object, world: &World) -> Vec<Value> {
    let prefix = format!("{}/privateendpointconnections/", object.key());
    world
        .under(&prefix)
        .filter(|(_, child)| child.kind == private_endpoint_connection::KIND)
        .map(|(_, child)| child.body.clone())
        .collect()
}

/// Takes the member at a JSON pointer away.
fn remove(body: &mut Value, pointer: &str) {
    if let Some((parent, member)) = pointer.rsplit_once('/')
        && let Some(parent) = body.pointer_mut(parent).and_then(Value::as_object_mut)
    {
        parent.remove(member);
    }
}
