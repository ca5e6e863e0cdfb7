//! A subnet's members: what a body may say, and what is shown of it.

use super::prefix::Prefix;
use super::provider::{self, read, refuse};
use crate::arm::{ApiVersion, ArmError, Context};
use crate::state::{Object, World};
use crate::types::checks;
use serde_json::{Map, Value, json};

const MEMBERS: &[&str] = &[
    "addressPrefix",
    "addressPrefixes",
    "networkSecurityGroup",
    "routeTable",
    "natGateway",
    "serviceEndpoints",
    "serviceEndpointPolicies",
    "privateEndpoints",
    "ipConfigurations",
    "ipConfigurationProfiles",
    "ipAllocations",
    "resourceNavigationLinks",
    "serviceAssociationLinks",
    "delegations",
    "purpose",
    "provisioningState",
    "privateEndpointNetworkPolicies",
    "privateLinkServiceNetworkPolicies",
    "applicationGatewayIPConfigurations",
    "sharingScope",
    "defaultOutboundAccess",
    "ipamPoolPrefixAllocations",
];

/// The longest IPv4 prefix that leaves an address to use.
const NARROWEST: u8 = 29;

/// Since when subnets do without network policies for private endpoints by default.
const NO_POLICIES_SINCE: &str = "2022-01-01";

/// Since when subnets tell their pool allocations.
const POOLS_SINCE: &str = "2024-01-01";

/// What a subnet may be delegated to where the actions are not the usual ones.
const DELEGATIONS: &[(&str, &[&str])] = &[
    ("Microsoft.Web/serverFarms", &[ACTION]),
    ("Microsoft.ContainerInstance/containerGroups", &[ACTION]),
    ("Microsoft.ServiceFabricMesh/networks", &[ACTION]),
    ("Microsoft.Logic/integrationServiceEnvironments", &[ACTION]),
    ("Microsoft.Batch/batchAccounts", &[ACTION]),
    (
        "Microsoft.Netapp/volumes",
        &["Microsoft.Network/networkinterfaces/*", JOIN],
    ),
    (
        "Microsoft.HardwareSecurityModules/dedicatedHSMs",
        &["Microsoft.Network/networkinterfaces/*", JOIN],
    ),
    (
        "Microsoft.Sql/managedInstances",
        &[
            JOIN,
            "Microsoft.Network/virtualNetworks/subnets/prepareNetworkPolicies/action",
            "Microsoft.Network/virtualNetworks/subnets/unprepareNetworkPolicies/action",
        ],
    ),
];

const ACTION: &str = "Microsoft.Network/virtualNetworks/subnets/action";
const JOIN: &str = "Microsoft.Network/virtualNetworks/subnets/join/action";

/// A range as the provider reads it.
pub fn prefix(text: &str, id: &str) -> Result<Prefix, ArmError> {
    let prefix = Prefix::parse(text).ok_or_else(|| {
        refuse(
            400,
            "InvalidAddressPrefixFormat",
            format!(
                "Address prefix {text} of resource {id} is not formatted correctly. It should follow CIDR notation, for example 10.0.0.0/24."
            ),
        )
    })?;
    let clean = prefix.clean();
    if clean != prefix {
        return Err(refuse(
            400,
            "InvalidCIDRNotation",
            format!(
                "The address prefix {text} in resource {id} has an invalid CIDR notation. For the given prefix length, the address prefix should be {clean}."
            ),
        ));
    }
    Ok(prefix)
}

/// The ranges in read properties.
pub fn ranges(properties: &Map<String, Value>) -> Vec<Prefix> {
    let list = properties.get("addressPrefixes").and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .chain(properties.get("addressPrefix"))
        .filter_map(|text| Prefix::parse(text.as_str()?))
        .collect()
}

