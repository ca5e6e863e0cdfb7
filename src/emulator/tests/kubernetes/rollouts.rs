//! What the controller makes of deployments, step by step.

use super::client::{ACR_PULL, Azure, WEB};
use onestream_emulator::DEFAULT_SUBSCRIPTION;
use serde_json::{Value, json};

const PODS: &str = "/api/v1/namespaces/iam/pods";
const SETS: &str = "/apis/apps/v1/namespaces/iam/replicasets";

async fn status(azure: &Azure) -> Value {
    azure.k8s("GET", WEB, Value::Null).await.body
}

/// Whether a roll-out has ended, as `kubectl rollout status` judges it.
fn done(deployment: &Value) -> bool {
    let status = &deployment["status"];
    let wanted = &deployment["spec"]["replicas"];
    status["observedGeneration"] == deployment["metadata"]["generation"]
        && ["updatedReplicas", "replicas", "availableReplicas"]
            .iter()
            .all(|member| status[*member] == *wanted)
}

async fn finished(azure: &Azure) -> Value {
    for _ in 0..50 {
        let now = status(azure).await;
        if done(&now) {
            return now;
        }
    }
    panic!("it never ends: {}", status(azure).await);
}

fn condition<'a>(deployment: &'a Value, kind: &str) -> &'a Value {
    let list = deployment["status"]["conditions"].as_array();
    let found = list.and_then(|list| list.iter().find(|c| c["type"] == kind));
    found.expect("the condition")
}

fn image(image: &str) -> Value {
    json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": image}]}}}})
}

