//! `Microsoft.Network/networkSecurityGroups`: custom rules and the six that Azure adds.
//! <https://learn.microsoft.com/rest/api/virtualnetwork/network-security-groups>

use super::provider::{self, DELETION, RUNNING, VERSIONS, WRITE, read, refuse};
use super::{network_interface, subnet, virtual_network};
use crate::arm::{
    ApiVersion, ArmError, Context, Deleted, Located, Meta, Placement, ResourceType, Started,
    Target, Written, set_state,
};
use crate::server::Answer;
use crate::state::{Moment, Object, World};
use crate::types::checks;
use serde_json::{Map, Value, json};
use uuid::Uuid;

pub struct SecurityGroup;

const KIND: &str = "Microsoft.Network/networkSecurityGroups";

static META: Meta = Meta {
    kind: KIND,
    api_versions: VERSIONS,
    placement: Placement::Group,
    location: Located::Regional,
    tracked: true,
    system_data: None,
    lockable: true,
    members: &[],
};

/// A rule that every group has: name, description, from, to, access, priority, direction.
type DefaultRule = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    u32,
    &'static str,
);

const DEFAULT_RULES: &[DefaultRule] = &[
    (
        "AllowVnetInBound",
        "Allow inbound traffic from all VMs in VNET",
        "VirtualNetwork",
        "VirtualNetwork",
        "Allow",
        65000,
        "Inbound",
    ),
    (
        "AllowAzureLoadBalancerInBound",
        "Allow inbound traffic from azure load balancer",
        "AzureLoadBalancer",
        "*",
        "Allow",
        65001,
        "Inbound",
    ),
    (
        "DenyAllInBound",
        "Deny all inbound traffic",
        "*",
        "*",
        "Deny",
        65500,
        "Inbound",
    ),
    (
        "AllowVnetOutBound",
        "Allow outbound traffic from all VMs to all VMs in VNET",
        "VirtualNetwork",
        "VirtualNetwork",
        "Allow",
        65000,
        "Outbound",
    ),
    (
        "AllowInternetOutBound",
        "Allow outbound traffic from all VMs to Internet",
        "*",
        "Internet",
        "Allow",
        65001,
        "Outbound",
    ),
    (
        "DenyAllOutBound",
        "Deny all outbound traffic",
        "*",
        "*",
        "Deny",
        65500,
        "Outbound",
    ),
];

impl ResourceType for SecurityGroup {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn put(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _target: &Target,
        old: Option<&Object>,
        sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        let properties = read(checks::object(sent, "properties"))?;
        let rules = rules(&properties)?;
        let guid = old
            .and_then(|old| old.text("/properties/resourceGuid"))
            .map_or_else(|| Uuid::new_v4().to_string(), ToOwned::to_owned);
        let mut body = Map::new();
        body.insert("location".to_owned(), sent["location"].clone());
        if let Some(tags) = sent.get("tags").filter(|tags| tags.is_object()) {
            body.insert("tags".to_owned(), tags.clone());
        }
        let kept = json!({
            "provisioningState": "Updating",
            "resourceGuid": guid,
            "securityRules": rules,
        });
        body.insert("properties".to_owned(), kept);
        Ok(Written {
            status: if old.is_some() { 200 } else { 201 },
            body,
            hidden: provider::changed(&old.map_or(Value::Null, |old| old.hidden.clone())),
            started: Some(Started {
                pattern: &WRITE,
                word: RUNNING,
            }),
        })
    }

    fn patch(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _target: &Target,
        old: &Object,
        sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        Ok(virtual_network::tagged(old, sent))
    }

    fn delete(&self, _cx: &Context<'_>, world: &World, old: &Object) -> Result<Deleted, ArmError> {
        let users = users(world, old);
        if users.is_empty() {
            return Ok(Deleted::Later {
                pattern: &DELETION,
                shown: false,
            });
        }
        Err(refuse(
            400,
            "InUseNetworkSecurityGroupCannotBeDeleted",
            format!(
                "Network security group {} cannot be deleted because it is in use by the following resources: {}. In order to delete the Network security group, remove the association with the resource(s). To learn how to do this, see aka.ms/deletensg.",
                old.id,
                users.join(", ")
            ),
        ))
    }

