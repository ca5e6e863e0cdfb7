//! Pods of replica sets: they are made pending, and run at the next step if their images
//! can be pulled.

use super::pull;
use super::resources::{EVENTS, PODS, Resource};
use super::store::{Cabinet, metadata, stamp};
use crate::azure::Azure;
use crate::state::{Moment, Object, Txn, World};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// What every step of the controller needs.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    pub azure: &'a Azure,
    pub cluster: &'a Object,
    pub cabinet: Cabinet<'a>,
    pub now: Moment,
}

/// Whether `object` belongs to `owner`.
pub fn owned_by(object: &Value, owner: &Value) -> bool {
    let references = object["metadata"]["ownerReferences"].as_array();
    references
        .into_iter()
        .flatten()
        .any(|reference| reference["uid"] == owner["metadata"]["uid"])
}

/// A reference to an object that owns others.
pub fn reference(owner: &Value) -> Value {
    json!([{
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": true,
        "blockOwnerDeletion": true,
    }])
}

/// The pods of a replica set.
pub fn of(cabinet: Cabinet<'_>, world: &World, set: &Value) -> Vec<Value> {
    let namespace = set["metadata"]["namespace"].as_str().unwrap_or_default();
    let mut pods = cabinet.list(world, &PODS, namespace);
    pods.retain(|pod| owned_by(pod, set));
    pods
}

pub fn ready(pod: &Value) -> bool {
    pod["status"]["phase"] == "Running"
}

impl Step<'_> {
    /// Lets a pod that is not running run, or says why it cannot.
    pub fn advance(self, txn: &mut Txn<'_>, pod: &Value) {
        let containers = pod["spec"]["containers"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let refused: Vec<(&Value, String)> = containers
            .iter()
            .filter_map(|container| {
                let image = container["image"].as_str()?;
                let why = pull::check(self.azure, txn.world(), self.cluster, image).err()?;
                Some((container, why))
            })
            .collect();
        let mut next = pod.clone();
        if refused.is_empty() {
            next["status"] = self.running(pod, &containers);
        } else {
            let waited = pod["status"]["containerStatuses"].is_array();
            let reason = if waited {
                "ImagePullBackOff"
            } else {
                "ErrImagePull"
            };
            let states: Vec<Value> = refused
                .iter()
                .map(|(container, why)| {
                    json!({
                        "name": container["name"], "image": container["image"], "imageID": "",
                        "ready": false, "started": false, "restartCount": 0,
                        "state": {"waiting": {"reason": reason, "message": why}},
                    })
                })
                .collect();
            next["status"]["containerStatuses"] = json!(states);
            if !waited {
                self.note(txn, &PODS, pod, "Warning", "Failed", &refused[0].1);
            }
        }
        if next != *pod {
            self.cabinet.put(txn, &PODS, next);
        }
    }

    fn running(self, pod: &Value, containers: &[Value]) -> Value {
        let at = stamp(self.now);
        let condition =
            |kind: &str| json!({"type": kind, "status": "True", "lastTransitionTime": at});
        let states: Vec<Value> = containers
            .iter()
            .map(|container| {
                let image = container["image"].clone();
                json!({
                    "name": container["name"], "image": image, "imageID": image,
                    "ready": true, "started": true, "restartCount": 0,
                    "state": {"running": {"startedAt": at}},
                })
            })
            .collect();
        json!({
            "phase": "Running",
            "startTime": pod["metadata"]["creationTimestamp"],
            "conditions": [
                condition("PodScheduled"), condition("Initialized"),
                condition("ContainersReady"), condition("Ready"),
            ],
            "containerStatuses": states,
        })
    }

    /// Makes or removes pods until a replica set has as many as it wants; those that do not
    /// run go first.
    pub fn fill(self, txn: &mut Txn<'_>, set: &Value) {
        let wanted = set["spec"]["replicas"].as_u64().unwrap_or_default();
        let wanted = usize::try_from(wanted).unwrap_or_default();
        let mut pods = of(self.cabinet, txn.world(), set);
        pods.sort_by_key(|pod| !ready(pod));
        for pod in pods.iter().skip(wanted) {
            let text = |member: &str| pod["metadata"][member].as_str().unwrap_or_default();
            self.cabinet
                .remove(txn, &PODS, text("namespace"), text("name"));
        }
        for _ in pods.len()..wanted {
            let pod = self.fresh(txn.world(), set);
            self.cabinet.put(txn, &PODS, pod);
        }
    }

    fn fresh(self, world: &World, set: &Value) -> Value {
        let text = |member: &str| set["metadata"][member].as_str().unwrap_or_default();
        let revision = self.cabinet.revision(world);
        let name = format!(
            "{}-{}",
            text("name"),
            word(&format!("{}/{revision}", text("uid")), 5)
        );
        let mut metadata = metadata(&name, text("namespace"), self.now);
        metadata["labels"] = set["spec"]["template"]["metadata"]["labels"].clone();
        if let Some(notes) = set["spec"]["template"]["metadata"].get("annotations") {
            metadata["annotations"] = notes.clone();
        }
        metadata["ownerReferences"] = reference(set);
        let mut spec = set["spec"]["template"]["spec"].clone();
        if spec["serviceAccountName"].is_null() {
            spec["serviceAccountName"] = json!("default");
        }
        json!({
            "apiVersion": "v1",
            "kind": PODS.kind,
            "metadata": metadata,
            "spec": spec,
            "status": {"phase": "Pending"},
        })
    }

    /// Notes an event about an object.
    pub fn note(
        self,
        txn: &mut Txn<'_>,
        resource: &Resource,
        about: &Value,
        kind: &str,
        reason: &str,
        message: &str,
    ) {
        let text = |member: &str| about["metadata"][member].as_str().unwrap_or_default();
        let revision = self.cabinet.revision(txn.world());
        let name = format!("{}.{revision:016x}", text("name"));
        let event = json!({
            "apiVersion": "v1",
            "kind": EVENTS.kind,
            "metadata": metadata(&name, text("namespace"), self.now),
            "involvedObject": {
                "apiVersion": resource.api_version(),
                "kind": resource.kind,
                "name": text("name"),
                "namespace": text("namespace"),
                "uid": text("uid"),
            },
            "type": kind,
            "reason": reason,
            "message": message,
            "count": 1,
            "firstTimestamp": stamp(self.now),
            "lastTimestamp": stamp(self.now),
            "source": {"component": "emulator"},
        });
        self.cabinet.put(txn, &EVENTS, event);
    }
}

/// A word of letters and digits that names may hold, following from a text.
pub fn word(text: &str, length: usize) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    Sha256::digest(text)
        .iter()
        .take(length)
        .map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]))
        .collect()
}
