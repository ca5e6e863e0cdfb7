//! Private endpoints: an address in the network for a service outside it.
//!
//! Reference: Microsoft.Network `privateEndpoints`, api-version 2024-05-01.
//!
//! ## Why
//! An endpoint has no PATCH, and its target is for life. Whoever may approve connections at the
//! target is let in at once. A connection that the target rejected or lost leads nowhere and never
//! comes back, so it counts as none and the endpoint is replaced.

use serde_json::{Value as Json, json};

use super::virtual_network::{self, API_VERSION};
use super::{Sections, private_services};
use crate::resource::{
    AddressError, Carrier, Change, Compare, Field, Kind, Literal, Meta, Place, Problem, ReadMode,
    Request, Resource, Severity, Unmanaged, UpdateMode, Value,
};

/// The kind of private endpoints.
pub struct PrivateEndpoint;

/// Where the connections stand, with what Azure adds to each of them.
const CONNECTIONS: &str = "properties.privateLinkServiceConnections";

static META: Meta = Meta {
    name: "private endpoint",
    arm_type: "Microsoft.Network/privateEndpoints",
    api_version: API_VERSION,
    carrier: Carrier::Tags("tags"),
    read: ReadMode::List("/providers/Microsoft.Network/privateEndpoints"),
    update: UpdateMode::Put,
    fields: &[
        Field::new("location")
            .compare(Compare::Region)
            .change(Change::Replace),
        Field::tags(),
        Field::new("properties.subnet.id")
            .compare(Compare::IgnoreCase)
            .change(Change::Replace)
            .severity(Severity::High),
        Field::new(CONNECTIONS)
            .or(Literal::EmptyList)
            .compare(Compare::IgnoreCase)
            .change(Change::Replace)
            .severity(Severity::High),
    ],
    unmanaged: &[
        Unmanaged {
            path: "properties.manualPrivateLinkServiceConnections",
            reason: "an endpoint has one connection, and ours asks nobody",
        },
        Unmanaged {
            path: "properties.ipConfigurations",
            reason: "Azure picks the addresses; the zone says which they are",
        },
        Unmanaged {
            path: "extendedLocation",
            reason: "an edge zone, chosen at creation for life",
        },
        Unmanaged {
            path: "properties.customNetworkInterfaceName",
            reason: "the interface is Azure's; nothing refers to its name",
        },
        Unmanaged {
            path: "properties.applicationSecurityGroups",
            reason: "attached by whoever runs the organisation's network rules",
        },
        Unmanaged {
            path: "properties.ipVersionType",
            reason: "taken on create only; networks here are IPv4",
        },
    ],
    read_only: &[
        "properties.provisioningState",
        "properties.resourceGuid",
        "properties.networkInterfaces",
        "properties.customDnsConfigs",
    ],
    stateful: false,
    is_guard: false,
    outputs: &[],
};

impl Kind for PrivateEndpoint {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn update(&self, id: &str, live: &Json, desired: &Json, changed: &[&str]) -> Request {
        crate::resource::update(&META, id, live, desired, changed).if_unchanged(live)
    }

    /// Azure holds a network while it gives an endpoint an address there.
    fn lane(&self, _id: &str, properties: &Json) -> Option<String> {
        let subnet = properties.pointer("/properties/subnet/id")?.as_str()?;
        Some(virtual_network::lane(subnet))
    }

    fn takes_along(&self, live: &Json) -> Vec<String> {
        let interfaces = live.pointer("/properties/networkInterfaces");
        let interfaces = interfaces.and_then(Json::as_array).into_iter().flatten();
        interfaces
            .filter_map(|interface| Some(interface.get("id")?.as_str()?.to_owned()))
            .collect()
    }

