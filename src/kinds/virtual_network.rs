//! Virtual networks: the address space that an environment's private traffic stays in.
//!
//! Reference: Microsoft.Network `virtualNetworks`, api-version 2024-05-01.
//!
//! ## Why
//! A PUT of a network replaces its subnets and peerings by those in the body, so an update carries
//! the live ones, whoever made them, and hangs on the etag that they were read with: a subnet that
//! somebody adds in between is not lost. PATCH would change tags only.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{Sections, ranges};
use crate::resource::{
    AddressError, Carrier, Change, Compare, Field, Kind, Literal, Meta, Method, Place, Problem,
    ReadMode, Request, Resource, Severity, Unmanaged, UpdateMode, Value,
};

/// The api-version of networks, subnets and private endpoints.
pub(super) const API_VERSION: &str = "2024-05-01";

/// `[network]`: the environment's virtual network.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkSection {
    /// Its name: 2 to 64 letters, digits, `_`, `-` and `.`.
    pub name: String,
    /// Its IPv4 ranges, such as 10.10.0.0/16.
    pub address_space: Vec<String>,
    /// The name servers that its machines ask, in order; Azure's own when there are none. Others
    /// have to forward private zones to 168.63.129.16.
    #[serde(default)]
    pub dns_servers: Vec<String>,
    /// The subnets, each with its IPv4 range. Subnets that nobody declares are left alone.
    #[serde(default)]
    pub subnets: BTreeMap<String, String>,
    /// The subnet that private endpoints stand in.
    #[serde(default = "endpoints")]
    pub endpoint_subnet: String,
}

fn endpoints() -> String {
    "endpoints".to_owned()
}

/// The kind of virtual networks.
pub struct VirtualNetwork;

static META: Meta = Meta {
    name: "virtual network",
    arm_type: "Microsoft.Network/virtualNetworks",
    api_version: API_VERSION,
    carrier: Carrier::Tags("tags"),
    read: ReadMode::List("/providers/Microsoft.Network/virtualNetworks"),
    update: UpdateMode::Put,
    fields: &[
        Field::new("location")
            .compare(Compare::Region)
            .change(Change::Refuse(
                "a virtual network keeps its region: declare a network of another name there, move \
             what stands in it, then remove this one",
            )),
        Field::tags(),
        Field::new("properties.addressSpace.addressPrefixes")
            .or(Literal::EmptyList)
            .compare(Compare::Set)
            .severity(Severity::High),
        Field::new("properties.dhcpOptions.dnsServers")
            .or(Literal::EmptyList)
            .severity(Severity::High),
    ],
    unmanaged: &[
        Unmanaged {
            path: "properties.subnets",
            reason: "resources of their own; those that nobody declares are not ours",
        },
        Unmanaged {
            path: "properties.virtualNetworkPeerings",
            reason: "resources of their own, set up by whoever runs the hub",
        },
        Unmanaged {
            path: "properties.enableDdosProtection",
            reason: "needs a plan that is paid for and shared above environments",
        },
        Unmanaged {
            path: "properties.ddosProtectionPlan",
            reason: "paid for and shared above environments",
        },
        Unmanaged {
            path: "extendedLocation",
            reason: "an edge zone, chosen at creation for life",
        },
        Unmanaged {
            path: "properties.enableVmProtection",
            reason: "a switch that Azure keeps and that does nothing",
        },
        Unmanaged {
            path: "properties.encryption",
            reason: "needs machine sizes that not every pool has",
        },
        Unmanaged {
            path: "properties.flowTimeoutInMinutes",
            reason: "tuned by whoever runs appliances in the network",
        },
        Unmanaged {
            path: "properties.bgpCommunities",
            reason: "belongs to an ExpressRoute circuit",
        },
        Unmanaged {
            path: "properties.privateEndpointVNetPolicies",
            reason: "a limit on very large networks, set along with peering",
        },
    ],
    read_only: &[
        "properties.resourceGuid",
        "properties.provisioningState",
        "properties.ipAllocations",
        "properties.flowLogs",
        "properties.defaultPublicNatGateway",
    ],
    stateful: false,
    is_guard: false,
    outputs: &[],
};

impl Kind for VirtualNetwork {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn update(&self, id: &str, live: &Json, desired: &Json, changed: &[&str]) -> Request {
        crate::resource::update(&META, id, live, desired, changed).if_unchanged(live)
    }

    fn contents(&self, id: &str) -> Option<Request> {
        let subnets = format!("{id}/subnets");
        Some(Request::arm(Method::Get, subnets, API_VERSION))
    }

    fn lane(&self, id: &str, _properties: &Json) -> Option<String> {
        Some(lane(id))
    }
}

/// The lane of a network and all that stands in it, by the id of the network or of a subnet.
pub(super) fn lane(id: &str) -> String {
    let id = id.to_lowercase();
    let network = id.split("/subnets/").next().unwrap_or_default();
    network.to_owned()
}

impl NetworkSection {
    /// The network's ARM id in a resource group.
    pub(super) fn id(&self, group_id: &str) -> String {
        format!(
            "{group_id}/providers/Microsoft.Network/virtualNetworks/{}",
            self.name
        )
    }
}

