//! Signing in: the token endpoint, the order of credentials, and secrets that stay secret.

use azure_core::credentials::Secret;
use wiremock::matchers::body_string_contains;

use super::super::{CredentialName, Variables};
use super::*;

const SECRET: &str = "s3cr3t+/=";
const TOKEN: &str = "eyJ0b2tlbiI6MX0";

fn settings(origin: &str, credential: Credential, clock: &Arc<StillClock>) -> Settings {
    let mut settings = Settings::new(
        Cloud::emulator(origin).expect("loopback"),
        TENANT,
        credential,
    );
    settings.clock = Arc::clone(clock) as Arc<dyn Clock>;
    settings.variables = Variables::new(|_| None);
    settings
}

fn secret() -> Credential {
    Credential::ClientSecret {
        client_id: "the-client".to_owned(),
        secret: Secret::new(SECRET),
    }
}

fn granted() -> ResponseTemplate {
    body(
        200,
        &json!({"token_type": "Bearer", "expires_in": 3_599, "access_token": TOKEN}),
    )
}

async fn grants(server: &MockServer, answers: Vec<ResponseTemplate>) {
    Mock::given(method("POST"))
        .and(path(format!("/{TENANT}/oauth2/v2.0/token")))
        .respond_with(Script(Mutex::new(answers.into())))
        .mount(server)
        .await;
}

#[tokio::test]
async fn a_client_secret_is_traded_once_for_all() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path(format!("/{TENANT}/oauth2/v2.0/token")))
        .and(body_string_contains("client_secret=s3cr3t%2B%2F%3D"))
        .and(body_string_contains(
            "scope=https%3A%2F%2Fmanagement.azure.com%2F.default",
        ))
        .respond_with(granted())
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .respond_with(body(200, &json!({"id": GROUP})))
        .mount(&server)
        .await;
    let azure =
        Azure::connect(settings(&server.uri(), secret(), &StillClock::new())).expect("client");
    let request = Request::arm(Method::Get, GROUP, "1");
    let all = futures::future::join_all((0..8).map(|_| azure.get(&request))).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(
        azure.requests().total(),
        8,
        "requests for tokens are not counted"
    );
}

#[tokio::test]
async fn a_refused_secret_is_told_without_it() {
    let server = MockServer::start().await;
    let refused = json!({"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided.\r\nTrace ID: x"});
    grants(&server, vec![body(401, &refused)]).await;
    let azure =
        Azure::connect(settings(&server.uri(), secret(), &StillClock::new())).expect("client");
    let failure = azure.probe("s").await.expect_err("refused");
    assert_eq!(failure.code, "NoCredential");
    assert_eq!(
        failure.message,
        "AADSTS7000215: Invalid client secret provided."
    );
    assert!(!format!("{azure:?} {failure:?}").contains(SECRET));
}

#[tokio::test]
async fn the_token_endpoint_may_stumble() {
    let server = MockServer::start().await;
    let clock = StillClock::new();
    grants(&server, vec![answer(503), answer(429), granted()]).await;
    Mock::given(method("GET"))
        .respond_with(body(200, &json!({"state": "Enabled"})))
        .mount(&server)
        .await;
    let azure = Azure::connect(settings(&server.uri(), secret(), &clock)).expect("client");
    azure.probe("s").await.expect("signed in");
    assert!(!format!("{azure:?}").contains(TOKEN));

    let broken = MockServer::start().await;
    grants(
        &broken,
        vec![body(200, &json!({"access_token": 7, "hush": SECRET}))],
    )
    .await;
    let azure = Azure::connect(settings(&broken.uri(), secret(), &clock)).expect("client");
    let failure = azure.probe("s").await.expect_err("no token");
    assert_eq!(
        failure.message,
        "the token endpoint's answer holds no token"
    );

    let echoing = MockServer::start().await;
    grants(
        &echoing,
        vec![answer(400).set_body_string(format!("what is client_secret={SECRET}?"))],
    )
    .await;
    let azure = Azure::connect(settings(&echoing.uri(), secret(), &clock)).expect("client");
    let failure = azure.probe("s").await.expect_err("refused");
    assert_eq!(failure.message, "the token endpoint answered 400");

    let closed = Azure::connect(settings("http://127.0.0.1:1", secret(), &clock)).expect("client");
    assert_eq!(
        closed.probe("s").await.expect_err("closed").code,
        "Unreachable"
    );
}

#[tokio::test]
async fn a_token_that_azure_no_longer_takes_is_renewed_once() {
    let server = MockServer::start().await;
    grants(
        &server,
        vec![
            granted(),
            body(
                200,
                &json!({"expires_in": 3_599, "access_token": "another"}),
            ),
        ],
    )
    .await;
    let expired = error(
        401,
        "ExpiredAuthenticationToken",
        "The access token has expired.",
    );
    Mock::given(method("GET"))
        .and(path(GROUP))
        .respond_with(Script(Mutex::new(
            vec![
                expired.clone(),
                body(200, &json!({})),
                expired.clone(),
                expired,
            ]
            .into(),
        )))
        .mount(&server)
        .await;
    let azure =
        Azure::connect(settings(&server.uri(), secret(), &StillClock::new())).expect("client");
    let request = Request::arm(Method::Get, GROUP, "1");
    azure.get(&request).await.expect("with the new one");
    let sent = server.received_requests().await.unwrap_or_default();
    let last = sent
        .last()
        .and_then(|last| last.headers.get("authorization"))
        .and_then(|value| value.to_str().ok());
    assert_eq!(last, Some("Bearer another"));
    let failure = azure.get(&request).await.expect_err("twice refused");
    assert_eq!(failure.code, "ExpiredAuthenticationToken");
    assert_eq!(azure.requests().get, 4);
}

#[tokio::test]
async fn a_chosen_credential_says_what_it_lacks() {
    for (name, told) in [
        (
            CredentialName::Environment,
            "environment: AZURE_CLIENT_ID is not set",
        ),
        (
            CredentialName::WorkloadIdentity,
            "workload-identity: AZURE_FEDERATED_TOKEN_FILE is not set",
        ),
        (
            CredentialName::AzurePipelines,
            "azure-pipelines: SYSTEM_OIDCREQUESTURI is not set",
        ),
    ] {
        let settings = settings(
            "http://127.0.0.1:1",
            Credential::Named(name),
            &StillClock::new(),
        );
        let failure = Azure::connect(settings).expect_err(told);
        assert_eq!(
            (failure.code.as_str(), failure.message.as_str()),
            ("NoCredential", told)
        );
        assert!(failure.hint.is_some());
    }
}

#[tokio::test]
async fn the_environment_comes_first_in_auto() {
    let server = MockServer::start().await;
    grants(&server, vec![granted()]).await;
    Mock::given(method("GET"))
        .respond_with(body(200, &json!({"state": "Enabled"})))
        .mount(&server)
        .await;
    let mut settings = settings(
        &server.uri(),
        Credential::Named(CredentialName::Auto),
        &StillClock::new(),
    );
    settings.variables = Variables::new(|name| match name {
        "AZURE_CLIENT_ID" => Some("c".to_owned()),
        "AZURE_CLIENT_SECRET" => Some(SECRET.to_owned()),
        _ => None,
    });
    let azure = Azure::connect(settings).expect("client");
    azure.probe("s").await.expect("signed in");
    azure.probe("s").await.expect("signed in still");
    assert_eq!(
        seen(&server)
            .await
            .iter()
            .filter(|line| line.starts_with("POST"))
            .count(),
        1
    );
}
