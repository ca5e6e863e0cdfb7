//! `Microsoft.Network/virtualNetworks/subnets`.
//! <https://learn.microsoft.com/rest/api/virtualnetwork/subnets>

use super::prefix::Prefix;
use super::provider::{self, DELETION, RUNNING, VERSIONS, WRITE, refuse};
use super::{addresses, subnet_fields, virtual_network};
use crate::arm::{
    ApiVersion, ArmError, Context, Deleted, Located, Meta, Placement, ResourceType, Started,
    Target, Written, set_state,
};
use crate::server::Answer;
use crate::state::{Moment, Object, Txn, World};
use serde_json::{Map, Value, json};

pub use super::subnet_plan::Plan;

pub struct Subnet;

/// The canonical type.
pub const KIND: &str = "Microsoft.Network/virtualNetworks/subnets";

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

impl ResourceType for Subnet {
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
        let network = target
            .parent
            .as_ref()
            .and_then(|key| world.object(key))
            .ok_or_else(|| provider::not_found(&target.id))?;
        let stands = old.map(|_| virtual_network::etag(world, network));
        provider::unchanged(cx, &target.id, stands)?;
        let mut properties = subnet_fields::read_sent(cx, world, &target.id, sent)?;
        let ranges = subnet_fields::ranges(&properties);
        fits(
            target.name(),
            &network.id,
            &ranges,
            &virtual_network::space_of(network),
        )?;
        for other in of(world, &network.key()).filter(|other| other.key() != target.key) {
            apart(
                target.name(),
                &network.id,
                &ranges,
                &addresses::prefixes(other),
            )?;
        }
        if let Some(old) = old {
            keeps_used_ranges(world, old, &ranges)?;
        }
        let same = old.is_some_and(|old| subnet_fields::same(&old.body, &properties));
        let state = if same { "Succeeded" } else { "Updating" };
        properties.insert("provisioningState".to_owned(), json!(state));
        let mut body = Map::new();
        body.insert("properties".to_owned(), Value::Object(properties));
        let before = old.map_or(Value::Null, |old| old.hidden.clone());
        let mut hidden = if same {
            before
        } else {
            provider::changed(&before)
        };
        hidden["location"] = json!(network.location());
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

    fn delete(&self, _cx: &Context<'_>, world: &World, old: &Object) -> Result<Deleted, ArmError> {
        not_used(world, old)?;
        Ok(Deleted::Later {
            pattern: &DELETION,
            shown: false,
        })
    }

    fn view(&self, object: &Object, world: &World, api: &ApiVersion) -> Value {
        show(object, world, api)
    }

    fn answered(&self, cx: &Context<'_>, _world: &World, _object: &Object, answer: &mut Answer) {
        provider::etag_header(cx, answer);
    }

    fn settle(&self, object: &mut Object, _now: Moment) {
        if object.text("/properties/provisioningState") != Some("Succeeded") {
            object.hidden = provider::changed(&object.hidden);
        }
        set_state(object, "Succeeded");
    }

    fn leaving(&self, txn: &mut Txn<'_>, object: &Object, _now: Moment) {
        // The network's etag is made of its subnets': it must not fall back to an old one.
        let Some(network) = txn.world().object(&network_of(object)).cloned() else {
            return;
        };
        let mut network = Object::clone(&network);
        network.hidden = provider::changed(&network.hidden);
        txn.put(network);
    }

    fn not_found(&self, target: &Target) -> ArmError {
        provider::not_found(&target.id)
    }

    fn turns(&self, target: &Target) -> Option<String> {
        target.parent.clone()
    }

    fn busy(&self, _target: &Target, running: &str) -> ArmError {
        virtual_network::busy(running)
    }
}

/// The subnets of a network, by name.
pub fn of<'a>(world: &'a World, network: &str) -> impl Iterator<Item = &'a Object> + use<'a> {
    let prefix = format!("{network}/subnets/");
    world
        .of_kind_under(KIND, &prefix)
        .map(|(_, object)| object.as_ref())
}

/// Key of the network that a subnet is part of.
pub fn network_of(subnet: &Object) -> String {
    let key = subnet.key();
    key.rsplitn(3, '/').nth(2).unwrap_or_default().to_owned()
}

/// The subnet as an api-version shows it.
pub fn show(object: &Object, world: &World, api: &ApiVersion) -> Value {
    let etag = world
        .object(&network_of(object))
        .map_or_else(String::new, |network| virtual_network::etag(world, network));
    let mut body = subnet_fields::shown(object, &etag, api);
    let key = object.key();
    let (mut configurations, mut endpoints) = (Vec::new(), Vec::new());
    for configuration in addresses::configurations(world, &key) {
        configurations.push(json!({"id": configuration["id"]}));
    }
    for (_, endpoint) in world.naming(&key, super::private_endpoint::KIND) {
        if endpoint
            .text("/properties/subnet/id")
            .is_some_and(|id| id.eq_ignore_ascii_case(&key))
        {
            endpoints.push(json!({"id": endpoint.id}));
        }
    }
    for (name, list) in [
        ("ipConfigurations", configurations),
        ("privateEndpoints", endpoints),
    ] {
        if !list.is_empty() {
            body["properties"][name] = json!(list);
        }
    }
    body
}

/// Every range of a subnet must lie in one of the network's.
pub fn fits(
    name: &str,
    network: &str,
    ranges: &[Prefix],
    space: &[Prefix],
) -> Result<(), ArmError> {
    if ranges
        .iter()
        .all(|range| space.iter().any(|whole| whole.covers(range)))
    {
        return Ok(());
    }
    Err(refuse(
        400,
        "NetcfgInvalidSubnet",
        format!(
            "Subnet '{name}' is not valid in virtual network '{}'.",
            last(network)
        ),
    ))
}

/// No range of a subnet may overlap with one of another.
pub fn apart(
    name: &str,
    network: &str,
    ranges: &[Prefix],
    other: &[Prefix],
) -> Result<(), ArmError> {
    if !ranges
        .iter()
        .any(|range| other.iter().any(|o| o.overlaps(range)))
    {
        return Ok(());
    }
    Err(refuse(
        400,
        "NetcfgSubnetRangesOverlap",
        format!(
            "Subnet '{name}' is not valid because its IP address range overlaps with that of an existing subnet in virtual network '{}'.",
            last(network)
        ),
    ))
}

fn last(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or_default()
}

/// A subnet that somebody stands in does not go.
pub fn not_used(world: &World, subnet: &Object) -> Result<(), ArmError> {
    let users = addresses::users(world, &subnet.key());
    if users.is_empty() {
        return Ok(());
    }
    Err(refuse(
        400,
        "InUseSubnetCannotBeDeleted",
        format!(
            "Subnet {} is in use by {} and cannot be deleted. In order to delete the subnet, delete all the resources within the subnet. See aka.ms/deletesubnet.",
            subnet.name(),
            users.join(", ")
        ),
    ))
}

/// A range with addresses in use stays as it is.
pub fn keeps_used_ranges(world: &World, old: &Object, ranges: &[Prefix]) -> Result<(), ArmError> {
    let lost = addresses::prefixes(old)
        .into_iter()
        .find(|before| !ranges.contains(before));
    match lost {
        Some(lost) if !addresses::users(world, &old.key()).is_empty() => Err(refuse(
            400,
            "InUsePrefixCannotBeDeleted",
            format!(
                "IpPrefix {lost} on Subnet {} has active allocations and cannot be deleted.",
                old.name()
            ),
        )),
        _ => Ok(()),
    }
}
