//! How callers get in: challenges, exchanges, passwords, networks.

use super::client::{ARM, As, Azure};
use onestream_emulator::Settings;
use serde_json::{Value, json};

#[tokio::test]
async fn callers_without_a_token_are_told_where_to_get_one() {
    let azure = Azure::start().await;
    azure.registry("devreg", json!({})).await;
    let port = azure
        .emulator
        .origin()
        .rsplit(':')
        .next()
        .unwrap()
        .to_owned();
    let realm = format!(
        "Bearer realm=\"http://devreg.azurecr.localhost:{port}/oauth2/token\",service=\"devreg.azurecr.localhost\""
    );
    let bare = azure.acr_get("devreg", As::Nobody, "/v2/").await;
    assert_eq!((bare.status, bare.code()), (401, "UNAUTHORIZED"));
    assert_eq!(bare.header("www-authenticate"), realm);
    assert_eq!(
        bare.header("docker-distribution-api-version"),
        "registry/2.0"
    );
    let path = "/acr/v1/library%2Fapp/_tags/1";
    let asked = azure
        .acr("devreg", As::Nobody, "DELETE", path, "", &[])
        .await;
    assert_eq!(
        asked.header("www-authenticate"),
        format!("{realm},scope=\"repository:library/app:delete\"")
    );
    assert_eq!(
        asked.body["errors"][0]["detail"],
        json!([{"Type": "repository", "Name": "library/app", "Action": "delete"}])
    );
    let entra = azure.arm.clone();
    for wrong in ["garbage", &entra] {
        let reply = azure.acr_get("devreg", As::Bearer(wrong), "/v2/").await;
        assert_eq!(reply.status, 401);
        assert!(
            reply
                .header("www-authenticate")
                .ends_with("error=\"invalid_token\"")
        );
    }
    let absent = azure.acr_get("nosuch", As::Nobody, "/v2/").await;
    assert_eq!((absent.status, absent.code()), (404, "NAME_UNKNOWN"));
}

#[tokio::test]
async fn tokens_are_for_one_registry_and_for_a_while() {
    let azure = Azure::start().await;
    for name in ["devreg", "prodreg"] {
        azure.registry(name, json!({})).await;
    }
    let refresh = azure.refresh("devreg", &azure.arm).await;
    let scope = "registry:catalog:*";
    let access = azure.owned("devreg", scope).await;
    let catalog =
        |registry: &'static str| azure.acr_get(registry, As::Bearer(&access), "/v2/_catalog");
    assert_eq!(catalog("devreg").await.status, 200);
    assert_eq!(catalog("prodreg").await.status, 401);
    assert_eq!(azure.access("prodreg", &refresh, scope).await.status, 401);
    assert_eq!(azure.access("devreg", &access, scope).await.status, 401);
    assert_eq!(azure.access("devreg", "garbage", scope).await.status, 401);
    let form = format!(
        "grant_type=refresh_token&service=prodreg.azurecr.localhost&scope={scope}&refresh_token={refresh}"
    );
    assert_eq!(
        azure.oauth("devreg", "/oauth2/token", &form).await.status,
        401
    );
    let wait = |seconds: i64| azure.control("POST", "clock", json!({"advance_seconds": seconds}));
    wait(3601).await;
    assert_eq!(catalog("devreg").await.status, 401);
    assert_eq!(azure.access("devreg", &refresh, scope).await.status, 200);
    wait(7200).await;
    assert_eq!(azure.access("devreg", &refresh, scope).await.status, 401);
}

