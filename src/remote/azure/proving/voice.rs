//! One identity's voice on every plane.

use std::collections::BTreeMap;

use async_trait::async_trait;
use tokio::sync::Mutex;
use url::Url;

use super::super::arm::Azure;
use super::super::kept::Kept;
use super::super::pin;
use super::super::transport::{PlainClient, Transport, root};
use super::{cluster, registry, reply};
use crate::proof::{ApiServer, Caller, Plain, Reply};
use crate::resource::{Method, Request};

/// The longest body of an answer that is read, in bytes.
const MOST: usize = 1 << 20;

/// Somebody who is signed in.
pub(super) struct Voice {
    pub(super) azure: Azure,
    /// Refresh tokens of registries, by login server.
    pub(super) refresh: Kept<String, Reply>,
    /// Clients that trust a cluster's own authority, by that.
    clients: Mutex<BTreeMap<Option<String>, Transport>>,
}

impl Voice {
    pub(super) fn new(azure: Azure) -> Self {
        Self {
            azure,
            refresh: Kept::default(),
            clients: Mutex::default(),
        }
    }

    /// A client that trusts `ca` and no other authority, where there is one.
    pub(super) async fn client(
        &self,
        ca: Option<&str>,
        direct: bool,
    ) -> Result<PlainClient, Reply> {
        let mut clients = self.clients.lock().await;
        let key = ca.map(str::to_owned);
        if let Some(known) = clients.get(&key) {
            return Ok(known.plain().clone());
        }
        let made = Transport::new(&self.azure.wire.timing, direct, ca).map_err(Reply::Silent)?;
        let client = made.plain().clone();
        clients.insert(key, made);
        Ok(client)
    }
}

#[async_trait]
impl Caller for Voice {
    async fn azure(&self, request: &Request) -> Reply {
        match self.azure.wire.once(request).await {
            Ok(answer) => reply::of_azure(&answer),
            Err(failure) => Reply::Silent(failure.to_string()),
        }
    }

    async fn registry(&self, server: &str, scope: &str, request: &Plain) -> Reply {
        registry::ask(self, server, scope, request)
            .await
            .unwrap_or_else(|reply| reply)
    }

    async fn cluster(&self, server: &ApiServer, request: &Plain) -> Reply {
        cluster::ask(self, server, request)
            .await
            .unwrap_or_else(|reply| reply)
    }
}

/// The token for an audience.
pub(super) async fn token(azure: &Azure, scope: &str) -> Result<String, Reply> {
    let token = azure.wire.tokens.get(scope).await;
    token
        .map(|token| token.token.secret().to_owned())
        .map_err(|failure| Reply::Silent(failure.to_string()))
}

/// A request with a token, to a path of this origin.
///
/// # Errors
/// Why it may not be sent there.
pub(super) fn bearing(
    client: &PlainClient,
    origin: &Url,
    request: &Plain,
    token: &str,
) -> Result<reqwest::RequestBuilder, Reply> {
    let method = match request.method {
        Method::Get => reqwest::Method::GET,
        Method::Head => reqwest::Method::HEAD,
        Method::Put => reqwest::Method::PUT,
        Method::Patch => reqwest::Method::PATCH,
        Method::Post => reqwest::Method::POST,
        Method::Delete => reqwest::Method::DELETE,
    };
    let url = pin::at(origin, &request.path);
    let url = url.map_err(|failure| Reply::Silent(failure.to_string()))?;
    let built = client.request(method, url).map_err(Reply::Silent)?;
    let built = built.bearer_auth(token);
    Ok(match &request.body {
        Some(body) => built
            .header("content-type", "application/json")
            .body(body.to_string()),
        None => built.header("content-length", "0"),
    })
}

/// Sends a request; what came back. Its text names no URL, which may be signed.
pub(super) async fn send(request: reqwest::RequestBuilder) -> Reply {
    let lost = |problem: reqwest::Error| Reply::Silent(format!("no answer: {}", root(&problem)));
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(problem) => return lost(problem),
    };
    let status = answer.status().as_u16();
    let location = answer.headers().get("location");
    let location = location.and_then(|value| value.to_str().ok());
    let location = location.map(str::to_owned);
    match answer.bytes().await {
        Ok(body) => {
            let body = &body[..body.len().min(MOST)];
            reply::of_plain(status, body, location.as_deref())
        }
        Err(problem) => lost(problem),
    }
}