    fn project(&self, live: &Json) -> Value {
        let connections = live.pointer("/properties/privateLinkServiceConnections");
        let connections = connections.and_then(Json::as_array).into_iter().flatten();
        let leading: Vec<Json> = connections
            .filter(|connection| leads_somewhere(connection))
            .map(|connection| {
                let details = &connection["properties"];
                named_connection(
                    &connection["name"],
                    &details["privateLinkServiceId"],
                    &details["groupIds"],
                )
            })
            .collect();
        let mut fields = META.project(live);
        fields.set(CONNECTIONS, Value::from(Json::Array(leading)));
        fields
    }
}

fn leads_somewhere(connection: &Json) -> bool {
    let status = connection.pointer("/properties/privateLinkServiceConnectionState/status");
    let status = status.and_then(Json::as_str);
    status.is_none_or(|status| status.eq_ignore_ascii_case("Approved"))
}

fn named_connection(name: &Json, target: &Json, groups: &Json) -> Json {
    json!({
        "name": name,
        "properties": { "privateLinkServiceId": target, "groupIds": groups },
    })
}

/// The endpoints of an environment's private services.
pub(super) fn declare(place: &Place, sections: &Sections) -> Result<Vec<Resource>, AddressError> {
    let (Some(network), Some(group)) = (&sections.network, &sections.group) else {
        return Ok(Vec::new());
    };
    let group_address = place.address("group")?;
    let group_id = place.group_id(&group.name);
    let subnet = &network.endpoint_subnet;
    let subnet_id = format!("{}/subnets/{subnet}", network.id(&group_id));
    let subnet = place.address(&format!("network.subnet.{subnet}"))?;
    let services = private_services::of(place, sections);
    services
        .iter()
        .map(|service| {
            let connection = named_connection(
                &json!(service.name),
                &json!(service.id),
                &json!([service.group]),
            );
            let properties = Value::from(json!({
                "location": place.primary,
                "properties": {
                    "subnet": { "id": subnet_id },
                    "privateLinkServiceConnections": [connection],
                },
            }));
            let id = service.endpoint_id(&group_id);
            let address = service.endpoint(place)?;
            let mut endpoint =
                Resource::new(place, &PrivateEndpoint, address, id.into(), properties)
                    .inside(&group_address)
                    .after(&subnet)
                    .after(&place.address(service.key)?);
            for part in &service.parts {
                endpoint = endpoint.after(&place.address(part)?);
            }
            Ok(endpoint)
        })
        .collect()
}

/// The services and the network check what endpoints need.
pub(super) fn check(_place: &Place, _sections: &Sections) -> Vec<Problem> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(status: &str) -> Json {
        json!({
            "location": "eastus2",
            "properties": {
                "subnet": {"id": "/n/subnets/s"},
                "networkInterfaces": [{"id": "/nic"}],
                "privateLinkServiceConnections": [{
                    "id": "/e/c", "etag": "W/\"1\"", "name": "c",
                    "properties": {
                        "provisioningState": "Succeeded",
                        "privateLinkServiceId": "/R",
                        "groupIds": ["registry"],
                        "privateLinkServiceConnectionState": {"status": status},
                    },
                }],
            },
        })
    }

    #[test]
    fn what_azure_adds_to_a_connection_is_not_ours() {
        let wanted = json!([named_connection(
            &json!("c"),
            &json!("/r"),
            &json!(["registry"])
        )]);
        let field = META.field(CONNECTIONS).expect("a field");
        let same = |live: &Json| {
            let found = PrivateEndpoint.project(live);
            let found = found.at(CONNECTIONS).cloned().unwrap_or_default();
            field.same(&Value::from(wanted.clone()), &found)
        };
        assert!(same(&live("Approved")));
        for lost in ["Rejected", "Disconnected", "Pending"] {
            assert!(!same(&live(lost)), "{lost}");
        }
        assert!(!same(&json!({})));
    }

    #[test]
    fn the_interface_goes_along_and_the_network_is_held() {
        assert_eq!(PrivateEndpoint.takes_along(&live("Approved")), ["/nic"]);
        let lane = PrivateEndpoint.lane("/e", &live("Approved"));
        assert_eq!(lane.as_deref(), Some("/n"));
        assert_eq!(PrivateEndpoint.lane("/e", &json!({})), None);
    }
}