#[tokio::test]
async fn the_exchange_takes_tokens_for_registries_and_where_it_may_for_arm() {
    let azure = Azure::start().await;
    let id = azure.registry("devreg", json!({})).await;
    let exchange = async |token: &str, more: &str| {
        let form = format!(
            "grant_type=access_token&service=devreg.azurecr.localhost&access_token={token}{more}"
        );
        azure
            .oauth("devreg", "/oauth2/exchange", &form)
            .await
            .status
    };
    let own = azure.owner("https://containerregistry.azure.net").await;
    let vault = azure.owner("https://vault.azure.net").await;
    let arm = azure.arm.clone();
    assert_eq!(exchange(&own, "").await, 200);
    assert_eq!(exchange(&arm, "").await, 200);
    assert_eq!(exchange(&vault, "").await, 401);
    assert_eq!(exchange("garbage", "").await, 401);
    assert_eq!(
        exchange(&own, "&tenant=00000000-0000-0000-0000-000000000001").await,
        401
    );
    let strange = azure
        .oauth("devreg", "/oauth2/exchange", "grant_type=password")
        .await;
    assert_eq!(strange.status, 400);
    let policy = json!({"properties": {"policies": {"azureADAuthenticationAsArmPolicy": {"status": "disabled"}}}});
    assert_eq!(azure.arm("PATCH", &id, policy).await.status, 200);
    assert_eq!(exchange(&arm, "").await, 401);
    assert_eq!(exchange(&own, "").await, 200);
}

#[tokio::test]
async fn the_admin_user_gets_in_while_it_is_enabled() {
    let azure = Azure::start().await;
    let id = azure
        .registry("devreg", json!({"adminUserEnabled": true}))
        .await;
    let path = format!("{id}/listCredentials");
    let credentials = azure.arm("POST", &path, Value::Null).await.body;
    let password = credentials["passwords"][1]["value"]
        .as_str()
        .unwrap()
        .to_owned();
    let admin = As::Basic("devreg", &password);
    azure.image("devreg", admin, "app", "1").await;
    let token = azure
        .acr_get(
            "devreg",
            admin,
            "/oauth2/token?service=devreg.azurecr.localhost&scope=repository:app:pull,push",
        )
        .await;
    let token = token.body["access_token"].as_str().unwrap().to_owned();
    let pull = "/v2/app/manifests/1";
    assert_eq!(
        azure
            .acr_get("devreg", As::Bearer(&token), pull)
            .await
            .status,
        200
    );
    let wrong = azure
        .acr_get("devreg", As::Basic("devreg", "x"), pull)
        .await;
    assert_eq!(wrong.status, 401);
    azure
        .arm(
            "PATCH",
            &id,
            json!({"properties": {"adminUserEnabled": false}}),
        )
        .await;
    assert_eq!(azure.acr_get("devreg", admin, pull).await.status, 401);
}

