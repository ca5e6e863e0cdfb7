//! Role definitions and role assignments.

use super::directory::{CONTRIBUTOR, READER, Tenant, assignment, assignment_id, guid, role_id};
use onestream_emulator::{DEFAULT_SUBSCRIPTION, Settings};
use serde_json::{Value, json};

fn subscription() -> String {
    format!("/subscriptions/{DEFAULT_SUBSCRIPTION}")
}

fn custom(name: &str) -> Value {
    json!({"properties": {
        "roleName": name,
        "permissions": [{"actions": ["Microsoft.ContainerRegistry/registries/importImage/action"]}],
        "assignableScopes": [subscription()],
    }})
}

#[tokio::test]
async fn what_providers_can_do_is_told_to_whoever_is_signed_in() {
    let tenant = Tenant::start().await;
    let azure = &tenant.azure;
    let list = "/providers/Microsoft.Authorization/providerOperations";
    let one = azure.get(&format!("{list}/microsoft.keyvault")).await;
    assert_eq!((one.status, &one.body["resourceTypes"]), (200, &json!([])));
    assert_eq!(one.body["operations"][0]["isDataAction"], false);
    let expand = "$expand=resourceTypes";
    let one = azure
        .get(&format!("{list}/Microsoft.KeyVault?{expand}"))
        .await;
    let types = one.body["resourceTypes"].as_array().unwrap();
    let keys = types
        .iter()
        .find(|one| one["name"] == "vaults/keys")
        .unwrap();
    let operations = keys["operations"].as_array().unwrap();
    let named = |name: &str, data: bool| {
        operations
            .iter()
            .any(|one| one["name"] == name && one["isDataAction"] == data)
    };
    assert!(named("Microsoft.KeyVault/vaults/keys/sign/action", true));
    assert!(named("Microsoft.KeyVault/vaults/keys/read", false));
    let all = azure.get(&format!("{list}?{expand}")).await;
    assert_eq!(all.body["value"].as_array().map(Vec::len), Some(5));
    let none = azure.get(&format!("{list}/Microsoft.Nothing")).await;
    assert_eq!((none.status, none.code()), (404, "ProviderNotFound"));
    let put = azure
        .put(&format!("{list}/Microsoft.KeyVault"), json!({}))
        .await;
    assert!(put.status >= 400);
}

#[tokio::test]
async fn built_in_roles_are_the_same_at_every_scope_and_stay() {
    let tenant = Tenant::start().await;
    let azure = &tenant.azure;
    let group = azure.group("g").await;
    let path = format!("/providers/Microsoft.Authorization/roleDefinitions/{READER}");
    let read = azure.get(&format!("{group}{path}")).await;
    assert_eq!(read.body["id"], role_id(READER));
    assert_eq!(
        read.body["properties"]["permissions"][0]["actions"],
        json!(["*/read"])
    );
    assert_eq!(
        azure
            .put(&format!("{group}{path}"), custom("x"))
            .await
            .status,
        400
    );
    assert_eq!(azure.delete(&role_id(READER)).await.status, 400);
    let list = format!("{group}/providers/Microsoft.Authorization/roleDefinitions");
    let named = azure
        .get(&format!("{list}?$filter=roleName eq 'acrpull'"))
        .await;
    assert_eq!(named.body["value"].as_array().map(Vec::len), Some(1));
    let all = azure
        .get(&format!("{list}?$filter=type eq 'CustomRole'"))
        .await;
    assert_eq!(
        all.body["value"][0]["properties"]["roleName"],
        "Emulator Deployer"
    );
    let missing = azure.get(&role_id(&guid(1))).await;
    assert_eq!(
        (missing.status, missing.code()),
        (404, "RoleDefinitionDoesNotExist")
    );
    let odd = azure.get(&format!("{list}?$filter=colour eq 'red'")).await;
    assert_eq!(odd.status, 400);
}

