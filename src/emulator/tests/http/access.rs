//! What access control lets through, as callers of ARM notice it.

use super::directory::{CONTRIBUTOR, READER, Tenant, assignment, assignment_id, guid, role_id};
use onestream_emulator::{DEFAULT_SUBSCRIPTION, DEFAULT_TENANT};
use serde_json::{Value, json};

const ARM: &str = "https://management.azure.com";

#[tokio::test]
async fn nothing_goes_without_a_grant_and_the_error_says_what_was_missing() {
    let tenant = Tenant::start().await;
    let group = tenant.azure.group("g").await;
    let client = tenant.client("c").await;
    let token = tenant.token(&client, ARM).await;
    let refused = tenant.arm_as(&token, "GET", &group, Value::Null).await;
    assert_eq!(
        (refused.status, refused.code()),
        (403, "AuthorizationFailed")
    );
    for part in [
        client.client_id.as_str(),
        &client.object_id,
        "Microsoft.Resources/subscriptions/resourceGroups/read",
        &group,
    ] {
        assert!(
            refused.message().contains(part),
            "{part}: {}",
            refused.message()
        );
    }
    let absent = format!("{group}x");
    let hidden = tenant.arm_as(&token, "GET", &absent, Value::Null).await;
    assert_eq!(
        hidden.status, 403,
        "what one may not see is not told to be absent"
    );
    tenant
        .assign(&group, &guid(1), READER, &client.object_id)
        .await;
    let read = tenant.arm_as(&token, "GET", &group, Value::Null).await;
    assert_eq!(read.status, 200);
    for method in ["PUT", "PATCH", "DELETE"] {
        let body = json!({"location": "eastus2"});
        let refused = tenant.arm_as(&token, method, &group, body).await;
        assert_eq!(refused.code(), "AuthorizationFailed", "{method}");
    }
}