/// Reads a subnet's body; what is left out is reset.
pub fn read_sent(
    cx: &Context<'_>,
    world: &World,
    id: &str,
    sent: &Map<String, Value>,
) -> Result<Map<String, Value>, ArmError> {
    let properties = read(checks::object(sent, "properties"))?;
    provider::only(&properties, MEMBERS, "SubnetPropertiesFormat")?;
    let mut kept = address_prefixes(&properties, id)?;
    for name in ["networkSecurityGroup", "routeTable", "natGateway"] {
        let value = properties.get(name).unwrap_or(&Value::Null);
        if let Some((referenced, _)) = provider::referenced(world, value, name, id)? {
            kept.insert(name.to_owned(), json!({"id": referenced}));
        }
    }
    if let Some(outbound) = read(checks::flag(&properties, "defaultOutboundAccess"))? {
        kept.insert("defaultOutboundAccess".to_owned(), json!(outbound));
    }
    let open = if cx.api.date() < NO_POLICIES_SINCE {
        "Enabled"
    } else {
        "Disabled"
    };
    for (name, words, usual) in [
        ("privateEndpointNetworkPolicies", ENDPOINT_POLICIES, open),
        (
            "privateLinkServiceNetworkPolicies",
            SERVICE_POLICIES,
            "Enabled",
        ),
    ] {
        let word = read(checks::word(&properties, name, words))?.unwrap_or(usual);
        kept.insert(name.to_owned(), json!(word));
    }
    let delegations = delegations(&read(checks::list(&properties, "delegations"))?)?;
    kept.insert("delegations".to_owned(), delegations);
    if let Some(list) = read(checks::list(&properties, "serviceEndpoints"))?
        && !list.is_empty()
    {
        kept.insert("serviceEndpoints".to_owned(), service_endpoints(&list)?);
    }
    for name in ["serviceEndpointPolicies", "sharingScope"] {
        if let Some(value) = properties.get(name).filter(|value| !value.is_null()) {
            kept.insert(name.to_owned(), value.clone());
        }
    }
    Ok(kept)
}

const ENDPOINT_POLICIES: &[&str] = &[
    "Enabled",
    "Disabled",
    "NetworkSecurityGroupEnabled",
    "RouteTableEnabled",
];
const SERVICE_POLICIES: &[&str] = &["Enabled", "Disabled"];

fn address_prefixes(
    properties: &Map<String, Value>,
    id: &str,
) -> Result<Map<String, Value>, ArmError> {
    let one = read(checks::text(properties, "addressPrefix"))?;
    let many = read(checks::list(properties, "addressPrefixes"))?.filter(|list| !list.is_empty());
    let texts: Vec<&str> = match &many {
        Some(list) => list
            .iter()
            .map(|text| text.as_str().unwrap_or_default())
            .collect(),
        None => one.into_iter().collect(),
    };
    if texts.is_empty() {
        return Err(refuse(
            400,
            "InvalidRequestFormat",
            format!("The address prefix of resource {id} must be provided."),
        ));
    }
    for text in &texts {
        let range = prefix(text, id)?;
        if range.is_v4() && range.length() > NARROWEST {
            return Err(refuse(
                400,
                "NetcfgInvalidSubnet",
                format!(
                    "The address prefix {text} of resource {id} is too small: it must be /{NARROWEST} or larger."
                ),
            ));
        }
    }
    let mut kept = Map::new();
    match many {
        Some(list) => kept.insert("addressPrefixes".to_owned(), Value::Array(list)),
        None => kept.insert("addressPrefix".to_owned(), json!(one)),
    };
    Ok(kept)
}

fn delegations(list: &Option<Vec<Value>>) -> Result<Value, ArmError> {
    let mut kept = Vec::new();
    for item in list.iter().flatten() {
        let (Some(name), Some(service)) = (
            item["name"].as_str(),
            item["properties"]["serviceName"].as_str(),
        ) else {
            return Err(provider::unreadable(
                "Required property 'serviceName' not found in JSON. Path 'properties.delegations[0]', line 1, position 1.",
            ));
        };
        kept.push(json!({"name": name, "serviceName": service}));
    }
    Ok(Value::Array(kept))
}

