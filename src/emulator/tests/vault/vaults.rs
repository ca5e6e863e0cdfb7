//! Vaults in ARM: made, changed, deleted, recovered, purged.

use super::client::Azure;
use onestream_emulator::{DEFAULT_SUBSCRIPTION, DEFAULT_TENANT};
use serde_json::{Value, json};

fn deleted(name: &str) -> String {
    format!(
        "/subscriptions/{DEFAULT_SUBSCRIPTION}/providers/Microsoft.KeyVault/locations/eastus2/deletedVaults/{name}"
    )
}

#[tokio::test]
async fn a_new_vault_registers_its_name_and_nobody_says_where_to_ask() {
    let azure = Azure::start().await;
    let made = azure.vault("kv-one", json!({})).await;
    assert_eq!(made.status, 200);
    assert_eq!(
        made.body["properties"]["provisioningState"],
        json!("RegisteringDns")
    );
    for header in ["azure-asyncoperation", "location", "retry-after"] {
        assert_eq!(made.header(header), "", "{header}");
    }
    let uri = made.body["properties"]["vaultUri"].as_str().unwrap();
    assert!(uri.starts_with("http://kv-one.vault.localhost:") && !uri.ends_with('/'));
    azure.arm("GET", &azure.id("kv-one"), Value::Null).await;
    let read = azure.arm("GET", &azure.id("KV-ONE"), Value::Null).await;
    let properties = &read.body["properties"];
    assert_eq!(properties["provisioningState"], json!("Succeeded"));
    assert_eq!(properties["vaultUri"], json!(format!("{uri}/")));
    assert_eq!(properties["softDeleteRetentionInDays"], json!(90));
    assert_eq!(properties.get("enablePurgeProtection"), None);
    let again = azure.vault("kv-one", json!({})).await;
    assert_eq!(
        again.body["properties"]["provisioningState"],
        json!("Succeeded")
    );
}

