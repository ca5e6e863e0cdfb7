//! Subnets of a virtual network.
//!
//! Reference: Microsoft.Network `virtualNetworks/subnets`, api-version 2024-05-01. A subnet has
//! no tags: it is ours by its marked network and its declared name.

use std::collections::BTreeSet;

use ipnet::Ipv4Net;
use serde_json::{Value as Json, json};

use super::virtual_network::{self, API_VERSION};
use super::{NetworkSection, Sections, private_services, ranges};
use crate::resource::{
    AddressError, Carrier, Compare, Field, Kind, Literal, Meta, Method, Place, Problem, ReadMode,
    Request, Resource, Severity, Unmanaged, UpdateMode, Value,
};

/// The kind of subnets.
pub struct Subnet;

/// Where its range stands; several stand at the same with `es`.
const ONE_PREFIX: &str = "properties.addressPrefix";

/// What to do where a range cannot change.
const ANOTHER_SUBNET: &str = "declare another subnet with the new range, have `endpoint_subnet` name it (a \
                              cluster's nodes stay: declare another cluster), and drop this one when it \
                              is empty";

static META: Meta = Meta {
    name: "subnet",
    arm_type: "Microsoft.Network/virtualNetworks/subnets",
    api_version: API_VERSION,
    carrier: Carrier::Parent,
    read: ReadMode::ListPerParent {
        parent: "virtual network",
        collection: "/subnets",
    },
    update: UpdateMode::Put,
    fields: &[
        Field::new(ONE_PREFIX).severity(Severity::High),
        Field::new("properties.addressPrefixes")
            .or(Literal::EmptyList)
            .compare(Compare::Set)
            .severity(Severity::High),
        Field::new("properties.defaultOutboundAccess")
            .or(Literal::Bool(false))
            .absent(Literal::Bool(true))
            .severity(Severity::High),
        Field::new("properties.privateEndpointNetworkPolicies")
            .or(Literal::Text("Enabled"))
            .absent(Literal::Text("Disabled"))
            .compare(Compare::IgnoreCase),
        Field::new("properties.privateLinkServiceNetworkPolicies")
            .or(Literal::Text("Enabled"))
            .compare(Compare::IgnoreCase),
    ],
    unmanaged: &[
        Unmanaged {
            path: "properties.networkSecurityGroup",
            reason: "attached by whoever runs the organisation's network rules",
        },
        Unmanaged {
            path: "properties.routeTable",
            reason: "attached by clusters and by whoever runs the hub",
        },
        Unmanaged {
            path: "properties.natGateway",
            reason: "attached by whoever runs the way out",
        },
        Unmanaged {
            path: "properties.serviceEndpoints",
            reason: "private endpoints are used instead; others may still need theirs",
        },
        Unmanaged {
            path: "properties.serviceEndpointPolicies",
            reason: "goes with service endpoints",
        },
        Unmanaged {
            path: "properties.delegations",
            reason: "set by the service that a subnet is handed to",
        },
        Unmanaged {
            path: "properties.applicationGatewayIPConfigurations",
            reason: "written by an application gateway that stands in the subnet",
        },
        Unmanaged {
            path: "properties.ipAllocations",
            reason: "written by whoever allots addresses above environments",
        },
        Unmanaged {
            path: "properties.sharingScope",
            reason: "offers the subnet to other tenants; nothing here needs it",
        },
    ],
    read_only: &[
        "properties.provisioningState",
        "properties.purpose",
        "properties.privateEndpoints",
        "properties.ipConfigurations",
        "properties.ipConfigurationProfiles",
        "properties.resourceNavigationLinks",
        "properties.serviceAssociationLinks",
        "properties.ipamPoolPrefixAllocations",
    ],
    stateful: false,
    is_guard: false,
    outputs: &[],
};

impl Kind for Subnet {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn create(&self, id: &str, desired: &Json) -> Request {
        let body = crate::resource::without_nulls(desired.clone());
        one_prefix(Request::arm(Method::Put, id, API_VERSION).body(body))
    }

    fn update(&self, id: &str, live: &Json, desired: &Json, changed: &[&str]) -> Request {
        one_prefix(crate::resource::update(&META, id, live, desired, changed)).if_unchanged(live)
    }

