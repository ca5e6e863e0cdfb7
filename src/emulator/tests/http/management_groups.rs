//! Management groups: where subscriptions lie, what is granted above them, and who delegates what.

use super::client::Reply;
use super::directory::{CONTRIBUTOR, READER, Tenant, assignment, assignment_id, guid};
use onestream_emulator::{DEFAULT_SUBSCRIPTION as S, DEFAULT_TENANT};
use serde_json::{Value, json};

const ARM: &str = "https://management.azure.com";
const USER_ACCESS_ADMINISTRATOR: &str = "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9";

fn group(name: &str) -> String {
    format!("/providers/Microsoft.Management/managementGroups/{name}")
}

/// Sends to management groups as who owns everything.
async fn send(tenant: &Tenant, method: &str, path: &str, body: Value) -> Reply {
    let owner = tenant.owner(ARM).await;
    tenant.arm_as(&owner, method, path, body).await
}

/// `low` in `mid` in the tenant's own, and the subscription in `low`.
async fn tree(tenant: &Tenant) {
    for (name, parent) in [("mid", DEFAULT_TENANT), ("low", "mid")] {
        let body = json!({"properties": {
            "displayName": name, "details": {"parent": {"id": group(parent)}},
        }});
        let made = send(tenant, "PUT", &group(name), body).await;
        assert_eq!(made.status, 200, "{made:?}");
        assert_eq!(
            made.body["properties"]["details"]["parent"]["id"],
            group(parent)
        );
    }
    let place = format!("{}/subscriptions/{S}", group("low"));
    let placed = send(tenant, "PUT", &place, Value::Null).await;
    assert_eq!(placed.status, 200, "{placed:?}");
}

#[tokio::test]
async fn groups_form_a_tree_that_is_read_from_the_top() {
    let tenant = Tenant::start().await;
    let path = format!("{}?$expand=children&$recurse=true", group(DEFAULT_TENANT));
    let top = send(&tenant, "GET", &path, Value::Null).await;
    assert_eq!(top.status, 200, "{top:?}");
    assert_eq!(top.body["properties"]["displayName"], "Tenant Root Group");
    assert_eq!(top.body["properties"]["details"]["parent"], Value::Null);
    assert_eq!(
        top.body["properties"]["children"][0]["type"],
        "/subscriptions"
    );
    tree(&tenant).await;
    let top = send(&tenant, "GET", &path, Value::Null).await;
    let mid = &top.body["properties"]["children"][0];
    assert_eq!(
        (&mid["name"], &mid["children"][0]["name"]),
        (&json!("mid"), &json!("low"))
    );
    let below = &mid["children"][0]["children"][0];
    assert_eq!(below["id"], format!("/subscriptions/{S}"));
    let low = format!("{}?$expand=path", group("low"));
    let low = send(&tenant, "GET", &low, Value::Null).await;
    let names: Vec<&Value> = low.body["properties"]["details"]["path"]
        .as_array()
        .expect("a path")
        .iter()
        .map(|step| &step["name"])
        .collect();
    assert_eq!(names, [&json!(DEFAULT_TENANT), &json!("mid")]);
    let ring = json!({"properties": {"details": {"parent": {"id": group("low")}}}});
    let ring = send(&tenant, "PUT", &group("mid"), ring).await;
    assert_eq!(ring.status, 400, "{ring:?}");
    let full = send(&tenant, "DELETE", &group("low"), Value::Null).await;
    assert_eq!(full.status, 400, "{full:?}");
    let gone = send(&tenant, "GET", &group("nowhere"), Value::Null).await;
    assert_eq!((gone.status, gone.code()), (404, "NotFound"));
}

