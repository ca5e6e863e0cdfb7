//! What roles give: at the registry, and where roles are given per repository.

use super::client::{ACR_DELETE, ACR_PULL, ACR_PUSH, ARM, As, Azure, CONTRIBUTOR};
use onestream_emulator::DEFAULT_SUBSCRIPTION;
use serde_json::json;

/// The actions that somebody gets of all that one may ask for.
async fn gets(azure: &Azure, refresh: &str) -> Vec<&'static str> {
    let mut given = Vec::new();
    for action in ["pull", "push", "delete", "metadata_read", "metadata_write"] {
        let scope = format!("repository:app:{action}");
        if azure.access("devreg", refresh, &scope).await.status == 200 {
            given.push(action);
        }
    }
    if azure
        .access("devreg", refresh, "registry:catalog:*")
        .await
        .status
        == 200
    {
        given.push("catalog");
    }
    given
}

#[tokio::test]
async fn roles_at_the_registry_count_when_tokens_are_issued() {
    let azure = Azure::start().await;
    let id = azure.registry("devreg", json!({})).await;
    let reads = ["pull", "metadata_read", "catalog"];
    for (role, expected) in [
        (None, vec![]),
        (Some(ACR_PULL), reads.to_vec()),
        (Some(ACR_DELETE), vec!["delete"]),
        (
            Some(ACR_PUSH),
            vec!["pull", "push", "metadata_read", "metadata_write", "catalog"],
        ),
        (
            Some(CONTRIBUTOR),
            vec![
                "pull",
                "push",
                "delete",
                "metadata_read",
                "metadata_write",
                "catalog",
            ],
        ),
    ] {
        let (client, object, secret) = azure.client("c").await;
        if let Some(role) = role {
            azure.assign(&id, role, &object).await;
        }
        let entra = azure.token(&client, &secret, ARM).await;
        let refresh = azure.refresh("devreg", &entra).await;
        assert_eq!(gets(&azure, &refresh).await, expected, "{role:?}");
    }
}

#[tokio::test]
async fn a_token_has_what_was_granted_of_what_was_asked() {
    let azure = Azure::start().await;
    let id = azure.registry("devreg", json!({})).await;
    let (client, object, secret) = azure.client("c").await;
    azure.assign(&id, ACR_PULL, &object).await;
    let entra = azure.token(&client, &secret, ARM).await;
    let refresh = azure.refresh("devreg", &entra).await;
    let token = azure
        .access("devreg", &refresh, "repository:app:pull,push")
        .await;
    let token = token.body["access_token"].as_str().unwrap().to_owned();
    let me = As::Bearer(&token);
    let owner = azure.owned("devreg", "repository:app:pull,push").await;
    azure.image("devreg", As::Bearer(&owner), "app", "1").await;
    assert_eq!(
        azure
            .acr_get("devreg", me, "/v2/app/manifests/1")
            .await
            .status,
        200
    );
    let push = azure
        .acr("devreg", me, "POST", "/v2/app/blobs/uploads/", "", &[])
        .await;
    assert_eq!((push.status, push.code()), (401, "UNAUTHORIZED"));
    let other = azure.acr_get("devreg", me, "/v2/other/manifests/1").await;
    assert_eq!(other.status, 401);
}

#[tokio::test]
async fn with_repository_permissions_the_roles_of_registries_mean_nothing() {
    let azure = Azure::start().await;
    let mode = json!({"roleAssignmentMode": "AbacRepositoryPermissions"});
    let id = azure.registry("devreg", mode).await;
    let (client, object, secret) = azure.client("c").await;
    azure.assign(&id, ACR_PUSH, &object).await;
    let entra = azure.token(&client, &secret, ARM).await;
    let refresh = azure.refresh("devreg", &entra).await;
    assert!(gets(&azure, &refresh).await.is_empty());
    let role = "aaaaaaaa-0000-4000-8000-000000000001";
    let path = format!(
        "/subscriptions/{DEFAULT_SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    );
    let body = json!({"properties": {
        "roleName": "repository reader",
        "permissions": [{"dataActions": ["Microsoft.ContainerRegistry/registries/repositories/content/read"]}],
        "assignableScopes": [format!("/subscriptions/{DEFAULT_SUBSCRIPTION}")],
    }});
    let made = azure.arm("PUT", &path, body).await;
    assert_eq!(made.status, 201, "{made:?}");
    azure.assign(&id, role, &object).await;
    assert_eq!(gets(&azure, &refresh).await, ["pull"]);
}

#[tokio::test]
async fn a_condition_gives_the_repositories_that_it_names() {
    let azure = Azure::start().await;
    let mode = json!({"roleAssignmentMode": "AbacRepositoryPermissions"});
    let id = azure.registry("devreg", mode).await;
    let (client, object, secret) = azure.client("c").await;
    let role = "aaaaaaaa-0000-4000-8000-000000000002";
    let read = "Microsoft.ContainerRegistry/registries/repositories/content/read";
    let path = format!(
        "/subscriptions/{DEFAULT_SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    );
    let body = json!({"properties": {
        "roleName": "reader of some",
        "permissions": [{"dataActions": [read]}],
        "assignableScopes": [format!("/subscriptions/{DEFAULT_SUBSCRIPTION}")],
    }});
    assert_eq!(azure.arm("PUT", &path, body).await.status, 201);
    let condition = format!(
        "((!(ActionMatches{{'{read}'}})) OR \
         (@Request[Microsoft.ContainerRegistry/registries/repositories:name] \
         StringStartsWith 'team/'))"
    );
    let path = format!(
        "{id}/providers/Microsoft.Authorization/roleAssignments/aaaaaaaa-0000-4000-8000-000000000009"
    );
    let body = json!({"properties": {
        "roleDefinitionId": format!(
            "/subscriptions/{DEFAULT_SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}"
        ),
        "principalId": object,
        "principalType": "ServicePrincipal",
        "condition": condition,
        "conditionVersion": "2.0",
    }});
    let made = azure.arm("PUT", &path, body).await;
    assert_eq!(made.status, 201, "{made:?}");
    let entra = azure.token(&client, &secret, ARM).await;
    let refresh = azure.refresh("devreg", &entra).await;
    for (repository, status) in [("team/app", 200), ("teams", 401), ("app", 401)] {
        let scope = format!("repository:{repository}:pull");
        let given = azure.access("devreg", &refresh, &scope).await;
        assert_eq!(given.status, status, "{repository}");
    }
}
