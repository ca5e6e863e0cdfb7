//! Diagnostic settings.

use super::client::Azure;
use onestream_emulator::DEFAULT_SUBSCRIPTION as S;
use serde_json::{Value, json};

const API: &str = "?api-version=2021-05-01-preview";

fn setting(scope: &str, name: &str) -> String {
    format!("{scope}/providers/Microsoft.Insights/diagnosticSettings/{name}{API}")
}

fn list(scope: &str) -> String {
    format!("{scope}/providers/Microsoft.Insights/diagnosticSettings{API}")
}

async fn workspace(azure: &Azure, group: &str) -> String {
    let id = format!("{group}/providers/Microsoft.OperationalInsights/workspaces/logs");
    let path = format!("{id}?api-version=2023-09-01");
    azure.put(&path, json!({"location": "eastus2"})).await;
    id
}

fn login(workspace: &str) -> Value {
    json!({"properties": {
        "workspaceId": workspace,
        "logs": [{"category": "ContainerRegistryLoginEvents", "enabled": true}],
        "metrics": [{"category": "AllMetrics", "enabled": true}],
    }})
}

#[tokio::test]
async fn a_setting_shows_what_it_does_not_have() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let registry = azure.registry(&group, "abcde").await;
    let logs = workspace(&azure, &group).await;
    let made = azure.put(&setting(&registry, "one"), login(&logs)).await;
    assert_eq!(made.status, 200, "{made:?}");
    let id = made.body["id"].as_str().unwrap();
    let scope = registry.to_ascii_lowercase();
    assert_eq!(
        id,
        format!("{scope}/providers/microsoft.insights/diagnosticSettings/one")
    );
    for member in ["location", "kind", "tags", "identity"] {
        assert_eq!(made.body.get(member), Some(&Value::Null), "{member}");
    }
    let properties = &made.body["properties"];
    assert_eq!(properties.get("storageAccountId"), Some(&Value::Null));
    assert_eq!(
        properties["logs"][0].get("categoryGroup"),
        Some(&Value::Null)
    );
    assert_eq!(
        properties["logs"][0]["retentionPolicy"],
        json!({"enabled": false, "days": 0})
    );
    assert_eq!(properties["metrics"][0]["timeGrain"], "PT1M");
    let read = azure.get(&setting(&registry, "one")).await;
    assert!(
        read.body["properties"]["metrics"][0]
            .get("timeGrain")
            .is_none()
    );
    assert_eq!(
        azure.get(&list(&registry)).await.body["value"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        azure.get(&list(&format!("/subscriptions/{S}"))).await.body["value"],
        json!([])
    );
    assert_eq!(azure.delete(&setting(&registry, "one")).await.status, 200);
    let absent = azure.get(&setting(&registry, "one")).await;
    assert_eq!(
        (absent.status, &absent.body["code"]),
        (404, &json!("ResourceNotFound"))
    );
}

#[tokio::test]
async fn categories_and_sinks_are_checked() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let registry = azure.registry(&group, "abcde").await;
    let logs = workspace(&azure, &group).await;
    let one = setting(&registry, "one");
    let refused = |body: Value| {
        let (azure, one) = (&azure, &one);
        async move {
            let reply = azure.put(one, body).await;
            (reply.status, reply.code().to_owned())
        }
    };
    let mut wrong = login(&logs);
    wrong["properties"]["logs"][0]["category"] = json!("AuditEvent");
    assert_eq!(refused(wrong).await, (400, "BadRequest".to_owned()));
    let mut sinkless = login(&logs);
    sinkless["properties"]["workspaceId"] = Value::Null;
    assert_eq!(refused(sinkless).await, (400, "BadRequest".to_owned()));
    let nowhere = login(&format!("{logs}x"));
    assert_eq!(refused(nowhere).await, (404, "ResourceNotFound".to_owned()));
    azure.put(&one, login(&logs)).await;
    let all = json!({"properties": {"workspaceId": logs.to_ascii_uppercase(), "logs": [{"categoryGroup": "allLogs", "enabled": true}]}});
    let twin = azure.put(&setting(&registry, "two"), all).await;
    assert_eq!((twin.status, twin.code()), (409, "Conflict"));
    assert!(
        twin.body["message"]
            .as_str()
            .unwrap()
            .contains("'one' for category 'ContainerRegistryLoginEvents'")
    );
    let identity =
        format!("{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/ide");
    azure.put(&identity, json!({"location": "eastus2"})).await;
    let mute = azure.put(&setting(&identity, "one"), login(&logs)).await;
    assert_eq!(mute.code(), "ResourceTypeNotSupported");
}

#[tokio::test]
async fn a_setting_outlives_its_resource() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let registry = azure.registry(&group, "abcde").await;
    let logs = workspace(&azure, &group).await;
    azure.put(&setting(&registry, "one"), login(&logs)).await;
    assert_eq!(azure.delete(&registry).await.status, 200);
    assert_eq!(azure.get(&setting(&registry, "one")).await.status, 404);
    azure.registry(&group, "abcde").await;
    let again = azure.get(&list(&registry)).await;
    assert_eq!(again.body["value"][0]["name"], "one");
}

#[tokio::test]
async fn a_subscription_has_settings_of_its_own_shape() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let logs = workspace(&azure, &group).await;
    let scope = format!("/subscriptions/{S}");
    let body = json!({"properties": {"workspaceId": logs, "logs": [{"category": "Administrative", "enabled": true}]}});
    let made = azure.put(&setting(&scope, "activity"), body).await;
    assert_eq!(made.status, 200, "{made:?}");
    assert_eq!(
        made.body["id"],
        format!("subscriptions/{S}/providers/microsoft.insights/diagnosticSettings/activity")
    );
    assert_eq!(made.body["location"], "global");
    assert!(made.body["properties"].get("metrics").is_none(), "{made:?}");
    assert!(made.body["properties"].get("storageAccountId").is_none());
}