#[tokio::test]
async fn what_is_granted_in_a_group_holds_in_the_subscriptions_below_it() {
    let tenant = Tenant::start().await;
    let rg = tenant.azure.group("g").await;
    tree(&tenant).await;
    let client = tenant.client("reader").await;
    let token = tenant.token(&client, ARM).await;
    let refused = tenant.arm_as(&token, "GET", &rg, Value::Null).await;
    assert_eq!(
        (refused.status, refused.code()),
        (403, "AuthorizationFailed")
    );
    let mut body = assignment(READER, &client.object_id);
    body["properties"]["principalType"] = json!("ServicePrincipal");
    let id = assignment_id(&group("mid"), &guid(1));
    let id = id.split('?').next().unwrap_or_default();
    let given = send(&tenant, "PUT", id, body).await;
    assert_eq!(given.status, 201, "{given:?}");
    let read = tenant.arm_as(&token, "GET", &rg, Value::Null).await;
    assert_eq!(read.status, 200, "{read:?}");
    // It is listed with the subscription, and goes with it.
    let list = format!("/subscriptions/{S}/providers/Microsoft.Authorization/roleAssignments");
    let listed = tenant.arm_as(&token, "GET", &list, Value::Null).await;
    let listed = listed.body["value"].as_array().expect("a list").clone();
    assert!(
        listed.iter().any(|one| one["name"] == guid(1)),
        "{listed:?}"
    );
    let away = format!("{}/subscriptions/{S}", group(DEFAULT_TENANT));
    assert_eq!(send(&tenant, "PUT", &away, Value::Null).await.status, 200);
    let refused = tenant.arm_as(&token, "GET", &rg, Value::Null).await;
    assert_eq!(refused.status, 403, "{refused:?}");
}

#[tokio::test]
async fn who_may_give_one_role_only_gives_that_one_only() {
    let tenant = Tenant::start().await;
    let rg = tenant.azure.group("g").await;
    let client = tenant.client("delegate").await;
    let mut body = assignment(USER_ACCESS_ADMINISTRATOR, &client.object_id);
    body["properties"]["principalType"] = json!("ServicePrincipal");
    body["properties"]["conditionVersion"] = json!("2.0");
    body["properties"]["condition"] = json!(format!(
        "((!(ActionMatches{{'Microsoft.Authorization/roleAssignments/write'}})) OR \
         (@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] \
         ForAnyOfAnyValues:GuidEquals {{{READER}}})) AND \
         ((!(ActionMatches{{'Microsoft.Authorization/roleAssignments/delete'}})) OR \
         (@Resource[Microsoft.Authorization/roleAssignments:RoleDefinitionId] \
         ForAnyOfAnyValues:GuidEquals {{{READER}}}))"
    ));
    let given = tenant.azure.put(&assignment_id(&rg, &guid(1)), body).await;
    assert_eq!(given.status, 201, "{given:?}");
    let token = tenant.token(&client, ARM).await;
    let other = tenant.client("other").await;
    let path = |number| {
        let id = assignment_id(&rg, &guid(number));
        id.split('?').next().unwrap_or_default().to_owned()
    };
    let give = |role: &str| {
        let mut body = assignment(role, &other.object_id);
        body["properties"]["principalType"] = json!("ServicePrincipal");
        body
    };
    let refused = tenant
        .arm_as(&token, "PUT", &path(2), give(CONTRIBUTOR))
        .await;
    assert_eq!(
        (refused.status, refused.code()),
        (403, "AuthorizationFailed")
    );
    let given = tenant.arm_as(&token, "PUT", &path(3), give(READER)).await;
    assert_eq!(given.status, 201, "{given:?}");
    let theirs = tenant
        .azure
        .put(&assignment_id(&rg, &guid(4)), give(CONTRIBUTOR))
        .await;
    assert_eq!(theirs.status, 201, "{theirs:?}");
    let refused = tenant.arm_as(&token, "DELETE", &path(4), Value::Null).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    let taken = tenant.arm_as(&token, "DELETE", &path(3), Value::Null).await;
    assert_eq!(taken.status, 200, "{taken:?}");
}

#[tokio::test]
async fn a_tenant_without_the_licence_has_nobody_eligible() {
    let tenant = Tenant::start().await;
    for list in [
        "roleEligibilityScheduleInstances",
        "roleAssignmentScheduleInstances",
    ] {
        let path = format!(
            "/subscriptions/{S}/providers/Microsoft.Authorization/{list}?api-version=2020-10-01"
        );
        let reply = tenant.azure.get(&path).await;
        assert_eq!(
            (reply.status, reply.code()),
            (400, "AadPremiumLicenseRequired")
        );
    }
}
