//! The controller: deployments become replica sets, these become pods, and autoscalers set
//! their targets' size; one step at a time.
//!
//! ## Why
//!
//! A roll-out must be watched in its middle, and tests must not wait for clocks. So nothing
//! happens by itself: each look at deployments, replica sets, pods, events or autoscalers
//! is one step. Only the progress deadline counts seconds, on the emulator's clock.

use super::pods::{self, Step, owned_by, reference, word};
use super::resources::{AUTOSCALERS, DEPLOYMENTS, REPLICA_SETS};
use super::store::{Cabinet, metadata};
use crate::azure::Azure;
use crate::state::{Moment, Object, Txn};
use serde_json::{Value, json};

/// The label that tells the replica sets of a deployment apart.
pub const HASH: &str = "pod-template-hash";

/// The annotation that counts a deployment's templates.
pub const REVISION: &str = "deployment.kubernetes.io/revision";

/// One step of everything in a cluster.
pub fn step(azure: &Azure, txn: &mut Txn<'_>, cluster: &Object, now: Moment) {
    let cabinet = Cabinet::of(cluster);
    let step = Step {
        azure,
        cluster,
        cabinet,
        now,
    };
    for scaler in cabinet.list(txn.world(), &AUTOSCALERS, "") {
        step.autoscale(txn, &scaler);
    }
    for set in cabinet.list(txn.world(), &REPLICA_SETS, "") {
        for pod in pods::of(cabinet, txn.world(), &set) {
            if !pods::ready(&pod) {
                step.advance(txn, &pod);
            }
        }
    }
    for deployment in cabinet.list(txn.world(), &DEPLOYMENTS, "") {
        step.roll(txn, &deployment);
    }
    for set in cabinet.list(txn.world(), &REPLICA_SETS, "") {
        step.fill(txn, &set);
        step.count(txn, &set);
    }
    for deployment in cabinet.list(txn.world(), &DEPLOYMENTS, "") {
        step.report(txn, &deployment);
    }
}

/// A whole number; what is none counts as 0.
pub fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

/// A number, or a percentage of `whole`.
pub fn share(value: &Value, whole: i64, up: bool) -> i64 {
    let percent = value
        .as_str()
        .and_then(|text| text.strip_suffix('%')?.parse::<i64>().ok());
    match percent {
        Some(percent) if up => (whole * percent + 99) / 100,
        Some(percent) => whole * percent / 100,
        None => number(value),
    }
}

