//! The way of one request through the emulator.

use super::hosts::Plane;
use super::targets::Lenient;
use super::{Answer, Call, headers};
use crate::azure::Azure;
use crate::control::Disturbance;
use crate::{arm, control, entra, graph, ingestion, kubernetes, registry, vault};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, Response};
use axum_server::accept::NoDelayAcceptor;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use axum_server::{Handle, Server};
use futures::future::Either;
use rustls::ServerConfig;
use serde_json::json;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;
use tokio::net::TcpListener;

/// The largest request body, as ARM's own limit for templates.
const MAX_BODY: usize = 4 << 20;

/// The largest body that a registry takes in one request.
const MAX_BLOB: usize = 1 << 30;

/// Answers on `listener` until `stop` is ready, then finishes what was begun. With `tls` it
/// speaks that, else plain http.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    azure: Arc<Azure>,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let handle = Handle::<SocketAddr>::new();
    let server = Server::from_listener(listener)
        .handle(handle.clone())
        .http1_only();
    let service = Router::new()
        .fallback(answer)
        .with_state(azure)
        .into_make_service();
    let plain = NoDelayAcceptor::new();
    let mut serving = pin!(match tls {
        None => Either::Left(server.acceptor(Lenient(plain)).serve(service)),
        Some(config) => {
            let config = RustlsConfig::from_config(config);
            let secure = RustlsAcceptor::new(config).acceptor(plain);
            Either::Right(server.acceptor(Lenient(secure)).serve(service))
        }
    });
    tokio::select! {
        ended = &mut serving => return ended,
        () = stop => handle.graceful_shutdown(None),
    }
    serving.await
}

async fn answer(State(azure): State<Arc<Azure>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let head = parts.method == Method::HEAD;
    let mut call = Call::new(azure.scheme(), parts, Bytes::new());
    let most = match Plane::of(&call) {
        // Azure Monitor says itself what is too much.
        Plane::Registry(_) | Plane::Ingestion => MAX_BLOB,
        _ => MAX_BODY,
    };
    let answer = match to_bytes(body, most).await {
        Ok(body) => {
            call.body = body;
            call.arrived = Instant::now();
            disturbed(&azure, call).await
        }
        Err(_) => Answer::json(
            413,
            json!({"error": {"code": "RequestContentTooLarge", "message": "The request content size exceeds the maximum size of 4 MB."}}),
        ),
    };
    answer.into_response(head)
}

/// Answers one call, with what the control endpoints asked to happen on the way.
async fn disturbed(azure: &Azure, mut call: Call) -> Answer {
    let plane = Plane::of(&call);
    if plane == Plane::Control {
        return control::answer(azure, &call);
    }
    let entry = azure.requests.begin(&call, azure.clock.now());
    let disturbance = azure.faults.strike(&call);
    let latency = azure.settings.latency + disturbance.latency;
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let Disturbance {
        answer,
        drop_after,
        fate,
        ..
    } = disturbance;
    call.fate = fate;
    let mut carried_out = None;
    let mut answer = answer.unwrap_or_else(|| {
        let answer = route(azure, &call, &plane);
        carried_out = Some(answer.status);
        answer
    });
    if drop_after {
        answer = Answer::drop();
    }
    if plane == Plane::Arm {
        headers::rate_limits(&mut answer, &call);
    }
    headers::complete(&mut answer, &call, azure.clock.now());
    azure.requests.end(entry, answer.status, carried_out);
    answer
}

fn route(azure: &Azure, call: &Call, plane: &Plane) -> Answer {
    match plane {
        Plane::Control => control::answer(azure, call),
        Plane::Entra => entra::answer(azure, call),
        Plane::Arm => arm::answer(azure, call),
        Plane::Graph => graph::answer(azure, call),
        Plane::Vault(name) => vault::answer(azure, call, name),
        Plane::Registry(name) => registry::answer(azure, call, name),
        Plane::Cluster(name) => kubernetes::answer(azure, call, name),
        Plane::Ingestion => ingestion::answer(azure, call),
    }
}
