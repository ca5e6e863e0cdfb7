//! The client: the reading and writing ports, on every plane.

use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials::TokenCredential;
use serde_json::Value as Json;

use super::accepted;
use super::clock::Backoff;
use super::cloud::{Cloud, is_loopback};
use super::cluster::{self, Servers};
use super::counts::{Counts, RequestCounts};
use super::credential::{self, Credential};
use super::error::own;
use super::exchange::{Call, Purpose, Wire};
use super::graph;
use super::long_running;
use super::pages;
use super::permit::Permit;
use super::pin::Pins;
use super::probe::{self, Subscription};
use super::refusal::request_id;
use super::settings::Settings;
use super::throttle::Throttle;
use super::tokens::Tokens;
use super::transport::{PlainClient, Transport};
use crate::provision::ports::{Begun, Failure, Held, Pending, Reader, Verdict, Writer};
use crate::resource::{Method, Plane, Request};

/// A client of one cloud, signed in to one tenant. Clones share connections, tokens,
/// throttling and counts.
#[derive(Debug, Clone)]
pub struct Azure {
    pub(super) wire: Arc<Wire>,
    /// The API servers of clusters that were asked.
    pub(super) servers: Arc<Servers>,
    cloud: Cloud,
    permit: Option<Permit>,
}

impl Azure {
    /// A client made from `settings`. Nothing is sent yet: [`Azure::probe`] tells early
    /// whether it works.
    ///
    /// # Errors
    /// `NoCredential` when the chosen credential lacks what it needs, `NoTransport` when TLS
    /// cannot be set up.
    pub fn connect(settings: Settings) -> Result<Self, Failure> {
        let endpoints = settings.cloud.endpoints();
        let local = [
            &endpoints.resource_manager,
            &endpoints.authority,
            &endpoints.graph,
        ]
        .into_iter()
        .any(is_loopback);
        let transport = Transport::new(&settings.timing, local, settings.cloud.ca())
            .map_err(|reason| own(Verdict::Fatal, "NoTransport", reason, None))?;
        let credential = credential::build(&settings, &transport)?;
        let holds = !matches!(settings.credential, Credential::Named(_));
        let patience = settings.timing.request_timeout;
        let wire = Wire {
            transport,
            tokens: Arc::new(Tokens::new(credential, patience, holds)),
            pins: Pins::new(endpoints.clone()),
            timing: settings.timing,
            clock: settings.clock,
            throttle: Throttle::new(settings.timing.pace),
            counts: Counts::default(),
        };
        Ok(Self {
            wire: Arc::new(wire),
            servers: Arc::default(),
            cloud: settings.cloud,
            permit: None,
        })
    }

    /// The same client, whose writes are sent only while a lease stands that outlasts them.
    #[must_use]
    pub fn under(&self, held: Arc<dyn Held>) -> Self {
        Self {
            permit: Some(Permit(held)),
            ..self.clone()
        }
    }

    /// Asks for a subscription, to say early whether it can be worked with.
    ///
    /// # Errors
    /// `Unreachable`, `NoCredential`, `SubscriptionNotFound`, or Azure's own code where the
    /// identity may not see it.
    pub async fn probe(&self, subscription: &str) -> Result<Subscription, Failure> {
        probe::probe(&self.wire, subscription).await
    }

    /// The cloud that is spoken to.
    pub fn cloud(&self) -> &Cloud {
        &self.cloud
    }

    /// How many requests have been sent so far.
    pub fn requests(&self) -> RequestCounts {
        self.wire.counts.read()
    }

    /// The credential behind its cache, for clients of other planes.
    pub fn credential(&self) -> Arc<dyn TokenCredential> {
        Arc::clone(&self.wire.tokens) as Arc<dyn TokenCredential>
    }

    /// The HTTP client, for planes that speak no ARM.
    pub fn http(&self) -> &PlainClient {
        self.wire.transport.plain()
    }
}

