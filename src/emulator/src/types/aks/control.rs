//! What Azure moves in a cluster by itself, on demand: node counts, images, patches.

use super::versions::{self, Version};
use super::{CLUSTER, POOL, cluster_pools, node_group};
use crate::state::{Object, Txn};
use serde::Deserialize;
use serde_json::{Value, json};

/// What is to move, `id` being a pool or a cluster.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Move {
    id: String,
    /// Nodes that the autoscaler wants; it keeps to its bounds.
    #[serde(default)]
    count: Option<i64>,
    /// The image that nodes were upgraded to.
    #[serde(default)]
    node_image: Option<String>,
    /// The patch that the version in use was upgraded to.
    #[serde(default)]
    patch: Option<u32>,
}

/// Moves it, and answers with what is there now.
pub fn apply(txn: &mut Txn<'_>, order: &Move) -> Result<Value, String> {
    let key = order.id.to_ascii_lowercase();
    let object = txn.world().object(&key).cloned();
    let object = object.ok_or_else(|| format!("there is no {}", order.id))?;
    let mut changed = Object::clone(&object);
    match object.kind.as_str() {
        POOL => move_pool(order, &mut changed)?,
        CLUSTER if order.count.is_none() => {
            for pool in cluster_pools::of(txn.world(), &key) {
                let mut pool = Object::clone(&pool);
                move_pool(order, &mut pool)?;
                node_group::pool_stands(txn, &pool);
                txn.put(pool);
            }
            patch(order, &mut changed, "currentKubernetesVersion");
        }
        _ => return Err("only agent pools and clusters move by themselves".to_owned()),
    }
    if changed.kind == POOL {
        node_group::pool_stands(txn, &changed);
    }
    txn.put(changed.clone());
    Ok(changed.body)
}

fn move_pool(order: &Move, pool: &mut Object) -> Result<(), String> {
    let properties = &pool.body["properties"];
    if let Some(count) = order.count {
        if properties["enableAutoScaling"] != json!(true) {
            return Err("the autoscaler of that pool is off".to_owned());
        }
        let bound = |name: &str| properties[name].as_i64().unwrap_or(count);
        let (min, max) = (bound("minCount"), bound("maxCount"));
        pool.body["properties"]["count"] = json!(count.max(min).min(max));
    }
    if let Some(image) = &order.node_image {
        pool.body["properties"]["nodeImageVersion"] = json!(image);
    }
    patch(order, pool, "currentOrchestratorVersion");
    Ok(())
}

fn patch(order: &Move, object: &mut Object, member: &str) {
    let runs = object.body["properties"][member]
        .as_str()
        .and_then(versions::exact);
    if let (Some(patch), Some(runs)) = (order.patch, runs) {
        let moved = Version { patch, ..runs };
        object.body["properties"][member] = json!(moved.to_string());
    }
}