#[tokio::test]
async fn a_deleted_vault_keeps_its_name_and_comes_back_with_its_keys() {
    let azure = Azure::start().await;
    azure.vault("kv-one", json!({})).await;
    let version = azure.key("kv-one", "k").await.version();
    azure.key("kv-one", "gone").await;
    azure
        .kv("kv-one", "DELETE", "/keys/gone", Value::Null)
        .await;
    let id = azure.id("kv-one");
    assert_eq!(azure.arm("DELETE", &id, Value::Null).await.status, 200);
    assert_eq!(
        azure.arm("GET", &id, Value::Null).await.code(),
        "ResourceNotFound"
    );
    assert_eq!(
        azure.kv("kv-one", "GET", "/keys", Value::Null).await.status,
        404
    );
    let kept = azure.arm("GET", &deleted("kv-one"), Value::Null).await;
    assert_eq!(kept.body["properties"]["vaultId"], json!(id));
    let all =
        format!("/subscriptions/{DEFAULT_SUBSCRIPTION}/providers/Microsoft.KeyVault/deletedVaults");
    let listed = azure.arm("GET", &all, Value::Null).await;
    assert_eq!(listed.body["value"][0]["name"], json!("kv-one"));

    let taken = azure.vault("kv-one", json!({})).await;
    assert_eq!((taken.status, taken.code()), (409, "ConflictError"));
    let recovered = json!({"location": "eastus2", "properties": {
        "tenantId": DEFAULT_TENANT,
        "sku": {"family": "A", "name": "premium"},
        "createMode": "recover",
    }});
    let back = azure.arm("PUT", &id, recovered).await;
    assert_eq!(back.status, 200, "{back:?}");
    assert_eq!(
        back.body["properties"]["provisioningState"],
        json!("Succeeded")
    );
    assert_eq!(back.body["properties"].get("createMode"), None);
    let key = azure.kv("kv-one", "GET", "/keys/k", Value::Null).await;
    assert_eq!(key.version(), version);
    let conflict = azure
        .kv("kv-one", "POST", "/keys/gone/create", json!({"kty": "EC"}))
        .await;
    assert_eq!(conflict.inner(), "ObjectIsDeletedButRecoverable");
    assert_eq!(
        azure
            .arm("GET", &deleted("kv-one"), Value::Null)
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn purging_is_an_operation_and_frees_the_name() {
    let azure = Azure::start().await;
    azure.vault("kv-one", json!({})).await;
    azure.arm("DELETE", &azure.id("kv-one"), Value::Null).await;
    let purge = format!("{}/purge", deleted("kv-one"));
    let begun = azure.arm("POST", &purge, Value::Null).await;
    assert_eq!(begun.status, 202);
    let address = begun.header("location").to_owned();
    let first = azure.arm("GET", &address, Value::Null).await;
    assert_eq!(
        (first.status, &first.body["status"]),
        (202, &json!("NotStarted"))
    );
    let last = azure.arm("GET", &address, Value::Null).await;
    assert_eq!(
        (last.status, &last.body["status"]),
        (200, &json!("Succeeded"))
    );
    assert!(last.body["lastActionDateTime"].is_string());
    let gone = azure.arm("GET", &deleted("kv-one"), Value::Null).await;
    assert_eq!((gone.status, gone.code()), (404, "ResourceNotFound"));
    assert_eq!(azure.vault("kv-one", json!({})).await.status, 200);
}

#[tokio::test]
async fn purge_protection_holds_until_its_time_is_over() {
    let azure = Azure::start().await;
    let protected = json!({"enablePurgeProtection": true, "softDeleteRetentionInDays": 7});
    azure.vault("kv-one", protected).await;
    let weaker = azure
        .vault("kv-one", json!({"enablePurgeProtection": false}))
        .await;
    assert_eq!((weaker.status, weaker.code()), (400, "BadRequest"));
    azure.key("kv-one", "k").await;
    azure.kv("kv-one", "DELETE", "/keys/k", Value::Null).await;
    let purge = azure
        .kv("kv-one", "DELETE", "/deletedkeys/k", Value::Null)
        .await;
    assert_eq!((purge.status, purge.code()), (403, "Forbidden"));
    azure.arm("DELETE", &azure.id("kv-one"), Value::Null).await;
    let purge = format!("{}/purge", deleted("kv-one"));
    assert_eq!(
        azure.arm("POST", &purge, Value::Null).await.code(),
        "MethodNotAllowed"
    );
    azure.advance(7 * 86_400 + 1).await;
    let azure = azure.signed_in_again().await;
    assert_eq!(azure.vault("kv-one", json!({})).await.status, 200);
}

#[tokio::test]
async fn a_group_takes_its_vaults_along_into_soft_delete() {
    let azure = Azure::start().await;
    azure.vault("kv-one", json!({})).await;
    let group = format!("/subscriptions/{DEFAULT_SUBSCRIPTION}/resourceGroups/g");
    let begun = azure.arm("DELETE", &group, Value::Null).await;
    for _ in 0..3 {
        azure
            .arm("GET", begun.header("location"), Value::Null)
            .await;
    }
    assert_eq!(azure.arm("GET", &group, Value::Null).await.status, 404);
    let kept = azure.arm("GET", &deleted("kv-one"), Value::Null).await;
    assert_eq!(kept.status, 200, "{kept:?}");
}

#[tokio::test]
async fn access_policies_change_by_themselves() {
    let azure = Azure::start().await;
    azure.vault("kv-one", json!({})).await;
    let path = |how: &str| format!("{}/accessPolicies/{how}", azure.id("kv-one"));
    let policy = |keys: Value| {
        json!({"properties": {"accessPolicies": [
            {"tenantId": DEFAULT_TENANT, "objectId": DEFAULT_TENANT, "permissions": {"keys": keys}},
        ]}})
    };
    let added = azure
        .arm("PUT", &path("add"), policy(json!(["get", "sign"])))
        .await;
    assert_eq!(added.status, 200, "{added:?}");
    azure
        .arm("PUT", &path("remove"), policy(json!(["get"])))
        .await;
    let vault = azure.arm("GET", &azure.id("kv-one"), Value::Null).await;
    let policies = &vault.body["properties"]["accessPolicies"];
    assert_eq!(policies[0]["permissions"]["keys"], json!(["sign"]));
    let wrong = azure.arm("PUT", &path("add"), policy(json!(["fly"]))).await;
    assert_eq!((wrong.status, wrong.code()), (400, "BadRequest"));
}

#[tokio::test]
async fn bad_vaults_are_refused_and_names_can_be_asked_for() {
    let azure = Azure::start().await;
    let short = azure.vault("1x", json!({})).await;
    assert_eq!((short.status, short.code()), (400, "VaultNameNotValid"));
    for more in [
        json!({"sku": {"family": "A", "name": "gold"}}),
        json!({"sku": {"family": "B", "name": "premium"}}),
        json!({"tenantId": "me"}),
        json!({"softDeleteRetentionInDays": 6}),
        json!({"accessPolicies": null}),
    ] {
        let refused = azure.vault("kv-one", more.clone()).await;
        assert_eq!(
            (refused.status, refused.code()),
            (400, "BadRequest"),
            "{more}"
        );
    }
    let ask = format!(
        "/subscriptions/{DEFAULT_SUBSCRIPTION}/providers/Microsoft.KeyVault/checkNameAvailability"
    );
    let asked = |name: &str| json!({"name": name, "type": "Microsoft.KeyVault/vaults"});
    let free = azure.arm("POST", &ask, asked("kv-one")).await;
    assert_eq!(free.body, json!({"nameAvailable": true}));
    azure.vault("kv-one", json!({})).await;
    azure.arm("DELETE", &azure.id("kv-one"), Value::Null).await;
    let taken = azure.arm("POST", &ask, asked("KV-one")).await;
    assert_eq!(taken.body["reason"], json!("AlreadyExists"));
    let wrong = azure.arm("POST", &ask, asked("no_good")).await;
    assert_eq!(wrong.body["reason"], json!("AccountNameInvalid"));
}

#[tokio::test]
async fn arm_makes_first_versions_and_changes_nothing() {
    let azure = Azure::start().await;
    azure.vault("kv-one", json!({})).await;
    let key = format!("{}/keys/cosign", azure.id("kv-one"));
    let wanted = |curve: &str| json!({"tags": {"a": "b"}, "properties": {"kty": "EC-HSM", "curveName": curve}});
    let made = azure.arm("PUT", &key, wanted("P-256")).await;
    assert_eq!(made.status, 200, "{made:?}");
    let properties = &made.body["properties"];
    assert_eq!(properties["kty"], json!("EC-HSM"));
    let again = azure.arm("PUT", &key, wanted("P-384")).await;
    assert_eq!(again.body, made.body);
    let listed = azure
        .arm("GET", &format!("{}/keys", azure.id("kv-one")), Value::Null)
        .await;
    let shown = listed.body["value"][0]["properties"].as_object().unwrap();
    let names: Vec<&String> = shown.keys().collect();
    assert_eq!(names, ["attributes", "keyUri"]);
    let version = properties["keyUriWithVersion"].as_str().unwrap();
    let version = version.rsplit('/').next().unwrap();
    let read = azure
        .arm("GET", &format!("{key}/versions/{version}"), Value::Null)
        .await;
    assert_eq!(read.body["properties"]["curveName"], json!("P-256"));
    let versions = azure
        .arm("GET", &format!("{key}/versions"), Value::Null)
        .await;
    assert_eq!(versions.body["value"][0]["name"], json!(version));
    for method in ["PATCH", "DELETE"] {
        assert_eq!(azure.arm(method, &key, json!({})).await.status, 405);
    }
    let data_plane = azure.kv("kv-one", "GET", "/keys/cosign", Value::Null).await;
    assert_eq!(data_plane.version(), version);
}

#[tokio::test]
async fn private_endpoint_connections_are_followed_at_their_own_address() {
    let azure = Azure::start().await;
    azure.vault("kv-one", json!({})).await;
    let id = connected(&azure, "kv-one", "Approved").await;
    let vault = azure.arm("GET", &azure.id("kv-one"), Value::Null).await;
    assert_eq!(
        vault.body["properties"]["privateEndpointConnections"][0]["id"],
        json!(id)
    );
    let reject =
        json!({"properties": {"privateLinkServiceConnectionState": {"status": "Rejected"}}});
    let changed = azure.arm("PUT", &id, reject).await;
    assert_eq!(changed.status, 200);
    assert!(
        changed
            .header("azure-asyncoperation")
            .contains("kv-operation=")
    );
    azure.arm("GET", &id, Value::Null).await;
    let settled = azure.arm("GET", &id, Value::Null).await;
    assert_eq!(
        settled.body["properties"]["provisioningState"],
        json!("Succeeded")
    );
    let going = azure.arm("DELETE", &id, Value::Null).await;
    assert_eq!(going.status, 202);
    let address = going.header("location").to_owned();
    assert_eq!(azure.arm("GET", &address, Value::Null).await.status, 202);
    assert_eq!(azure.arm("GET", &address, Value::Null).await.status, 204);
    assert_eq!(azure.arm("GET", &id, Value::Null).await.status, 404);
}

/// Puts a connection there, as a private endpoint does.
pub async fn connected(azure: &Azure, vault: &str, status: &str) -> String {
    let id = format!("{}/privateEndpointConnections/pe", azure.id(vault));
    let body = json!({
        "id": id,
        "name": "pe",
        "type": "Microsoft.KeyVault/vaults/privateEndpointConnections",
        "properties": {
            "provisioningState": "Succeeded",
            "privateLinkServiceConnectionState": {"status": status, "actionsRequired": "None"},
        },
    });
    let put = azure
        .control("PUT", &format!("objects?id={id}"), body)
        .await;
    assert_eq!(put.status, 200, "{put:?}");
    id
}
