//! Starting, stopping and aborting: what runs in a cluster, and what a cluster or pool is
//! like when its operation has ended.

use super::errors::refuse;
use super::{ABORT, CLUSTER, POWER, addons, cluster_pools, node_group};
use crate::arm::{ArmError, Context, set_state, start};
use crate::server::Answer;
use crate::state::{Effect, Failure, Object, Outcome, Txn};
use crate::types;
use serde_json::{Map, Value, json};

/// Gives a cluster the autoscaler's settings once a pool scales by itself.
pub fn autoscaler(properties: &mut Map<String, Value>, pools: &[Value]) {
    let on = pools
        .iter()
        .any(|pool| pool["enableAutoScaling"] == json!(true));
    if !on {
        return;
    }
    let mut profile = json!({
        "balance-similar-node-groups": "false",
        "daemonset-eviction-for-empty-nodes": false,
        "daemonset-eviction-for-occupied-nodes": true,
        "expander": "random",
        "ignore-daemonsets-utilization": false,
        "max-empty-bulk-delete": "10",
        "max-graceful-termination-sec": "600",
        "max-node-provision-time": "15m",
        "max-total-unready-percentage": "45",
        "new-pod-scale-up-delay": "0s",
        "ok-total-unready-count": "3",
        "scale-down-delay-after-add": "10m",
        "scale-down-delay-after-delete": "10s",
        "scale-down-delay-after-failure": "3m",
        "scale-down-unneeded-time": "10m",
        "scale-down-unready-time": "20m",
        "scale-down-utilization-threshold": "0.5",
        "scan-interval": "10s",
        "skip-nodes-with-local-storage": "false",
        "skip-nodes-with-system-pods": "true",
    });
    if let Some(Value::Object(given)) = properties.get("autoScalerProfile") {
        for (name, value) in given {
            profile[name] = value.clone();
        }
    }
    properties.insert("autoScalerProfile".to_owned(), profile);
}

/// A cluster when its operation has ended; what was not known before is known now.
pub fn settle(cluster: &mut Object) {
    let aborted = cluster.hidden["aborted"] == json!(true);
    if aborted && let Some(hidden) = cluster.hidden.as_object_mut() {
        hidden.remove("aborted");
    }
    set_state(cluster, if aborted { "Canceled" } else { "Succeeded" });
    let kubelet = cluster.hidden["kubelet"].clone();
    if kubelet.is_object() {
        cluster.body["properties"]["identityProfile"] = json!({ "kubeletidentity": kubelet });
    }
    addons::settle(cluster);
    let address = cluster.hidden["address"].clone();
    let network = &mut cluster.body["properties"]["networkProfile"];
    if address.is_string() && network["loadBalancerProfile"].is_object() {
        network["loadBalancerProfile"]["effectiveOutboundIPs"] = json!([{ "id": address }]);
    }
}

/// `POST …/stop`
pub fn stop(cx: &Context<'_>, txn: &mut Txn<'_>, cluster: &Object) -> Result<Answer, ArmError> {
    turn(cx, txn, cluster, "Stopped", "Stopping")
}

/// `POST …/start`
pub fn begin(cx: &Context<'_>, txn: &mut Txn<'_>, cluster: &Object) -> Result<Answer, ArmError> {
    turn(cx, txn, cluster, "Running", "Starting")
}

fn turn(
    cx: &Context<'_>,
    txn: &mut Txn<'_>,
    cluster: &Object,
    power: &str,
    state: &str,
) -> Result<Answer, ArmError> {
    idle(txn, cluster)?;
    let mut changed = cluster.clone();
    changed.body["properties"]["powerState"] = json!({ "code": power });
    set_state(&mut changed, state);
    for pool in cluster_pools::of(txn.world(), &cluster.key()) {
        let mut pool = Object::clone(&pool);
        pool.body["properties"]["powerState"] = json!({ "code": power });
        node_group::pool_stands(txn, &pool);
        txn.put(pool);
    }
    let headers = start(cx, txn, &POWER, &changed, "InProgress", Effect::Settle);
    let mut answer = Answer::empty(202);
    answer.headers = headers;
    Ok(answer)
}

/// Refuses an action while an operation runs on a cluster or one of its pools.
pub fn idle(txn: &Txn<'_>, cluster: &Object) -> Result<(), ArmError> {
    let world = txn.world();
    let below = format!("{}/", cluster.key());
    let runs = world
        .object(&cluster.key())
        .into_iter()
        .chain(world.under(&below).map(|(_, object)| object))
        .filter_map(|object| world.operation(object.pending.as_ref()?))
        .any(|operation| !operation.finished());
    if !runs {
        return Ok(());
    }
    Err(refuse(
        409,
        "OperationNotAllowed",
        format!(
            "Operation is not allowed because there's an in-progress operation on the managed cluster '{}'. Please wait for it to finish before starting a new operation. See https://aka.ms/aks-pending-operation for more details.",
            cluster.name()
        ),
    ))
}

/// `POST …/abort` of a cluster or a pool: what runs ends as canceled.
pub fn abort(cx: &Context<'_>, txn: &mut Txn<'_>, object: &Object) -> Result<Answer, ArmError> {
    let running = object
        .pending
        .as_ref()
        .and_then(|key| txn.world().operation(key))
        .filter(|operation| !operation.finished())
        .cloned();
    let Some(running) = running else {
        return Err(refuse(
            400,
            "OperationNotAllowed",
            "There is no in-progress operation to abort.",
        ));
    };
    let mut ended = crate::state::Operation::clone(&running);
    ended.ended = Some(cx.now.seconds());
    ended.outcome = Outcome::Failed(Failure {
        code: "OperationPreempted".to_owned(),
        message: "Operation has been preempted by a more recent operation".to_owned(),
    });
    txn.put_operation(ended);
    let mut changed = object.clone();
    changed.pending = None;
    if changed.hidden.is_null() {
        changed.hidden = json!({});
    }
    changed.hidden["aborted"] = json!(true);
    let mut shown = Value::Null;
    if let Some(kind) = types::of(&object.kind) {
        shown = kind.view(object, txn.world(), &cx.api);
    }
    if object.kind != CLUSTER {
        changed.body["properties"]["powerState"] = json!({"code": "Running"});
    }
    let headers = start(cx, txn, &ABORT, &changed, "InProgress", Effect::Settle);
    let mut answer = Answer::json(202, shown);
    answer.headers = headers;
    Ok(answer)
}
