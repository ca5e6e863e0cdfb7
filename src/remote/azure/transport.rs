//! One try on the wire: `azure_core`'s pipeline over one shared HTTP client.

use std::error::Error as StdError;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::error::{Error, ErrorKind};
use azure_core::http::headers::{CLIENT_REQUEST_ID, Headers, USER_AGENT};
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{
    AsyncRawResponse, ClientOptions, Context, HttpClient, Pipeline, PipelineSendOptions, Request,
    RetryOptions, Transport as HttpTransport,
};
use azure_core::{Bytes, Uuid};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Url;

use super::clock::Timing;
use super::cloud::{is_loopback, is_loopback_name};

/// How we name ourselves to Azure.
const AGENT: &str = concat!("onestream/", env!("CARGO_PKG_VERSION"));
/// Where the instance metadata service of a virtual machine answers, in plain http.
const METADATA_HOST: &str = "169.254.169.254";

/// Sends single requests.
#[derive(Debug, Clone)]
pub(super) struct Transport {
    pipeline: Pipeline,
    http: Arc<dyn HttpClient>,
    plain: PlainClient,
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Headers,
    pub(super) body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Lost {
    /// Nothing left this machine, and a later try may fare better.
    Unsent(String),
    /// It left, and then the connection was lost or time ran out.
    Midway(String),
    /// It cannot be sent at all.
    Unsendable(String),
}

impl Transport {
    /// A transport with its own connections. `direct` leaves proxies aside: what stays on
    /// this machine must not be handed to one. With `ca` (PEM) that authority is trusted and
    /// no other.
    ///
    /// # Errors
    /// The reason when the TLS provider or the resolver cannot be set up.
    pub(super) fn new(timing: &Timing, direct: bool, ca: Option<&str>) -> Result<Self, String> {
        let client = client(timing, direct, ca).map_err(|problem| root(&problem))?;
        let http: Arc<dyn HttpClient> = Arc::new(Guarded {
            client: client.clone(),
            metadata: false,
        });
        let pipeline = Pipeline::new(
            option_env!("CARGO_PKG_NAME"),
            option_env!("CARGO_PKG_VERSION"),
            options(Arc::clone(&http), RetryOptions::none()),
            Vec::new(),
            Vec::new(),
            None,
        );
        Ok(Self {
            pipeline,
            http,
            plain: PlainClient(client),
        })
    }

    /// One try.
    ///
    /// # Errors
    /// [`Lost`] when there is no whole answer.
    pub(super) async fn send(&self, mut request: Request) -> Result<Answer, Lost> {
        let unchecked = PipelineSendOptions {
            skip_checks: true,
            ..PipelineSendOptions::default()
        };
        // The pipeline would set one, too; it makes an error of there being none, with a whole
        // backtrace where those are on.
        request.insert_header(CLIENT_REQUEST_ID, Uuid::new_v4().to_string());
        let sent = self
            .pipeline
            .send(&Context::new(), &mut request, Some(unchecked))
            .await;
        let (status, headers, body) = sent.map_err(|error| lost(&error))?.deconstruct();
        Ok(Answer {
            status: u16::from(status),
            headers,
            body: Bytes::from(body),
        })
    }

    /// Options by which `azure_identity` sends over this same client.
    pub(super) fn identity(&self, retry: RetryOptions) -> ClientOptions {
        options(Arc::clone(&self.http), retry)
    }

    /// What sends single requests below.
    #[cfg(test)]
    pub(super) fn http(&self) -> Arc<dyn HttpClient> {
        Arc::clone(&self.http)
    }

