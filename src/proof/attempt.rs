//! What each probe asks, and in which order: nothing that it asks leaves anything behind.
//!
//! ## Why
//! An upload that is begun is cancelled, and holds no image while it lasts; an import names a
//! source under `.invalid`, which nobody can answer for (RFC 6761); a rollout is a dry run; a
//! signature is made of the digest of a fixed sentence, so that it vouches for no image, and is
//! dropped.

use serde_json::{Value as Json, json};

use super::answer::{Measured, Step, Way};
use super::ground::{ClusterPlace, KeyPlace, Place, RegistryPlace};
use super::ports::{Caller, Plain, Reply};
use crate::kinds::Probe;
use crate::resource::{Method, Plane, Request};

/// The repository that is asked for: it does not exist, and stays away.
const REPOSITORY: &str = "onestream-probe";
/// A tag and a digest that nothing has.
const ABSENT: &str = "absent";
const ABSENT_DIGEST: &str =
    "sha256:0000000000000000000000000000000000000000000000000000000000000000";
/// The api-version of registries' actions.
const REGISTRY_API: &str = "2023-07-01";
/// The api-version of clusters' actions.
const CLUSTER_API: &str = "2024-09-01";
/// The api-version of vaults' own API.
const VAULT_API: &str = "7.5";
/// A namespace that is no service's, and stands in every cluster.
const ELSEWHERE: &str = "default";

/// Tries a probe; the steps that were taken, none where the probe is not for such a place.
pub(super) async fn attempt(caller: &dyn Caller, probe: Probe, place: &Place) -> Vec<Step> {
    match (probe, place) {
        (Probe::Pull, Place::Registry(registry)) => pull(caller, registry).await,
        (Probe::Push, Place::Registry(registry)) => push(caller, registry).await,
        (Probe::Delete, Place::Registry(registry)) => delete(caller, registry).await,
        (Probe::Import, Place::Registry(registry)) => import(caller, registry).await,
        (Probe::Deploy, Place::Cluster(cluster)) => deploy(caller, cluster).await,
        (Probe::DeployElsewhere, Place::Cluster(cluster)) => {
            roll_out(caller, cluster, ELSEWHERE).await
        }
        (Probe::Secrets, Place::Cluster(cluster)) => secrets(caller, cluster).await,
        (Probe::Sign, Place::Key(key)) => sign(caller, key).await,
        (Probe::Verify, Place::Key(key)) => verify(caller, key).await,
        _ => Vec::new(),
    }
}

fn scope(actions: &str) -> String {
    format!("repository:{REPOSITORY}:{actions}")
}

async fn pull(caller: &dyn Caller, registry: &RegistryPlace) -> Vec<Step> {
    let path = format!("/v2/{REPOSITORY}/manifests/{ABSENT}");
    let request = Plain::new(Method::Get, path);
    let reply = caller
        .registry(&registry.server, &scope("pull"), &request)
        .await;
    vec![Step::of(
        Way::Registry,
        "GET a manifest that is absent",
        &reply,
    )]
}

async fn push(caller: &dyn Caller, registry: &RegistryPlace) -> Vec<Step> {
    let path = format!("/v2/{REPOSITORY}/blobs/uploads/");
    let request = Plain::new(Method::Post, path);
    let scope = scope("pull,push");
    let reply = caller.registry(&registry.server, &scope, &request).await;
    let mut steps = vec![Step::of(Way::Registry, "POST an upload", &reply)];
    let Reply::Answered {
        location: Some(upload),
        ..
    } = reply
    else {
        return steps;
    };
    let cancel = Plain::new(Method::Delete, upload);
    let reply = caller.registry(&registry.server, &scope, &cancel).await;
    let step = Step::of(Way::Registry, "DELETE the upload", &reply);
    // Who may begin one may cancel it: anything else is worth a look, and no refusal.
    if !matches!(step.measured, Measured::Allowed) {
        let measured = Measured::Unknown(format!(
            "the upload {} was begun and could not be cancelled",
            cancel.path
        ));
        steps.push(Step { measured, ..step });
    }
    steps
}

async fn delete(caller: &dyn Caller, registry: &RegistryPlace) -> Vec<Step> {
    let path = format!("/v2/{REPOSITORY}/manifests/{ABSENT_DIGEST}");
    let request = Plain::new(Method::Delete, path);
    let reply = caller
        .registry(&registry.server, &scope("delete"), &request)
        .await;
    vec![Step::of(
        Way::Registry,
        "DELETE a manifest that is absent",
        &reply,
    )]
}

