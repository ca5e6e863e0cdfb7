//! How far a deployment is, as its status tells.
//! <https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#deployment-status>

use super::controller::{HASH, REVISION, hash, number, revision, share};
use super::pods::Step;
use super::resources::DEPLOYMENTS;
use super::store::stamp;
use crate::state::{Moment, Txn};
use serde_json::{Value, json};

impl Step<'_> {
    /// Tells in a deployment's status how far it is.
    pub fn report(self, txn: &mut Txn<'_>, deployment: &Value) {
        let sets = self.sets(txn, deployment);
        let current = sets
            .first()
            .filter(|set| set["metadata"]["labels"][HASH] == json!(hash(deployment)));
        let sum = |member: &str| {
            sets.iter()
                .map(|set| number(&set["status"][member]))
                .sum::<i64>()
        };
        let desired = number(&deployment["spec"]["replicas"]);
        let (replicas, available) = (sum("replicas"), sum("availableReplicas"));
        let updated = current.map_or(0, |set| number(&set["status"]["replicas"]));
        let mut next = deployment.clone();
        if let Some(current) = current {
            next["metadata"]["annotations"][REVISION] = json!(revision(current).to_string());
        }
        let mut status = json!({
            "observedGeneration": deployment["metadata"]["generation"],
            "replicas": replicas,
            "updatedReplicas": updated,
            "readyReplicas": available,
            "availableReplicas": available,
            "unavailableReplicas": (desired - available).max(0),
        });
        let done = updated == desired && replicas == updated && available == desired;
        let rolling = &deployment["spec"]["strategy"]["rollingUpdate"];
        let least = desired - share(&rolling["maxUnavailable"], desired, false);
        let same = deployment["status"].as_object().is_some_and(|known| {
            status
                .as_object()
                .into_iter()
                .flatten()
                .all(|(k, v)| known.get(k) == Some(v))
        });
        status["conditions"] = json!([
            self.availability(deployment, available >= least),
            self.progress(deployment, current, done, same),
        ]);
        next["status"] = status;
        if next != *deployment {
            self.cabinet.put(txn, &DEPLOYMENTS, next);
        }
    }

    fn availability(self, deployment: &Value, enough: bool) -> Value {
        let (status, reason, message) = if enough {
            (
                "True",
                "MinimumReplicasAvailable",
                "Deployment has minimum availability.",
            )
        } else {
            (
                "False",
                "MinimumReplicasUnavailable",
                "Deployment does not have minimum availability.",
            )
        };
        self.condition(
            deployment,
            "Available",
            status,
            reason,
            message.to_owned(),
            true,
        )
    }

    /// `same` says that nothing moved since the last step.
    fn progress(
        self,
        deployment: &Value,
        current: Option<&Value>,
        done: bool,
        same: bool,
    ) -> Value {
        let name = current
            .and_then(|set| set["metadata"]["name"].as_str())
            .unwrap_or_default();
        let set = format!("ReplicaSet \"{name}\"");
        let known = known(deployment, "Progressing");
        let since = known
            .and_then(|known| known["lastUpdateTime"].as_str())
            .map(ToOwned::to_owned);
        let limit = number(&deployment["spec"]["progressDeadlineSeconds"]);
        let late = stamp(Moment::from(self.now.seconds() - limit));
        let already = known.is_some_and(|known| known["reason"] == "ProgressDeadlineExceeded");
        let expired = !done && same && (already || since.is_some_and(|since| since < late));
        let paused = deployment["spec"]["paused"] == json!(true);
        let (status, reason, message) = if done {
            (
                "True",
                "NewReplicaSetAvailable",
                format!("{set} has successfully progressed."),
            )
        } else if paused {
            (
                "Unknown",
                "DeploymentPaused",
                "Deployment is paused".to_owned(),
            )
        } else if expired {
            (
                "False",
                "ProgressDeadlineExceeded",
                format!("{set} has timed out progressing."),
            )
        } else {
            (
                "True",
                "ReplicaSetUpdated",
                format!("{set} is progressing."),
            )
        };
        self.condition(deployment, "Progressing", status, reason, message, same)
    }

    /// A condition, with its times kept where it stays as it is.
    fn condition(
        self,
        deployment: &Value,
        kind: &str,
        status: &str,
        reason: &str,
        message: String,
        still: bool,
    ) -> Value {
        let known = known(deployment, kind);
        let keep = |member: &str, same: bool| {
            known
                .filter(|_| same)
                .map_or_else(|| json!(stamp(self.now)), |known| known[member].clone())
        };
        let turned = known.is_none_or(|known| known["status"] != status);
        let moved = turned || !still || known.is_none_or(|known| known["reason"] != reason);
        json!({
            "type": kind,
            "status": status,
            "reason": reason,
            "message": message,
            "lastTransitionTime": keep("lastTransitionTime", !turned),
            "lastUpdateTime": keep("lastUpdateTime", !moved),
        })
    }
}

fn known<'a>(deployment: &'a Value, kind: &str) -> Option<&'a Value> {
    let list = deployment["status"]["conditions"].as_array()?;
    list.iter().find(|condition| condition["type"] == kind)
}
