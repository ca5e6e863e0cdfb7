//! Management locks.

use super::client::Azure;
use onestream_emulator::DEFAULT_SUBSCRIPTION as S;
use serde_json::json;

fn lock(scope: &str, name: &str) -> String {
    format!("{scope}/providers/Microsoft.Authorization/locks/{name}")
}

#[tokio::test]
async fn a_lock_on_a_group_keeps_deletions_away_from_all_in_it() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let registry = azure.registry(&group, "abcde").await;
    let body = json!({"properties": {"level": "CanNotDelete", "notes": "keep"}});
    assert_eq!(
        azure.put(&lock(&group, "l"), body.clone()).await.status,
        201
    );
    assert_eq!(azure.put(&lock(&group, "l"), body).await.status, 200);
    for victim in [&group, &registry] {
        let reply = azure.delete(victim).await;
        assert_eq!((reply.status, reply.code()), (409, "ScopeLocked"));
        let words = format!(
            "The scope '{victim}' cannot perform delete operation because following scope(s) are locked: '{group}'. Please remove the lock and try again."
        );
        assert_eq!(reply.message(), words);
    }
    assert_eq!(
        azure
            .patch(&registry, json!({"tags": {"a": "b"}}))
            .await
            .status,
        200
    );
    assert_eq!(azure.delete(&lock(&group, "l")).await.status, 200);
    assert_eq!(azure.delete(&lock(&group, "l")).await.status, 204);
    assert_eq!(azure.delete(&registry).await.status, 200);
}

#[tokio::test]
async fn a_lock_on_a_resource_keeps_its_group_and_read_only_keeps_everything() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let registry = azure.registry(&group, "abcde").await;
    let body = json!({"properties": {"level": "ReadOnly"}});
    let made = azure.put(&lock(&registry, "l"), body).await;
    assert_eq!(made.body["id"], lock(&registry, "l"));
    assert_eq!(azure.delete(&group).await.code(), "ScopeLocked");
    for reply in [
        azure.patch(&registry, json!({"tags": {}})).await,
        azure
            .post(&format!("{registry}/listCredentials"), json!({}))
            .await,
        azure
            .put(
                &format!("{registry}/replications/westus2"),
                json!({"location": "westus2"}),
            )
            .await,
    ] {
        assert_eq!((reply.status, reply.code()), (409, "ScopeLocked"));
        assert!(reply.message().contains("cannot perform write operation"));
    }
    assert_eq!(azure.get(&registry).await.status, 200);
}

#[tokio::test]
async fn locks_are_listed_at_every_scope() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let registry = azure.registry(&group, "abcde").await;
    let subscription = format!("/subscriptions/{S}");
    let body = json!({"properties": {"level": "CanNotDelete"}});
    for scope in [&subscription, &group, &registry] {
        assert_eq!(azure.put(&lock(scope, "l"), body.clone()).await.status, 201);
    }
    for (scope, query, count) in [
        (&subscription, "", 3),
        (&group, "", 2),
        (&registry, "", 1),
        (&group, "?$filter=atScope()", 1),
    ] {
        let path = format!("{scope}/providers/Microsoft.Authorization/locks{query}");
        let list = azure.get(&path).await;
        assert_eq!(
            list.body["value"].as_array().map(Vec::len),
            Some(count),
            "{path}"
        );
    }
    let bad = azure
        .put(
            &lock(&group, "m"),
            json!({"properties": {"level": "Sometimes"}}),
        )
        .await;
    assert_eq!(bad.status, 400);
    let nowhere = format!("{group}/providers/Microsoft.ContainerRegistry/registries/absent");
    assert_eq!(
        azure.put(&lock(&nowhere, "l"), body).await.code(),
        "ResourceNotFound"
    );
}
