//! The ways to change a part of an object.

use super::client::{Azure, WEB};
use serde_json::{Value, json};

const MERGE: &str = "merge-patch+json";
const STRATEGIC: &str = "strategic-merge-patch+json";
const APPLY: &str = "apply-patch+yaml";

fn image(name: &str, image: &str) -> Value {
    json!({"spec": {"template": {"spec": {"containers": [{"name": name, "image": image}]}}}})
}

#[tokio::test]
async fn patches_merge_as_their_kind_says() {
    let azure = Azure::start().await;
    azure.deployment(1, "i:1").await;
    let strategic = azure.patch(WEB, STRATEGIC, image("side", "s:1")).await;
    let containers = &strategic.body["spec"]["template"]["spec"]["containers"];
    assert_eq!(
        containers.as_array().map(Vec::len),
        Some(2),
        "{strategic:?}"
    );
    assert_eq!(strategic.body["metadata"]["generation"], 2);
    let merged = azure.patch(WEB, MERGE, image("web", "i:2")).await;
    let containers = &merged.body["spec"]["template"]["spec"]["containers"];
    assert_eq!(containers.as_array().map(Vec::len), Some(1));
    let step = json!([{"op": "replace", "path": "/spec/replicas", "value": 3}]);
    let patched = azure.patch(WEB, "json-patch+json", step).await;
    assert_eq!(patched.body["spec"]["replicas"], 3);
    let stale = json!({"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 4}});
    assert_eq!(azure.patch(WEB, MERGE, stale).await.reason(), "Conflict");
    assert_eq!(azure.patch(WEB, "json", json!({})).await.status, 415);
    let scale = format!("{WEB}/scale");
    let scaled = azure
        .patch(&scale, MERGE, json!({"spec": {"replicas": 5}}))
        .await;
    assert_eq!(
        (&scaled.body["kind"], &scaled.body["spec"]["replicas"]),
        (&json!("Scale"), &json!(5))
    );
    let hidden = azure
        .patch(WEB, MERGE, json!({"status": {"replicas": 99}}))
        .await;
    assert_ne!(hidden.body["status"]["replicas"], 99);
}

#[tokio::test]
async fn custom_resources_are_patched_but_not_strategically() {
    let azure = Azure::start().await;
    let class = "/apis/gateway.networking.k8s.io/v1/gatewayclasses/approuting-istio";
    assert_eq!(azure.k8s("GET", class, Value::Null).await.status, 200);
    let routes = "/apis/gateway.networking.k8s.io/v1/namespaces/default/httproutes";
    let body = json!({"metadata": {"name": "web"}, "spec": {"rules": [{"backendRefs": [
        {"name": "stable", "port": 80, "weight": 100}, {"name": "canary", "port": 80, "weight": 0},
    ]}]}});
    assert_eq!(azure.k8s("POST", routes, body).await.status, 201);
    let route = format!("{routes}/web");
    assert_eq!(azure.patch(&route, STRATEGIC, json!({})).await.status, 415);
    let path = |at: u32| format!("/spec/rules/0/backendRefs/{at}/weight");
    let weights = json!([
        {"op": "test", "path": path(0), "value": 100},
        {"op": "replace", "path": path(0), "value": 90},
        {"op": "replace", "path": path(1), "value": 10},
    ]);
    let shifted = azure
        .patch(&route, "json-patch+json", weights.clone())
        .await;
    assert_eq!(
        shifted.body["spec"]["rules"][0]["backendRefs"][1]["weight"],
        10
    );
    let moved = azure.patch(&route, "json-patch+json", weights).await;
    assert_eq!(moved.status, 422, "somebody else shifted traffic meanwhile");
}

#[tokio::test]
async fn applied_fields_have_owners() {
    let azure = Azure::start().await;
    azure.namespace("iam").await;
    let body = super::client::web(2, "i:1");
    let nobody = azure.patch(WEB, APPLY, body.clone()).await;
    assert_eq!(nobody.status, 400);
    let by = |who: &str, force: bool| format!("{WEB}?fieldManager={who}&force={force}");
    let made = azure.patch(&by("one", false), APPLY, body.clone()).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.body["metadata"]["managedFields"][0]["manager"], "one");
    let again = azure.patch(&by("one", false), APPLY, body.clone()).await;
    assert_eq!(again.status, 200);
    assert_eq!(
        again.body["metadata"]["resourceVersion"],
        made.body["metadata"]["resourceVersion"]
    );
    azure
        .patch(
            &format!("{WEB}/scale?fieldManager=scaler"),
            MERGE,
            json!({"spec": {"replicas": 4}}),
        )
        .await;
    let clash = azure.patch(&by("one", false), APPLY, body.clone()).await;
    assert_eq!((clash.status, clash.reason()), (409, "Conflict"));
    assert_eq!(
        clash.message(),
        "Apply failed with 1 conflict: conflict with \"scaler\": .spec.replicas"
    );
    let forced = azure.patch(&by("one", true), APPLY, body).await;
    assert_eq!(forced.body["spec"]["replicas"], 2);
}