    /// A range that somebody has an address of is not taken away, in whichever form it is said.
    fn fixed_in_use(&self, path: &str, after: &Value, live: &Value) -> Option<&'static str> {
        let (before, after) = (prefixes(live), prefixes(after));
        let lost = before.difference(&after).next().is_some();
        (path.starts_with(ONE_PREFIX) && lost).then_some(ANOTHER_SUBNET)
    }

    fn lane(&self, id: &str, _properties: &Json) -> Option<String> {
        Some(virtual_network::lane(id))
    }
}

/// The ranges of a subnet, in either form.
fn prefixes(fields: &Value) -> BTreeSet<&str> {
    let several = match fields.at("properties.addressPrefixes") {
        Some(Value::List(several)) => several.as_slice(),
        _ => &[],
    };
    let one = fields.at(ONE_PREFIX).into_iter();
    one.chain(several).filter_map(Value::as_str).collect()
}

/// Azure takes one prefix or a list of them: an empty list beside the one is not said.
fn one_prefix(mut request: Request) -> Request {
    let properties = request.body.as_mut().map(|body| &mut body["properties"]);
    if let Some(properties) = properties.and_then(Json::as_object_mut)
        && properties.get("addressPrefixes") == Some(&json!([]))
    {
        properties.remove("addressPrefixes");
    }
    request
}

/// The subnets of an environment's network.
pub(super) fn declare(place: &Place, sections: &Sections) -> Result<Vec<Resource>, AddressError> {
    let (Some(section), Some(group)) = (&sections.network, &sections.group) else {
        return Ok(Vec::new());
    };
    let network = place.address("network")?;
    let network_id = section.id(&place.group_id(&group.name));
    let subnets = section.subnets.iter().map(|(name, range)| {
        let address = network.child("subnet")?.child(name)?;
        let id = format!("{network_id}/subnets/{name}");
        let properties = Value::from(json!({ "properties": { "addressPrefix": range } }));
        Ok(Resource::new(place, &Subnet, address, id.into(), properties).inside(&network))
    });
    subnets.collect()
}

/// Azure's rules for subnets: names, ranges within the network's, none over another.
pub(super) fn check(place: &Place, sections: &Sections) -> Vec<Problem> {
    let Some(section) = &sections.network else {
        return Vec::new();
    };
    let mut problems = check_names(section);
    problems.extend(check_ranges(section));
    let wanted = private_services::of(place, sections);
    if let Some(service) = wanted.first()
        && !section.subnets.contains_key(&section.endpoint_subnet)
    {
        let name = &section.endpoint_subnet;
        problems.push(
            Problem::at(
                "network.subnets",
                format!(
                    "no subnet `{name}` for the private endpoint of `{}`",
                    service.key
                ),
            )
            .help("add it, or name another one as network.endpoint_subnet"),
        );
    }
    problems
}

fn path(name: &str) -> [&str; 3] {
    ["network", "subnets", name]
}

fn check_names(section: &NetworkSection) -> Vec<Problem> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fits = |name: &str| {
        (1..=80).contains(&name.len())
            && name.chars().all(plain)
            && !name.starts_with('-')
            && !name.ends_with('-')
    };
    let names = section.subnets.keys().filter(|name| !fits(name));
    names
        .map(|name| {
            Problem::below(path(name), format!("`{name}` is not a subnet name"))
                .help("1 to 80 lower-case letters, digits and hyphens, no hyphen at either end")
        })
        .collect()
}