#[tokio::test]
async fn lists_show_what_may_be_read() {
    let tenant = Tenant::start().await;
    let azure = &tenant.azure;
    let (mine, other) = (azure.group("mine").await, azure.group("other").await);
    azure.registry(&mine, "registry1").await;
    azure.registry(&other, "registry2").await;
    let client = tenant.client("c").await;
    let token = tenant.token(&client, ARM).await;
    let subscription = format!("/subscriptions/{DEFAULT_SUBSCRIPTION}");
    let lists = [
        format!("{subscription}/resourceGroups"),
        format!("{subscription}/resources"),
        format!("{subscription}/providers/Microsoft.ContainerRegistry/registries"),
    ];
    for list in &lists {
        let refused = tenant.arm_as(&token, "GET", list, Value::Null).await;
        assert_eq!(refused.code(), "AuthorizationFailed", "{list}");
    }
    let none = tenant
        .arm_as(&token, "GET", "/subscriptions", Value::Null)
        .await;
    assert_eq!(none.body["value"], json!([]));
    tenant
        .assign(&mine, &guid(1), READER, &client.object_id)
        .await;
    for list in &lists {
        let some = tenant.arm_as(&token, "GET", list, Value::Null).await;
        let items = some.body["value"].as_array().unwrap();
        assert_eq!(items.len(), 1, "{list}: {some:?}");
        assert!(items[0]["id"].as_str().unwrap().contains("/mine"));
    }
    let one = tenant
        .arm_as(&token, "GET", "/subscriptions", Value::Null)
        .await;
    assert_eq!(one.body["value"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn groups_within_groups_carry_rights() {
    let tenant = Tenant::start().await;
    let azure = &tenant.azure;
    let group = azure.group("g").await;
    let client = tenant.client("c").await;
    let token = tenant.token(&client, ARM).await;
    let mut ids = Vec::new();
    for name in ["outer", "inner"] {
        let body = json!({"displayName": name, "mailNickname": name, "mailEnabled": false, "securityEnabled": true});
        let made = tenant.graph("POST", "groups", body).await;
        ids.push(made.body["id"].as_str().unwrap().to_owned());
    }
    for (outer, inner) in [(&ids[0], &ids[1]), (&ids[1], &client.object_id)] {
        let body = json!({"@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{inner}")});
        let path = format!("groups/{outer}/members/$ref");
        assert_eq!(tenant.graph("POST", &path, body).await.status, 204);
    }
    let mut body = assignment(CONTRIBUTOR, &ids[0]);
    body["properties"]["principalType"] = json!("Group");
    assert_eq!(
        azure
            .put(&assignment_id(&group, &guid(1)), body)
            .await
            .status,
        201
    );
    let tags = json!({"tags": {"a": "b"}});
    let patched = tenant.arm_as(&token, "PATCH", &group, tags).await;
    assert_eq!(patched.status, 200);
    let grant = assignment_id(&group, &guid(2));
    let grant = grant.split('?').next().unwrap();
    let grabbed = tenant
        .arm_as(&token, "PUT", grant, assignment(READER, &client.object_id))
        .await;
    assert_eq!(
        grabbed.code(),
        "AuthorizationFailed",
        "Contributor grants nothing"
    );
    let path = format!("groups/{}/members/{}/$ref", ids[1], client.object_id);
    assert_eq!(tenant.graph("DELETE", &path, Value::Null).await.status, 204);
    let after = tenant.arm_as(&token, "GET", &group, Value::Null).await;
    assert_eq!(after.status, 403);
}

#[tokio::test]
async fn the_deployer_makes_keys_and_does_not_sign_with_them() {
    let tenant = Tenant::start().await;
    let azure = &tenant.azure;
    let endpoint = azure.emulator.endpoint().clone();
    let vault = format!(
        "/subscriptions/{DEFAULT_SUBSCRIPTION}/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v"
    );
    let info = azure.control("GET", "info", Value::Null).await;
    let owner = info.body["object_id"].as_str().unwrap().to_owned();
    let ask = async |principal: &str, action: &str, data: bool| {
        let question =
            json!({"principal": principal, "action": action, "scope": vault, "data": data});
        let reply = azure.control("POST", "access", question).await;
        reply.body["granted"].as_bool().unwrap()
    };
    let deployer = endpoint.deployer.object_id.as_str();
    let key = |verb: &str| format!("Microsoft.KeyVault/vaults/keys/{verb}");
    assert!(ask(deployer, &key("create/action"), true).await);
    assert!(ask(deployer, &key("recover/action"), true).await);
    assert!(!ask(deployer, &key("sign/action"), true).await);
    assert!(ask(deployer, "Microsoft.KeyVault/vaults/write", false).await);
    assert!(ask(&owner, &key("sign/action"), true).await);
    assert!(!ask(&guid(9), &key("read"), true).await);
    assert_eq!(endpoint.tenant, DEFAULT_TENANT);
}

#[tokio::test]
async fn deny_assignments_take_back_what_a_role_gives() {
    let tenant = Tenant::start().await;
    let azure = &tenant.azure;
    let group = azure.group("g").await;
    let id = format!(
        "{group}/providers/Microsoft.Authorization/denyAssignments/{}",
        guid(1)
    );
    let denial = json!({
        "id": id, "name": guid(1), "type": "Microsoft.Authorization/denyAssignments",
        "properties": {
            "denyAssignmentName": "hands off",
            "permissions": [{"actions": ["*/delete"], "notActions": []}],
            "scope": group,
            "principals": [{"id": "00000000-0000-0000-0000-000000000000", "type": "SystemDefined"}],
            "excludePrincipals": [],
        },
    });
    azure
        .control("PUT", &format!("objects?id={id}"), denial)
        .await;
    let refused = azure.delete(&group).await;
    assert_eq!(
        (refused.status, refused.code()),
        (403, "DenyAssignmentAuthorizationFailed")
    );
    assert!(refused.message().contains("hands off"));
    assert_eq!(azure.get(&id).await.status, 200);
    assert_eq!(
        azure.delete(&id).await.code(),
        "DenyAssignmentAuthorizationFailed"
    );
}

#[tokio::test]
async fn the_deployers_rights_are_seen_and_can_be_lost() {
    let tenant = Tenant::start().await;
    let azure = &tenant.azure;
    let group = azure.group("g").await;
    let me = azure.emulator.endpoint().deployer.object_id.clone();
    let subscription = format!("/subscriptions/{DEFAULT_SUBSCRIPTION}");
    let list = format!(
        "{subscription}/providers/Microsoft.Authorization/roleAssignments?$filter=principalId eq '{me}'"
    );
    let mine = azure.get(&list).await;
    let id = mine.body["value"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(azure.delete(&id).await.status, 200);
    assert_eq!(azure.get(&group).await.code(), "AuthorizationFailed");
    azure.control("POST", "reset", Value::Null).await;
    assert_eq!(azure.get(&group).await.code(), "ResourceGroupNotFound");
}

#[tokio::test]
async fn giving_an_identity_takes_the_right_to_assign_it() {
    let tenant = Tenant::start().await;
    let azure = &tenant.azure;
    let group = azure.group("g").await;
    let client = tenant.client("c").await;
    let token = tenant.token(&client, ARM).await;
    tenant
        .assign(&group, &guid(1), CONTRIBUTOR, &client.object_id)
        .await;
    let identity = format!(
        "/subscriptions/{DEFAULT_SUBSCRIPTION}/resourceGroups/far/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i"
    );
    let registry = super::client::registry_id(&group, "registry1");
    let body = json!({
        "location": "eastus2", "sku": {"name": "Premium"},
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {identity: {}}},
    });
    let refused = tenant.arm_as(&token, "PUT", &registry, body).await;
    assert_eq!(
        (refused.status, refused.code()),
        (403, "LinkedAuthorizationFailed")
    );
    assert!(
        refused
            .message()
            .contains("userAssignedIdentities/assign/action")
    );
}

#[tokio::test]
async fn polling_takes_rights_somewhere_in_the_subscription() {
    let tenant = Tenant::start().await;
    let azure = &tenant.azure;
    let group = azure.group("g").await;
    let registry = azure.registry(&group, "registry1").await;
    let import = format!("{registry}/importImage");
    let body = json!({"source": {"registryUri": "mcr.microsoft.com", "sourceImage": "hello-world:latest"}, "targetTags": ["h:1"], "mode": "NoForce"});
    for (n, polls, role) in [(1, 403, "importer"), (2, 200, "polling importer")] {
        let mut actions = vec![
            "Microsoft.ContainerRegistry/registries/importImage/action",
            "Microsoft.ContainerRegistry/registries/read",
        ];
        if polls == 200 {
            actions.push("Microsoft.ContainerRegistry/locations/operationResults/read");
        }
        let subscription = format!("/subscriptions/{DEFAULT_SUBSCRIPTION}");
        let definition = json!({"properties": {
            "roleName": role,
            "permissions": [{ "actions": actions }],
            "assignableScopes": [subscription],
        }});
        let made = azure.put(&role_id(&guid(n)), definition).await;
        assert_eq!(made.status, 201, "{made:?}");
        let client = tenant.client(role).await;
        tenant
            .assign(&registry, &guid(n), &guid(n), &client.object_id)
            .await;
        let token = tenant.token(&client, ARM).await;
        let started = tenant.arm_as(&token, "POST", &import, body.clone()).await;
        assert_eq!(started.status, 202, "{started:?}");
        let location = started.header("location").to_owned();
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str())];
        let mut status = 202;
        for _ in 0..3 {
            status = azure
                .with_body("GET", &location, &headers, Value::Null)
                .await
                .status;
        }
        // An import that fails in the end was polled all the same.
        let polled = if status == 403 { 403 } else { 200 };
        assert_eq!(polled, polls, "{role}");
    }
}

#[tokio::test]
async fn locks_keep_grants_from_being_taken_away() {
    let tenant = Tenant::start().await;
    let azure = &tenant.azure;
    let group = azure.group("g").await;
    let client = tenant.client("c").await;
    tenant
        .assign(&group, &guid(1), READER, &client.object_id)
        .await;
    let lock = format!("{group}/providers/Microsoft.Authorization/locks/l?api-version=2020-05-01");
    let level = json!({"properties": {"level": "CanNotDelete"}});
    assert_eq!(azure.put(&lock, level).await.status, 201);
    let kept = azure.delete(&assignment_id(&group, &guid(1))).await;
    assert_eq!((kept.status, kept.code()), (409, "ScopeLocked"));
    let more = tenant
        .assign(&group, &guid(2), CONTRIBUTOR, &client.object_id)
        .await;
    assert_eq!(more.status, 201);
}
