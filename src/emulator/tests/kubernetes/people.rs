//! People: they get tokens of their own, and count by their name and groups.

use super::client::{AKS, ARM, Azure, RBAC_READER};
use onestream_emulator::{DEFAULT_SUBSCRIPTION, Emulator, Settings};
use serde_json::{Value, json};

const READER: &str = "acdd72a7-3385-48ef-bd42-f606fba81ae7";

async fn token(azure: &Azure, user: &str, audience: &str) -> String {
    let order = json!({"user": user, "audience": audience});
    let reply = azure.control("POST", "assertion", order).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let token = reply.body["access_token"].as_str();
    token.expect("a token").to_owned()
}

#[tokio::test]
async fn a_person_acts_under_its_own_name_through_its_groups() {
    let azure = Azure::start().await;
    let (id, upn) = azure.person("ada").await;
    let group = format!("/subscriptions/{DEFAULT_SUBSCRIPTION}/resourceGroups/g");
    let arm = token(&azure, &upn.to_uppercase(), ARM).await;
    let refused = azure.arm_as(&arm, "GET", &group, Value::Null).await;
    assert_eq!(refused.status, 403);
    let message = refused.body["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with(&format!("The client '{upn}' with object id '{id}'")),
        "{message}"
    );
    let body = json!({"displayName": "a", "mailNickname": "a", "mailEnabled": false, "securityEnabled": true});
    let approvers = azure.graph("groups", body).await;
    let approvers = approvers["id"].as_str().unwrap().to_owned();
    azure.assign(&group, READER, &approvers, "Group").await;
    let member =
        json!({"@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{id}")});
    azure
        .graph(&format!("groups/{approvers}/members/$ref"), member)
        .await;
    assert_eq!(
        azure.arm_as(&arm, "GET", &group, Value::Null).await.status,
        200
    );

    let aks = token(&azure, &id, AKS).await;
    let pods = "/api/v1/namespaces/default/pods";
    let refused = azure.get_as(&aks, pods).await;
    assert!(
        refused
            .message()
            .contains(&format!("User \"{upn}\" cannot list"))
    );
    azure.assign(&azure.cluster, RBAC_READER, &id, "User").await;
    assert_eq!(azure.get_as(&aks, pods).await.status, 200);
    assert_eq!(
        azure.get_as(&arm, pods).await.status,
        401,
        "a token is for one API"
    );
}

#[tokio::test]
async fn who_is_not_there_gets_nothing() {
    let azure = Azure::start().await;
    let (id, upn) = azure.person("ada").await;
    for order in [
        json!({"user": "nobody@example.com", "audience": ARM}),
        json!({"user": upn, "audience": "https://nothing.example.com"}),
        json!({"user": upn}),
        json!({"user": upn, "audience": ARM, "issuer": "https://i"}),
    ] {
        let reply = azure.control("POST", "assertion", order.clone()).await;
        assert_eq!(reply.status, 400, "{order}");
    }
    let disabled = json!({"accountEnabled": false});
    azure
        .control("PATCH", &format!("objects?id=graph/users/{id}"), disabled)
        .await;
    let reply = azure
        .control("POST", "assertion", json!({"user": id, "audience": ARM}))
        .await;
    assert_eq!(reply.status, 400);
}

#[tokio::test]
async fn people_need_the_control_secret_too() {
    let emulator = Emulator::start(Settings::default()).await.unwrap();
    let address = format!("{}/emulator/assertion", emulator.origin());
    let order = json!({"user": "ada", "audience": ARM});
    let http = reqwest::Client::builder().build().unwrap();
    let shut = http.post(&address).json(&order).send().await.unwrap();
    assert_eq!(shut.status().as_u16(), 403);
    let secret = &emulator.endpoint().control_secret;
    let open = http
        .post(&address)
        .header("x-emulator-secret", secret)
        .json(&order);
    assert_eq!(open.send().await.unwrap().status().as_u16(), 400);
}
