//! What is locked stays as it is.

use super::client::{As, Azure};
use serde_json::{Value, json};

const DISALLOWED: (u16, &str) = (405, "REGISTRY_DISALLOWED_OPERATION");

async fn set(azure: &Azure, me: As<'_>, path: &str, attributes: Value) {
    let body = attributes.to_string();
    let reply = azure.acr("devreg", me, "PATCH", path, body, &[]).await;
    assert_eq!(reply.status, 200, "{reply:?}");
}

#[tokio::test]
async fn a_locked_tag_is_neither_moved_nor_deleted() {
    let azure = Azure::start().await;
    azure.registry("devreg", json!({})).await;
    let token = azure.owned("devreg", "repository:app:*").await;
    let me = As::Bearer(&token);
    let digest = azure.image("devreg", me, "app", "1").await;
    azure.image("devreg", me, "app", "2").await;
    let other = azure.acr_get("devreg", me, "/v2/app/manifests/2").await;
    set(
        &azure,
        me,
        "/acr/v1/app/_tags/1",
        json!({"writeEnabled": false}),
    )
    .await;
    let shown = azure.acr_get("devreg", me, "/acr/v1/app/_tags/1").await;
    assert_eq!(
        shown.body["tag"]["changeableAttributes"],
        json!({"deleteEnabled": true, "writeEnabled": false, "listEnabled": true, "readEnabled": true})
    );
    let moved = azure.put("devreg", me, "app", "1", &other.body).await;
    assert_eq!((moved.status, moved.code()), DISALLOWED);
    for path in [
        "/acr/v1/app/_tags/1".to_owned(),
        format!("/v2/app/manifests/{digest}"),
        "/acr/v1/app".to_owned(),
    ] {
        let gone = azure.acr("devreg", me, "DELETE", &path, "", &[]).await;
        assert_eq!((gone.status, gone.code()), DISALLOWED, "{path}");
    }
    set(
        &azure,
        me,
        "/acr/v1/app/_tags/1",
        json!({"writeEnabled": true}),
    )
    .await;
    let moved = azure.put("devreg", me, "app", "1", &other.body).await;
    assert_eq!(moved.status, 201);
}

#[tokio::test]
async fn manifests_and_repositories_are_locked_too() {
    let azure = Azure::start().await;
    azure.registry("devreg", json!({})).await;
    let token = azure.owned("devreg", "repository:app:*").await;
    let me = As::Bearer(&token);
    let digest = azure.image("devreg", me, "app", "1").await;
    let manifest = format!("/acr/v1/app/_manifests/{digest}");
    let path = format!("/v2/app/manifests/{digest}");
    set(&azure, me, &manifest, json!({"deleteEnabled": false})).await;
    let gone = azure.acr("devreg", me, "DELETE", &path, "", &[]).await;
    assert_eq!((gone.status, gone.code()), DISALLOWED);
    set(&azure, me, &manifest, json!({"readEnabled": false})).await;
    let read = azure.acr_get("devreg", me, "/v2/app/manifests/1").await;
    assert_eq!((read.status, read.code()), DISALLOWED);
    let unlocked = json!({"readEnabled": true, "deleteEnabled": true});
    set(&azure, me, &manifest, unlocked).await;
    set(&azure, me, "/acr/v1/app", json!({"writeEnabled": false})).await;
    let push = azure
        .acr("devreg", me, "POST", "/v2/app/blobs/uploads/", "", &[])
        .await;
    assert_eq!((push.status, push.code()), DISALLOWED);
    let gone = azure.acr("devreg", me, "DELETE", &path, "", &[]).await;
    assert_eq!((gone.status, gone.code()), DISALLOWED);
    set(
        &azure,
        me,
        "/acr/v1/app",
        json!({"writeEnabled": true, "listEnabled": false}),
    )
    .await;
    assert_eq!(
        azure
            .acr("devreg", me, "DELETE", &path, "", &[])
            .await
            .status,
        202
    );
}