#[tokio::test]
async fn custom_roles_have_unique_names_and_are_kept_while_in_use() {
    let tenant = Tenant::start().await;
    let azure = &tenant.azure;
    let made = azure.put(&role_id(&guid(1)), custom("Importer")).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.body["properties"]["createdBy"], Value::Null);
    let again = azure.put(&role_id(&guid(1)), custom("Importer")).await;
    assert_eq!(again.status, 201);
    let list = format!(
        "{}/providers/Microsoft.Authorization/roleDefinitions",
        subscription()
    );
    let listed = azure.get(&list).await;
    let kinds: Vec<&str> = listed.body["value"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|role| role["properties"]["type"].as_str())
        .collect();
    let own = kinds.iter().filter(|kind| **kind == "CustomRole").count();
    assert!(own > 1 && kinds.len() > own, "{kinds:?}");
    assert!(
        kinds[..own].iter().all(|kind| *kind == "CustomRole"),
        "{kinds:?}"
    );
    for name in ["importer", "READER"] {
        let taken = azure.put(&role_id(&guid(2)), custom(name)).await;
        assert_eq!(
            (taken.status, taken.code()),
            (409, "RoleDefinitionWithSameNameExists")
        );
    }
    for (member, value, code) in [
        ("assignableScopes", json!([]), "InvalidRoleDefinition"),
        ("assignableScopes", json!(["/"]), "InvalidAssignableScope"),
        (
            "permissions",
            json!([{"actions": ["fly"]}]),
            "InvalidActionOrNotAction",
        ),
        (
            "permissions",
            json!([{"actions": ["Microsoft.ContainerRegistry/registries/nosuch/write"]}]),
            "InvalidActionOrNotAction",
        ),
        (
            "permissions",
            json!([{"actions": ["Microsoft.KeyVault/vaults/keys/sign/action"]}]),
            "InvalidActionOrNotAction",
        ),
        (
            "permissions",
            json!([{"actions": ["*"], "dataActions": ["Microsoft.KeyVault/vaults/keys/sgn/action"]}]),
            "InvalidDataActionOrNotDataAction",
        ),
        (
            "permissions",
            json!([{"actions": ["*"], "dataActions": ["x y"]}]),
            "InvalidDataActionOrNotDataAction",
        ),
    ] {
        let mut body = custom("Other");
        body["properties"][member] = value;
        let refused = azure.put(&role_id(&guid(2)), body).await;
        assert_eq!((refused.status, refused.code()), (400, code));
    }
    // Of what the emulator does not play, it knows no actions.
    let mut body = custom("Others'");
    let actions = [
        "Microsoft.Compute/*/read",
        "Contoso.Custom/things/do/action",
    ];
    body["properties"]["permissions"] = json!([{ "actions": actions }]);
    assert_eq!(azure.put(&role_id(&guid(5)), body).await.status, 201);
    let client = tenant.client("c").await;
    let held = tenant
        .assign(&subscription(), &guid(3), &guid(1), &client.object_id)
        .await;
    assert_eq!(held.status, 201, "{held:?}");
    let used = azure.delete(&role_id(&guid(1))).await;
    assert_eq!(
        (used.status, used.code()),
        (400, "RoleDefinitionHasAssignments")
    );
    azure
        .delete(&assignment_id(&subscription(), &guid(3)))
        .await;
    let gone = azure.delete(&role_id(&guid(1))).await;
    assert_eq!((gone.status, &gone.body["name"]), (200, &json!(guid(1))));
    assert_eq!(azure.delete(&role_id(&guid(1))).await.status, 204);
}