#[tokio::test]
async fn registry_tokens_get_what_their_scope_map_gives() {
    let azure = Azure::start().await;
    let id = azure.registry("devreg", json!({})).await;
    let map = format!("{id}/scopeMaps/readers");
    let bad = json!({"properties": {"actions": ["repositories/app/frob"]}});
    assert_eq!(azure.arm("PUT", &map, bad).await.status, 400);
    let actions = json!([
        "repositories/team/*/content/read",
        "repositories/team/*/metadata/read"
    ]);
    let made = azure
        .arm("PUT", &map, json!({"properties": {"actions": actions}}))
        .await;
    assert_eq!(
        (made.status, &made.body["properties"]["type"]),
        (200, &json!("UserDefined"))
    );
    let token = format!("{id}/tokens/reader");
    let lost = json!({"properties": {"scopeMapId": format!("{id}/scopeMaps/none")}});
    assert_eq!(azure.arm("PUT", &token, lost).await.status, 400);
    let body = json!({"properties": {"scopeMapId": map, "status": "enabled"}});
    let made = azure.arm("PUT", &token, body).await;
    assert_eq!(
        (made.status, &made.body["properties"]["provisioningState"]),
        (201, &json!("Creating"))
    );
    azure.finish(&made).await;
    let generate = format!("{id}/generateCredentials");
    let expiry = "2100-12-31T12:59:59.000Z";
    let order = json!({"tokenId": token, "expiry": expiry});
    let fresh = azure.arm("POST", &generate, order).await;
    assert_eq!(fresh.body["username"], "reader");
    assert_eq!(
        fresh.body["passwords"][0]["expiry"],
        "2100-12-31T12:59:59+00:00"
    );
    let password = fresh.body["passwords"][0]["value"]
        .as_str()
        .unwrap()
        .to_owned();
    let shown = azure.arm("GET", &token, Value::Null).await.body;
    assert!(!shown.to_string().contains(&password));
    assert_eq!(
        shown["properties"]["credentials"]["passwords"][1]["name"],
        "password2"
    );

    let owner = azure
        .owned(
            "devreg",
            "repository:team/app:pull,push repository:app:pull,push",
        )
        .await;
    for name in ["team/app", "app"] {
        azure.image("devreg", As::Bearer(&owner), name, "1").await;
    }
    let reader = As::Basic("reader", &password);
    let get = |path: &'static str| azure.acr_get("devreg", reader, path);
    assert_eq!(get("/v2/team/app/manifests/1").await.status, 200);
    assert_eq!(get("/v2/team/app/tags/list").await.status, 200);
    assert_eq!(get("/v2/app/manifests/1").await.status, 401);
    let push = azure
        .acr(
            "devreg",
            reader,
            "POST",
            "/v2/team/app/blobs/uploads/",
            "",
            &[],
        )
        .await;
    assert_eq!(push.status, 401);
    assert!(
        push.header("www-authenticate")
            .contains("insufficient_scope")
    );

    let own = json!({"properties": {"scopeMapId": format!("{id}/scopeMaps/_repositories_admin")}});
    let changed = azure.arm("PATCH", &token, own).await;
    azure.finish(&changed).await;
    assert_eq!(get("/v2/app/manifests/1").await.status, 200);
    let off = azure
        .arm(
            "PATCH",
            &token,
            json!({"properties": {"status": "disabled"}}),
        )
        .await;
    azure.finish(&off).await;
    assert_eq!(get("/v2/app/manifests/1").await.status, 401);
}

#[tokio::test]
async fn passwords_of_registry_tokens_end() {
    let azure = Azure::start().await;
    let id = azure.registry("devreg", json!({})).await;
    let token = format!("{id}/tokens/reader");
    let map = format!("{id}/scopeMaps/_repositories_pull");
    let made = azure
        .arm("PUT", &token, json!({"properties": {"scopeMapId": map}}))
        .await;
    azure.finish(&made).await;
    let now = azure.control("GET", "clock", Value::Null).await.body;
    let day = now["now"].as_str().unwrap()[..10].to_owned();
    let order =
        json!({"tokenId": token, "name": "password1", "expiry": format!("{day}T23:59:59Z")});
    let fresh = azure
        .arm("POST", &format!("{id}/generateCredentials"), order)
        .await;
    assert_eq!(fresh.body["passwords"].as_array().map(Vec::len), Some(1));
    let password = fresh.body["passwords"][0]["value"]
        .as_str()
        .unwrap()
        .to_owned();
    let get = || azure.acr_get("devreg", As::Basic("reader", &password), "/v2/");
    assert_eq!(get().await.status, 200);
    azure
        .control("POST", "clock", json!({"advance_seconds": 86_400}))
        .await;
    assert_eq!(get().await.status, 401);
}

