//! Microsoft Graph: applications, service principals, groups, users.

use super::directory::Tenant;
use onestream_emulator::Settings;
use serde_json::{Value, json};

const UPSERT: &[(&str, &str)] = &[("prefer", "create-if-missing")];

fn id(body: &Value) -> String {
    body["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn an_upsert_creates_once_and_changes_afterwards() {
    let tenant = Tenant::start().await;
    let path = "applications(uniqueName='one/stream')";
    let body = json!({"displayName": "a", "tags": ["x=1"]});
    let missing = tenant.graph("PATCH", path, body.clone()).await;
    assert_eq!(
        (missing.status, missing.code()),
        (404, "Request_ResourceNotFound")
    );
    let made = tenant.graph_with("PATCH", path, body, UPSERT).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.body["uniqueName"], "one/stream");
    let again = json!({"displayName": "b"});
    let changed = tenant.graph_with("PATCH", path, again, UPSERT).await;
    assert_eq!(changed.status, 204);
    let read = tenant.graph("GET", path, Value::Null).await;
    assert_eq!(read.body["displayName"], "b");
    assert_eq!(read.body["tags"], json!(["x=1"]));
    assert_eq!(read.body["id"], made.body["id"]);
    let app_id = made.body["appId"].as_str().unwrap();
    let path = format!("servicePrincipals(appId='{app_id}')");
    for status in [201, 204] {
        let body = json!({"notes": "n"});
        let reply = tenant.graph_with("PATCH", &path, body, UPSERT).await;
        assert_eq!(reply.status, status, "{reply:?}");
    }
    let twice = json!({ "appId": app_id });
    let twice = tenant.graph("POST", "servicePrincipals", twice).await;
    assert_eq!(
        (twice.status, twice.code()),
        (409, "Request_MultipleObjectsWithSameKeyValue")
    );
    let nobody = json!({"appId": "11111111-2222-4333-8444-555555555555"});
    assert_eq!(
        tenant
            .graph("POST", "servicePrincipals", nobody)
            .await
            .status,
        400
    );
    let taken = json!({"displayName": "c", "uniqueName": "one/stream"});
    assert_eq!(
        tenant.graph("POST", "applications", taken).await.status,
        400
    );
}

#[tokio::test]
async fn what_is_deleted_lies_in_the_bin() {
    let tenant = Tenant::start().await;
    let client = tenant.client("c").await;
    let path = format!("applications/{}", client.application);
    assert_eq!(tenant.graph("DELETE", &path, Value::Null).await.status, 204);
    assert_eq!(tenant.graph("GET", &path, Value::Null).await.status, 404);
    let bin = |what: &str| format!("directory/deletedItems/{what}");
    let listed = tenant
        .graph("GET", &bin("microsoft.graph.application"), Value::Null)
        .await;
    assert_eq!(listed.body["value"][0]["id"], json!(client.application));
    assert!(listed.body["value"][0]["deletedDateTime"].is_string());
    let principals = tenant
        .graph("GET", &bin("microsoft.graph.servicePrincipal"), Value::Null)
        .await;
    assert_eq!(principals.body["value"][0]["id"], json!(client.object_id));
    for id in [&client.application, &client.object_id] {
        let restored = tenant
            .graph("POST", &bin(&format!("{id}/restore")), Value::Null)
            .await;
        assert_eq!(restored.status, 200, "{restored:?}");
        assert_eq!(restored.body["deletedDateTime"], Value::Null);
    }
    tenant.token(&client, "https://graph.microsoft.com").await;
    tenant.graph("DELETE", &path, Value::Null).await;
    let purge = bin(&client.application);
    assert_eq!(
        tenant.graph("DELETE", &purge, Value::Null).await.status,
        204
    );
    assert_eq!(tenant.graph("GET", &purge, Value::Null).await.status, 404);
}