    /// The client below, for planes that speak no ARM.
    pub(super) fn plain(&self) -> &PlainClient {
        &self.plain
    }
}

/// The HTTP client for planes that speak no ARM. It follows no redirect, and refuses plain http to
/// another machine; whoever uses it must send no token to a host that is not the cloud's own.
#[derive(Debug, Clone)]
pub struct PlainClient(reqwest::Client);

impl PlainClient {
    /// A request to `url`, not sent yet.
    ///
    /// # Errors
    /// Why nothing may be sent there.
    pub(super) fn request(
        &self,
        method: reqwest::Method,
        url: Url,
    ) -> Result<reqwest::RequestBuilder, String> {
        not_in_the_clear(&url)?;
        Ok(self.0.request(method, url))
    }
}

/// Refuses plain http to another machine.
fn not_in_the_clear(url: &Url) -> Result<(), String> {
    if url.scheme() == "https" || is_loopback(url) {
        return Ok(());
    }
    Err(format!(
        "plain http to {} is refused: only this machine is spoken to in the clear",
        url.host_str().unwrap_or("nowhere")
    ))
}

/// Options by which a managed identity asks the metadata service: directly, in plain http.
///
/// # Errors
/// The reason when the client cannot be set up.
pub(super) fn metadata_options(
    timing: &Timing,
    retry: RetryOptions,
) -> Result<ClientOptions, String> {
    let client = client(timing, true, None).map_err(|problem| root(&problem))?;
    let http = Arc::new(Guarded {
        client,
        metadata: true,
    });
    Ok(options(http, retry))
}

fn options(http: Arc<dyn HttpClient>, retry: RetryOptions) -> ClientOptions {
    ClientOptions {
        per_try_policies: vec![Arc::new(UserAgent)],
        retry,
        transport: Some(HttpTransport::new(http)),
        ..ClientOptions::default()
    }
}

fn client(timing: &Timing, direct: bool, ca: Option<&str>) -> reqwest::Result<reqwest::Client> {
    let mut builder = reqwest::Client::builder()
        .connect_timeout(timing.connect_timeout)
        .timeout(timing.request_timeout)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .tls_backend_rustls()
        .dns_resolver(Arc::new(Resolver));
    if let Some(ca) = ca {
        builder = builder.tls_certs_only([reqwest::Certificate::from_pem(ca.as_bytes())?]);
    }
    if direct { builder.no_proxy() } else { builder }.build()
}

/// The innermost reason of an error: the outer ones repeat the URL, which may be signed.
pub(super) fn root(error: &(dyn StdError + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

fn lost(error: &Error) -> Lost {
    let reason = root(error);
    match error.kind() {
        ErrorKind::Connection => Lost::Unsent(reason),
        ErrorKind::Io => Lost::Midway(reason),
        _ => Lost::Unsendable(reason),
    }
}

/// Refuses to send anything in the clear to another machine.
#[derive(Debug)]
struct Guarded {
    client: reqwest::Client,
    /// Whether the metadata service may be asked.
    metadata: bool,
}

#[async_trait]
impl HttpClient for Guarded {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let url = request.url();
        let metadata = self.metadata && url.host_str() == Some(METADATA_HOST);
        if !metadata {
            not_in_the_clear(url)
                .map_err(|reason| Error::with_message(ErrorKind::Other, reason))?;
        }
        self.client.execute_request(request).await
    }
}

/// Names us; runs after the pipeline's own policy, which would name the SDK.
#[derive(Debug)]
struct UserAgent;

#[async_trait]
impl Policy for UserAgent {
    async fn send(
        &self,
        ctx: &Context,
        request: &mut Request,
        next: &[Arc<dyn Policy>],
    ) -> PolicyResult {
        request.insert_header(USER_AGENT, AGENT);
        next[0].send(ctx, request, &next[1..]).await
    }
}

/// Resolves `localhost` and everything under it to this machine, by RFC 6761; many systems
/// do not do so for `NAME.localhost`.
struct Resolver;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = if is_loopback_name(name.as_str()) {
                vec![
                    SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
                    SocketAddr::from((Ipv6Addr::LOCALHOST, 0)),
                ]
            } else {
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect()
            };
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use azure_core::http::Method;

    fn get(url: &str) -> Request {
        Request::new(Url::parse(url).expect("url"), Method::Get)
    }

    #[tokio::test]
    async fn plain_http_does_not_leave_the_machine() {
        let transport = Transport::new(&Timing::emulator(), true, None).expect("client");
        for url in [
            "http://10.1.2.3/",
            "http://169.254.169.254/metadata",
            "http://arm.example/",
        ] {
            let lost = transport.send(get(url)).await.expect_err(url);
            assert!(
                matches!(&lost, Lost::Unsendable(why) if why.contains("in the clear")),
                "{lost:?}"
            );
            let plain = transport.plain();
            let built = plain.request(reqwest::Method::GET, url.parse().expect("a URL"));
            assert!(built.is_err_and(|why| why.contains("in the clear")));
        }
    }

    #[tokio::test]
    async fn names_under_localhost_are_this_machine() {
        let server = wiremock::MockServer::start().await;
        let port = server.address().port();
        let transport = Transport::new(&Timing::emulator(), true, None).expect("client");
        let answer = transport
            .send(get(&format!("http://kv-one.vault.localhost:{port}/keys")))
            .await
            .expect("an answer");
        assert_eq!(answer.status, 404);
        let seen = server.received_requests().await.unwrap_or_default();
        let host = seen[0]
            .headers
            .get("host")
            .and_then(|host| host.to_str().ok());
        assert_eq!(
            host,
            Some(format!("kv-one.vault.localhost:{port}").as_str())
        );
        let agent = seen[0]
            .headers
            .get("user-agent")
            .and_then(|agent| agent.to_str().ok());
        assert_eq!(agent, Some(AGENT));
        assert!(seen[0].headers.contains_key("x-ms-client-request-id"));
    }

    #[tokio::test]
    async fn a_closed_port_is_unsent() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("port");
        let port = listener.local_addr().expect("address").port();
        drop(listener);
        let transport = Transport::new(&Timing::emulator(), true, None).expect("client");
        let lost = transport
            .send(get(&format!("http://127.0.0.1:{port}/")))
            .await;
        assert!(matches!(lost, Err(Lost::Unsent(_))), "{lost:?}");
    }
}