async fn import(caller: &dyn Caller, registry: &RegistryPlace) -> Vec<Step> {
    let request = act(&format!("{}/importImage", registry.id), REGISTRY_API).body(json!({
        "source": {
            "registryUri": format!("{REPOSITORY}.invalid"),
            "sourceImage": format!("{REPOSITORY}:{ABSENT}"),
        },
        "targetTags": [format!("{REPOSITORY}:{ABSENT}")],
        "mode": "NoForce",
    }));
    let reply = caller.azure(&request).await;
    vec![Step::of(Way::Arm, "POST importImage from nowhere", &reply)]
}

/// A POST that may be sent once only.
fn act(path: &str, api_version: &str) -> Request {
    Request::arm(Method::Post, path, api_version)
}

/// A POST that lists a cluster's credential file, and changes nothing.
pub(super) fn credential_file(cluster: &str) -> Request {
    let path = format!("{cluster}/listClusterUserCredential");
    Request {
        idempotent: true,
        ..act(&path, CLUSTER_API)
    }
}

async fn deploy(caller: &dyn Caller, cluster: &ClusterPlace) -> Vec<Step> {
    let reply = caller.azure(&credential_file(&cluster.id)).await;
    let mut steps = vec![Step::of(Way::Arm, "POST listClusterUserCredential", &reply)];
    for namespace in &cluster.namespaces {
        steps.extend(roll_out(caller, cluster, namespace).await);
    }
    steps
}

async fn roll_out(caller: &dyn Caller, cluster: &ClusterPlace, namespace: &str) -> Vec<Step> {
    let review = review(caller, cluster, "create", "apps", "deployments", namespace);
    let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments?dryRun=All");
    let request = Plain::new(Method::Post, path).body(deployment(namespace));
    let reply = caller.cluster(&cluster.server, &request).await;
    let dry_run = format!("POST a deployment in {namespace}, as a dry run");
    vec![review.await, Step::of(Way::Cluster, dry_run, &reply)]
}

async fn secrets(caller: &dyn Caller, cluster: &ClusterPlace) -> Vec<Step> {
    let mut steps = Vec::new();
    for namespace in &cluster.namespaces {
        steps.push(review(caller, cluster, "get", "", "secrets", namespace).await);
        let path = format!("/api/v1/namespaces/{namespace}/secrets/{REPOSITORY}-{ABSENT}");
        let request = Plain::new(Method::Get, path);
        let reply = caller.cluster(&cluster.server, &request).await;
        let asked = format!("GET a secret that is absent in {namespace}");
        steps.push(Step::of(Way::Cluster, asked, &reply));
    }
    steps
}

async fn review(
    caller: &dyn Caller,
    cluster: &ClusterPlace,
    verb: &str,
    group: &str,
    resource: &str,
    namespace: &str,
) -> Step {
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let request = Plain::new(Method::Post, path).body(json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {
            "verb": verb, "group": group, "resource": resource, "namespace": namespace,
        }},
    }));
    let reply = caller.cluster(&cluster.server, &request).await;
    let asked = format!("review: may I {verb} {resource} in {namespace}");
    Step::of(Way::Review, asked, &reply)
}

fn deployment(namespace: &str) -> Json {
    let labels = json!({ "app": REPOSITORY });
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": REPOSITORY, "namespace": namespace},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [
                    {"name": "probe", "image": format!("{REPOSITORY}.invalid/{ABSENT}")},
                ]},
            },
        },
    })
}

async fn sign(caller: &dyn Caller, key: &KeyPlace) -> Vec<Step> {
    let body = json!({"alg": key.algorithm, "value": key.digest()});
    let reply = caller.azure(&use_of(key, "sign").body(body)).await;
    vec![Step::of(Way::Vault, "POST sign", &reply)]
}

async fn verify(caller: &dyn Caller, key: &KeyPlace) -> Vec<Step> {
    let body = json!({
        "alg": key.algorithm, "digest": key.digest(), "value": key.nobodys_signature(),
    });
    let reply = caller.azure(&use_of(key, "verify").body(body)).await;
    vec![Step::of(Way::Vault, "POST verify", &reply)]
}

fn use_of(key: &KeyPlace, what: &str) -> Request {
    let path = format!("/keys/{}/{}/{what}", key.name, key.version);
    Request {
        plane: Plane::Vault(key.vault.clone()),
        idempotent: true,
        ..act(&path, VAULT_API)
    }
}
