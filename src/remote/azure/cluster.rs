//! A cluster's own API server, for reading: found by its credential file, and asked with a token
//! for Azure Kubernetes Service's own application.
//!
//! Reference: <https://learn.microsoft.com/azure/aks/kubelogin-authentication>.

use serde_json::Value as Json;
use url::Url;

use super::arm::Azure;
use super::cloud::is_loopback;
use super::error::own;
use super::exchange::{Call, Purpose, UNREACHABLE};
use super::kept::Kept;
use super::long_running::body_of;
use super::transport::{Answer, Transport};
use crate::proof::ApiServer;
use crate::provision::ports::{Failure, OUT_OF_REACH, Verdict};
use crate::resource::{Method, Request};

const API_VERSION: &str = "2024-09-01";
/// How often a passing fault is met by another try: many clusters are private, and whoever is
/// outside need not wait long to hear so.
const RETRIES: u32 = 1;

/// The API servers that were found, by the ids of their clusters.
pub(super) type Servers = Kept<Server, Failure>;

#[derive(Debug, Clone)]
pub(super) struct Server {
    origin: Url,
    transport: Transport,
}

/// Asks the API server of a cluster. `request` has its own paths, without a query.
///
/// # Errors
/// [`Failure`] as for every other plane; [`OUT_OF_REACH`] where no connection leads to the server, as
/// from outside of a private cluster's network.
pub(super) async fn read(azure: &Azure, id: &str, request: &Request) -> Result<Answer, Failure> {
    let name = id.to_ascii_lowercase();
    let server = azure.servers.get(&name, || {
        let (azure, id) = (azure.clone(), id.to_owned());
        async move { find(&azure, &id).await }
    });
    let server = server.await?;
    let mut url = server.origin.clone();
    url.set_path(&request.path);
    let mut call = Call::get(&azure.wire, &request.plane, url, Purpose::Read);
    call.method = request.method;
    call.retries = RETRIES;
    call.through = Some(&server.transport);
    let wire = &azure.wire;
    // Asked for apart: a token endpoint that is not reached says nothing of the server.
    wire.tokens.get(&wire.pins.scope(&request.plane)).await?;
    wire.exchange(&call).await.map_err(|failure| {
        let code = match failure.code.as_str() {
            UNREACHABLE => OUT_OF_REACH.to_owned(),
            _ => failure.code,
        };
        Failure { code, ..failure }
    })
}

/// Finds a cluster's API server: only one whose name Resource Manager tells gets a token.
async fn find(azure: &Azure, id: &str) -> Result<Server, Failure> {
    let wire = &azure.wire;
    let shown = Request::arm(Method::Get, id, API_VERSION);
    let mut file = Request::arm(
        Method::Post,
        format!("{id}/listClusterUserCredential"),
        API_VERSION,
    );
    // It lists, and changes nothing.
    file.idempotent = true;
    let shown = Call::new(wire, &shown, Purpose::Read)?;
    let file = Call::new(wire, &file, Purpose::Read)?;
    let (shown, file) = futures::join!(wire.exchange(&shown), wire.exchange(&file));
    let (shown, file) = (document(&shown?)?, document(&file?)?);
    let foreign = |why: &str| {
        let message = format!("the credential file of {id} leads {why}");
        own(Verdict::Fatal, "ForeignHost", message, None)
    };
    let server = ApiServer::of(&shown, &file)
        .ok_or_else(|| foreign("to a server that is not the cluster's own"))?;
    let origin = Url::parse(&server.origin).map_err(|_| foreign("nowhere"))?;
    if !azure.cloud().may_lead_to(&origin) {
        return Err(foreign(
            "to plain http or to this machine, where no token goes",
        ));
    }
    let here = is_loopback(&origin);
    let local = azure.cloud().ca().filter(|_| here);
    let ca = server.ca.as_deref().or(local);
    let transport = Transport::new(&wire.timing, here, ca)
        .map_err(|reason| own(Verdict::Fatal, "NoTransport", reason, None))?;
    Ok(Server { origin, transport })
}

fn document(answer: &Answer) -> Result<Json, Failure> {
    Ok(body_of(answer)?.unwrap_or_default())
}