#[async_trait]
impl Reader for Azure {
    async fn get(&self, request: &Request) -> Result<Option<Json>, Failure> {
        reads_only(request)?;
        let read = match &request.plane {
            Plane::Cluster(id) => cluster::read(self, id, request).await,
            _ => {
                let call = Call::new(&self.wire, request, Purpose::Read)?;
                self.wire.exchange(&call).await
            }
        };
        let answer = match read {
            Ok(answer) => answer,
            Err(failure) if failure.verdict == Verdict::NotFound => return Ok(None),
            Err(failure) => return Err(failure),
        };
        match long_running::body_of(&answer)? {
            Some(body) => Ok(Some(body)),
            None if request.method == Method::Head => Ok(Some(Json::Null)),
            // An object without a body is neither there nor absent.
            None => Err(Failure {
                status: Some(answer.status),
                request_id: request_id(&answer.headers),
                ..own(
                    Verdict::Unknown,
                    "BadAnswer",
                    format!("Azure answered the read of {} without a body", request.path),
                    None,
                )
            }),
        }
    }

    async fn get_many(&self, requests: &[Request]) -> Vec<Result<Option<Json>, Failure>> {
        graph::get_many(self, requests).await
    }

    async fn get_settled(
        &self,
        request: &Request,
        good: &(dyn for<'b> Fn(Option<&'b Json>) -> bool + Send + Sync),
    ) -> Result<Option<Json>, Failure> {
        let started = self.wire.clock.now();
        let mut backoff = Backoff::polls(&self.wire.timing);
        loop {
            let found = self.get(request).await?;
            let waited = self.wire.clock.now().saturating_duration_since(started);
            if good(found.as_ref()) || waited >= self.wire.timing.replica_wait {
                return Ok(found);
            }
            self.wire.clock.sleep(backoff.step()).await;
        }
    }

    async fn list(
        &self,
        request: &Request,
        page: &mut (dyn FnMut(Vec<Json>) + Send),
    ) -> Result<(), Failure> {
        reads_only(request)?;
        pages::list(&self.wire, request, page).await
    }
}

#[async_trait]
impl Writer for Azure {
    async fn begin(&self, request: &Request) -> Result<Begun, Failure> {
        let mut call = Call::new(&self.wire, request, Purpose::Write)?;
        call.permit = self.permit.as_ref();
        match self.wire.exchange(&call).await {
            Ok(answer) => accepted::begun(&self.wire.pins, request, &answer),
            // What is to be deleted is gone, perhaps by an earlier try whose answer was lost.
            Err(failure)
                if request.method == Method::Delete && failure.verdict == Verdict::NotFound =>
            {
                Ok(Begun::Done(None))
            }
            Err(failure) => Err(failure),
        }
    }

    async fn finish(&self, pending: &Pending) -> Result<Option<Json>, Failure> {
        long_running::finish(&self.wire, pending).await
    }
}

/// Refuses what could change something: a reader must not be able to.
fn reads_only(request: &Request) -> Result<(), Failure> {
    let path = request.path.to_ascii_lowercase();
    let reads = match request.method {
        Method::Get | Method::Head => true,
        Method::Post => match request.plane {
            Plane::Arm => path.ends_with("/checknameavailability"),
            Plane::Graph => path.ends_with("/$batch") && batch_reads_only(request),
            Plane::Vault(_) | Plane::Ingestion(_) | Plane::Cluster(_) => false,
        },
        Method::Put | Method::Patch | Method::Delete => false,
    };
    if reads {
        return Ok(());
    }
    Err(own(
        Verdict::Fatal,
        "InvalidRequest",
        format!("{} {} is no read", request.method, request.path),
        None,
    ))
}

fn batch_reads_only(request: &Request) -> bool {
    let parts = request
        .body
        .as_ref()
        .and_then(|body| body.get("requests"))
        .and_then(Json::as_array);
    parts.is_some_and(|parts| {
        parts
            .iter()
            .all(|part| part.get("method").and_then(Json::as_str) == Some("GET"))
    })
}