#[tokio::test]
async fn everybody_pulls_where_that_was_allowed() {
    let azure = Azure::start().await;
    let id = azure
        .registry("devreg", json!({"anonymousPullEnabled": true}))
        .await;
    let owner = azure.owned("devreg", "repository:app:pull,push").await;
    azure.image("devreg", As::Bearer(&owner), "app", "1").await;
    let form = "grant_type=password&service=devreg.azurecr.localhost&refresh_token=&scope=repository:app:pull,push,metadata_write";
    let token = azure.oauth("devreg", "/oauth2/token", form).await;
    let token = token.body["access_token"].as_str().unwrap().to_owned();
    let me = As::Bearer(&token);
    assert_eq!(
        azure
            .acr_get("devreg", me, "/v2/app/manifests/1")
            .await
            .status,
        200
    );
    let patch = azure
        .acr("devreg", me, "PATCH", "/acr/v1/app", "{}", &[])
        .await;
    assert_eq!(patch.status, 401);
    let push = azure
        .acr("devreg", me, "POST", "/v2/app/blobs/uploads/", "", &[])
        .await;
    assert_eq!(push.status, 401);
    let off = azure
        .arm(
            "PATCH",
            &id,
            json!({"properties": {"anonymousPullEnabled": false}}),
        )
        .await;
    azure.finish(&off).await;
    let token = azure.oauth("devreg", "/oauth2/token", form).await;
    let token = token.body["access_token"].as_str().unwrap().to_owned();
    let pull = azure
        .acr_get("devreg", As::Bearer(&token), "/v2/app/manifests/1")
        .await;
    assert_eq!(pull.status, 401);
}

#[tokio::test]
async fn a_private_registry_is_reached_through_its_endpoint_only() {
    for (outside, inside) in [(false, 401), (true, 403)] {
        let azure = Azure::with(Settings {
            open_info: true,
            outside,
            ..Settings::default()
        })
        .await;
        let id = azure
            .registry("devreg", json!({"publicNetworkAccess": "Disabled"}))
            .await;
        let form = format!("grant_type=access_token&access_token={}", azure.arm);
        let refused = azure.oauth("devreg", "/oauth2/exchange", &form).await;
        assert_eq!((refused.status, refused.code()), (403, "DENIED"));
        let path = format!("objects?id={id}/privateEndpointConnections/c");
        let body = json!({
            "type": "Microsoft.ContainerRegistry/registries/privateEndpointConnections",
            "properties": {"privateLinkServiceConnectionState": {"status": "Approved"}},
        });
        assert_eq!(azure.control("PUT", &path, body).await.status, 200);
        let reply = azure.acr_get("devreg", As::Nobody, "/v2/").await;
        assert_eq!(reply.status, inside, "outside: {outside}");
    }
}

#[tokio::test]
async fn a_registry_is_served_while_one_of_its_regions_is_up() {
    let azure = Azure::start().await;
    let id = azure.registry("devreg", json!({})).await;
    let body = json!({"location": "westus2"});
    let made = azure
        .arm("PUT", &format!("{id}/replications/westus2"), body)
        .await;
    azure.finish(&made).await;
    let down = |region: &'static str| {
        azure.control("POST", "outage", json!({"region": region, "on": true}))
    };
    let ask = || azure.acr_get("devreg", As::Nobody, "/v2/");
    down("eastus2").await;
    assert_eq!(ask().await.status, 401);
    down("westus2").await;
    assert_eq!(ask().await.status, 503);
}

#[tokio::test]
async fn applications_sign_in_with_their_secret_too() {
    let azure = Azure::start().await;
    let id = azure.registry("devreg", json!({})).await;
    let (client, object, secret) = azure.client("c").await;
    azure.assign(&id, super::client::ACR_PULL, &object).await;
    let path = "/oauth2/token?service=devreg.azurecr.localhost&scope=repository:app:pull";
    let good = azure
        .acr_get("devreg", As::Basic(&client, &secret), path)
        .await;
    assert_eq!(good.status, 200, "{good:?}");
    let bad = azure.acr_get("devreg", As::Basic(&client, "x"), path).await;
    assert_eq!(bad.status, 401);
    let entra = azure.token(&client, &secret, ARM).await;
    let refresh = azure.refresh("devreg", &entra).await;
    let nobody = As::Basic("00000000-0000-0000-0000-000000000000", &refresh);
    assert_eq!(azure.acr_get("devreg", nobody, path).await.status, 200);
}
