//! Where a cluster's objects are: facts of the cluster, each with a resource version.

use super::defaults;
use super::resources::{
    CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, GATEWAY_CLASSES, NAMESPACES, Resource, SERVICE_ACCOUNTS,
};
use super::rules::CLUSTER_ADMIN;
use crate::state::{Moment, Object, Txn, World};
use serde_json::{Value, json};
use uuid::Uuid;

/// Namespaces that every cluster has.
const OWN: &[&str] = &["default", "kube-node-lease", "kube-public", "kube-system"];

/// The gateway class that comes with application routing.
const GATEWAY_CLASS: &str = "approuting-istio";

/// The objects of one cluster.
#[derive(Clone, Copy, Debug)]
pub struct Cabinet<'a> {
    cluster: &'a Object,
}

impl<'a> Cabinet<'a> {
    pub fn of(cluster: &'a Object) -> Self {
        Self { cluster }
    }

    fn revision_fact(self) -> String {
        format!("{}#k8s-revision", self.cluster.key())
    }

    fn prefix(self, resource: &Resource, namespace: &str) -> String {
        let key = self.cluster.key();
        let (group, plural) = (resource.group, resource.plural);
        let front = format!("{key}#k8s/{group}/{plural}/");
        if resource.namespaced && namespace.is_empty() {
            front
        } else {
            format!("{front}{namespace}/")
        }
    }

    fn fact(self, resource: &Resource, namespace: &str, name: &str) -> String {
        let namespace = if resource.namespaced { namespace } else { "" };
        format!(
            "{}#k8s/{}/{}/{namespace}/{name}",
            self.cluster.key(),
            resource.group,
            resource.plural
        )
    }

    pub fn get(
        self,
        world: &World,
        resource: &Resource,
        namespace: &str,
        name: &str,
    ) -> Option<Value> {
        world
            .fact(&self.fact(resource, namespace, name))
            .map(|fact| Value::clone(fact))
    }

    /// Objects of a namespace, or of all where it is empty, by namespace and name.
    pub fn list(self, world: &World, resource: &Resource, namespace: &str) -> Vec<Value> {
        world
            .facts_under(&self.prefix(resource, namespace))
            .map(|(_, fact)| Value::clone(fact))
            .collect()
    }

    /// The version of the whole, as lists tell it.
    pub fn revision(self, world: &World) -> i64 {
        world
            .fact(&self.revision_fact())
            .and_then(|fact| fact.as_i64())
            .unwrap_or_default()
    }

    fn advance(self, txn: &mut Txn<'_>) -> i64 {
        let next = self.revision(txn.world()) + 1;
        txn.set_fact(&self.revision_fact(), Some(json!(next)));
        next
    }

    /// Stores an object under its name with a new resource version.
    pub fn put(self, txn: &mut Txn<'_>, resource: &Resource, mut object: Value) -> Value {
        let revision = self.advance(txn);
        object["metadata"]["resourceVersion"] = json!(revision.to_string());
        let text = |member: &str| object["metadata"][member].as_str().unwrap_or_default();
        let fact = self.fact(resource, text("namespace"), text("name"));
        txn.set_fact(&fact, Some(object.clone()));
        object
    }

    pub fn remove(self, txn: &mut Txn<'_>, resource: &Resource, namespace: &str, name: &str) {
        self.advance(txn);
        txn.set_fact(&self.fact(resource, namespace, name), None);
    }

    /// Whether what every cluster has is there. The role is the last of it: clusters that were
    /// made before there were any get them, too.
    pub fn planted(self, world: &World) -> bool {
        self.get(world, &CLUSTER_ROLES, "", CLUSTER_ADMIN).is_some()
    }

    /// Makes what every cluster has, as far as it is not there.
    pub fn plant(self, txn: &mut Txn<'_>, now: Moment) {
        let fresh = self.revision(txn.world()) == 0;
        if fresh {
            for name in OWN {
                self.put(txn, &NAMESPACES, namespace(name, now));
                self.account(txn, name, now);
            }
            self.put(txn, &GATEWAY_CLASSES, gateway_class(now));
        }
        for (resource, objects) in [
            (&CLUSTER_ROLE_BINDINGS, defaults::bindings()),
            (&CLUSTER_ROLES, defaults::roles()),
        ] {
            for mut object in objects {
                let name = object["metadata"]["name"].as_str().unwrap_or_default();
                if self.get(txn.world(), resource, "", name).is_some() {
                    continue;
                }
                let mut own = metadata(name, "", now);
                for member in ["labels", "annotations"] {
                    own[member] = object["metadata"][member].clone();
                }
                object["metadata"] = own;
                self.put(txn, resource, object);
            }
        }
    }

    /// The service account that a namespace brings with it.
    pub fn account(self, txn: &mut Txn<'_>, namespace: &str, now: Moment) {
        let account = json!({
            "apiVersion": "v1",
            "kind": SERVICE_ACCOUNTS.kind,
            "metadata": metadata("default", namespace, now),
        });
        self.put(txn, &SERVICE_ACCOUNTS, account);
    }
}

fn gateway_class(now: Moment) -> Value {
    json!({
        "apiVersion": GATEWAY_CLASSES.api_version(),
        "kind": GATEWAY_CLASSES.kind,
        "metadata": metadata(GATEWAY_CLASS, "", now),
        "spec": {"controllerName": "istio.io/gateway-controller"},
        "status": {"conditions": [{
            "type": "Accepted",
            "status": "True",
            "reason": "Accepted",
            "message": "Handled by application routing",
            "lastTransitionTime": stamp(now),
        }]},
    })
}

fn namespace(name: &str, now: Moment) -> Value {
    let mut metadata = metadata(name, "", now);
    metadata["labels"] = json!({"kubernetes.io/metadata.name": name});
    json!({
        "apiVersion": "v1",
        "kind": NAMESPACES.kind,
        "metadata": metadata,
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    })
}

/// The metadata of a new object.
pub fn metadata(name: &str, namespace: &str, now: Moment) -> Value {
    let mut metadata = json!({
        "name": name,
        "uid": Uuid::new_v4().to_string(),
        "creationTimestamp": stamp(now),
    });
    if !namespace.is_empty() {
        metadata["namespace"] = json!(namespace);
    }
    metadata
}

/// A time as Kubernetes prints it: without fractions.
pub fn stamp(now: Moment) -> String {
    Moment::from(now.seconds()).zulu()
}