impl Step<'_> {
    /// The replica sets of a deployment; the one of its template first, if there is one.
    pub fn sets(self, txn: &Txn<'_>, deployment: &Value) -> Vec<Value> {
        let namespace = deployment["metadata"]["namespace"]
            .as_str()
            .unwrap_or_default();
        let mut sets = self.cabinet.list(txn.world(), &REPLICA_SETS, namespace);
        sets.retain(|set| owned_by(set, deployment));
        let hash = hash(deployment);
        sets.sort_by_key(|set| set["metadata"]["labels"][HASH] != json!(hash));
        sets
    }

    /// Brings a deployment's replica sets one step nearer to what it wants.
    fn roll(self, txn: &mut Txn<'_>, deployment: &Value) {
        let sets = self.sets(txn, deployment);
        let current = sets
            .first()
            .filter(|set| set["metadata"]["labels"][HASH] == json!(hash(deployment)));
        let paused = deployment["spec"]["paused"] == json!(true);
        let (current, old) = match current {
            Some(current) => (current.clone(), &sets[1..]),
            None if paused => return self.resize_paused(txn, deployment, &sets),
            None => (self.introduce(txn, deployment, &sets), &sets[..]),
        };
        let desired = number(&deployment["spec"]["replicas"]);
        let rolling = &deployment["spec"]["strategy"]["rollingUpdate"];
        let recreate = deployment["spec"]["strategy"]["type"] == "Recreate";
        let mut unavailable = share(&rolling["maxUnavailable"], desired, false);
        let surge = share(&rolling["maxSurge"], desired, true);
        if unavailable == 0 && surge == 0 {
            unavailable = 1;
        }
        let size = |set: &Value| number(&set["spec"]["replicas"]);
        let total = size(&current) + old.iter().map(size).sum::<i64>();
        if paused {
            return self.resize(txn, deployment, &current, desired.min(size(&current)));
        }
        if recreate {
            let left: usize = old
                .iter()
                .map(|set| pods::of(self.cabinet, txn.world(), set).len())
                .sum();
            for set in old {
                self.resize(txn, deployment, set, 0);
            }
            if left == 0 {
                self.resize(txn, deployment, &current, desired);
            }
            return;
        }
        let room = (desired + surge - total).max(0);
        let next = desired.min(size(&current) + room);
        let available = |set: &Value| {
            let pods = pods::of(self.cabinet, txn.world(), set);
            i64::try_from(pods.iter().filter(|pod| pods::ready(pod)).count()).unwrap_or_default()
        };
        let (now, olds): (i64, Vec<i64>) =
            (available(&current), old.iter().map(available).collect());
        // What may go: pods that do not run, and as many as may be missing.
        let mut spare = (now + olds.iter().sum::<i64>() - (desired - unavailable)).max(0);
        self.resize(txn, deployment, &current, next);
        for (set, running) in old.iter().zip(olds) {
            let goes = spare.min(running);
            spare -= goes;
            self.resize(txn, deployment, set, running - goes);
        }
        self.forget(txn, deployment, old);
    }

    /// A paused deployment without a set for its template still follows its size.
    fn resize_paused(self, txn: &mut Txn<'_>, deployment: &Value, sets: &[Value]) {
        if let [only] = sets {
            let desired = number(&deployment["spec"]["replicas"]);
            self.resize(txn, deployment, only, desired);
        }
    }

    /// A replica set for the deployment's template, still without pods.
    fn introduce(self, txn: &mut Txn<'_>, deployment: &Value, sets: &[Value]) -> Value {
        let revision = sets.iter().map(revision).max().unwrap_or_default() + 1;
        let hash = hash(deployment);
        let text = |member: &str| deployment["metadata"][member].as_str().unwrap_or_default();
        let name = format!("{}-{hash}", text("name"));
        let mut metadata = metadata(&name, text("namespace"), self.now);
        let mut template = deployment["spec"]["template"].clone();
        template["metadata"]["labels"][HASH] = json!(hash);
        metadata["labels"] = template["metadata"]["labels"].clone();
        metadata["annotations"] = json!({ REVISION: revision.to_string() });
        metadata["ownerReferences"] = reference(deployment);
        metadata["generation"] = json!(1);
        let mut selector = deployment["spec"]["selector"].clone();
        selector["matchLabels"][HASH] = json!(hash);
        let set = json!({
            "apiVersion": REPLICA_SETS.api_version(),
            "kind": REPLICA_SETS.kind,
            "metadata": metadata,
            "spec": {"replicas": 0, "selector": selector, "template": template},
            "status": {"replicas": 0},
        });
        self.cabinet.put(txn, &REPLICA_SETS, set)
    }

    fn resize(self, txn: &mut Txn<'_>, deployment: &Value, set: &Value, replicas: i64) {
        let before = number(&set["spec"]["replicas"]);
        if before == replicas {
            return;
        }
        let mut next = set.clone();
        next["spec"]["replicas"] = json!(replicas);
        next["metadata"]["generation"] = json!(number(&set["metadata"]["generation"]) + 1);
        self.cabinet.put(txn, &REPLICA_SETS, next);
        let word = if replicas > before { "up" } else { "down" };
        let name = set["metadata"]["name"].as_str().unwrap_or_default();
        let message = format!("Scaled {word} replica set {name} from {before} to {replicas}");
        self.note(
            txn,
            &DEPLOYMENTS,
            deployment,
            "Normal",
            "ScalingReplicaSet",
            &message,
        );
    }

    /// Removes empty replica sets beyond those that a deployment keeps for going back.
    fn forget(self, txn: &mut Txn<'_>, deployment: &Value, old: &[Value]) {
        let limit = number(&deployment["spec"]["revisionHistoryLimit"]);
        let kept = usize::try_from(limit).unwrap_or_default();
        let mut empty: Vec<&Value> = old
            .iter()
            .filter(|set| number(&set["spec"]["replicas"]) == 0)
            .filter(|set| pods::of(self.cabinet, txn.world(), set).is_empty())
            .collect();
        empty.sort_by_key(|set| -revision(set));
        for set in empty.into_iter().skip(kept) {
            let text = |member: &str| set["metadata"][member].as_str().unwrap_or_default();
            self.cabinet
                .remove(txn, &REPLICA_SETS, text("namespace"), text("name"));
        }
    }

    /// Counts a replica set's pods.
    fn count(self, txn: &mut Txn<'_>, set: &Value) {
        let pods = pods::of(self.cabinet, txn.world(), set);
        let ready = pods.iter().filter(|pod| pods::ready(pod)).count();
        let status = json!({
            "replicas": pods.len(),
            "fullyLabeledReplicas": pods.len(),
            "readyReplicas": ready,
            "availableReplicas": ready,
            "observedGeneration": set["metadata"]["generation"],
        });
        if set["status"] != status {
            let mut next = set.clone();
            next["status"] = status;
            self.cabinet.put(txn, &REPLICA_SETS, next);
        }
    }

    /// Keeps an autoscaler's deployment between its bounds; there is no load to follow.
    fn autoscale(self, txn: &mut Txn<'_>, scaler: &Value) {
        let namespace = scaler["metadata"]["namespace"].as_str().unwrap_or_default();
        let target = scaler["spec"]["scaleTargetRef"]["name"]
            .as_str()
            .unwrap_or_default();
        let mut next = scaler.clone();
        let found = self
            .cabinet
            .get(txn.world(), &DEPLOYMENTS, namespace, target);
        next["status"] = match found {
            None => json!({
                "currentReplicas": 0, "desiredReplicas": 0,
                "conditions": [{"type": "AbleToScale", "status": "False", "reason": "FailedGetScale"}],
            }),
            Some(mut deployment) => {
                let now = number(&deployment["spec"]["replicas"]);
                let least = number(&scaler["spec"]["minReplicas"]).max(1);
                let wanted = now.clamp(least, number(&scaler["spec"]["maxReplicas"]).max(least));
                // Nobody scales what was switched off.
                if now != wanted && now != 0 {
                    deployment["spec"]["replicas"] = json!(wanted);
                    let generation = number(&deployment["metadata"]["generation"]) + 1;
                    deployment["metadata"]["generation"] = json!(generation);
                    self.cabinet.put(txn, &DEPLOYMENTS, deployment);
                }
                json!({
                    "currentReplicas": now, "desiredReplicas": wanted,
                    "conditions": [{"type": "AbleToScale", "status": "True", "reason": "ReadyForNewScale"}],
                })
            }
        };
        if next != *scaler {
            self.cabinet.put(txn, &AUTOSCALERS, next);
        }
    }
}

/// Which of its deployment's templates a replica set is for.
pub fn revision(set: &Value) -> i64 {
    set["metadata"]["annotations"][REVISION]
        .as_str()
        .and_then(|text| text.parse().ok())
        .unwrap_or_default()
}

/// A word for a deployment's template.
pub fn hash(deployment: &Value) -> String {
    word(&deployment["spec"]["template"].to_string(), 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_rounded_in_their_direction() {
        assert_eq!(share(&json!("25%"), 3, true), 1);
        assert_eq!(share(&json!("25%"), 3, false), 0);
        assert_eq!(share(&json!(2), 3, false), 2);
    }
}
