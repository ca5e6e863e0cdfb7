//! `Microsoft.Network/virtualNetworks`: address space and, as parts of it, subnets.
//! <https://learn.microsoft.com/rest/api/virtualnetwork/virtual-networks>
//!
//! ## Why
//!
//! Subnets are objects of their own below the network. A PUT with `subnets` replaces all of
//! them; one that leaves the member out leaves them as they are. Network and subnets share
//! one etag, made of all their revisions.

use super::prefix::Prefix;
use super::provider::{self, DELETION, RUNNING, VERSIONS, WRITE, read, refuse};
use super::subnet::{self, Plan};
use super::{addresses, subnet_fields};
use crate::arm::{
    Action, ApiVersion, ArmError, Context, Deleted, Located, Meta, Placement, ResourceType,
    Started, Target, Written, set_state,
};
use crate::server::Answer;
use crate::state::{Moment, Object, Txn, World};
use crate::types::checks;
use axum::http::Method;
use serde_json::{Map, Value, json};
use uuid::Uuid;

pub struct VirtualNetwork;

/// The canonical type.
pub const KIND: &str = "Microsoft.Network/virtualNetworks";

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

static ACTIONS: &[Action] = &[
    Action {
        name: "CheckIPAddressAvailability",
        method: Method::GET,
        run: addresses::check,
    },
    Action {
        name: "usages",
        method: Method::GET,
        run: usages,
    },
];

const MEMBERS: &[&str] = &[
    "addressSpace",
    "dhcpOptions",
    "flowTimeoutInMinutes",
    "subnets",
    "virtualNetworkPeerings",
    "resourceGuid",
    "provisioningState",
    "enableDdosProtection",
    "enableVmProtection",
    "ddosProtectionPlan",
    "bgpCommunities",
    "encryption",
    "ipAllocations",
    "flowLogs",
    "privateEndpointVNetPolicies",
    "defaultPublicNatGateway",
];

impl ResourceType for VirtualNetwork {
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
        provider::unchanged(cx, &target.id, old.map(|old| etag(world, old)))?;
        let properties = read(checks::object(sent, "properties"))?;
        provider::only(&properties, MEMBERS, "VirtualNetworkPropertiesFormat")?;
        let space = address_space(&properties, &target.id)?;
        let mut kept = fields(&properties, &target.id)?;
        kept.insert("addressSpace".to_owned(), json!({"addressPrefixes": space}));
        let guid = old
            .and_then(|old| old.text("/properties/resourceGuid"))
            .map_or_else(|| Uuid::new_v4().to_string(), ToOwned::to_owned);
        kept.insert("resourceGuid".to_owned(), json!(guid));
        kept.insert("provisioningState".to_owned(), json!("Updating"));
        let plan = subnets(cx, world, target, &properties, &ranges(&space))?;
        let mut body = Map::new();
        body.insert("location".to_owned(), sent["location"].clone());
        if let Some(tags) = sent.get("tags").filter(|tags| tags.is_object()) {
            body.insert("tags".to_owned(), tags.clone());
        }
        body.insert("properties".to_owned(), Value::Object(kept));
        let mut hidden = provider::changed(&old.map_or(Value::Null, |old| old.hidden.clone()));
        hidden["plan"] = plan.to_value();
        Ok(Written {
            status: if old.is_some() { 200 } else { 201 },
            body,
            hidden,
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
        Ok(tagged(old, sent))
    }

    fn delete(&self, _cx: &Context<'_>, world: &World, old: &Object) -> Result<Deleted, ArmError> {
        for subnet in subnet::of(world, &old.key()) {
            subnet::not_used(world, subnet)?;
        }
        Ok(Deleted::Later {
            pattern: &DELETION,
            shown: false,
        })
    }

    fn view(&self, object: &Object, world: &World, api: &ApiVersion) -> Value {
        let mut body = object.body.clone();
        body["etag"] = json!(etag(world, object));
        let state = object.text("/properties/provisioningState");
        let subnets: Vec<Value> = subnet::of(world, &object.key())
            .map(|part| {
                let mut shown = subnet::show(part, world, api);
                if state == Some("Updating") {
                    subnet_fields::set_state(&mut shown, "Updating");
                }
                shown
            })
            .collect();
        let properties = &mut body["properties"];
        properties["subnets"] = json!(subnets);
        properties["virtualNetworkPeerings"] = json!([]);
        if api.date() < "2020-11-01" {
            if properties.get("enableVmProtection").is_none() {
                properties["enableVmProtection"] = json!(false);
            }
        } else if let Some(properties) = properties.as_object_mut() {
            properties.remove("enableVmProtection");
        }
        body
    }

    fn answered(&self, cx: &Context<'_>, _world: &World, _object: &Object, answer: &mut Answer) {
        provider::etag_header(cx, answer);
    }

    fn settle(&self, object: &mut Object, _now: Moment) {
        object.hidden = provider::changed(&object.hidden);
        set_state(object, "Succeeded");
    }

    fn stored(&self, cx: &Context<'_>, txn: &mut Txn<'_>, object: &Object) {
        let Some(stored) = txn.world().object(&object.key()).cloned() else {
            return;
        };
        let mut network = Object::clone(&stored);
        let plan = network
            .hidden
            .as_object_mut()
            .and_then(|hidden| hidden.remove("plan"));
        if let Some(plan) = plan {
            Plan::from_value(&plan).carry_out(txn, &network, cx.now);
            txn.put(network);
        }
    }

    fn turns(&self, target: &Target) -> Option<String> {
        Some(target.key.clone())
    }

    fn busy(&self, _target: &Target, running: &str) -> ArmError {
        busy(running)
    }

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }
}

