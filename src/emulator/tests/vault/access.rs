//! Who gets into a vault, and how those are told who do not.

use super::client::Azure;
use super::vaults::connected;
use onestream_emulator::{DEFAULT_TENANT, Settings};
use serde_json::{Value, json};

#[tokio::test]
async fn callers_without_the_right_token_are_challenged() {
    let azure = Azure::start().await;
    azure.vault("kv-one", json!({})).await;
    let bare = azure.kv_as("kv-one", "/keys", None).await;
    assert_eq!((bare.status, bare.code()), (401, "Unauthorized"));
    let port = azure.emulator.origin().rsplit(':').next().unwrap();
    assert_eq!(
        bare.header("www-authenticate"),
        format!(
            "Bearer authorization=\"http://localhost:{port}/{DEFAULT_TENANT}\", resource=\"https://vault.azure.net\""
        )
    );
    assert!(
        bare.body["error"]["message"]
            .as_str()
            .unwrap()
            .starts_with("AKV10000")
    );
    let wrong = format!("Bearer {}", azure.arm_token());
    let foreign = azure.kv_as("kv-one", "/keys", Some(&wrong)).await;
    assert!(
        foreign.body["error"]["message"]
            .as_str()
            .unwrap()
            .starts_with("AKV10022")
    );
}

#[tokio::test]
async fn access_policies_grant_what_they_name() {
    let azure = Azure::start().await;
    let me = azure.owner().await["object_id"].clone();
    let with = |keys: Value| {
        json!({"enableRbacAuthorization": false, "accessPolicies": [
            {"tenantId": DEFAULT_TENANT, "objectId": me, "permissions": {"keys": keys}},
        ]})
    };
    azure.vault("kv-one", with(json!(["Create", "get"]))).await;
    azure.key("kv-one", "k").await;
    let refused = azure.kv("kv-one", "DELETE", "/keys/k", Value::Null).await;
    assert_eq!((refused.status, refused.code()), (403, "Forbidden"));
    assert_eq!(refused.inner(), "AccessDenied");
    azure.vault("kv-one", with(json!(["all"]))).await;
    azure.kv("kv-one", "DELETE", "/keys/k", Value::Null).await;
    let purge = || azure.kv("kv-one", "DELETE", "/deletedkeys/k", Value::Null);
    assert_eq!(purge().await.inner(), "AccessDenied");
    azure.vault("kv-one", with(json!(["purge"]))).await;
    assert_eq!(purge().await.status, 204);
}

#[tokio::test]
async fn a_private_vault_is_reached_through_its_endpoint_only() {
    for (outside, inside) in [(false, 200), (true, 403)] {
        let azure = Azure::with(Settings {
            open_info: true,
            outside,
            ..Settings::default()
        })
        .await;
        azure
            .vault("kv-one", json!({"publicNetworkAccess": "Disabled"}))
            .await;
        azure
            .vault("kv-two", json!({"networkAcls": {"defaultAction": "Deny"}}))
            .await;
        let list = |vault: &'static str| azure.kv(vault, "GET", "/keys", Value::Null);
        assert_eq!(list("kv-one").await.inner(), "ForbiddenByConnection");
        assert_eq!(list("kv-two").await.inner(), "ForbiddenByFirewall");
        connected(&azure, "kv-one", "Pending").await;
        assert_eq!(list("kv-one").await.status, 403);
        for vault in ["kv-one", "kv-two"] {
            connected(&azure, vault, "Approved").await;
            assert_eq!(list(vault).await.status, inside, "outside: {outside}");
        }
    }
}

#[tokio::test]
async fn while_its_region_is_down_a_vault_can_only_be_read() {
    let azure = Azure::start().await;
    azure.vault("kv-one", json!({})).await;
    azure.key("kv-one", "k").await;
    let down = |region: &'static str| {
        azure.control("POST", "outage", json!({"region": region, "on": true}))
    };
    let get = || azure.kv("kv-one", "GET", "/keys/k", Value::Null);
    let create = || azure.kv("kv-one", "POST", "/keys/n/create", json!({"kty": "EC"}));
    down("eastus2").await;
    assert_eq!((get().await.status, create().await.status), (200, 503));
    down("centralus").await;
    assert_eq!(get().await.status, 503);
}

#[tokio::test]
async fn odd_characters_in_a_query_are_let_pass() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let azure = Azure::start().await;
    let address = azure.emulator.origin().trim_start_matches("http://");
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request =
        "GET /keys?<any> HTTP/1.1\r\nhost: kv.vault.localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
}