/// The network of an environment.
pub(super) fn declare(place: &Place, sections: &Sections) -> Result<Vec<Resource>, AddressError> {
    let (Some(section), Some(group)) = (&sections.network, &sections.group) else {
        return Ok(Vec::new());
    };
    let properties = Value::from(json!({
        "location": place.primary,
        "properties": {
            "addressSpace": { "addressPrefixes": section.address_space },
            "dhcpOptions": { "dnsServers": section.dns_servers },
        },
    }));
    let id = section.id(&place.group_id(&group.name));
    let address = place.address("network")?;
    Ok(vec![
        Resource::new(place, &VirtualNetwork, address, id.into(), properties)
            .inside(&place.address("group")?),
    ])
}

/// Azure's rules for networks: their names, their ranges, their name servers.
pub(super) fn check(_place: &Place, sections: &Sections) -> Vec<Problem> {
    let Some(section) = &sections.network else {
        return Vec::new();
    };
    let mut problems = Vec::new();
    if sections.group.is_none() {
        problems.push(
            Problem::at("network", "a virtual network needs a resource group")
                .help("add `[group]` with a name"),
        );
    }
    let name = &section.name;
    if !is_name(name) {
        problems.push(
            Problem::at(
                "network.name",
                format!("`{name}` is not a virtual network name"),
            )
            .help(
                "2 to 64 letters, digits, `_`, `-` and `.`, a letter or digit first, no `-` or \
                 `.` at the end",
            ),
        );
    }
    problems.extend(check_space(&section.address_space));
    for (at, server) in section.dns_servers.iter().enumerate() {
        if server.parse::<Ipv4Addr>().is_err() {
            let path = ["network", "dns_servers", &at.to_string()];
            let message = format!("`{server}` is not an IPv4 address");
            problems.push(Problem::below(path, message));
        }
    }
    problems
}

fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    (2..=64).contains(&name.len())
        && name.chars().all(plain)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
}

fn check_space(space: &[String]) -> Vec<Problem> {
    if space.is_empty() {
        return vec![
            Problem::at("network.address_space", "a network needs addresses")
                .help("such as [\"10.10.0.0/16\"]"),
        ];
    }
    let path = |at: usize| ["network".to_owned(), "address_space".into(), at.to_string()];
    let mut problems = Vec::new();
    let mut seen: Vec<(usize, Ipv4Net)> = Vec::new();
    for (at, text) in space.iter().enumerate() {
        match ranges::read(text) {
            Err(wrong) => problems.push(wrong.at(path(at))),
            Ok(range) => {
                let first = seen
                    .iter()
                    .find(|(_, other)| ranges::overlap(other, &range));
                if let Some((first, other)) = first {
                    let message = format!("`{text}` overlaps `{other}`");
                    problems.push(Problem::below(path(at), message).clashing(path(*first)));
                }
                seen.push((at, range));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_carries_what_stands_in_the_network() {
        let subnets = json!([{"name": "theirs", "properties": {"addressPrefix": "10.0.9.0/24"}}]);
        let live = json!({
            "id": "/n", "etag": "W/\"1\"", "location": "eastus2", "tags": {"theirs": "kept"},
            "properties": {
                "provisioningState": "Succeeded", "resourceGuid": "g", "subnets": subnets,
                "virtualNetworkPeerings": [{"name": "hub"}],
                "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
            },
        });
        let desired = json!({
            "location": "eastus2", "tags": {"ours": "1"},
            "properties": {
                "addressSpace": {"addressPrefixes": ["10.0.0.0/16", "10.1.0.0/16"]},
                "dhcpOptions": {"dnsServers": []},
            },
        });
        let request = VirtualNetwork.update("/n", &live, &desired, &["tags"]);
        assert_eq!(request.method, Method::Put);
        assert_eq!(
            request.headers,
            [("If-Match".to_owned(), "W/\"1\"".to_owned())]
        );
        let body = request.body.expect("a body");
        assert_eq!(body["properties"]["subnets"], subnets);
        assert_eq!(
            body["properties"]["virtualNetworkPeerings"][0]["name"],
            "hub"
        );
        assert_eq!(body["tags"], json!({"ours": "1", "theirs": "kept"}));
        for gone in ["provisioningState", "resourceGuid"] {
            assert!(body["properties"].get(gone).is_none(), "{gone}");
        }
    }

    #[test]
    fn a_network_and_its_subnets_share_a_lane() {
        assert_eq!(
            lane("/G/virtualNetworks/N"),
            lane("/g/virtualNetworks/n/subnets/s")
        );
        assert_ne!(lane("/g/virtualNetworks/n"), lane("/g/virtualNetworks/n2"));
    }

    #[test]
    fn names_are_checked() {
        for good in ["vnet-dev", "a1", "a.b_"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["a", "-a", "a-", "a b", "", &"a".repeat(65)] {
            assert!(!is_name(bad), "{bad}");
        }
    }

    #[test]
    fn a_space_is_of_ranges_that_lie_apart() {
        let space = |texts: &[&str]| {
            let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
            check_space(&texts)
        };
        assert!(space(&["10.0.0.0/16", "10.1.0.0/16"]).is_empty());
        assert_eq!(space(&[]).len(), 1);
        let clash = space(&["10.0.0.0/16", "10.0.4.0/24"]);
        assert_eq!(clash[0].message, "`10.0.4.0/24` overlaps `10.0.0.0/16`");
        assert_eq!(clash[0].path.last().map(String::as_str), Some("1"));
        let first = clash[0].first.as_ref().and_then(|path| path.last());
        assert_eq!(first.map(String::as_str), Some("0"));
    }
}
