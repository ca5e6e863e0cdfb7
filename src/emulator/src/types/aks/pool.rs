//! `Microsoft.ContainerService/managedClusters/agentPools`.
//! <https://learn.microsoft.com/rest/api/aks/agent-pools>

use super::errors::{not_found, refuse, unreadable};
use super::pool_fields::{self, Plane};
use super::{
    API_VERSIONS, CLUSTER, DELETION, POOL, UPDATE, cluster_pools, node_group, pool_actions,
    subnets, versions,
};
use crate::arm::{
    Action, ApiVersion, ArmError, Context, Deleted, Located, Meta, Placement, ResourceType,
    Started, Target, Written, set_state,
};
use crate::state::{Moment, Object, Txn, World};
use crate::types::checks;
use serde_json::{Map, Value, json};

pub struct Pool;

static META: Meta = Meta {
    kind: POOL,
    api_versions: API_VERSIONS,
    placement: Placement::Group,
    location: Located::Nowhere,
    tracked: false,
    system_data: None,
    lockable: true,
    members: &[],
};

impl ResourceType for Pool {
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
        let cluster = cluster_of(world, target)?;
        cluster_pools::running(cluster)?;
        let properties = checks::object(sent, "properties").map_err(|e| unreadable(&e))?;
        let windows = properties.get("osType").and_then(Value::as_str) == Some("Windows");
        if old.is_none() {
            pool_fields::name(target.name(), windows)?;
        }
        let version = cluster_pools::version(cluster);
        let plane = Plane {
            version: &version,
            max_pods: cluster_pools::max_pods(&cluster.body["properties"]["networkProfile"]),
            mode: "User",
            path: "properties",
        };
        let before = old.and_then(|old| old.body["properties"].as_object());
        let mut pool = pool_fields::lay(cx, &plane, &properties, before)?;
        if old.is_some_and(is_system) && pool["mode"] != "System" {
            keeps_a_system_pool(world, &cluster.key(), &target.key)?;
        }
        subnets::check_pool(cx, world, cluster, &pool, before)?;
        let word = word(before, &pool);
        pool.insert("provisioningState".to_owned(), json!(word));
        let order = old.map_or_else(
            || json!(cluster_pools::next_order(world, &cluster.key())),
            |old| old.hidden["order"].clone(),
        );
        let mut body = Map::new();
        body.insert("properties".to_owned(), Value::Object(pool));
        Ok(Written {
            status: if old.is_some() { 200 } else { 201 },
            body,
            hidden: json!({"location": cluster.location(), "order": order}),
            started: Some(Started {
                pattern: &UPDATE,
                word: "InProgress",
            }),
        })
    }

    fn delete(&self, _cx: &Context<'_>, world: &World, old: &Object) -> Result<Deleted, ArmError> {
        if is_system(old) {
            let key = old.key();
            keeps_a_system_pool(world, &cluster_pools::cluster_key(&key), &key)?;
        }
        Ok(Deleted::Later {
            pattern: &DELETION,
            shown: false,
        })
    }

    fn turns(&self, target: &Target) -> Option<String> {
        Some(target.key.clone())
    }

    fn waits_for(&self, target: &Target) -> Vec<String> {
        target.parent.iter().cloned().collect()
    }

    fn busy(&self, target: &Target, _running: &str) -> ArmError {
        cluster_pools::busy(target)
    }

    fn view(&self, object: &Object, world: &World, api: &ApiVersion) -> Value {
        cluster_pools::show(world, object, api)
    }

    fn not_found(&self, target: &Target) -> ArmError {
        let cluster = target.names.first().map_or("", String::as_str);
        not_found(
            "GetAgentPool_NotFound",
            "AgentPool",
            format!(
                "Could not find the agent pool {} in the managed cluster {cluster} in {}.",
                target.name(),
                target.scope
            ),
        )
    }

    fn settle(&self, object: &mut Object, _now: Moment) {
        let aborted = object.hidden["aborted"] == json!(true);
        if aborted && let Some(hidden) = object.hidden.as_object_mut() {
            hidden.remove("aborted");
        }
        set_state(object, if aborted { "Canceled" } else { "Succeeded" });
    }

    fn stored(&self, _cx: &Context<'_>, txn: &mut Txn<'_>, object: &Object) {
        node_group::pool_stands(txn, object);
    }

    fn leaving(&self, txn: &mut Txn<'_>, object: &Object, now: Moment) {
        node_group::pool_goes(txn, object, now);
    }

    fn actions(&self) -> &'static [Action] {
        pool_actions::ACTIONS
    }
}

/// What a write is called while it runs.
fn word(before: Option<&Map<String, Value>>, now: &Map<String, Value>) -> &'static str {
    let Some(before) = before else {
        return "Creating";
    };
    let changed = |name: &str| before.get(name) != now.get(name);
    if changed("powerState") {
        return match now["powerState"]["code"].as_str() {
            Some("Stopped") => "Stopping",
            _ => "Starting",
        };
    }
    if changed("currentOrchestratorVersion") {
        return "Upgrading";
    }
    if changed("count") {
        return "Scaling";
    }
    "Updating"
}

fn is_system(pool: &Object) -> bool {
    pool.text("/properties/mode") == Some("System")
}

/// Refuses to take away the last system pool.
fn keeps_a_system_pool(world: &World, cluster: &str, going: &str) -> Result<(), ArmError> {
    let another = cluster_pools::of(world, cluster)
        .iter()
        .any(|pool| is_system(pool) && pool.key() != going);
    if another {
        return Ok(());
    }
    Err(refuse(
        400,
        "OperationNotAllowed",
        "There has to be at least one system node pool in the cluster. For more information, please check https://aka.ms/aks/system-node-pools",
    ))
}

fn cluster_of<'a>(world: &'a World, target: &Target) -> Result<&'a Object, ArmError> {
    target
        .parent
        .as_ref()
        .and_then(|key| world.object(key))
        .filter(|object| object.kind == CLUSTER)
        .map(AsRef::as_ref)
        .ok_or_else(|| {
            not_found(
                "GetManagedCluster_NotFound",
                "Managed Cluster",
                format!("Could not find managed cluster resource of {}.", target.id),
            )
        })
}

/// The version of a pool, or the default one.
pub fn version_of(pool: &Object) -> versions::Version {
    pool.body["properties"]
        .as_object()
        .and_then(pool_fields::running)
        .unwrap_or_else(|| versions::default().runs)
}
