//! Making, reading, changing and deleting objects.

use super::client::{Azure, DEPLOYMENTS, WEB, web};
use onestream_emulator::Settings;
use serde_json::{Value, json};

const CONFIGS: &str = "/api/v1/namespaces/default/configmaps";

fn config(name: &str, value: &str) -> Value {
    json!({"metadata": {"name": name, "labels": {"v": value}}, "data": {"k": value}})
}

#[tokio::test]
async fn an_object_is_made_once_and_changed_by_who_saw_it_last() {
    let azure = Azure::start().await;
    let made = azure.k8s("POST", CONFIGS, config("a", "1")).await;
    assert_eq!(made.status, 201);
    assert_eq!(
        (&made.body["kind"], &made.body["apiVersion"]),
        (&json!("ConfigMap"), &json!("v1"))
    );
    let twice = azure.k8s("POST", CONFIGS, config("a", "1")).await;
    assert_eq!((twice.status, twice.reason()), (409, "AlreadyExists"));
    assert_eq!(twice.message(), "configmaps \"a\" already exists");
    let path = format!("{CONFIGS}/a");
    let mut next = made.body.clone();
    next["data"]["k"] = json!("2");
    let changed = azure.k8s("PUT", &path, next.clone()).await;
    assert_eq!(changed.status, 200);
    assert_ne!(
        changed.body["metadata"]["resourceVersion"],
        made.body["metadata"]["resourceVersion"]
    );
    let stale = azure.k8s("PUT", &path, next).await;
    assert_eq!((stale.status, stale.reason()), (409, "Conflict"));
    assert!(stale.message().contains("the object has been modified"));
    let same = azure.k8s("PUT", &path, changed.body.clone()).await;
    assert_eq!(
        same.body["metadata"]["resourceVersion"],
        changed.body["metadata"]["resourceVersion"]
    );
    let guarded = json!({"preconditions": {"uid": "other"}});
    assert_eq!(azure.k8s("DELETE", &path, guarded).await.status, 409);
    let gone = azure.k8s("DELETE", &path, Value::Null).await;
    assert_eq!(
        (gone.status, &gone.body["status"]),
        (200, &json!("Success"))
    );
    let absent = azure.k8s("GET", &path, Value::Null).await;
    assert_eq!(absent.message(), "configmaps \"a\" not found");
}

#[tokio::test]
async fn lists_are_selected_and_paged() {
    let azure = Azure::start().await;
    for (name, value) in [("a", "1"), ("b", "2"), ("c", "1")] {
        azure.k8s("POST", CONFIGS, config(name, value)).await;
    }
    let names = async |query: &str| {
        let list = azure
            .k8s("GET", &format!("{CONFIGS}?{query}"), Value::Null)
            .await;
        let items = list.body["items"].as_array().cloned().unwrap_or_default();
        let names: Vec<String> = items
            .iter()
            .map(|item| item["metadata"]["name"].as_str().unwrap().to_owned())
            .collect();
        (
            names.join(" "),
            list.body["metadata"]["continue"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        )
    };
    assert_eq!(names("labelSelector=v%3D1").await.0, "a c");
    assert_eq!(names("fieldSelector=metadata.name%3Db").await.0, "b");
    let (first, token) = names("limit=2").await;
    assert_eq!(first, "a b");
    assert_eq!(
        names(&format!("limit=2&continue={token}")).await,
        ("c".to_owned(), String::new())
    );
    let watched = azure
        .k8s("GET", &format!("{CONFIGS}?watch=true"), Value::Null)
        .await;
    assert_eq!(watched.status, 405);
    azure
        .k8s(
            "DELETE",
            &format!("{CONFIGS}?labelSelector=v%3D1"),
            Value::Null,
        )
        .await;
    assert_eq!(names("").await.0, "b");
}

#[tokio::test]
async fn what_a_kind_cannot_be_is_refused() {
    let azure = Azure::start().await;
    let lost = azure.k8s("POST", DEPLOYMENTS, web(1, "i")).await;
    assert_eq!(
        (lost.status, lost.message()),
        (404, "namespaces \"iam\" not found")
    );
    azure.namespace("iam").await;
    let mut odd = web(1, "i");
    odd["spec"]["selector"]["matchLabels"] = json!({"app": "other"});
    let refused = azure.k8s("POST", DEPLOYMENTS, odd).await;
    assert_eq!((refused.status, refused.reason()), (422, "Invalid"));
    assert!(
        refused
            .message()
            .starts_with("Deployment.apps \"web\" is invalid: ")
    );
    assert_eq!(
        refused.body["details"]["causes"][0]["field"],
        "spec.template.metadata.labels"
    );
    let mut wrong = web(1, "i");
    wrong["kind"] = json!("StatefulSet");
    assert_eq!(azure.k8s("POST", DEPLOYMENTS, wrong).await.status, 400);
    let dry = azure
        .k8s("POST", &format!("{DEPLOYMENTS}?dryRun=All"), web(1, "i"))
        .await;
    assert_eq!(dry.status, 201);
    assert_eq!(azure.k8s("GET", WEB, Value::Null).await.status, 404);
}

#[tokio::test]
async fn a_namespace_takes_along_what_is_in_it() {
    let azure = Azure::start().await;
    azure.deployment(1, "i").await;
    let account = "/api/v1/namespaces/iam/serviceaccounts/default";
    assert_eq!(azure.k8s("GET", account, Value::Null).await.status, 200);
    azure
        .k8s("DELETE", "/api/v1/namespaces/iam", Value::Null)
        .await;
    for path in [WEB, account, "/api/v1/namespaces/iam"] {
        assert_eq!(
            azure.k8s("GET", path, Value::Null).await.status,
            404,
            "{path}"
        );
    }
    let pods = azure.k8s("GET", "/api/v1/pods", Value::Null).await;
    assert_eq!(pods.body["items"], json!([]));
}

#[tokio::test]
async fn a_finalizer_holds_an_object() {
    let azure = Azure::start().await;
    let mut held = config("a", "1");
    held["metadata"]["finalizers"] = json!(["example.com/hold"]);
    azure.k8s("POST", CONFIGS, held).await;
    let path = format!("{CONFIGS}/a");
    azure.k8s("DELETE", &path, Value::Null).await;
    let going = azure.k8s("GET", &path, Value::Null).await;
    assert!(going.body["metadata"]["deletionTimestamp"].is_string());
    let free = json!({"metadata": {"finalizers": null}});
    azure.patch(&path, "merge-patch+json", free).await;
    assert_eq!(azure.k8s("GET", &path, Value::Null).await.status, 404);
}

#[tokio::test]
async fn objects_outlive_the_process_and_go_with_their_cluster() {
    let folder = tempfile::tempdir().unwrap();
    let settings = || Settings {
        data: Some(folder.path().to_owned()),
        open_info: true,
        ..Settings::default()
    };
    let azure = Azure::with(settings(), json!({})).await;
    azure.k8s("POST", CONFIGS, config("a", "1")).await;
    let state = || std::fs::read_to_string(folder.path().join("state.jsonl")).unwrap();
    assert!(state().contains("configmaps"));
    let gone = azure.arm("DELETE", &azure.cluster, Value::Null).await;
    azure.finish(&gone).await;
    let path = format!("{CONFIGS}/a");
    assert_eq!(azure.k8s("GET", &path, Value::Null).await.status, 404);
    drop(azure);
    let again = onestream_emulator::Emulator::start(settings())
        .await
        .unwrap();
    again.stop().await;
}
