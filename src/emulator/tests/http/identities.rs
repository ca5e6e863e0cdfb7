//! User-assigned identities and their federated credentials.

use super::client::{Azure, Reply};
use onestream_emulator::Settings;
use serde_json::{Value, json};
use std::time::Duration;

fn identity(group: &str, name: &str) -> String {
    format!("{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}")
}

fn credential(identity: &str, name: &str) -> String {
    format!("{identity}/federatedIdentityCredentials/{name}")
}

fn trust(subject: &str) -> Value {
    json!({"properties": {"issuer": "https://issuer", "subject": subject, "audiences": ["api://AzureADTokenExchange"]}})
}

#[tokio::test]
async fn an_identity_keeps_its_ids_until_it_goes() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let id = identity(&group, "ide");
    let made = azure.put(&id, json!({"location": "eastus2"})).await;
    assert_eq!(made.status, 201);
    let printed = id.replace("resourceGroups", "resourcegroups");
    assert_eq!(
        (made.header("location"), &made.body["id"]),
        (printed.as_str(), &json!(printed))
    );
    assert_eq!(made.body["tags"], json!({}));
    let again = azure
        .put(&id, json!({"location": "eastus2", "tags": {"a": "b"}}))
        .await;
    assert_eq!((again.status, again.header("location")), (200, ""));
    assert_eq!(again.body["properties"], made.body["properties"]);
    assert_eq!(azure.delete(&id).await.status, 200);
    assert_eq!(azure.delete(&id).await.status, 204);
    let other = azure.put(&id, json!({"location": "eastus2"})).await;
    assert_ne!(
        other.body["properties"]["principalId"],
        made.body["properties"]["principalId"]
    );
}

#[tokio::test]
async fn an_identity_tells_where_it_is_used() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let id = identity(&group, "ide");
    azure.put(&id, json!({"location": "eastus2"})).await;
    let used = format!("{id}/listAssociatedResources");
    assert_eq!(azure.post(&used, json!({})).await.body["totalCount"], 0);
    let registry = azure.registry(&group, "abcde").await;
    let body = json!({"identity": {"type": "UserAssigned", "userAssignedIdentities": {id: {}}}});
    azure.patch(&registry, body).await;
    let listed = azure.post(&used, json!({})).await;
    assert_eq!(listed.body["value"][0]["id"], registry);
    assert_eq!(listed.body["value"][0]["resourceGroup"], "g");
}

#[tokio::test]
async fn credentials_are_unique_and_few() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let id = identity(&group, "ide");
    let orphan = azure.put(&credential(&id, "one"), trust("s")).await;
    assert_eq!(orphan.code(), "ParentResourceNotFound");
    azure.put(&id, json!({"location": "eastus2"})).await;
    let made = azure.put(&credential(&id, "one"), trust("s1")).await;
    assert_eq!(made.status, 201);
    assert!(made.header("location").ends_with("/one"));
    assert_eq!(
        azure.put(&credential(&id, "one"), trust("s2")).await.status,
        200
    );
    let twin = azure.put(&credential(&id, "two"), trust("s2")).await;
    assert_eq!((twin.status, twin.code()), (400, "BadRequest"));
    let mut two = trust("s3");
    two["properties"]["audiences"] = json!(["a", "b"]);
    assert_eq!(azure.put(&credential(&id, "two"), two).await.status, 400);
    for n in 2..=20 {
        let name = format!("fic{n}");
        let reply = azure.put(&credential(&id, &name), trust(&name)).await;
        assert_eq!(reply.status, 201, "{reply:?}");
    }
    let more = azure.put(&credential(&id, "more"), trust("more")).await;
    assert_eq!(more.status, 400);
    assert_eq!(azure.delete(&credential(&id, "one")).await.status, 200);
    assert_eq!(
        azure
            .put(&credential(&id, "more"), trust("more"))
            .await
            .status,
        201
    );
}

#[tokio::test]
async fn writes_below_one_identity_must_not_overlap() {
    let azure = Azure::with(Settings {
        open_info: true,
        latency: Duration::from_millis(100),
        ..Settings::default()
    })
    .await;
    let group = azure.group("g").await;
    let (one, other) = (identity(&group, "one"), identity(&group, "other"));
    for id in [&one, &other] {
        azure.put(id, json!({"location": "eastus2"})).await;
    }
    let paths = [
        credential(&one, "aaa"),
        credential(&one, "bbb"),
        credential(&other, "ccc"),
    ];
    let (a, b, c) = tokio::join!(
        azure.put(&paths[0], trust("a")),
        azure.put(&paths[1], trust("b")),
        azure.put(&paths[2], trust("c")),
    );
    assert_eq!(c.status, 201);
    let (made, refused): (Vec<Reply>, Vec<Reply>) =
        [a, b].into_iter().partition(|reply| reply.status == 201);
    assert_eq!((made.len(), refused.len()), (1, 1));
    assert_eq!(refused[0].status, 409);
    assert_eq!(
        refused[0].code(),
        "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity"
    );
    for path in &paths[..2] {
        assert!(azure.put(path, trust(path)).await.status < 300);
    }
}
