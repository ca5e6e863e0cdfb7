//! `upgradeProfiles/default` of clusters and pools: what they can be upgraded to.

use super::errors::not_found;
use super::versions::{self, Version};
use super::{API_VERSIONS, CLUSTER, POOL, cluster_pools, cluster_view, pool, pool_fields};
use crate::arm::{ArmError, Context, Located, Meta, Placement, ResourceType, Target, Written};
use crate::state::{Object, World};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// A cluster's profile.
pub struct ClusterProfile;

/// A pool's profile.
pub struct PoolProfile;

static CLUSTER_META: Meta = meta("Microsoft.ContainerService/managedClusters/upgradeProfiles");

static POOL_META: Meta =
    meta("Microsoft.ContainerService/managedClusters/agentPools/upgradeProfiles");

const fn meta(kind: &'static str) -> Meta {
    Meta {
        kind,
        api_versions: API_VERSIONS,
        placement: Placement::Group,
        location: Located::Nowhere,
        tracked: false,
        system_data: None,
        lockable: true,
        members: &[],
    }
}

/// What carries the profile at `key`, if it is the one that there is.
fn carrier<'a>(world: &'a World, key: &str, kind: &str) -> Option<&'a Arc<Object>> {
    let carrier = key.strip_suffix("/upgradeprofiles/default")?;
    world.object(carrier).filter(|object| object.kind == kind)
}

fn profile(of: &Object, kind: &str, properties: &Value) -> Arc<Object> {
    let id = format!("{}/upgradeProfiles/default", of.id);
    Arc::new(Object {
        body: json!({
            "id": format!("{}/upgradeprofiles/default", cluster_view::printed(&of.id)),
            "name": "default",
            "type": kind.replace("upgradeProfiles", "upgradeprofiles"),
            "properties": properties,
        }),
        id,
        kind: kind.to_owned(),
        hidden: Value::Null,
        pending: None,
    })
}

fn shown(to: impl Iterator<Item = Version>) -> Vec<Value> {
    to.map(|to| json!({"kubernetesVersion": to.to_string()}))
        .collect()
}

impl ResourceType for ClusterProfile {
    fn meta(&self) -> &'static Meta {
        &CLUSTER_META
    }

    fn find(&self, world: &World, target: &Target) -> Option<Arc<Object>> {
        let cluster = carrier(world, &target.key, CLUSTER)?;
        let version = cluster_pools::version(cluster).runs;
        let properties = json!({
            "controlPlaneProfile": {
                "kubernetesVersion": version.to_string(),
                "osType": "Linux",
                "upgrades": shown(versions::upgrades(version)),
            },
            "agentPoolProfiles": null,
        });
        Some(profile(cluster, CLUSTER_META.kind, &properties))
    }

    fn put(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _target: &Target,
        _old: Option<&Object>,
        _sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        Err(ArmError::method_not_allowed("PUT", CLUSTER_META.kind))
    }

    fn patch(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _target: &Target,
        _old: &Object,
        _sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        Err(ArmError::method_not_allowed("PATCH", CLUSTER_META.kind))
    }

    fn not_found(&self, target: &Target) -> ArmError {
        absent(target)
    }
}

impl ResourceType for PoolProfile {
    fn meta(&self) -> &'static Meta {
        &POOL_META
    }

    fn find(&self, world: &World, target: &Target) -> Option<Arc<Object>> {
        let pool = carrier(world, &target.key, POOL)?;
        let cluster = world.object(&cluster_pools::cluster_key(&pool.key()))?;
        let plane = cluster_pools::version(cluster).runs;
        let version = pool::version_of(pool);
        let mut newest = Map::new();
        newest.insert("osSKU".to_owned(), pool.body["properties"]["osSKU"].clone());
        let os = pool.body["properties"]["enableFIPS"].clone();
        newest.insert("enableFIPS".to_owned(), os);
        pool_fields::image(&mut newest);
        let upgrades = versions::upgrades(version).filter(|to| *to <= plane);
        let properties = json!({
            "kubernetesVersion": version.to_string(),
            "osType": pool.body["properties"]["osType"],
            "upgrades": shown(upgrades),
            "latestNodeImageVersion": newest.get("nodeImageVersion"),
        });
        Some(profile(pool, POOL_META.kind, &properties))
    }

    fn put(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _target: &Target,
        _old: Option<&Object>,
        _sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        Err(ArmError::method_not_allowed("PUT", POOL_META.kind))
    }

    fn patch(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _target: &Target,
        _old: &Object,
        _sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        Err(ArmError::method_not_allowed("PATCH", POOL_META.kind))
    }

    fn not_found(&self, target: &Target) -> ArmError {
        absent(target)
    }
}

fn absent(target: &Target) -> ArmError {
    not_found(
        "GetUpgradeProfile_NotFound",
        "UpgradeProfile",
        format!("Could not find the upgrade profile {}.", target.name()),
    )
}