#[tokio::test]
async fn federated_credentials_are_few_and_distinct() {
    let tenant = Tenant::start().await;
    let client = tenant.client("c").await;
    let path = format!(
        "applications/{}/federatedIdentityCredentials",
        client.application
    );
    let body = |name: &str, subject: &str| json!({"name": name, "issuer": "https://i", "subject": subject, "audiences": ["api://AzureADTokenExchange"]});
    let made = tenant.graph("POST", &path, body("one", "s1")).await;
    assert_eq!(made.status, 201);
    let by_name = format!("{path}/one");
    let read = tenant.graph("GET", &by_name, Value::Null).await;
    assert_eq!(read.body["id"], made.body["id"]);
    for (sent, status, code) in [
        (
            body("one", "s2"),
            409,
            "Request_MultipleObjectsWithSameKeyValue",
        ),
        (
            body("two", "s1"),
            400,
            "InvalidFederatedIdentityCredentialValue",
        ),
        (
            body("-x", "s2"),
            400,
            "InvalidFederatedIdentityCredentialValue",
        ),
        (
            body("two", ""),
            400,
            "InvalidFederatedIdentityCredentialValue",
        ),
    ] {
        let refused = tenant.graph("POST", &path, sent).await;
        assert_eq!((refused.status, refused.code()), (status, code));
    }
    let keyed = format!("{path}(name='upserted')");
    for status in [201, 204] {
        let reply = tenant
            .graph_with("PATCH", &keyed, body("upserted", "s9"), UPSERT)
            .await;
        assert_eq!(reply.status, status, "{reply:?}");
    }
    for n in 3..=20 {
        let made = tenant
            .graph("POST", &path, body(&format!("fic{n}"), &format!("t{n}")))
            .await;
        assert_eq!(made.status, 201, "{n}");
    }
    let full = tenant.graph("POST", &path, body("more", "t99")).await;
    assert_eq!(full.status, 400);
    assert_eq!(
        tenant.graph("DELETE", &by_name, Value::Null).await.status,
        204
    );
    assert_eq!(
        tenant.graph("DELETE", &by_name, Value::Null).await.status,
        404
    );
}

