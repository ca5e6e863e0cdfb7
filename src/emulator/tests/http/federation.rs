//! Tokens for foreign tokens, and clients that are not good any more.

use super::client::Reply;
use super::directory::{Client, Tenant};
use onestream_emulator::DEFAULT_TENANT;
use serde_json::{Value, json};

const AUDIENCE: &str = "api://AzureADTokenExchange";

async fn assertion(tenant: &Tenant, issuer: &str, subject: &str, audience: &str) -> String {
    let order = json!({"issuer": issuer, "subject": subject, "audience": audience});
    let reply = tenant.azure.control("POST", "assertion", order).await;
    reply.body["assertion"]
        .as_str()
        .expect("a token")
        .to_owned()
}

async fn exchange(tenant: &Tenant, client: &Client, assertion: &str) -> Reply {
    let form = [
        ("grant_type", "client_credentials".to_owned()),
        ("client_id", client.client_id.clone()),
        (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer".to_owned(),
        ),
        ("client_assertion", assertion.to_owned()),
        ("scope", "https://management.azure.com/.default".to_owned()),
    ];
    tenant.azure.token_request(&form, DEFAULT_TENANT).await
}

fn number(reply: &Reply) -> u64 {
    reply.body["error_codes"][0].as_u64().unwrap_or_default()
}

#[tokio::test]
async fn an_assertion_is_good_for_its_issuer_subject_and_audience() {
    let tenant = Tenant::start().await;
    let client = tenant.client("c").await;
    let good = assertion(&tenant, "https://i", "repo:a", AUDIENCE).await;
    assert_eq!(number(&exchange(&tenant, &client, &good).await), 70_025);
    let path = format!(
        "applications/{}/federatedIdentityCredentials",
        client.application
    );
    let body =
        json!({"name": "one", "issuer": "https://i", "subject": "repo:a", "audiences": [AUDIENCE]});
    assert_eq!(tenant.graph("POST", &path, body).await.status, 201);
    let exchanged = exchange(&tenant, &client, &good).await;
    assert!(exchanged.body["access_token"].is_string(), "{exchanged:?}");
    for (issuer, subject, audience, expected) in [
        ("https://j", "repo:a", AUDIENCE, 700_211),
        ("https://i", "repo:b", AUDIENCE, 700_213),
        ("https://i", "REPO:a", AUDIENCE, 7_002_138),
        ("https://i", "repo:a", "api://other", 700_212),
    ] {
        let bad = assertion(&tenant, issuer, subject, audience).await;
        let refused = exchange(&tenant, &client, &bad).await;
        assert_eq!((refused.status, number(&refused)), (401, expected));
        assert_eq!(refused.body["error"], "invalid_client");
    }
    let stranger = Tenant::start().await;
    let forged = assertion(&stranger, "https://i", "repo:a", AUDIENCE).await;
    assert_eq!(number(&exchange(&tenant, &client, &forged).await), 50_013);
    let later = json!({"advance_seconds": 700});
    tenant.azure.control("POST", "clock", later).await;
    assert_eq!(number(&exchange(&tenant, &client, &good).await), 700_024);
    let keys = format!("/{DEFAULT_TENANT}/discovery/v2.0/keys");
    let keys = tenant.azure.bare("GET", &keys, &[]).await;
    assert_eq!(keys.body["keys"][0]["kty"], "RSA");
}

#[tokio::test]
async fn an_identity_signs_in_by_its_federated_credential() {
    let tenant = Tenant::start().await;
    let group = tenant.azure.group("g").await;
    let identity = format!("{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i");
    let kind = "Microsoft.ManagedIdentity/userAssignedIdentities";
    let client_id = "cccccccc-0000-4000-8000-000000000001";
    for (id, body) in [
        (
            identity.clone(),
            json!({"type": kind, "name": "i", "properties": {"principalId": "cccccccc-0000-4000-8000-000000000002", "clientId": client_id}}),
        ),
        (
            format!("{identity}/federatedIdentityCredentials/f"),
            json!({"type": format!("{kind}/federatedIdentityCredentials"), "properties": {"issuer": "https://i", "subject": "s", "audiences": [AUDIENCE]}}),
        ),
    ] {
        let put = tenant
            .azure
            .control("PUT", &format!("objects?id={id}"), body)
            .await;
        assert_eq!(put.status, 200);
    }
    let client = Client {
        application: String::new(),
        client_id: client_id.to_owned(),
        object_id: String::new(),
        secret: String::new(),
    };
    let good = assertion(&tenant, "https://i", "s", AUDIENCE).await;
    let exchanged = exchange(&tenant, &client, &good).await;
    assert!(exchanged.body["access_token"].is_string(), "{exchanged:?}");
    let path = format!("servicePrincipals(appId='{client_id}')");
    let shown = tenant.graph("GET", &path, Value::Null).await;
    assert_eq!(shown.body["servicePrincipalType"], "ManagedIdentity");
}

#[tokio::test]
async fn secrets_end_and_clients_are_disabled() {
    let tenant = Tenant::start().await;
    let client = tenant.client("c").await;
    let sign_in = async |secret: &str| {
        let form = [
            ("grant_type", "client_credentials".to_owned()),
            ("client_id", client.client_id.clone()),
            ("client_secret", secret.to_owned()),
            ("scope", "https://management.azure.com/.default".to_owned()),
        ];
        number(&tenant.azure.token_request(&form, DEFAULT_TENANT).await)
    };
    assert_eq!(sign_in(&client.secret).await, 0);
    assert_eq!(sign_in("wrong").await, 7_000_215);
    let path = format!("applications/{}/addPassword", client.application);
    let body = json!({"passwordCredential": {"displayName": "old", "endDateTime": "2020-01-01T00:00:00Z"}});
    let old = tenant.graph("POST", &path, body).await;
    assert_eq!(
        sign_in(old.body["secretText"].as_str().unwrap()).await,
        7_000_222
    );
    let read = tenant
        .graph(
            "GET",
            &format!("applications/{}", client.application),
            Value::Null,
        )
        .await;
    assert!(!read.body.to_string().contains(&client.secret));
    let principal = format!("servicePrincipals/{}", client.object_id);
    let disable = json!({"accountEnabled": false});
    tenant.graph("PATCH", &principal, disable).await;
    assert_eq!(sign_in(&client.secret).await, 7_000_112);
    tenant.graph("DELETE", &principal, Value::Null).await;
    assert_eq!(sign_in(&client.secret).await, 7_000_229);
    let path = format!("applications/{}/removePassword", client.application);
    let body = json!({"keyId": old.body["keyId"]});
    assert_eq!(tenant.graph("POST", &path, body.clone()).await.status, 204);
    assert_eq!(tenant.graph("POST", &path, body).await.status, 400);
}
