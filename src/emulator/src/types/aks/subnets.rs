//! The subnets that pools stand in: they must be there, and both the caller and the
//! cluster's own identity must be allowed to join them.

use super::errors::refuse;
use super::identities;
use crate::access::Plane;
use crate::arm::{ArmError, Context, Wish, decide, linked};
use crate::state::{Object, World};
use axum::http::Method;
use serde_json::{Map, Value};

const JOIN: &str = "Microsoft.Network/virtualNetworks/subnets/join/action";

/// What a cluster is, for those who check its subnets.
#[derive(Clone, Copy, Debug)]
pub struct Cluster<'a> {
    pub name: &'a str,
    pub location: &'a str,
    pub identity: Option<&'a Value>,
    /// Id of the node resource group.
    pub node_group: &'a str,
}

/// Checks the subnets of a pool of an existing cluster, those that it had excepted.
pub fn check_pool(
    cx: &Context<'_>,
    world: &World,
    cluster: &Object,
    pool: &Map<String, Value>,
    before: Option<&Map<String, Value>>,
) -> Result<(), ArmError> {
    let node_group = super::node_group::id_of(cluster);
    let cluster = Cluster {
        name: cluster.name(),
        location: cluster.location().unwrap_or_default(),
        identity: cluster.body.get("identity"),
        node_group: &node_group,
    };
    for id in of(pool) {
        if before.is_none_or(|before| !of(before).any(|had| had.eq_ignore_ascii_case(id))) {
            check(cx, world, cluster, id)?;
        }
    }
    Ok(())
}

/// Checks the subnets of all pools of a new cluster.
pub fn check_all(
    cx: &Context<'_>,
    world: &World,
    cluster: Cluster<'_>,
    pools: &[Value],
) -> Result<(), ArmError> {
    for pool in pools.iter().filter_map(Value::as_object) {
        for id in of(pool) {
            check(cx, world, cluster, id)?;
        }
    }
    Ok(())
}

/// The subnets that a pool names.
pub fn of(pool: &Map<String, Value>) -> impl Iterator<Item = &str> {
    ["vnetSubnetID", "podSubnetID"]
        .into_iter()
        .filter_map(|member| pool.get(member)?.as_str())
}

/// Refuses a subnet that is not there, is elsewhere, or that somebody involved may not join.
pub fn check(
    cx: &Context<'_>,
    world: &World,
    cluster: Cluster<'_>,
    id: &str,
) -> Result<(), ArmError> {
    linked(cx, world, &Wish::of(&Method::PUT, cx.path), JOIN, id)?;
    let key = id.to_ascii_lowercase();
    let network = key.split("/subnets/").next().unwrap_or_default();
    let found = world.object(&key).and(world.object(network));
    let Some(network) = found else {
        return Err(absent(id));
    };
    if network.location() != Some(cluster.location) {
        return Err(refuse(
            400,
            "InvalidParameter",
            format!(
                "The virtual network of subnet {id} is in the region {}, but managed cluster '{}' is in the region {}.",
                network.location().unwrap_or_default(),
                cluster.name,
                cluster.location
            ),
        ));
    }
    let Some(identity) = cluster.identity else {
        return Ok(());
    };
    let Some(principal) = identities::own_principal(identity) else {
        return Ok(());
    };
    if decide(cx.azure, world, principal, Plane::Control, JOIN, id).is_granted() {
        return Ok(());
    }
    let client = identities::own_client(identity).unwrap_or_default();
    Err(refuse(
        403,
        "LinkedAuthorizationFailed",
        format!(
            "The client '{client}' with object id '{principal}' has permission to perform action 'Microsoft.Compute/virtualMachineScaleSets/write' on scope '{}'; however, it does not have permission to perform action(s) '{JOIN}' on the linked scope(s) '{id}' (respectively) or the linked scope(s) are invalid.",
            cluster.node_group
        ),
    ))
}

fn absent(id: &str) -> ArmError {
    let part = |word: &str| {
        let lower = id.to_ascii_lowercase();
        let at = lower
            .find(&format!("/{word}/"))
            .map(|at| at + word.len() + 2);
        at.and_then(|at| id[at..].split('/').next())
            .unwrap_or_default()
            .to_owned()
    };
    refuse(
        404,
        "GetVnetError",
        format!(
            "Get virtual network failed. Subscription: {}; resource group: {}; virtual network name: {}; subnet name: {}",
            part("subscriptions"),
            part("resourcegroups"),
            part("virtualnetworks"),
            part("subnets")
        ),
    )
}