#[tokio::test]
async fn lists_lag_behind_and_keys_do_not() {
    let tenant = Tenant::start().await;
    let body = json!({"displayName": "a", "tags": ["t=1"]});
    let made = tenant.graph("POST", "applications", body).await;
    let count = async |path: &str| {
        let list = tenant.graph("GET", path, Value::Null).await;
        assert_eq!(list.status, 200, "{list:?}");
        list.body["value"].as_array().unwrap().len()
    };
    let by_key = format!("applications?$filter=id eq '{}'", id(&made.body));
    assert_eq!(count(&by_key).await, 1);
    let by_tag = "applications?$filter=tags/any(t:t eq 't=1')&$select=id,tags";
    assert_eq!(count(by_tag).await, 0);
    assert_eq!(count(by_tag).await, 1);
    let realistic = Tenant::with(Settings {
        open_info: true,
        pace: onestream_emulator::Pace::Realistic,
        ..Settings::default()
    })
    .await;
    let body = json!({"displayName": "a", "tags": ["t=1"]});
    realistic.graph("POST", "applications", body).await;
    for _ in 0..3 {
        let list = realistic.graph("GET", by_tag, Value::Null).await;
        assert_eq!(list.body["value"], json!([]));
    }
    let later = json!({"advance_seconds": 61});
    realistic.azure.control("POST", "clock", later).await;
    let list = realistic.graph("GET", by_tag, Value::Null).await;
    assert_eq!(list.body["value"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn lists_have_pages_and_advanced_queries_need_a_header() {
    let tenant = Tenant::start().await;
    for n in 0..5 {
        let body = json!({"displayName": format!("page{n}")});
        tenant.graph("POST", "applications", body).await;
    }
    let path = "applications?$filter=startswith(displayName,'page')&$top=2&$orderby=displayName";
    let first = tenant.graph("GET", path, Value::Null).await;
    let next = first.body["@odata.nextLink"].as_str().unwrap();
    assert_eq!(first.body["value"][0]["displayName"], "page0");
    let next = next.split_once("/v1.0/").unwrap().1;
    let second = tenant.graph("GET", next, Value::Null).await;
    assert_eq!(second.body["value"][0]["displayName"], "page2");
    let path = "applications?$filter=displayName ne 'page0'&$count=true";
    let refused = tenant.graph("GET", path, Value::Null).await;
    assert_eq!(refused.code(), "Request_UnsupportedQuery");
    let eventual = [("consistencylevel", "eventual")];
    for _ in 0..2 {
        tenant.graph_with("GET", path, Value::Null, &eventual).await;
    }
    let counted = tenant.graph_with("GET", path, Value::Null, &eventual).await;
    assert_eq!(
        counted.body["@odata.count"],
        json!(5),
        "four and the deployer's"
    );
    let bad = tenant
        .graph("GET", "applications?$filter=displayName eq", Value::Null)
        .await;
    assert_eq!(bad.status, 400);
}

#[tokio::test]
async fn batches_keep_order_and_dependencies() {
    let tenant = Tenant::start().await;
    let parts = json!({"requests": [
        {"id": "1", "method": "POST", "url": "/applications", "body": {"displayName": "b"}, "headers": {"Content-Type": "application/json"}},
        {"id": "2", "method": "GET", "url": "/applications?$filter=displayName eq 'b'", "dependsOn": ["1"]},
        {"id": "3", "method": "GET", "url": "/applications/nowhere"},
        {"id": "4", "method": "GET", "url": "/groups", "dependsOn": ["3"]},
    ]});
    let reply = tenant.graph("POST", "$batch", parts).await;
    let responses = reply.body["responses"].as_array().unwrap();
    let statuses: Vec<u64> = responses
        .iter()
        .map(|r| r["status"].as_u64().unwrap())
        .collect();
    assert_eq!(statuses, [201, 200, 404, 424]);
    assert_eq!(responses[1]["body"]["value"][0]["displayName"], "b");
    let many: Vec<Value> = (0..21)
        .map(|n| json!({"id": n.to_string(), "method": "GET", "url": "/groups"}))
        .collect();
    let refused = tenant
        .graph("POST", "$batch", json!({ "requests": many }))
        .await;
    assert_eq!(refused.status, 400);
}

#[tokio::test]
async fn permissions_are_given_and_asked_for() {
    let tenant = Tenant::start().await;
    let client = tenant.client("c").await;
    let token = tenant.token(&client, "https://graph.microsoft.com").await;
    let ask = async |method: &str, path: &str, body: Value| {
        tenant.graph_as(&token, method, path, body, &[]).await
    };
    for path in ["applications", "groups", "users", "servicePrincipals"] {
        let refused = ask("GET", path, Value::Null).await;
        assert_eq!(
            (refused.status, refused.code()),
            (403, "Authorization_RequestDenied")
        );
    }
    let info = tenant.azure.control("GET", "info", Value::Null).await;
    let form = [
        ("grant_type", "client_credentials".to_owned()),
        (
            "client_id",
            info.body["client_id"].as_str().unwrap().to_owned(),
        ),
        (
            "client_secret",
            info.body["client_secret"].as_str().unwrap().to_owned(),
        ),
        ("scope", "https://graph.microsoft.com/.default".to_owned()),
    ];
    let owner = tenant
        .azure
        .token_request(&form, onestream_emulator::DEFAULT_TENANT)
        .await;
    let owner = owner.body["access_token"].as_str().unwrap().to_owned();
    let api = "servicePrincipals(appId='00000003-0000-0000-c000-000000000000')";
    let api = tenant.graph("GET", api, Value::Null).await;
    let role = api.body["appRoles"]
        .as_array()
        .unwrap()
        .iter()
        .find(|role| role["value"] == "Application.ReadWrite.OwnedBy")
        .unwrap();
    let grant = json!({"principalId": client.object_id, "resourceId": api.body["id"], "appRoleId": role["id"]});
    let path = format!("servicePrincipals/{}/appRoleAssignments", client.object_id);
    let denied = tenant.graph("POST", &path, grant.clone()).await;
    assert_eq!(denied.status, 403, "the deployer gives no permissions away");
    let given = tenant.graph_as(&owner, "POST", &path, grant, &[]).await;
    assert_eq!(given.status, 201, "{given:?}");
    let own = ask("POST", "applications", json!({"displayName": "mine"})).await;
    assert_eq!(own.status, 201, "{own:?}");
    let path = format!("applications/{}", id(&own.body));
    assert_eq!(ask("PATCH", &path, json!({"notes": "n"})).await.status, 204);
    let other = tenant.client("other").await;
    let path = format!("applications/{}/addPassword", other.application);
    assert_eq!(ask("POST", &path, json!({})).await.status, 403);
    let bad = tenant.azure.bare("GET", "/v1.0/applications", &[]).await;
    assert_eq!(
        (bad.status, bad.code()),
        (401, "InvalidAuthenticationToken")
    );
    let arm = tenant.azure.token.clone();
    let wrong = tenant
        .graph_as(&arm, "GET", "applications", Value::Null, &[])
        .await;
    assert_eq!(wrong.status, 401);
}

#[tokio::test]
async fn groups_have_members_owners_and_unique_names() {
    let tenant = Tenant::start().await;
    let client = tenant.client("c").await;
    let path = "groups(uniqueName='approvers')";
    let body = json!({"displayName": "Approvers", "mailNickname": "approvers", "mailEnabled": false, "securityEnabled": true});
    let made = tenant.graph_with("PATCH", path, body, UPSERT).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert!(
        made.body["securityIdentifier"]
            .as_str()
            .unwrap()
            .starts_with("S-1-12-1-")
    );
    let group = id(&made.body);
    let user = json!({"displayName": "U", "mailNickname": "u", "userPrincipalName": "u@example.com", "accountEnabled": true, "passwordProfile": {"password": "secret"}});
    let user = tenant.graph("POST", "users", user).await;
    assert_eq!(user.status, 403, "the deployer makes no users");
    let member = json!({"@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{}", client.object_id)});
    let members = format!("groups/{group}/members");
    let path = format!("{members}/$ref");
    assert_eq!(
        tenant.graph("POST", &path, member.clone()).await.status,
        204
    );
    assert_eq!(tenant.graph("POST", &path, member).await.status, 400);
    let listed = tenant.graph("GET", &members, Value::Null).await;
    assert_eq!(
        listed.body["value"][0]["@odata.type"],
        "#microsoft.graph.servicePrincipal"
    );
    let path = format!("directoryObjects/{}/checkMemberGroups", client.object_id);
    let checked = tenant
        .graph("POST", &path, json!({"groupIds": [group]}))
        .await;
    assert_eq!(checked.body["value"], json!([group]));
    let by_ids = json!({"ids": [group, client.object_id], "types": ["group"]});
    let found = tenant
        .graph("POST", "directoryObjects/getByIds", by_ids)
        .await;
    assert_eq!(found.body["value"].as_array().map(Vec::len), Some(1));
    let path = format!("applications/{}/owners", client.application);
    let owners = tenant.graph("GET", &path, Value::Null).await;
    let deployer = &tenant.azure.emulator.endpoint().deployer.object_id;
    assert_eq!(owners.body["value"][0]["id"], json!(deployer));
    let path = format!("servicePrincipals/{}", client.object_id);
    tenant.graph("DELETE", &path, Value::Null).await;
    let left = tenant.graph("GET", &members, Value::Null).await;
    assert_eq!(left.body["value"], json!([]));
}

#[tokio::test]
async fn strange_properties_and_values_are_refused() {
    let tenant = Tenant::start().await;
    for (body, word) in [
        (json!({}), "displayName"),
        (json!({"displayName": "a", "colour": "red"}), "colour"),
        (json!({"displayName": "a", "appId": "x"}), "appId"),
        (json!({"displayName": "a", "tags": "t"}), "tags"),
        (
            json!({"displayName": "a", "signInAudience": "All"}),
            "signInAudience",
        ),
    ] {
        let refused = tenant.graph("POST", "applications", body).await;
        assert_eq!(
            (refused.status, refused.code()),
            (400, "Request_BadRequest")
        );
        assert!(refused.message().contains(word), "{}", refused.message());
        assert!(refused.body["error"]["innerError"]["request-id"].is_string());
    }
    let lost = tenant.graph("GET", "planets", Value::Null).await;
    assert_eq!(lost.status, 400);
}

#[tokio::test]
async fn people_named_beforehand_are_there_and_one_member_is_shown_as_what_it_is() {
    const ADA: &str = "66666666-6666-4666-8666-00000000000A";
    let tenant = Tenant::with(Settings {
        people: vec![(ADA.to_owned(), "ada".to_owned())],
        ..Settings::default()
    })
    .await;
    let ada = tenant
        .graph("GET", &format!("users/{ADA}"), Value::Null)
        .await;
    assert_eq!(ada.body["displayName"], "ada", "{ada:?}");
    let group = json!({
        "displayName": "g", "mailEnabled": false, "mailNickname": "g", "securityEnabled": true,
    });
    let path = "groups(uniqueName='g')";
    let made = tenant.graph_with("PATCH", path, group, UPSERT).await;
    assert_eq!(made.status, 201, "{made:?}");
    let member = format!("{path}/members/{}", ADA.to_lowercase());
    let as_user = format!("{member}/microsoft.graph.user?$select=id");
    let absent = tenant.graph("GET", &as_user, Value::Null).await;
    assert_eq!(
        (absent.status, absent.code()),
        (404, "Request_ResourceNotFound")
    );
    let reference = format!(
        "https://graph.microsoft.com/v1.0/directoryObjects/{}",
        id(&ada.body)
    );
    let added = tenant
        .graph(
            "POST",
            &format!("{path}/members/$ref"),
            json!({ "@odata.id": reference }),
        )
        .await;
    assert_eq!(added.status, 204, "{added:?}");
    let present = tenant.graph("GET", &as_user, Value::Null).await;
    assert_eq!(
        (present.status, id(&present.body)),
        (200, ADA.to_lowercase())
    );
    let as_group = format!("{member}/microsoft.graph.group");
    let other = tenant.graph("GET", &as_group, Value::Null).await;
    assert_eq!(other.status, 404);
}

#[tokio::test]
async fn a_service_principal_shows_its_applications_tags_too() {
    let tenant = Tenant::start().await;
    let path = "applications(uniqueName='tagged')";
    let body = json!({"displayName": "a", "tags": ["theirs", "both"]});
    let made = tenant.graph_with("PATCH", path, body, UPSERT).await;
    let app_id = made.body["appId"].as_str().unwrap();
    let path = format!("servicePrincipals(appId='{app_id}')");
    let body = json!({"tags": ["own", "both"]});
    let made = tenant.graph_with("PATCH", &path, body, UPSERT).await;
    assert_eq!(made.status, 201, "{made:?}");
    let shown = tenant.graph("GET", &path, Value::Null).await;
    assert_eq!(shown.body["tags"], json!(["own", "both", "theirs"]));
}

#[tokio::test]
async fn lists_of_an_application_are_read_last_item_first() {
    let tenant = Tenant::start().await;
    let role = |value: &str, n: u8| {
        json!({"id": format!("00000000-0000-4000-8000-00000000000{n}"), "value": value,
            "displayName": value, "description": value, "isEnabled": true,
            "allowedMemberTypes": ["Application"]})
    };
    let web = json!({"redirectUris": ["https://a.example", "https://b.example"]});
    let access = json!([
        {"resourceAppId": "00000003-0000-0000-c000-000000000000", "resourceAccess": [
            {"id": "18a4783c-866b-4cc7-a460-3d5e5662c884", "type": "Role"},
            {"id": "c79f8feb-a9db-4090-85f9-90d820caa0eb", "type": "Scope"}]},
        {"resourceAppId": "797f4846-ba00-4fd7-ba43-dac1f8f63013", "resourceAccess": [
            {"id": "41094075-9dad-400e-a0bd-54e686782033", "type": "Scope"}]},
    ]);
    let body = json!({"displayName": "a", "web": web, "requiredResourceAccess": access,
        "appRoles": [role("one", 1), role("two", 2)]});
    let made = tenant.graph("POST", "applications", body).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.body["web"]["redirectUris"], web["redirectUris"]);
    assert_eq!(made.body["requiredResourceAccess"], access);
    assert_eq!(made.body["appRoles"][0]["value"], "one");
    let path = format!("applications/{}", id(&made.body));
    let read = tenant.graph("GET", &path, Value::Null).await;
    assert_eq!(
        read.body["web"]["redirectUris"],
        json!(["https://b.example", "https://a.example"])
    );
    assert_eq!(read.body["appRoles"][0]["value"], "two");
    assert_eq!(
        read.body["requiredResourceAccess"],
        json!([access[1], access[0]]),
        "what a resource grants keeps its order"
    );
    let principal = json!({"appId": read.body["appId"]});
    let principal = tenant.graph("POST", "servicePrincipals", principal).await;
    assert_eq!(
        principal.body["appRoles"], read.body["appRoles"],
        "a principal's are its application's"
    );
    let turned = json!({"web": read.body["web"], "appRoles": read.body["appRoles"]});
    assert_eq!(tenant.graph("PATCH", &path, turned).await.status, 204);
    for name in ["key1", "key2"] {
        let body = json!({"passwordCredential": {"displayName": name}});
        let added = tenant
            .graph("POST", &format!("{path}/addPassword"), body)
            .await;
        assert_eq!(added.status, 200, "{added:?}");
    }
    let read = tenant.graph("GET", &path, Value::Null).await;
    assert_eq!(read.body["web"]["redirectUris"], web["redirectUris"]);
    assert_eq!(read.body["appRoles"][0]["value"], "one");
    assert_eq!(read.body["passwordCredentials"][0]["displayName"], "key2");
}
