//! Container registries and their webhooks.

use super::client::{Azure, registry_id};
use onestream_emulator::DEFAULT_SUBSCRIPTION as S;
use serde_json::json;

#[tokio::test]
async fn a_registry_is_made_by_an_operation_and_changed_without() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let registry = registry_id(&group, "MyReg");
    let body =
        json!({"location": "eastus2", "sku": {"name": "premium"}, "properties": {"unknown": 1}});
    let made = azure.put(&registry, body).await;
    assert_eq!((made.status, made.state()), (201, "Creating"));
    assert_eq!(
        made.body["sku"],
        json!({"name": "Premium", "tier": "Premium"})
    );
    assert!(made.body["properties"].get("unknown").is_none());
    assert!(
        made.header("azure-asyncoperation")
            .contains("/operationStatuses/registries-")
    );
    assert_eq!(made.header("retry-after"), "0");
    assert_eq!(
        azure.finish(&made).await.body,
        json!({"status": "Succeeded"})
    );
    let patch = json!({"properties": {"adminUserEnabled": true}, "tags": {"a": "b"}});
    let patched = azure.patch(&registry, patch).await;
    assert_eq!((patched.status, patched.state()), (200, "Succeeded"));
    let again = azure
        .put(
            &registry,
            json!({"location": "eastus2", "sku": {"name": "Premium"}}),
        )
        .await;
    assert_eq!((again.status, again.state()), (201, "Updating"));
    azure.finish(&again).await;
    let shown = azure.get(&registry).await;
    assert_eq!(shown.body["properties"]["adminUserEnabled"], false);
    assert_eq!(shown.body["tags"], json!({}));
    let moved = azure
        .put(
            &registry,
            json!({"location": "westus", "sku": {"name": "Premium"}}),
        )
        .await;
    assert_eq!(
        (moved.status, moved.code()),
        (409, "InvalidResourceLocation")
    );
    assert_eq!(azure.delete(&registry).await.status, 200);
    assert_eq!(azure.delete(&registry).await.status, 204);
    assert_eq!(azure.get(&registry).await.code(), "ResourceNotFound");
}

#[tokio::test]
async fn skus_decide_what_a_registry_can() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let registry = registry_id(&group, "basic1");
    let with = |sku: &str, properties: serde_json::Value| json!({"location": "eastus2", "sku": {"name": sku}, "properties": properties});
    for (sku, properties, code) in [
        ("Nonsense", json!({}), "SkuNotSupported"),
        (
            "Basic",
            json!({"networkRuleSet": {"defaultAction": "Deny"}}),
            "SkuNotSupported",
        ),
        (
            "Standard",
            json!({"policies": {"retentionPolicy": {"status": "enabled"}}}),
            "SkuNotSupported",
        ),
        (
            "Standard",
            json!({"zoneRedundancy": "Enabled"}),
            "SkuNotSupported",
        ),
        (
            "Basic",
            json!({"publicNetworkAccess": "Disabled"}),
            "DisablingPublicNetworkAccessNotSupported",
        ),
        (
            "Premium",
            json!({"adminUserEnabled": "perhaps"}),
            "InvalidRequest",
        ),
    ] {
        let reply = azure.put(&registry, with(sku, properties)).await;
        assert_eq!((reply.status, reply.code()), (400, code), "{sku}");
        assert_eq!(reply.body["status"], "Failed");
    }
    let made = azure.put(&registry, with("Basic", json!({}))).await;
    assert_eq!(made.status, 201);
    assert!(made.body["properties"].get("networkRuleSet").is_none());
    let child = format!("{registry}/replications/westus2");
    let reply = azure.put(&child, json!({"location": "westus2"})).await;
    assert_eq!(reply.code(), "SkuNotSupported");
}

