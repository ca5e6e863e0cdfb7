//! Directory roles, owners, and what people may do with the directory.

use super::directory::Tenant;
use onestream_emulator::Settings;
use serde_json::{Value, json};

const GRAPH: &str = "https://graph.microsoft.com";
const APPLICATION_ADMINISTRATOR: &str = "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3";
const ADA: &str = "66666666-6666-4666-8666-000000000001";
const ASSIGNMENTS: &str = "roleManagement/directory/roleAssignments";

async fn person(tenant: &Tenant, user: &str) -> String {
    let order = json!({"user": user, "audience": GRAPH});
    let reply = tenant.azure.control("POST", "assertion", order).await;
    let token = reply.body["access_token"].as_str();
    token.unwrap_or_else(|| panic!("{reply:?}")).to_owned()
}

async fn with_ada() -> Tenant {
    Tenant::with(Settings {
        open_info: true,
        people: vec![(ADA.to_owned(), "ada".to_owned())],
        ..Settings::default()
    })
    .await
}

#[tokio::test]
async fn a_directory_role_opens_applications_while_it_is_held() {
    let tenant = with_ada().await;
    let client = tenant.client("robot").await;
    let token = tenant.token(&client, GRAPH).await;
    let other = tenant.client("other").await;
    let path = format!("applications/{}", other.application);
    let change = || json!({"description": "mine"});
    let refused = tenant.graph_as(&token, "PATCH", &path, change(), &[]).await;
    assert_eq!(
        (refused.status, refused.code()),
        (403, "Authorization_RequestDenied")
    );
    let body = json!({
        "principalId": client.object_id,
        "roleDefinitionId": APPLICATION_ADMINISTRATOR,
        "directoryScopeId": "/",
    });
    let owner = tenant.owner(GRAPH).await;
    let deployer = tenant.graph("POST", ASSIGNMENTS, body.clone()).await;
    assert_eq!(deployer.status, 403, "{deployer:?}");
    let given = tenant
        .graph_as(&owner, "POST", ASSIGNMENTS, body.clone(), &[])
        .await;
    assert_eq!(given.status, 201, "{given:?}");
    let twice = tenant
        .graph_as(&owner, "POST", ASSIGNMENTS, body, &[])
        .await;
    assert_eq!((twice.status, twice.code()), (400, "Request_BadRequest"));
    let filter = format!(
        "{ASSIGNMENTS}?$filter=principalId eq '{}'",
        client.object_id
    );
    let listed = tenant.graph("GET", &filter, Value::Null).await;
    assert_eq!(
        listed.body["value"][0]["roleDefinitionId"],
        APPLICATION_ADMINISTRATOR
    );
    let none = format!("{ASSIGNMENTS}?$filter=principalId eq '{ADA}'");
    assert_eq!(
        tenant.graph("GET", &none, Value::Null).await.body["value"],
        json!([])
    );
    let changed = tenant.graph_as(&token, "PATCH", &path, change(), &[]).await;
    assert_eq!(changed.status, 204, "{changed:?}");
    // It gives no roles to others.
    let more = json!({"principalId": ADA, "roleDefinitionId": APPLICATION_ADMINISTRATOR});
    let refused = tenant
        .graph_as(&token, "POST", ASSIGNMENTS, more, &[])
        .await;
    assert_eq!(refused.status, 403, "{refused:?}");
    let id = given.body["id"].as_str().expect("an id");
    let path_of = format!("{ASSIGNMENTS}/{id}");
    let taken = tenant
        .graph_as(&owner, "DELETE", &path_of, Value::Null, &[])
        .await;
    assert_eq!(taken.status, 204, "{taken:?}");
    let refused = tenant.graph_as(&token, "PATCH", &path, change(), &[]).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    let roles = "roleManagement/directory/roleDefinitions";
    let roles = tenant.graph("GET", roles, Value::Null).await;
    assert!(
        roles.body["value"]
            .as_array()
            .is_some_and(|all| all.len() > 5)
    );
}

#[tokio::test]
async fn people_read_the_directory_and_change_what_they_own() {
    let tenant = with_ada().await;
    let ada = person(&tenant, ADA).await;
    let client = tenant.client("robot").await;
    let path = format!("applications/{}", client.application);
    let read = tenant.graph_as(&ada, "GET", &path, Value::Null, &[]).await;
    assert_eq!(read.status, 200, "{read:?}");
    let secret = format!("{path}/addPassword");
    let refused = tenant.graph_as(&ada, "POST", &secret, json!({}), &[]).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    let owner = json!({"@odata.id": format!("{GRAPH}/v1.0/directoryObjects/{ADA}")});
    let owns = tenant
        .graph("POST", &format!("{path}/owners/$ref"), owner)
        .await;
    assert_eq!(owns.status, 204, "{owns:?}");
    let made = tenant.graph_as(&ada, "POST", &secret, json!({}), &[]).await;
    assert_eq!(made.status, 200, "{made:?}");
    let other = tenant.client("other").await;
    let other = format!("applications/{}/addPassword", other.application);
    let refused = tenant.graph_as(&ada, "POST", &other, json!({}), &[]).await;
    assert_eq!(refused.status, 403, "{refused:?}");
}
