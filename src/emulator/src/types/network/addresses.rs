//! Who uses which address of a subnet, and which ones are free.

use super::prefix::Prefix;
use super::{network_interface, provider, subnet};
use crate::arm::{ArmError, Context};
use crate::server::Answer;
use crate::state::{Object, Txn, World};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Addresses that `CheckIPAddressAvailability` proposes.
const PROPOSED: usize = 5;

/// The ranges of a subnet.
pub fn prefixes(subnet: &Object) -> Vec<Prefix> {
    let properties = &subnet.body["properties"];
    let list = properties["addressPrefixes"].as_array();
    list.into_iter()
        .flatten()
        .chain([&properties["addressPrefix"]])
        .filter_map(|text| Prefix::parse(text.as_str()?))
        .collect()
}

/// IP configurations of network interfaces in a subnet.
pub fn configurations<'a>(
    world: &'a World,
    subnet: &'a str,
) -> impl Iterator<Item = &'a Value> + 'a {
    world
        .naming(subnet, network_interface::KIND)
        .flat_map(|(_, interface)| {
            let list = interface.body["properties"]["ipConfigurations"].as_array();
            list.into_iter().flatten()
        })
        .filter(move |configuration| {
            configuration["properties"]["subnet"]["id"]
                .as_str()
                .is_some_and(|id| id.eq_ignore_ascii_case(subnet))
        })
}

/// Ids of what stands in a subnet and keeps it from going.
pub fn users(world: &World, subnet: &str) -> Vec<String> {
    let interfaces = configurations(world, subnet)
        .filter_map(|configuration| configuration["id"].as_str().map(ToOwned::to_owned));
    // Nodes of a cluster stand in the subnets of its pools.
    let pools = world
        .naming(
            subnet,
            "Microsoft.ContainerService/managedClusters/agentPools",
        )
        .filter(|(_, pool)| {
            ["vnetSubnetID", "podSubnetID"].iter().any(|member| {
                pool.body["properties"][member]
                    .as_str()
                    .is_some_and(|id| id.eq_ignore_ascii_case(subnet))
            })
        })
        .map(|(_, pool)| pool.id.clone());
    interfaces.chain(pools).collect()
}

/// The addresses that interfaces of a subnet have.
fn taken(world: &World, subnet: &str) -> BTreeSet<IpAddr> {
    configurations(world, subnet)
        .filter_map(|c| c["properties"]["privateIPAddress"].as_str()?.parse().ok())
        .collect()
}

/// The lowest free addresses of a subnet, none of them in `besides`.
pub fn free(world: &World, subnet: &Object, besides: &[IpAddr], count: usize) -> Vec<IpAddr> {
    let taken = taken(world, &subnet.key());
    prefixes(subnet)
        .into_iter()
        .filter(Prefix::is_v4)
        .flat_map(|prefix| prefix.usable())
        .filter(|address| !taken.contains(address) && !besides.contains(address))
        .take(count)
        .collect()
}

/// Checks an address that somebody wants in a subnet; `own` are those that he has.
pub fn wanted(
    world: &World,
    subnet: &Object,
    text: &str,
    own: &[IpAddr],
) -> Result<IpAddr, ArmError> {
    let id = &subnet.id;
    let address: IpAddr = text.parse().map_err(|_| {
        provider::refuse(
            400,
            "InvalidIPAddress",
            format!("The IP address {text} is not valid."),
        )
    })?;
    let prefixes = prefixes(subnet);
    let Some(prefix) = prefixes.iter().find(|prefix| prefix.contains(address)) else {
        return Err(provider::refuse(
            400,
            "PrivateIPAddressNotInSubnet",
            format!(
                "Private static IP address {text} does not belong to the range of subnet {id}."
            ),
        ));
    };
    if prefix.reserves(address) {
        return Err(provider::refuse(
            400,
            "PrivateIPAddressInReservedRange",
            format!("Private static IP address {text} falls within reserved range of subnet {id}."),
        ));
    }
    if taken(world, &subnet.key()).contains(&address) && !own.contains(&address) {
        return Err(provider::refuse(
            400,
            "PrivateIPAddressIsAllocated",
            format!("IP address {text} in subnet {id} is already allocated."),
        ));
    }
    Ok(address)
}

/// `GET {network}/CheckIPAddressAvailability?ipAddress=…`
pub fn check(cx: &Context<'_>, txn: &mut Txn<'_>, network: &Object) -> Result<Answer, ArmError> {
    let text = cx.call.parameter("ipAddress").unwrap_or_default();
    let address: IpAddr = text.parse().map_err(|_| {
        provider::refuse(
            400,
            "InvalidIPAddress",
            format!("The IP address {text} is not valid."),
        )
    })?;
    let world = txn.world();
    let home = subnet::of(world, &network.key())
        .find_map(|subnet| {
            let prefix = prefixes(subnet)
                .into_iter()
                .find(|prefix| prefix.contains(address))?;
            Some((subnet, prefix))
        })
        .ok_or_else(|| {
            provider::refuse(
                400,
                "PrivateIPAddressNotInAnySubnet",
                format!(
                    "Private static IP address {text} does not belong to the range of any subnet in the virtual network {}.",
                    network.id
                ),
            )
        })?;
    let (subnet, prefix) = home;
    let reserved = prefix.reserves(address);
    let available = !reserved && !taken(world, &subnet.key()).contains(&address);
    let mut body = json!({"available": available, "isPlatformReserved": reserved});
    if !available {
        body["availableIPAddresses"] = json!(free(world, subnet, &[], PROPOSED));
    }
    Ok(Answer::json(200, body))
}
