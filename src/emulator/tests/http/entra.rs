//! Signing in, and what is looked up before.

use super::client::Azure;
use onestream_emulator::DEFAULT_TENANT;

#[tokio::test]
async fn the_token_endpoint_words_its_refusals_as_entra_does() {
    let azure = Azure::start().await;
    let form = azure.form("https://management.azure.com");
    let changed = |name: &str, value: &str| {
        let mut form = form.clone();
        for pair in &mut form {
            if pair.0 == name {
                pair.1 = value.to_owned();
            }
        }
        form
    };
    for (form, tenant, status, error, number) in [
        (
            form.clone(),
            "99999999-9999-4999-8999-999999999999",
            400,
            "invalid_request",
            90002,
        ),
        (
            changed("client_id", "nobody"),
            DEFAULT_TENANT,
            400,
            "unauthorized_client",
            700_016,
        ),
        (
            changed("client_secret", "wrong"),
            DEFAULT_TENANT,
            401,
            "invalid_client",
            7_000_215,
        ),
        (
            changed("client_secret", ""),
            DEFAULT_TENANT,
            401,
            "invalid_client",
            7_000_216,
        ),
        (
            changed("grant_type", "password"),
            DEFAULT_TENANT,
            400,
            "unsupported_grant_type",
            70003,
        ),
        (
            changed("grant_type", ""),
            DEFAULT_TENANT,
            400,
            "invalid_request",
            900_144,
        ),
        (
            changed("scope", "https://management.azure.com"),
            DEFAULT_TENANT,
            400,
            "invalid_scope",
            1_002_012,
        ),
        (
            changed("scope", "https://nowhere/.default"),
            DEFAULT_TENANT,
            400,
            "invalid_resource",
            500_011,
        ),
    ] {
        let reply = azure.token_request(&form, tenant).await;
        assert_eq!(reply.status, status, "{reply:?}");
        assert_eq!(reply.body["error"], error);
        assert_eq!(reply.body["error_codes"][0], number);
        let description = reply.body["error_description"].as_str().unwrap_or_default();
        assert!(
            description.starts_with(&format!("AADSTS{number}: ")),
            "{description}"
        );
    }
}

#[tokio::test]
async fn arm_takes_only_fresh_tokens_for_arm() {
    let mut azure = Azure::start().await;
    let path = "/subscriptions?api-version=2022-12-01";
    let missing = azure.bare("GET", path, &[]).await;
    assert_eq!(
        (missing.status, missing.code()),
        (401, "AuthenticationFailed")
    );
    assert!(
        missing
            .header("www-authenticate")
            .starts_with("Bearer authorization_uri=")
    );
    for (header, code) in [
        ("Bearer garbage", "InvalidAuthenticationToken"),
        ("Basic abc", "AuthenticationFailedInvalidHeader"),
    ] {
        let reply = azure.bare("GET", path, &[("authorization", header)]).await;
        assert_eq!((reply.status, reply.code()), (401, code));
        assert!(!reply.header("www-authenticate").is_empty());
    }
    let graph = azure.sign_in("https://graph.microsoft.com").await;
    let arm = std::mem::replace(&mut azure.token, graph);
    let reply = azure.send("GET", path, None).await;
    assert_eq!(reply.code(), "InvalidAuthenticationTokenAudience");
    azure.token = arm;
    assert_eq!(azure.send("GET", path, None).await.status, 200);
    let hour = serde_json::json!({"advance_seconds": 3600});
    azure.control("POST", "clock", hour).await;
    let reply = azure.send("GET", path, None).await;
    assert_eq!(
        (reply.status, reply.code()),
        (401, "ExpiredAuthenticationToken")
    );
}

#[tokio::test]
async fn clients_find_the_cloud_and_its_authority() {
    let azure = Azure::start().await;
    let origin = azure.emulator.origin().to_owned();
    let open = |path: String| {
        let azure = &azure;
        async move { azure.bare("GET", &path, &[]).await }
    };
    let clouds = open("/metadata/endpoints?api-version=2022-09-01".to_owned()).await;
    assert_eq!(clouds.body[0]["resourceManager"], format!("{origin}/"));
    let flat = open("/metadata/endpoints?api-version=2015-01-01".to_owned()).await;
    assert_eq!(
        flat.body["authentication"]["loginEndpoint"],
        format!("{origin}/")
    );
    let openid = open(format!(
        "/{DEFAULT_TENANT}/v2.0/.well-known/openid-configuration"
    ))
    .await;
    let token_endpoint = format!("{origin}/{DEFAULT_TENANT}/oauth2/v2.0/token");
    assert_eq!(openid.body["token_endpoint"], token_endpoint);
    let unknown = open(
        "/99999999-9999-4999-8999-999999999999/v2.0/.well-known/openid-configuration".to_owned(),
    )
    .await;
    assert_eq!(
        (unknown.status, &unknown.body["error_codes"][0]),
        (400, &serde_json::json!(90002))
    );
    let instance = open("/common/discovery/instance?api-version=1.1".to_owned()).await;
    assert_eq!(instance.status, 200);
}