#[tokio::test]
async fn names_are_plain_and_taken_world_wide() {
    let azure = Azure::start().await;
    let (one, two) = (azure.group("one").await, azure.group("two").await);
    azure.registry(&one, "taken1").await;
    let body = json!({"location": "eastus2", "sku": {"name": "Basic"}});
    let reply = azure.put(&registry_id(&two, "TAKEN1"), body.clone()).await;
    assert_eq!((reply.status, reply.code()), (409, "AlreadyInUse"));
    let reply = azure.put(&registry_id(&two, "with-dash"), body).await;
    assert_eq!((reply.status, reply.code()), (400, "InvalidResourceName"));
    let check =
        format!("/subscriptions/{S}/providers/Microsoft.ContainerRegistry/checkNameAvailability");
    for (name, reason) in [
        ("taken1", Some("AlreadyExists")),
        ("x-y", Some("Invalid")),
        ("free01", None),
    ] {
        let body = json!({"name": name, "type": "Microsoft.ContainerRegistry/registries"});
        let reply = azure.post(&check, body).await;
        assert_eq!(reply.body["nameAvailable"], reason.is_none());
        assert_eq!(reply.body.get("reason").and_then(|r| r.as_str()), reason);
    }
}

#[tokio::test]
async fn versions_see_what_they_know() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let registry = azure.registry(&group, "abcde").await;
    let shown = |version: &'static str| {
        let path = format!("{registry}?api-version={version}");
        let azure = &azure;
        async move { azure.get(&path).await.body }
    };
    let old = shown("2017-10-01").await;
    assert!(old.get("systemData").is_none() && old["properties"].get("policies").is_none());
    assert_eq!(
        old["properties"]["networkRuleSet"]["virtualNetworkRules"],
        json!([])
    );
    let stable = shown("2023-07-01").await;
    assert!(stable["properties"].get("anonymousPullEnabled").is_none());
    assert!(
        stable["properties"]["networkRuleSet"]
            .get("virtualNetworkRules")
            .is_none()
    );
    let preview = shown("2023-11-01-preview").await;
    assert_eq!(preview["properties"]["anonymousPullEnabled"], false);
    assert_eq!(
        shown("2025-11-01").await["properties"]["roleAssignmentMode"],
        "LegacyRegistryPermissions"
    );
}

#[tokio::test]
async fn credentials_need_the_admin_user() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let registry = azure.registry(&group, "abcde").await;
    let list = format!("{registry}/listCredentials");
    assert_eq!(azure.post(&list, json!({})).await.status, 400);
    azure
        .patch(&registry, json!({"properties": {"adminUserEnabled": true}}))
        .await;
    let before = azure.post(&list, json!({})).await.body["passwords"].clone();
    let regenerate = format!("{registry}/regenerateCredential");
    let after = azure
        .post(&regenerate, json!({"name": "password2"}))
        .await
        .body["passwords"]
        .clone();
    assert_eq!(before[0], after[0]);
    assert_ne!(before[1]["value"], after[1]["value"]);
}

#[tokio::test]
async fn webhooks_hide_where_they_call() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let registry = azure.registry(&group, "abcde").await;
    let hook = format!("{registry}/webhooks/myhook");
    let body = json!({"location": "eastus2", "properties": {"serviceUri": "https://example.com", "customHeaders": {"k": "v"}, "actions": ["push"]}});
    let made = azure.put(&hook, body).await;
    assert_eq!((made.status, made.state()), (200, "Succeeded"));
    assert!(!made.body.to_string().contains("example.com"));
    let config = azure
        .post(&format!("{hook}/getCallbackConfig"), json!({}))
        .await;
    assert_eq!(
        config.body,
        json!({"serviceUri": "https://example.com", "customHeaders": {"k": "v"}})
    );
    let ping = azure.post(&format!("{hook}/ping"), json!({})).await;
    let events = azure.post(&format!("{hook}/listEvents"), json!({})).await;
    assert_eq!(events.body["value"][0]["id"], ping.body["id"]);
    let usages = azure.get(&format!("{registry}/listUsages")).await;
    assert_eq!(usages.body["value"][1]["currentValue"], 1);
}