/// How a write is refused while another one on the network runs.
pub fn busy(running: &str) -> ArmError {
    refuse(
        409,
        "AnotherOperationInProgress",
        format!(
            "Another operation on this or dependent resource is in progress. To retrieve status of the operation use uri: {running}."
        ),
    )
}

/// A PATCH: it changes tags only.
pub fn tagged(old: &Object, sent: &Map<String, Value>) -> Written {
    let mut body = old.body.as_object().cloned().unwrap_or_default();
    if let Some(tags) = sent.get("tags").filter(|tags| tags.is_object()) {
        body.insert("tags".to_owned(), tags.clone());
    }
    Written {
        status: 200,
        body,
        hidden: provider::changed(&old.hidden),
        started: None,
    }
}

/// The etag of a network and of all its subnets.
pub fn etag(world: &World, network: &Object) -> String {
    let mut parts = vec![network.key(), provider::revision(network).to_string()];
    parts.extend(
        network
            .text("/properties/resourceGuid")
            .map(ToOwned::to_owned),
    );
    for part in subnet::of(world, &network.key()) {
        parts.push(format!("{} {}", part.key(), provider::revision(part)));
    }
    provider::etag(&parts)
}

/// The network's ranges.
pub fn space_of(network: &Object) -> Vec<Prefix> {
    let list = network.body["properties"]["addressSpace"]["addressPrefixes"].as_array();
    list.into_iter()
        .flatten()
        .filter_map(|text| Prefix::parse(text.as_str()?))
        .collect()
}

fn ranges(space: &[String]) -> Vec<Prefix> {
    space
        .iter()
        .filter_map(|text| Prefix::parse(text))
        .collect()
}

/// `addressSpace.addressPrefixes`: at least one range, and none twice.
fn address_space(properties: &Map<String, Value>, id: &str) -> Result<Vec<String>, ArmError> {
    let space = read(checks::object(properties, "addressSpace"))?;
    let list = read(checks::list(&space, "addressPrefixes"))?.unwrap_or_default();
    let mut texts: Vec<String> = Vec::new();
    let mut seen: Vec<Prefix> = Vec::new();
    for value in &list {
        let text = value.as_str().unwrap_or_default();
        let prefix = subnet_fields::prefix(text, id)?;
        if let Some(other) = seen.iter().find(|other| other.overlaps(&prefix)) {
            return Err(refuse(
                400,
                "NetcfgInvalidVirtualNetworkSite",
                format!(
                    "Address prefix {text} of resource {id} overlaps with its address prefix {other}."
                ),
            ));
        }
        seen.push(prefix);
        texts.push(text.to_owned());
    }
    if texts.is_empty() {
        return Err(refuse(
            400,
            "InvalidRequestFormat",
            format!("The address space of resource {id} must have at least one address prefix."),
        ));
    }
    Ok(texts)
}