    fn view(&self, object: &Object, world: &World, _api: &ApiVersion) -> Value {
        let etag = provider::own_etag(object);
        let mut body = object.body.clone();
        body["etag"] = json!(etag);
        let state = body["properties"]["provisioningState"].clone();
        let part = |list: &str, name: &str, mut properties: Value| {
            properties["provisioningState"] = state.clone();
            json!({
                "name": name,
                "id": format!("{}/{list}/{name}", object.id),
                "etag": etag,
                "type": format!("{KIND}/{list}"),
                "properties": properties,
            })
        };
        let custom: Vec<Value> = object.body["properties"]["securityRules"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|rule| {
                let name = rule["name"].as_str().unwrap_or_default();
                part("securityRules", name, rule["properties"].clone())
            })
            .collect();
        let usual: Vec<Value> = DEFAULT_RULES
            .iter()
            .map(|rule| part("defaultSecurityRules", rule.0, default_rule(rule)))
            .collect();
        body["properties"]["securityRules"] = json!(custom);
        body["properties"]["defaultSecurityRules"] = json!(usual);
        for (name, kind) in [
            ("subnets", subnet::KIND),
            ("networkInterfaces", network_interface::KIND),
        ] {
            let users: Vec<Value> = linked(world, object, kind)
                .map(|id| json!({"id": id}))
                .collect();
            if !users.is_empty() {
                body["properties"][name] = json!(users);
            }
        }
        body
    }

    fn answered(&self, cx: &Context<'_>, _world: &World, _object: &Object, answer: &mut Answer) {
        provider::etag_header(cx, answer);
    }

    fn taken_for_granted(&self) -> bool {
        true
    }

    fn settle(&self, object: &mut Object, _now: Moment) {
        object.hidden = provider::changed(&object.hidden);
        set_state(object, "Succeeded");
    }
}

/// Ids of objects of a type that name the group.
fn linked<'a>(
    world: &'a World,
    group: &Object,
    kind: &'static str,
) -> impl Iterator<Item = &'a str> + use<'a> {
    let key = group.key();
    world
        .naming(&key.clone(), kind)
        .filter(move |(_, object)| {
            object
                .text("/properties/networkSecurityGroup/id")
                .is_some_and(|id| id.eq_ignore_ascii_case(&key))
        })
        .map(|(_, object)| object.id.as_str())
}

fn users(world: &World, group: &Object) -> Vec<String> {
    [network_interface::KIND, subnet::KIND]
        .into_iter()
        .flat_map(|kind| linked(world, group, kind))
        .map(ToOwned::to_owned)
        .collect()
}

fn default_rule(rule: &DefaultRule) -> Value {
    let (_, description, from, to, access, priority, direction) = rule;
    json!({
        "description": description,
        "protocol": "*",
        "sourcePortRange": "*",
        "destinationPortRange": "*",
        "sourceAddressPrefix": from,
        "destinationAddressPrefix": to,
        "access": access,
        "priority": priority,
        "direction": direction,
        "sourcePortRanges": [],
        "destinationPortRanges": [],
        "sourceAddressPrefixes": [],
        "destinationAddressPrefixes": [],
    })
}

/// Custom rules: named, with a priority that is free in its direction.
fn rules(properties: &Map<String, Value>) -> Result<Vec<Value>, ArmError> {
    let list = read(checks::list(properties, "securityRules"))?.unwrap_or_default();
    let mut kept: Vec<Value> = Vec::new();
    for item in list {
        let rule = item["properties"].as_object().cloned().unwrap_or_default();
        let name = item["name"].as_str().unwrap_or_default();
        for (member, words) in [
            ("access", &["Allow", "Deny"] as &[&'static str]),
            ("direction", &["Inbound", "Outbound"]),
            ("protocol", &["*", "Tcp", "Udp", "Icmp", "Esp", "Ah"]),
        ] {
            if name.is_empty() || read(checks::word(&rule, member, words))?.is_none() {
                return Err(provider::unreadable(format!(
                    "Required property '{member}' not found in JSON. Path 'properties.securityRules', line 1, position 1."
                )));
            }
        }
        let priority = read(checks::number(&rule, "priority"))?.unwrap_or_default();
        if !(100..=4096).contains(&priority) {
            return Err(refuse(
                400,
                "SecurityRuleInvalidPriority",
                format!(
                    "Security rule has invalid Priority. Value provided: {priority} Allowed range 100-4096."
                ),
            ));
        }
        let clash = kept.iter().find(|other| {
            other["properties"]["priority"] == json!(priority)
                && other["properties"]["direction"] == rule["direction"]
        });
        if let Some(other) = clash {
            return Err(refuse(
                400,
                "SecurityRuleConflict",
                format!(
                    "Security rule {} conflicts with rule {name}. Rules cannot have the same Priority and Direction. To learn more, see https://aka.ms/nsgrules.",
                    other["name"].as_str().unwrap_or_default()
                ),
            ));
        }
        let mut rule = Value::Object(rule);
        for list in [
            "sourcePortRanges",
            "destinationPortRanges",
            "sourceAddressPrefixes",
            "destinationAddressPrefixes",
        ] {
            if !rule[list].is_array() {
                rule[list] = json!([]);
            }
        }
        kept.push(json!({"name": name, "properties": rule}));
    }
    Ok(kept)
}