#[tokio::test]
async fn a_second_key_is_a_rotation() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let registry = registry_id(&group, "abcde");
    let key = |name: &str| format!("https://v.vault.azure.net/keys/{name}/0123456789abcdef");
    let encryption = |name: &str| json!({"status": "enabled", "keyVaultProperties": {"keyIdentifier": key(name), "identity": S}});
    let body = json!({"location": "eastus2", "sku": {"name": "Premium"},
        "identity": {"type": "SystemAssigned"}, "properties": {"encryption": encryption("one")}});
    let shown = azure.made(&registry, body).await;
    let first = &shown["properties"]["encryption"]["keyVaultProperties"];
    assert_eq!(first["versionedKeyIdentifier"], key("one"));
    assert!(first.get("lastKeyRotationTimestamp").is_none(), "{first}");
    let mut rotated = Vec::new();
    for name in ["two", "two"] {
        let patch = json!({"properties": {"encryption": encryption(name)}});
        let reply = azure.patch(&registry, patch).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        azure.finish(&reply).await;
        let shown = azure.get(&registry).await;
        let key = &shown.body["properties"]["encryption"]["keyVaultProperties"];
        rotated.push(key["lastKeyRotationTimestamp"].clone());
    }
    assert!(rotated[0].is_string(), "{rotated:?}");
    assert_eq!(rotated[0], rotated[1], "the same key is none");
}

#[tokio::test]
async fn a_task_acts_as_an_identity_and_shows_its_secrets_to_whoever_asks_for_them() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let registry = registry_id(&group, "builder");
    let body = json!({"location": "eastus2", "sku": {"name": "Premium"}});
    let made = azure.put(&registry, body).await;
    azure.finish(&made).await;
    let tasks = format!("{registry}/tasks");
    let task = format!("{tasks}/build");
    let bad = json!({"location": "eastus2", "properties": {"platform": {"os": "Linux"}}});
    assert_eq!(azure.put(&task, bad).await.status, 400);
    let body = json!({
        "location": "eastus2",
        "identity": {"type": "SystemAssigned"},
        "properties": {
            "platform": {"os": "linux"},
            "step": {"type": "Docker", "dockerFilePath": "Dockerfile", "arguments": [
                {"name": "a", "value": "plain", "isSecret": false},
                {"name": "b", "value": "hidden", "isSecret": true},
            ]},
            "credentials": {"customRegistries": {"x.io": {"password": {"value": "hidden"}}}},
        },
    });
    let made = azure.put(&task, body.clone()).await;
    assert_eq!((made.status, made.state()), (201, "Succeeded"));
    let principal = made.body["identity"]["principalId"].clone();
    assert!(principal.is_string() && made.body["identity"]["type"] == "SystemAssigned");
    let again = azure.put(&task, body).await;
    assert_eq!(
        (again.status, &again.body["identity"]["principalId"]),
        (200, &principal)
    );
    let shown = azure.get(&task).await;
    assert!(
        !shown.body.to_string().contains("hidden"),
        "{:?}",
        shown.body
    );
    assert!(shown.body.to_string().contains("plain"));
    assert_eq!(shown.body["properties"]["status"], "Enabled");
    let details = azure.post(&format!("{task}/listDetails"), json!({})).await;
    assert_eq!(details.body.to_string().matches("hidden").count(), 2);
    let listed = azure.get(&tasks).await;
    assert_eq!(listed.body["value"].as_array().map(Vec::len), Some(1));
    let off = json!({"properties": {"status": "Disabled"}});
    let patched = azure.patch(&task, off).await;
    assert_eq!(patched.body["properties"]["status"], "Disabled");
    assert_eq!(azure.delete(&task).await.status, 200);
    assert_eq!(azure.get(&task).await.status, 404);
}