#[tokio::test]
async fn an_assignment_is_one_triple_and_keeps_it() {
    let tenant = Tenant::start().await;
    let azure = &tenant.azure;
    let group = azure.group("g").await;
    let client = tenant.client("c").await;
    let id = &client.object_id;
    assert_eq!(
        tenant.assign(&group, &guid(1), READER, id).await.status,
        201
    );
    let twice = tenant.assign(&group, &guid(2), READER, id).await;
    assert_eq!((twice.status, twice.code()), (409, "RoleAssignmentExists"));
    let other = tenant.assign(&group, &guid(1), CONTRIBUTOR, id).await;
    assert_eq!(
        (other.status, other.code()),
        (400, "RoleAssignmentUpdateNotPermitted")
    );
    let mut body = assignment(READER, id);
    body["properties"]["description"] = json!("why");
    let updated = azure.put(&assignment_id(&group, &guid(1)), body).await;
    assert_eq!(updated.status, 201);
    assert_eq!(updated.body["properties"]["createdBy"], Value::Null);
    let read = azure.get(&assignment_id(&group, &guid(1))).await;
    assert_eq!(read.body["properties"]["description"], "why");
    let deployer = &azure.emulator.endpoint().deployer.object_id;
    assert_eq!(read.body["properties"]["createdBy"], json!(deployer));
    let old = azure
        .get(&assignment_id(&group, &guid(1)).replace("2022-04-01", "2018-01-01-preview"))
        .await;
    assert!(old.body["properties"].get("description").is_none());
    let strange = tenant.assign(&group, &guid(4), &guid(9), id).await;
    assert_eq!(strange.code(), "RoleDefinitionDoesNotExist");
    let unnamed = tenant.assign(&group, "name", READER, id).await;
    assert_eq!(unnamed.code(), "InvalidRoleAssignmentId");
    let mut conditional = assignment(CONTRIBUTOR, id);
    conditional["properties"]["condition"] = json!("(a");
    conditional["properties"]["conditionVersion"] = json!("2.0");
    let refused = azure
        .put(&assignment_id(&group, &guid(5)), conditional)
        .await;
    assert_eq!(refused.status, 400);
    let gone = azure.delete(&assignment_id(&group, &guid(1))).await;
    assert_eq!((gone.status, &gone.body["name"]), (200, &json!(guid(1))));
    assert_eq!(
        azure.delete(&assignment_id(&group, &guid(1))).await.status,
        204
    );
}

#[tokio::test]
async fn a_new_principal_is_unknown_for_a_while_unless_its_type_is_said() {
    let tenant = Tenant::start().await;
    let azure = &tenant.azure;
    let group = azure.group("g").await;
    let client = tenant.client("c").await;
    let body = assignment(READER, &client.object_id);
    let path = assignment_id(&group, &guid(1));
    let unknown = azure.put(&path, body.clone()).await;
    assert_eq!((unknown.status, unknown.code()), (400, "PrincipalNotFound"));
    assert!(
        unknown
            .message()
            .contains(&client.object_id.replace('-', ""))
    );
    assert_eq!(azure.put(&path, body).await.status, 201);
    let nobody = assignment(READER, &guid(7));
    for _ in 0..3 {
        let unknown = azure
            .put(&assignment_id(&group, &guid(2)), nobody.clone())
            .await;
        assert_eq!(unknown.code(), "PrincipalNotFound");
    }
    let mut wrong = assignment(CONTRIBUTOR, &client.object_id);
    wrong["properties"]["principalType"] = json!("Group");
    let refused = azure.put(&assignment_id(&group, &guid(3)), wrong).await;
    assert_eq!(
        (refused.status, refused.code()),
        (400, "UnmatchedPrincipalType")
    );
}

#[tokio::test]
async fn at_a_realistic_pace_the_directory_takes_its_time() {
    let tenant = Tenant::with(Settings {
        open_info: true,
        pace: onestream_emulator::Pace::Realistic,
        ..Settings::default()
    })
    .await;
    let azure = &tenant.azure;
    let group = azure.group("g").await;
    let client = tenant.client("c").await;
    let path = assignment_id(&group, &guid(1));
    let body = assignment(READER, &client.object_id);
    for _ in 0..3 {
        assert_eq!(
            azure.put(&path, body.clone()).await.code(),
            "PrincipalNotFound"
        );
    }
    azure
        .control("POST", "clock", json!({"advance_seconds": 120}))
        .await;
    assert_eq!(azure.put(&path, body).await.status, 201);
}

