//! Storage accounts, their containers and what makes those immutable.

use super::client::{Azure, Reply};
use onestream_emulator::DEFAULT_SUBSCRIPTION as S;
use serde_json::{Value, json};

fn account_id(group: &str, name: &str) -> String {
    format!("{group}/providers/Microsoft.Storage/storageAccounts/{name}")
}

fn body(sku: &str) -> Value {
    json!({"location": "westus2", "kind": "StorageV2", "sku": {"name": sku}, "properties": {
        "allowSharedKeyAccess": false, "minimumTlsVersion": "TLS1_2",
    }})
}

/// An account that is done, and its id.
async fn account(azure: &Azure, name: &str) -> String {
    let group = azure.group("g").await;
    let id = account_id(&group, name);
    azure.made(&id, body("Standard_RAGZRS")).await;
    id
}

#[tokio::test]
async fn an_account_is_made_behind_a_location_that_answers_with_it() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let id = account_id(&group, "stonestream");
    let made = azure.put(&id, body("Standard_GZRS")).await;
    assert_eq!((made.status, &made.body), (202, &Value::Null));
    let location = made.header("location");
    assert!(
        location.contains("/providers/Microsoft.Storage/locations/westus2/asyncoperations/")
            && location.contains("?monitor=true&api-version="),
        "{location}"
    );
    let done = azure.finish(&made).await;
    assert_eq!((done.status, done.state()), (200, "Succeeded"));
    assert_eq!(
        done.body["sku"],
        json!({"name": "Standard_GZRS", "tier": "Standard"})
    );
    let properties = &done.body["properties"];
    assert_eq!(properties["allowSharedKeyAccess"], false);
    assert_eq!(properties["secondaryLocation"], "westcentralus");
    assert!(properties.get("secondaryEndpoints").is_none());
    assert_eq!(
        properties["primaryEndpoints"]["blob"],
        "https://stonestream.blob.core.windows.net/"
    );
    let patched = azure
        .patch(
            &id,
            json!({"properties": {"publicNetworkAccess": "Disabled"}, "tags": {"a": "b"}}),
        )
        .await;
    assert_eq!(
        (patched.status, &patched.body["tags"]),
        (200, &json!({"a": "b"}))
    );
    assert_eq!(azure.put(&id, body("Standard_GZRS")).await.status, 200);
    let keys = azure.post(&format!("{id}/listKeys"), Value::Null).await;
    assert_eq!(keys.body["keys"][1]["keyName"], "key2");
    assert_eq!(azure.delete(&id).await.status, 200);
    assert_eq!(azure.delete(&id).await.status, 204);
    assert_eq!(azure.get(&id).await.code(), "ResourceNotFound");
}

#[tokio::test]
async fn names_are_plain_and_the_only_ones_in_the_world() {
    let azure = Azure::start().await;
    account(&azure, "stonestream").await;
    let other = azure.group("other").await;
    let taken = azure
        .put(&account_id(&other, "stonestream"), body("Standard_GRS"))
        .await;
    assert_eq!(
        (taken.status, taken.code()),
        (409, "StorageAccountInAnotherResourceGroup")
    );
    let named = azure
        .put(&account_id(&other, "Stone-Stream"), body("Standard_GRS"))
        .await;
    assert_eq!((named.status, named.code()), (400, "AccountNameInvalid"));
    let sku = azure
        .put(&account_id(&other, "fresh"), body("Standard_XRS"))
        .await;
    assert_eq!(
        (sku.status, sku.message()),
        (400, "Values for request parameters are invalid: sku.")
    );
    let check = format!("/subscriptions/{S}/providers/Microsoft.Storage/checkNameAvailability");
    let ask = async |name: &str| {
        let asked = json!({"name": name, "type": "Microsoft.Storage/storageAccounts"});
        azure.post(&check, asked).await.body
    };
    let taken = ask("stonestream").await;
    assert_eq!(
        taken,
        json!({
            "nameAvailable": false,
            "reason": "AlreadyExists",
            "message": "The storage account named stonestream is already taken.",
        })
    );
    assert_eq!(ask("fresh").await, json!({"nameAvailable": true}));
    assert_eq!(ask("no").await["reason"], "AccountNameInvalid");
}

#[tokio::test]
async fn a_blob_service_comes_with_its_account() {
    let azure = Azure::start().await;
    let id = account(&azure, "stonestream").await;
    let service = format!("{id}/blobServices/default");
    let shown = azure.get(&service).await;
    assert_eq!(
        shown.body["properties"],
        json!({
            "cors": {"corsRules": []},
            "deleteRetentionPolicy": {"allowPermanentDelete": false, "enabled": false},
        })
    );
    assert_eq!(shown.body["sku"]["name"], "Standard_RAGZRS");
    let listed = azure.get(&format!("{id}/blobServices")).await;
    assert_eq!(listed.body["value"][0]["name"], "default");
    let wanted = json!({"properties": {
        "isVersioningEnabled": true,
        "deleteRetentionPolicy": {"enabled": true, "days": 90},
        "containerDeleteRetentionPolicy": {"enabled": true, "days": 7},
    }});
    let put = azure.put(&service, wanted).await;
    assert_eq!(put.status, 200);
    assert_eq!(put.body["properties"]["deleteRetentionPolicy"]["days"], 90);
    let days = json!({"properties": {"deleteRetentionPolicy": {"enabled": true, "days": 366}}});
    assert_eq!(
        azure.put(&service, days).await.code(),
        "InvalidValuesForRequestParameters"
    );
    assert_eq!(azure.delete(&service).await.status, 405);
}

