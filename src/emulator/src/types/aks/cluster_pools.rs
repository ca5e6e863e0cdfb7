//! The pools of a cluster: finding, ordering and showing them, and how a cluster's PUT
//! changes them.

use super::errors::{invalid, missing, refuse, unreadable};
use super::pool_fields::{self, Plane};
use super::versions::{self, Chosen};
use super::{POOL, cluster_view};
use crate::arm::{ApiVersion, ArmError, Context, Target};
use crate::state::{Object, Txn, World};
use crate::types::checks;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// A cluster's pools, in the order that they were made in.
pub fn of(world: &World, cluster: &str) -> Vec<Arc<Object>> {
    let prefix = format!("{cluster}/agentpools/");
    let mut pools: Vec<Arc<Object>> = world
        .under(&prefix)
        .filter(|(_, object)| object.kind == POOL)
        .map(|(_, object)| object.clone())
        .collect();
    pools.sort_by_key(|pool| pool.hidden["order"].as_u64());
    pools
}

/// The place of a new pool among the others.
pub fn next_order(world: &World, cluster: &str) -> u64 {
    of(world, cluster)
        .iter()
        .filter_map(|pool| pool.hidden["order"].as_u64())
        .max()
        .map_or(0, |last| last + 1)
}

/// Key of the cluster that a pool belongs to.
pub fn cluster_key(pool: &str) -> String {
    pool.rsplitn(3, '/').nth(2).unwrap_or_default().to_owned()
}

/// The version that a cluster has.
pub fn version(cluster: &Object) -> Chosen {
    let runs = cluster
        .text("/properties/currentKubernetesVersion")
        .and_then(versions::exact);
    match (cluster.text("/properties/kubernetesVersion"), runs) {
        (Some(shown), Some(runs)) => Chosen {
            shown: shown.to_owned(),
            runs,
        },
        _ => versions::default(),
    }
}

/// Pods on a node unless said otherwise, which depends on the network.
pub fn max_pods(network: &Value) -> i64 {
    match (
        network["networkPlugin"].as_str(),
        network["networkPluginMode"].as_str(),
    ) {
        (Some("azure"), Some("overlay")) => 250,
        (Some("azure"), _) => 30,
        (Some("none"), _) => 250,
        _ => 110,
    }
}

/// Nothing changes in a cluster that is stopped.
pub fn running(cluster: &Object) -> Result<(), ArmError> {
    if cluster.text("/properties/powerState/code") != Some("Stopped") {
        return Ok(());
    }
    Err(refuse(
        400,
        "OperationNotAllowed",
        format!(
            "Managed cluster '{}' is in the stopped state, and cannot perform this operation. Start the cluster first.",
            cluster.name()
        ),
    ))
}

/// The refusal of a write whose turn it is not.
pub fn busy(target: &Target) -> ArmError {
    let cluster = target.names.first().map_or("", String::as_str);
    refuse(
        409,
        "OperationNotAllowed",
        format!(
            "Operation is not allowed because there's an in-progress operation on the managed cluster '{cluster}' in {}. Please wait for it to finish before starting a new operation. See https://aka.ms/aks-pending-operation for more details.",
            target.scope
        ),
    )
}

/// A pool as the pools' own path shows it.
pub fn show(world: &World, pool: &Object, api: &ApiVersion) -> Value {
    json!({
        "id": cluster_view::printed(&pool.id),
        "name": pool.name(),
        "type": POOL,
        "properties": properties(world, pool, api),
    })
}

/// A pool as its cluster shows it.
pub fn profile(world: &World, pool: &Object, api: &ApiVersion) -> Value {
    let mut profile = Map::new();
    profile.insert("name".to_owned(), json!(pool.name()));
    profile.extend(properties(world, pool, api));
    Value::Object(profile)
}