#[tokio::test]
async fn lists_look_up_and_down() {
    let tenant = Tenant::start().await;
    let azure = &tenant.azure;
    let group = azure.group("g").await;
    let registry = azure.registry(&group, "registry1").await;
    let client = tenant.client("c").await;
    for (n, scope) in [
        (1, subscription()),
        (2, group.clone()),
        (3, registry.clone()),
    ] {
        let made = tenant
            .assign(&scope, &guid(n), READER, &client.object_id)
            .await;
        assert_eq!(made.status, 201, "{made:?}");
    }
    let team = json!({"displayName": "t", "mailNickname": "t", "mailEnabled": false, "securityEnabled": true});
    let team = tenant.graph("POST", "groups", team).await;
    let team = team.body["id"].as_str().unwrap().to_owned();
    let member = json!({"@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{}", client.object_id)});
    let path = format!("groups/{team}/members/$ref");
    assert_eq!(tenant.graph("POST", &path, member).await.status, 204);
    let mut body = assignment(CONTRIBUTOR, &team);
    body["properties"]["principalType"] = json!("Group");
    azure.put(&assignment_id(&group, &guid(4)), body).await;
    let names = async |scope: &str, filter: &str| {
        let path = format!(
            "{scope}/providers/Microsoft.Authorization/roleAssignments?api-version=2022-04-01{filter}"
        );
        let list = azure.get(&path).await;
        assert_eq!(list.status, 200, "{list:?}");
        let mut names: Vec<u32> = list.body["value"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|item| {
                item["name"]
                    .as_str()?
                    .strip_prefix("aaaaaaaa-0000-4000-8000-")?
                    .parse()
                    .ok()
            })
            .collect();
        names.sort_unstable();
        names
    };
    let me = &client.object_id;
    assert_eq!(names(&subscription(), "").await, [1, 2, 3, 4]);
    assert_eq!(names(&subscription(), "&$filter=atScope()").await, [1]);
    assert_eq!(names(&group, "&$filter=atScope()").await, [1, 2, 4]);
    assert_eq!(names(&registry, "").await, [1, 2, 3, 4]);
    let by_me = format!("&$filter=principalId eq '{me}'");
    assert_eq!(names(&subscription(), &by_me).await, [1, 2, 3]);
    let to_me = format!("&$filter=assignedTo('{me}')");
    assert_eq!(names(&subscription(), &to_me).await, [1, 2, 3, 4]);
}

#[tokio::test]
async fn assignments_hang_on_parts_of_resources_and_go_with_them() {
    let tenant = Tenant::start().await;
    let azure = &tenant.azure;
    let group = azure.group("g").await;
    let registry = azure.registry(&group, "registry1").await;
    let client = tenant.client("c").await;
    let part = format!("{registry}/namespaces/iam");
    let made = tenant
        .assign(&part, &guid(1), READER, &client.object_id)
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.body["properties"]["scope"], json!(part));
    let nowhere = format!("{registry}x");
    let lost = tenant
        .assign(&nowhere, &guid(2), READER, &client.object_id)
        .await;
    assert_eq!((lost.status, lost.code()), (404, "ResourceNotFound"));
    let tenant_wide = tenant.assign("", &guid(2), READER, &client.object_id).await;
    assert_eq!(
        (tenant_wide.status, tenant_wide.code()),
        (403, "AuthorizationFailed")
    );
    let deletion = azure.delete(&registry).await;
    assert!(deletion.status < 300);
    if deletion.status == 202 {
        azure.finish(&deletion).await;
    }
    azure.registry(&group, "registry1").await;
    assert_eq!(azure.get(&assignment_id(&part, &guid(1))).await.status, 404);
}