/// What the subnets are to become.
fn subnets(
    cx: &Context<'_>,
    world: &World,
    target: &Target,
    properties: &Map<String, Value>,
    space: &[Prefix],
) -> Result<Plan, ArmError> {
    match read(checks::list(properties, "subnets"))? {
        Some(list) => Plan::read(cx, world, &target.id, &list, space),
        None => {
            for part in subnet::of(world, &target.key) {
                subnet::fits(part.name(), &target.id, &addresses::prefixes(part), space)?;
            }
            Ok(Plan::default())
        }
    }
}

/// All other members.
fn fields(properties: &Map<String, Value>, id: &str) -> Result<Map<String, Value>, ArmError> {
    let mut kept = Map::new();
    let ddos = read(checks::flag(properties, "enableDdosProtection"))?.unwrap_or(false);
    kept.insert("enableDdosProtection".to_owned(), json!(ddos));
    if let Some(vm) = read(checks::flag(properties, "enableVmProtection"))? {
        kept.insert("enableVmProtection".to_owned(), json!(vm));
    }
    if properties.get("dhcpOptions").is_some_and(Value::is_object) {
        let servers = properties["dhcpOptions"].get("dnsServers").cloned();
        let servers = servers.filter(Value::is_array).unwrap_or_else(|| json!([]));
        kept.insert("dhcpOptions".to_owned(), json!({"dnsServers": servers}));
    }
    if let Some(minutes) = read(checks::number(properties, "flowTimeoutInMinutes"))? {
        if !(4..=30).contains(&minutes) {
            return Err(refuse(
                400,
                "InvalidFlowTimeoutInMinutes",
                format!("The flow timeout of resource {id} must be between 4 and 30 minutes."),
            ));
        }
        kept.insert("flowTimeoutInMinutes".to_owned(), json!(minutes));
    }
    let encryption = read(checks::object(properties, "encryption"))?;
    if !encryption.is_empty() {
        if encryption.get("enabled").is_none() || encryption.get("enforcement").is_none() {
            return Err(refuse(
                400,
                "MustSpecifyBothEncryptionIntentAndEnforcementPolicy",
                format!(
                    "Cannot encrypt VirtualNetwork {id} unless both encryption intent (Enabled true or false) and enforcement policy (AllowUnencrypted or DropUnencrypted) are specified."
                ),
            ));
        }
        kept.insert("encryption".to_owned(), Value::Object(encryption));
    }
    for name in [
        "ddosProtectionPlan",
        "bgpCommunities",
        "privateEndpointVNetPolicies",
    ] {
        if let Some(value) = properties.get(name).filter(|value| !value.is_null()) {
            kept.insert(name.to_owned(), value.clone());
        }
    }
    let peerings = read(checks::list(properties, "virtualNetworkPeerings"))?.unwrap_or_default();
    if !peerings.is_empty() {
        return Err(refuse(
            400,
            "OperationNotSupported",
            "This emulator does not play peerings of virtual networks.",
        ));
    }
    Ok(kept)
}

/// `GET {network}/usages`
fn usages(_cx: &Context<'_>, txn: &mut Txn<'_>, network: &Object) -> Result<Answer, ArmError> {
    let world = txn.world();
    let value: Vec<Value> = subnet::of(world, &network.key())
        .map(|part| {
            let limit: usize = addresses::prefixes(part)
                .iter()
                .filter(|prefix| prefix.is_v4())
                .map(|prefix| (1usize << (32 - prefix.length())).saturating_sub(5))
                .sum();
            json!({
                "id": part.id,
                "currentValue": addresses::configurations(world, &part.key()).count(),
                "limit": limit,
                "name": {"value": "SubnetSpace", "localizedValue": "Subnet size and usage"},
                "unit": "Count",
            })
        })
        .collect();
    Ok(Answer::json(200, json!({ "value": value })))
}