fn check_ranges(section: &NetworkSection) -> Vec<Problem> {
    let space: Vec<Ipv4Net> = section
        .address_space
        .iter()
        .filter_map(|text| ranges::read(text).ok())
        .collect();
    // A space with a mistake in it may well have been meant to hold what seems to lie outside.
    let space_is_whole = space.len() == section.address_space.len();
    let mut problems = Vec::new();
    let mut seen: Vec<(&str, Ipv4Net)> = Vec::new();
    for (name, text) in &section.subnets {
        let range = match ranges::read(text) {
            Ok(range) => range,
            Err(wrong) => {
                problems.push(wrong.at(path(name)));
                continue;
            }
        };
        if space_is_whole && !space.iter().any(|whole| whole.contains(&range)) {
            let message = format!(
                "`{text}` lies outside the network's {}",
                section.address_space.join(", ")
            );
            let problem = Problem::below(path(name), message);
            problems.push(problem.clashing(["network", "address_space"]));
        }
        for (other, taken) in &seen {
            if ranges::overlap(taken, &range) {
                let message = format!("`{text}` overlaps `{taken}` of subnet `{other}`");
                problems.push(Problem::below(path(name), message).clashing(path(other)));
            }
        }
        seen.push((name, range));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(space: &str, subnets: &[(&str, &str)]) -> NetworkSection {
        NetworkSection {
            name: "vnet".into(),
            address_space: vec![space.into()],
            dns_servers: Vec::new(),
            subnets: subnets
                .iter()
                .map(|(name, range)| ((*name).to_owned(), (*range).to_owned()))
                .collect(),
            endpoint_subnet: "endpoints".into(),
        }
    }

    #[test]
    fn subnets_lie_in_the_network_and_apart() {
        let good = section("10.0.0.0/16", &[("a", "10.0.0.0/24"), ("b", "10.0.1.0/24")]);
        assert!(check_ranges(&good).is_empty());
        let bad = section(
            "10.0.0.0/16",
            &[
                ("a", "10.0.0.0/23"),
                ("b", "10.0.1.0/24"),
                ("c", "10.1.0.0/24"),
                ("d", "10.0.4.1/24"),
            ],
        );
        let problems = check_ranges(&bad);
        let said: Vec<&str> = problems.iter().map(|p| p.message.as_str()).collect();
        assert_eq!(
            said,
            [
                "`10.0.1.0/24` overlaps `10.0.0.0/23` of subnet `a`",
                "`10.1.0.0/24` lies outside the network's 10.0.0.0/16",
                "`10.0.4.1/24` does not begin where its range does",
            ]
        );
        assert_eq!(
            problems[0].first.as_deref(),
            Some(&path("a").map(String::from)[..])
        );
        assert_eq!(
            check_ranges(&section("nonsense", &[("a", "10.0.0.0/24")])),
            []
        );
    }

    #[test]
    fn names_can_stand_in_addresses() {
        let names = |name| check_names(&section("10.0.0.0/16", &[(name, "10.0.0.0/24")])).len();
        assert_eq!(names("node-pool-1"), 0);
        for bad in ["GatewaySubnet", "a_b", "-a", "a-", ""] {
            assert_eq!(names(bad), 1, "{bad}");
        }
    }

    #[test]
    fn a_used_range_stays_and_its_form_may_change() {
        let of = |one: Json, several: Json| {
            Value::from(json!({"properties": {"addressPrefix": one, "addressPrefixes": several}}))
        };
        let (a, b) = ("10.0.0.0/24", "10.0.1.0/24");
        let after = of(json!(a), json!([]));
        let fixed = |live: &Value| Subnet.fixed_in_use(ONE_PREFIX, &after, live).is_some();
        assert!(fixed(&of(json!(b), json!([]))));
        assert!(fixed(&of(json!(null), json!([a, b]))));
        assert!(!fixed(&of(json!(null), json!([a]))));
        let other = "properties.defaultOutboundAccess";
        let live = of(json!(b), json!([]));
        assert_eq!(Subnet.fixed_in_use(other, &after, &live), None);
    }

    #[test]
    fn one_form_of_the_range_is_sent() {
        let live = json!({
            "etag": "W/\"1\"",
            "properties": {"addressPrefixes": ["10.0.0.0/24"], "routeTable": {"id": "/r"}},
        });
        let desired =
            json!({"properties": {"addressPrefix": "10.0.0.0/24", "addressPrefixes": []}});
        let request = Subnet.update("/s", &live, &desired, &[]);
        assert!(request.is_conditional());
        let body = request.body.expect("a body");
        assert_eq!(body["properties"]["addressPrefix"], "10.0.0.0/24");
        assert!(body["properties"].get("addressPrefixes").is_none());
        assert_eq!(body["properties"]["routeTable"]["id"], "/r");
        let body = Subnet.create("/s", &desired).body.expect("a body");
        assert!(body["properties"].get("addressPrefixes").is_none());
    }
}