#[tokio::test]
async fn containers_are_public_only_where_the_account_is() {
    let azure = Azure::start().await;
    let id = account(&azure, "stonestream").await;
    let container = |name: &str| format!("{id}/blobServices/default/containers/{name}");
    let made = azure.put(&container("control"), json!({})).await;
    assert_eq!((made.status, made.body.get("etag")), (201, None));
    assert_eq!(made.body["properties"]["publicAccess"], "None");
    let shown = azure.get(&container("control")).await;
    assert_eq!(shown.body["etag"], shown.header("etag"));
    assert_eq!(
        azure.put(&container("control"), json!({})).await.status,
        200
    );
    let open = json!({"properties": {"publicAccess": "Blob"}});
    assert_eq!(
        azure
            .patch(&container("control"), open.clone())
            .await
            .code(),
        "PublicAccessNotPermitted"
    );
    azure
        .patch(&id, json!({"properties": {"allowBlobPublicAccess": true}}))
        .await;
    assert_eq!(azure.patch(&container("control"), open).await.status, 200);
    assert_eq!(
        azure.put(&container("a--b"), json!({})).await.code(),
        "InvalidResourceName"
    );
    let missing = azure.get(&container("missing")).await;
    assert_eq!((missing.status, missing.code()), (404, "ContainerNotFound"));
    let listed = azure
        .get(&format!("{id}/blobServices/default/containers"))
        .await;
    assert_eq!(listed.body["value"].as_array().map(Vec::len), Some(1));
    assert_eq!(azure.delete(&container("control")).await.status, 200);
}

#[tokio::test]
async fn a_policy_is_held_by_its_etag_and_locked_for_good() {
    let azure = Azure::start().await;
    let id = account(&azure, "stonestream").await;
    let container = format!("{id}/blobServices/default/containers/audit");
    let policy = format!("{container}/immutabilityPolicies/default");
    assert_eq!(azure.get(&policy).await.status, 404);
    azure.put(&container, json!({})).await;
    let none = azure.get(&policy).await;
    assert_eq!(none.body["etag"], "");
    assert_eq!(
        none.body["properties"],
        json!({"immutabilityPeriodSinceCreationInDays": 0, "state": "Deleted"})
    );
    let days = |days: i64| json!({"properties": {"immutabilityPeriodSinceCreationInDays": days}});
    let with = async |method: &str, path: &str, etag: &str, body: Value| -> Reply {
        let headers = [("if-match", etag)];
        azure.send_with(method, path, Some(body), &headers).await
    };
    let appends = json!({"properties": {
        "immutabilityPeriodSinceCreationInDays": 30, "allowProtectedAppendWrites": true,
        "allowProtectedAppendWritesAll": false,
    }});
    let made = azure.put(&policy, appends).await;
    assert_eq!(
        (made.status, &made.body["properties"]["state"]),
        (200, &json!("Unlocked"))
    );
    let etag = made.header("etag").to_owned();
    let shorter = azure.put(&policy, days(7)).await;
    assert_eq!(
        shorter.body["properties"]["allowProtectedAppendWrites"],
        true
    );
    let stale = with("PUT", &policy, &etag, days(9)).await;
    assert_eq!(
        (stale.status, stale.code()),
        (412, "ContainerImmutabilityPolicyFailure")
    );
    // Some requests are taken with the etag only.
    for (method, path) in [
        ("DELETE", policy.clone()),
        ("POST", format!("{policy}/lock")),
    ] {
        let bare = azure.send_with(method, &path, None, &[]).await;
        assert_eq!(bare.status, 412, "{method}: {bare:?}");
    }
    let etag = shorter.header("etag").to_owned();
    let gone = with("DELETE", &policy, &etag, Value::Null).await;
    assert_eq!(
        (gone.status, &gone.body["properties"]["state"]),
        (200, &json!("Deleted"))
    );
    let made = azure.put(&policy, days(30)).await;
    let lock = format!("{policy}/lock");
    let locked = with("POST", &lock, made.header("etag"), Value::Null).await;
    assert_eq!(locked.body["properties"]["state"], "Locked");
    let shown = azure.get(&container).await;
    assert_eq!(
        shown.body["properties"]["immutabilityPolicy"]["properties"]["state"],
        "Locked"
    );
    assert_eq!(azure.put(&policy, days(60)).await.status, 409);
    let mut etag = locked.header("etag").to_owned();
    let extend = format!("{policy}/extend");
    assert_eq!(with("POST", &extend, &etag, days(20)).await.status, 400);
    for longer in 31..36 {
        let extended = with("POST", &extend, &etag, days(longer)).await;
        assert_eq!(extended.status, 200);
        etag = extended.header("etag").to_owned();
    }
    assert_eq!(with("POST", &extend, &etag, days(99)).await.status, 409);
    for protected in [&id, &container] {
        let kept = azure.delete(protected).await;
        assert_eq!(kept.status, 409, "{protected}");
        assert!(
            kept.code().ends_with("ProtectedFromDeletion"),
            "{}",
            kept.code()
        );
    }
}