fn properties(world: &World, pool: &Object, api: &ApiVersion) -> Map<String, Value> {
    let mut properties = pool.body["properties"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    // What happens to the cluster happens to its pools.
    let cluster = world.object(&cluster_key(&pool.key()));
    let own = pool.text("/properties/provisioningState");
    if own == Some("Succeeded")
        && let Some(cluster) = cluster
        && let Some(state) = cluster.text("/properties/provisioningState")
    {
        properties.insert("provisioningState".to_owned(), json!(state));
    }
    cluster_view::trim_pool(&mut properties, api);
    properties
}

/// The pools that a cluster's PUT asks for, each with its name. An existing cluster keeps
/// the pools that it has; a new one needs a system pool.
pub fn asked(
    cx: &Context<'_>,
    world: &World,
    cluster: &str,
    sent: &Map<String, Value>,
    version: &Chosen,
    network: &Value,
    new: bool,
) -> Result<Vec<Value>, ArmError> {
    let existing = of(world, cluster);
    let list = checks::list(sent, "agentPoolProfiles").map_err(|e| unreadable(&e))?;
    let list = match list {
        Some(list) => list,
        None if new => return Err(missing("agentPoolProfiles")),
        None => return Ok(Vec::new()),
    };
    if list.is_empty() && new {
        return Err(missing("agentPoolProfiles"));
    }
    let mut pools = Vec::new();
    for (at, item) in list.iter().enumerate() {
        let path = format!("properties.agentPoolProfiles[{at}]");
        let item = item
            .as_object()
            .ok_or_else(|| invalid(&path, "It is no object."))?;
        let name = checks::text(item, "name")
            .map_err(|e| unreadable(&e))?
            .ok_or_else(|| missing(&format!("{path}.name")))?;
        let old = existing.iter().find(|pool| pool.name() == name);
        if old.is_none() && !new {
            return Err(stranger(name));
        }
        pool_fields::name(name, item.get("osType") == Some(&json!("Windows")))?;
        if pools.iter().any(|pool: &Value| pool["name"] == name) {
            return Err(invalid(
                &format!("{path}.name"),
                "Agent pool names must be unique.",
            ));
        }
        let plane = Plane {
            version,
            max_pods: max_pods(network),
            mode: if cx.api.date() < "2020-01-01" {
                "System"
            } else {
                "User"
            },
            path: &path,
        };
        let before = old.and_then(|old| old.body["properties"].as_object());
        let mut pool = pool_fields::lay(cx, &plane, item, before)?;
        pool.insert("name".to_owned(), json!(name));
        pools.push(Value::Object(pool));
    }
    complete(&existing, &pools)?;
    Ok(pools)
}

/// A cluster's PUT neither adds nor drops a pool, and leaves a system pool.
fn complete(existing: &[Arc<Object>], pools: &[Value]) -> Result<(), ArmError> {
    let dropped = existing
        .iter()
        .find(|old| pools.iter().all(|pool| pool["name"] != old.name()));
    if let Some(dropped) = dropped {
        return Err(refuse(
            400,
            "OperationNotAllowed",
            format!(
                "The agent pool '{}' cannot be removed through the managed cluster. Use the agent pools API to delete it.",
                dropped.name()
            ),
        ));
    }
    if pools.iter().any(|pool| pool["mode"] == "System") {
        return Ok(());
    }
    Err(refuse(
        400,
        "InvalidParameter",
        "Must define at least one system pool. For more information, please check https://aka.ms/aks/system-node-pools",
    ))
}

fn stranger(name: &str) -> ArmError {
    refuse(
        400,
        "OperationNotAllowed",
        format!(
            "A new agent pool was introduced: '{name}'. Adding agent pools to an existing cluster is not allowed through managed cluster operations. For agent pool specific change, please use per agent pool operations: https://aka.ms/agent-pool-rest-api"
        ),
    )
}

/// Stores the pools that a cluster's PUT asked for.
pub fn store(txn: &mut Txn<'_>, cluster: &Object, pools: &[Value]) {
    for pool in pools {
        let Some(mut properties) = pool.as_object().cloned() else {
            continue;
        };
        let name = properties.remove("name");
        let name = name.as_ref().and_then(Value::as_str).unwrap_or_default();
        let id = format!("{}/agentPools/{name}", cluster.id);
        let old = txn.world().object(&id.to_ascii_lowercase()).cloned();
        let order = match &old {
            Some(old) => old.hidden["order"].clone(),
            None => json!(next_order(txn.world(), &cluster.key())),
        };
        properties.insert("provisioningState".to_owned(), json!("Succeeded"));
        let object = Object {
            body: json!({"id": id, "name": name, "type": POOL, "properties": properties}),
            id,
            kind: POOL.to_owned(),
            hidden: json!({"location": cluster.location(), "order": order}),
            pending: None,
        };
        super::node_group::pool_stands(txn, &object);
        txn.put(object);
    }
}
