//! The client against servers that answer as Azure was recorded to, on a clock that does not wait.

mod batches;
mod blobs;
mod clusters;
mod failing;
mod leases;
mod operations;
mod pinning;
mod reading;
mod retries;
mod signing_in;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::time::OffsetDateTime;
use futures::future::BoxFuture;
use serde_json::{Value as Json, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request as Received, Respond, ResponseTemplate};

use super::{Azure, Clock, Cloud, Credential, Settings, Timing};
use crate::provision::ports::{Begun, Failure, Pending, Reader, Writer};
use crate::resource::{Method, Request};

const TENANT: &str = "11111111-1111-4111-8111-111111111111";
const GROUP: &str = "/subscriptions/s/resourceGroups/g";
const REGISTRY: &str =
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries/r";

/// Passes time only by being slept on, at once.
#[derive(Debug)]
struct StillClock {
    start: Instant,
    slept: Mutex<Vec<Duration>>,
}

impl StillClock {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            slept: Mutex::default(),
        })
    }

    fn slept(&self) -> Vec<Duration> {
        self.slept.lock().expect("slept").clone()
    }

    /// The waits worth the name.
    fn waits(&self) -> Vec<Duration> {
        self.slept()
            .into_iter()
            .filter(|wait| !wait.is_zero())
            .collect()
    }
}

impl Clock for StillClock {
    fn now(&self) -> Instant {
        self.start + self.slept.lock().expect("slept").iter().sum::<Duration>()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.slept.lock().expect("slept").push(duration);
        Box::pin(tokio::task::yield_now())
    }
}

/// Always the same token, named after its scope.
#[derive(Debug)]
struct Fixed;

#[async_trait]
impl TokenCredential for Fixed {
    async fn get_token(
        &self,
        scopes: &[&str],
        _options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let end = OffsetDateTime::now_utc() + Duration::from_secs(3_600);
        Ok(AccessToken::new(
            format!("token for {}", scopes.join(" ")),
            end,
        ))
    }
}

/// Gives its answers one after the other, the last for ever.
struct Script(Mutex<VecDeque<ResponseTemplate>>);

impl Respond for Script {
    fn respond(&self, _request: &Received) -> ResponseTemplate {
        let mut answers = self.0.lock().expect("answers");
        match answers.len() {
            0 => ResponseTemplate::new(599),
            1 => answers[0].clone(),
            _ => answers.pop_front().expect("there are two"),
        }
    }
}

fn answer(status: u16) -> ResponseTemplate {
    ResponseTemplate::new(status)
}

fn body(status: u16, body: &Json) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(body)
}

fn error(status: u16, code: &str, message: &str) -> ResponseTemplate {
    body(
        status,
        &json!({"error": {"code": code, "message": message}}),
    )
}

/// An object in a provisioning state.
fn state(word: &str) -> Json {
    json!({"id": REGISTRY, "properties": {"provisioningState": word}})
}

/// A server, a client of it, and the clock between them.
struct Bench {
    server: MockServer,
    clock: Arc<StillClock>,
    azure: Azure,
}

impl Bench {
    async fn new() -> Self {
        Self::with(Timing::azure()).await
    }

    async fn with(timing: Timing) -> Self {
        let server = MockServer::start().await;
        let clock = StillClock::new();
        let azure = client(&server.uri(), timing, &clock);
        Self {
            server,
            clock,
            azure,
        }
    }

    async fn on(&self, verb: &str, at: &str, answers: Vec<ResponseTemplate>) {
        Mock::given(method(verb))
            .and(path(at))
            .respond_with(Script(Mutex::new(answers.into())))
            .mount(&self.server)
            .await;
    }

    /// What the server has seen, as `METHOD path?query`.
    async fn seen(&self) -> Vec<String> {
        seen(&self.server).await
    }

    /// Begins a request that has to be accepted.
    async fn accepted(&self, request: &Request) -> Pending {
        match self.azure.begin(request).await {
            Ok(Begun::Accepted(pending)) => pending,
            other => panic!("not accepted: {other:?}"),
        }
    }

    async fn get(&self, at: &str) -> Result<Option<Json>, Failure> {
        self.azure
            .get(&Request::arm(Method::Get, at, "2023-07-01"))
            .await
    }
}

async fn seen(server: &MockServer) -> Vec<String> {
    let requests = server.received_requests().await.unwrap_or_default();
    let line = |request: &Received| {
        let query = request
            .url
            .query()
            .map(|query| format!("?{query}"))
            .unwrap_or_default();
        format!("{} {}{query}", request.method, request.url.path())
    };
    requests.iter().map(line).collect()
}

fn client(origin: &str, timing: Timing, clock: &Arc<StillClock>) -> Azure {
    let cloud = Cloud::emulator(origin).expect("loopback");
    let mut settings = Settings::new(cloud, TENANT, Credential::Given(Arc::new(Fixed)));
    settings.timing = timing;
    settings.clock = Arc::clone(clock) as Arc<dyn Clock>;
    Azure::connect(settings).expect("a client")
}

fn put(at: &str) -> Request {
    Request::arm(Method::Put, at, "2023-07-01").body(json!({"location": "eastus2"}))
}

fn delete(at: &str) -> Request {
    Request::arm(Method::Delete, at, "2023-07-01")
}

fn post(at: &str) -> Request {
    Request::arm(Method::Post, at, "2023-07-01").body(json!({"source": {}}))
}
