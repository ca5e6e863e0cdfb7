//! The way of a key out of a vault and back.

use super::client::Azure;
use onestream_emulator::{Pace, Settings};
use serde_json::{Value, json};

#[tokio::test]
async fn a_deletion_is_seen_at_the_second_look_and_so_is_a_recovery() {
    let azure = Azure::start().await;
    azure.vault("kv-one", json!({})).await;
    let version = azure.key("kv-one", "k").await.version();
    let get = |path: &'static str| azure.kv("kv-one", "GET", path, Value::Null);
    let deleted = azure.kv("kv-one", "DELETE", "/keys/k", Value::Null).await;
    assert_eq!(deleted.status, 200);
    let body = &deleted.body;
    assert!(
        body["recoveryId"]
            .as_str()
            .unwrap()
            .ends_with("/deletedkeys/k")
    );
    let kept = body["scheduledPurgeDate"].as_i64().unwrap() - body["deletedDate"].as_i64().unwrap();
    assert_eq!(kept, 90 * 86_400);
    assert_eq!(get("/keys/k").await.code(), "KeyNotFound");
    assert_eq!(get("/deletedkeys/k").await.status, 200);

    let back = azure
        .kv("kv-one", "POST", "/deletedkeys/k/recover", Value::Null)
        .await;
    assert_eq!(back.version(), version);
    assert_eq!(get("/keys/k").await.status, 404);
    assert_eq!(get("/keys/k").await.status, 200);
    assert_eq!(get("/deletedkeys/k").await.status, 404);
    let again = azure
        .kv("kv-one", "POST", "/deletedkeys/k/recover", Value::Null)
        .await;
    assert_eq!(again.inner(), "RequestNotAllowedOnNonDeletedObject");
}

#[tokio::test]
async fn a_name_is_free_again_after_a_purge() {
    let azure = Azure::start().await;
    azure.vault("kv-one", json!({})).await;
    azure.key("kv-one", "k").await;
    azure.kv("kv-one", "DELETE", "/keys/k", Value::Null).await;
    let create = || azure.kv("kv-one", "POST", "/keys/k/create", json!({"kty": "EC"}));
    let taken = create().await;
    assert_eq!((taken.status, taken.code()), (409, "Conflict"));
    assert_eq!(taken.inner(), "ObjectIsDeletedButRecoverable");
    let purged = azure
        .kv("kv-one", "DELETE", "/deletedkeys/k", Value::Null)
        .await;
    assert_eq!(purged.status, 204);
    assert_eq!(create().await.status, 200);
}

#[tokio::test]
async fn real_time_passes_on_the_emulators_clock() {
    let azure = Azure::with(Settings {
        open_info: true,
        pace: Pace::Realistic,
        ..Settings::default()
    })
    .await;
    azure.vault("kv-one", json!({})).await;
    azure.key("kv-one", "k").await;
    azure.kv("kv-one", "DELETE", "/keys/k", Value::Null).await;
    let recover = || azure.kv("kv-one", "POST", "/deletedkeys/k/recover", Value::Null);
    let early = recover().await;
    assert_eq!((early.status, early.inner()), (409, "ObjectIsBeingDeleted"));
    azure.advance(10).await;
    assert_eq!(recover().await.status, 200);
    let get = || azure.kv("kv-one", "GET", "/keys/k", Value::Null);
    assert_eq!(get().await.status, 404);
    azure.advance(10).await;
    assert_eq!(get().await.status, 200);
}