#[tokio::test]
async fn pods_come_pending_and_run_at_the_next_look() {
    let azure = Azure::start().await;
    azure.deployment(2, "mcr.microsoft.com/web:1").await;
    let first = azure.k8s("GET", PODS, Value::Null).await.body;
    let phases = |list: &Value| {
        let items = list["items"].as_array().unwrap();
        items
            .iter()
            .map(|pod| pod["status"]["phase"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(phases(&first), ["Pending", "Pending"]);
    let next = azure.k8s("GET", PODS, Value::Null).await.body;
    assert_eq!(phases(&next), ["Running", "Running"]);
    let end = finished(&azure).await;
    assert_eq!(condition(&end, "Available")["status"], "True");
    assert_eq!(
        condition(&end, "Progressing")["reason"],
        "NewReplicaSetAvailable"
    );
    assert_eq!(
        end["metadata"]["annotations"]["deployment.kubernetes.io/revision"],
        "1"
    );
    let still = status(&azure).await;
    assert_eq!(
        still["metadata"]["resourceVersion"],
        end["metadata"]["resourceVersion"]
    );
    let name = next["items"][0]["metadata"]["name"]
        .as_str()
        .unwrap()
        .to_owned();
    azure
        .k8s("DELETE", &format!("{PODS}/{name}"), Value::Null)
        .await;
    let back = azure.k8s("GET", PODS, Value::Null).await.body;
    assert_eq!(back["items"].as_array().map(Vec::len), Some(2));
    let events = azure
        .k8s("GET", "/api/v1/namespaces/iam/events", Value::Null)
        .await;
    assert!(events.text.contains("Scaled up replica set"));
}

#[tokio::test]
async fn a_roll_out_keeps_enough_pods_and_can_go_back() {
    let azure = Azure::start().await;
    azure.deployment(4, "mcr.microsoft.com/web:1").await;
    finished(&azure).await;
    azure
        .patch(
            WEB,
            "strategic-merge-patch+json",
            image("mcr.microsoft.com/web:2"),
        )
        .await;
    let mut steps = 0;
    loop {
        let now = status(&azure).await;
        let count = |member: &str| now["status"][member].as_i64().unwrap_or_default();
        assert!(count("replicas") <= 5, "surge: {now}");
        assert!(count("availableReplicas") >= 3, "availability: {now}");
        if done(&now) {
            break;
        }
        steps += 1;
        assert!(steps < 50);
    }
    assert!(steps > 2, "it can be watched in its middle");
    let sets = azure.k8s("GET", SETS, Value::Null).await.body;
    assert_eq!(sets["items"].as_array().map(Vec::len), Some(2));
    azure
        .patch(
            WEB,
            "strategic-merge-patch+json",
            image("mcr.microsoft.com/web:1"),
        )
        .await;
    finished(&azure).await;
    let sets = azure.k8s("GET", SETS, Value::Null).await.body;
    assert_eq!(
        sets["items"].as_array().map(Vec::len),
        Some(2),
        "the old set is used again"
    );
    azure.k8s("DELETE", WEB, Value::Null).await;
    for path in [SETS, PODS] {
        let left = azure.k8s("GET", path, Value::Null).await.body;
        assert_eq!(left["items"], json!([]), "{path}");
    }
}

#[tokio::test]
async fn an_image_that_is_not_there_stops_a_roll_out_until_its_deadline() {
    let azure = Azure::start().await;
    let id = format!(
        "/subscriptions/{DEFAULT_SUBSCRIPTION}/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries/devreg"
    );
    let body = json!({"location": "eastus2", "sku": {"name": "Premium"}});
    let made = azure.arm("PUT", &id, body).await;
    azure.finish(&made).await;
    azure.deployment(2, "mcr.microsoft.com/web:1").await;
    finished(&azure).await;
    azure
        .patch(
            WEB,
            "strategic-merge-patch+json",
            image("devreg.azurecr.io/web:1"),
        )
        .await;
    let mut pods = Value::Null;
    for _ in 0..5 {
        pods = azure.k8s("GET", PODS, Value::Null).await.body;
    }
    let waiting = pods.to_string();
    assert!(
        waiting.contains("ImagePullBackOff") && waiting.contains("401 Unauthorized"),
        "{waiting}"
    );
    let now = status(&azure).await;
    assert!(
        now["status"]["availableReplicas"].as_i64().unwrap() >= 2,
        "{now}"
    );
    let wait = async |seconds: i64| {
        azure
            .control("POST", "clock", json!({"advance_seconds": seconds}))
            .await;
    };
    wait(599).await;
    assert_eq!(
        condition(&status(&azure).await, "Progressing")["status"],
        "True"
    );
    wait(2).await;
    let late = status(&azure).await;
    assert_eq!(
        condition(&late, "Progressing")["reason"],
        "ProgressDeadlineExceeded"
    );
    assert_eq!(
        condition(&status(&azure).await, "Progressing")["reason"],
        "ProgressDeadlineExceeded"
    );
    let shown = azure.arm("GET", &azure.cluster, Value::Null).await.body;
    let kubelet = shown["properties"]["identityProfile"]["kubeletidentity"]["objectId"]
        .as_str()
        .unwrap();
    azure
        .assign(&id, ACR_PULL, kubelet, "ServicePrincipal")
        .await;
    let pods = azure.k8s("GET", PODS, Value::Null).await;
    assert!(pods.text.contains("devreg.azurecr.io/web:1: not found"));
    let order = json!({"source": {"registryUri": "docker.io", "sourceImage": "library/web:1"}, "targetTags": ["web:1"]});
    let begun = azure.arm("POST", &format!("{id}/importImage"), order).await;
    azure.finish(&begun).await;
    let end = finished(&azure).await;
    assert_eq!(
        condition(&end, "Progressing")["reason"],
        "NewReplicaSetAvailable"
    );
}

#[tokio::test]
async fn paused_and_recreated_deployments_do_as_they_say() {
    let azure = Azure::start().await;
    azure.deployment(2, "mcr.microsoft.com/web:1").await;
    finished(&azure).await;
    let patch = "merge-patch+json";
    azure
        .patch(WEB, patch, json!({"spec": {"paused": true}}))
        .await;
    azure
        .patch(
            WEB,
            "strategic-merge-patch+json",
            image("mcr.microsoft.com/web:2"),
        )
        .await;
    for _ in 0..3 {
        let now = status(&azure).await;
        assert_eq!(now["status"]["updatedReplicas"], 0, "{now}");
    }
    let recreate =
        json!({"spec": {"paused": false, "strategy": {"type": "Recreate", "rollingUpdate": null}}});
    azure.patch(WEB, patch, recreate).await;
    let first = status(&azure).await;
    assert_eq!(first["status"]["availableReplicas"], 0);
    finished(&azure).await;
}

#[tokio::test]
async fn an_autoscaler_keeps_its_deployment_within_bounds() {
    let azure = Azure::start().await;
    azure.deployment(1, "mcr.microsoft.com/web:1").await;
    let path = "/apis/autoscaling/v2/namespaces/iam/horizontalpodautoscalers";
    let body = |least: u32, most: u32| {
        json!({
            "metadata": {"name": "web"},
            "spec": {"minReplicas": least, "maxReplicas": most, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}},
        })
    };
    assert_eq!(azure.k8s("POST", path, body(3, 2)).await.status, 422);
    assert_eq!(azure.k8s("POST", path, body(2, 3)).await.status, 201);
    let end = finished(&azure).await;
    assert_eq!(end["spec"]["replicas"], 2);
    azure
        .patch(
            &format!("{WEB}/scale"),
            "merge-patch+json",
            json!({"spec": {"replicas": 9}}),
        )
        .await;
    assert_eq!(finished(&azure).await["spec"]["replicas"], 3);
}