fn service_endpoints(list: &[Value]) -> Result<Value, ArmError> {
    let mut kept = Vec::new();
    for item in list {
        let service = item["service"].as_str().ok_or_else(|| {
            provider::unreadable(
                "Required property 'service' not found in JSON. Path 'properties.serviceEndpoints[0]', line 1, position 1.",
            )
        })?;
        let locations = item.get("locations").filter(|list| list.is_array());
        let mut endpoint = json!({
            "service": service,
            "locations": locations.cloned().unwrap_or_else(|| json!(["*"])),
        });
        if let Some(identifier) = item.get("networkIdentifier").filter(|id| id.is_object()) {
            endpoint["networkIdentifier"] = identifier.clone();
        }
        kept.push(endpoint);
    }
    Ok(Value::Array(kept))
}

/// Whether a stored subnet already is as `properties` say.
pub fn same(body: &Value, properties: &Map<String, Value>) -> bool {
    let mut before = body["properties"].as_object().cloned().unwrap_or_default();
    before.remove("provisioningState") == Some(json!("Succeeded")) && before == *properties
}

/// The subnet with all that is derived from it.
pub fn shown(object: &Object, etag: &str, api: &ApiVersion) -> Value {
    let mut body = object.body.clone();
    body["etag"] = json!(etag);
    let properties = &mut body["properties"];
    let list = properties["delegations"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let delegations: Vec<Value> = list
        .iter()
        .map(|delegation| {
            let name = delegation["name"].as_str().unwrap_or_default();
            let service = delegation["serviceName"].as_str().unwrap_or_default();
            let actions = DELEGATIONS
                .iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(service))
                .map_or(&[JOIN] as &[&str], |(_, actions)| actions);
            json!({
                "name": name,
                "id": format!("{}/delegations/{name}", object.id),
                "etag": etag,
                "properties": {
                    "provisioningState": "Succeeded",
                    "serviceName": service,
                    "actions": actions,
                },
                "type": "Microsoft.Network/virtualNetworks/subnets/delegations",
            })
        })
        .collect();
    properties["delegations"] = json!(delegations);
    if api.date() >= POOLS_SINCE {
        properties["ipamPoolPrefixAllocations"] = json!([]);
    }
    let state = object
        .text("/properties/provisioningState")
        .unwrap_or("Succeeded");
    set_state(&mut body, state);
    body
}

/// Sets the state of a shown subnet and of its service endpoints.
pub fn set_state(shown: &mut Value, state: &str) {
    shown["properties"]["provisioningState"] = json!(state);
    if let Some(list) = shown["properties"]
        .get_mut("serviceEndpoints")
        .and_then(Value::as_array_mut)
    {
        for endpoint in list {
            endpoint["provisioningState"] = json!(state);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_written_cleanly() {
        assert_eq!(prefix("10.0.3.0/24", "/x").unwrap().length(), 24);
        let wrong = prefix("10.0.3.5/24", "/x").unwrap_err();
        assert_eq!(wrong.code, "InvalidCIDRNotation");
        assert!(
            wrong.message.contains("should be 10.0.3.0/24"),
            "{}",
            wrong.message
        );
        let wrong = prefix("10.0.4.0/24--no-wait", "/x").unwrap_err();
        assert_eq!(wrong.code, "InvalidAddressPrefixFormat");
    }

    #[test]
    fn one_or_many_prefixes_and_none_too_small() {
        let read = |body: Value| address_prefixes(body.as_object().unwrap(), "/x");
        assert_eq!(
            read(json!({"addressPrefix": "10.0.0.0/24"})).unwrap()["addressPrefix"],
            "10.0.0.0/24"
        );
        let many = json!({"addressPrefixes": ["10.0.0.0/24", "fd00::/64"]});
        assert_eq!(ranges(&read(many).unwrap()).len(), 2);
        for wrong in [
            json!({}),
            json!({"addressPrefix": "10.0.0.0/30"}),
            json!({"addressPrefix": 1}),
        ] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
