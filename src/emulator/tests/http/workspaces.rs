//! Log Analytics workspaces: born slowly, deleted softly, brought back.

use super::client::Azure;
use onestream_emulator::DEFAULT_SUBSCRIPTION as S;
use serde_json::json;

fn workspace(group: &str, name: &str) -> String {
    format!(
        "{group}/providers/Microsoft.OperationalInsights/workspaces/{name}?api-version=2023-09-01"
    )
}

fn deleted() -> String {
    format!(
        "/subscriptions/{S}/providers/Microsoft.OperationalInsights/deletedWorkspaces?api-version=2023-09-01"
    )
}

#[tokio::test]
async fn a_workspace_is_read_until_it_stands() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let id = workspace(&group, "logs");
    let made = azure.put(&id, json!({"location": "eastus2"})).await;
    assert_eq!((made.status, made.state()), (201, "Creating"));
    assert!(
        made.header("location")
            .contains("/workspaces/logs?api-version=2023-09-01")
    );
    assert_eq!(made.header("azure-asyncoperation"), "");
    assert_eq!(azure.get(&id).await.state(), "Creating");
    let stands = azure.get(&id).await;
    assert_eq!(stands.state(), "Succeeded");
    assert_eq!(stands.body["properties"]["retentionInDays"], 30);
    let old = azure
        .get(&id.replace("2023-09-01", "2021-12-01-preview"))
        .await;
    assert!(old.body.get("etag").is_none());
    let body = json!({"location": "eastus2", "properties": {"retentionInDays": 100}});
    let changed = azure.put(&id, body).await;
    assert_eq!((changed.status, changed.state()), (200, "Succeeded"));
    assert_eq!(
        changed.body["properties"]["customerId"],
        made.body["properties"]["customerId"]
    );
    for wrong in [
        json!({"retentionInDays": 10}),
        json!({"sku": {"name": "Gold"}}),
    ] {
        let body = json!({"location": "eastus2", "properties": wrong});
        assert_eq!(azure.put(&id, body).await.code(), "BadRequest");
    }
    let keys = azure
        .post(&id.replace('?', "/sharedKeys?"), json!({}))
        .await;
    assert_eq!(keys.body["primarySharedKey"].as_str().unwrap().len(), 88);
}

#[tokio::test]
async fn a_deleted_workspace_comes_back_as_it_was() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let id = workspace(&group, "logs");
    let body =
        json!({"location": "eastus2", "tags": {"a": "b"}, "properties": {"retentionInDays": 90}});
    let made = azure.put(&id, body).await;
    assert_eq!(azure.delete(&id).await.status, 200);
    assert_eq!(azure.get(&id).await.code(), "ResourceNotFound");
    let listed = azure.get(&deleted()).await;
    assert!(
        listed.body["value"][0]["id"]
            .as_str()
            .unwrap()
            .ends_with("/workspaces/logs")
    );
    let elsewhere = azure.put(&id, json!({"location": "westus2"})).await;
    assert_eq!(elsewhere.status, 409);
    let back = azure.put(&id, json!({"location": "eastus2"})).await;
    assert_eq!((back.status, back.state()), (200, "Succeeded"));
    for member in ["customerId", "retentionInDays"] {
        assert_eq!(
            back.body["properties"][member],
            made.body["properties"][member]
        );
    }
    assert_eq!(back.body["tags"], json!({"a": "b"}));
    assert_eq!(azure.get(&deleted()).await.body["value"], json!([]));
    let forced = azure.delete(&format!("{id}&force=true")).await;
    assert_eq!(forced.status, 200);
    assert_eq!(azure.get(&deleted()).await.body["value"], json!([]));
    assert_eq!(
        azure.put(&id, json!({"location": "eastus2"})).await.status,
        201
    );
}

#[tokio::test]
async fn newer_versions_delete_in_the_background() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let id = workspace(&group, "logs").replace("2023-09-01", "2025-07-01");
    azure.put(&id, json!({"location": "eastus2"})).await;
    let gone = azure.delete(&id).await;
    assert_eq!(gone.status, 202);
    assert!(
        gone.header("azure-asyncoperation")
            .contains("/operationstatuses/")
    );
    assert!(
        gone.header("location")
            .contains("/workspaces/logs/operationresults/")
    );
    assert_eq!(azure.finish(&gone).await.body["status"], "Succeeded");
    assert_eq!(azure.get(&id).await.status, 404);
}

#[tokio::test]
async fn a_deleted_workspace_survives_its_group_for_a_while() {
    let mut azure = Azure::start().await;
    let group = azure.group("g").await;
    let id = workspace(&group, "logs");
    azure.put(&id, json!({"location": "eastus2"})).await;
    azure.finish(&azure.delete(&group).await).await;
    azure.group("g").await;
    azure.finish(&azure.delete(&group).await).await;
    azure.group("g").await;
    assert_eq!(
        azure.get(&deleted()).await.body["value"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let days = 14 * 24 * 3600;
    azure
        .control("POST", "clock", json!({"advance_seconds": days}))
        .await;
    azure.token = azure.sign_in("https://management.azure.com").await;
    assert_eq!(azure.get(&deleted()).await.body["value"], json!([]));
    assert_eq!(
        azure.put(&id, json!({"location": "eastus2"})).await.status,
        201
    );
}
