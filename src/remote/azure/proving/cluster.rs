//! A cluster's API server, with a token for Azure Kubernetes Service's own application.
//!
//! Reference: <https://learn.microsoft.com/azure/aks/kubelogin-authentication>.

use url::Url;

use super::super::cloud::is_loopback;
use super::super::pin::KUBERNETES;
use super::voice::{Voice, bearing, send, token};
use crate::proof::{ApiServer, Plain, Reply};

/// Asks a cluster.
///
/// # Errors
/// Why there is no token, or no way to the server that may carry one.
pub(super) async fn ask(
    voice: &Voice,
    server: &ApiServer,
    request: &Plain,
) -> Result<Reply, Reply> {
    let url = Url::parse(&server.origin);
    let url = url.map_err(|problem| Reply::Silent(format!("{}: {problem}", server.origin)))?;
    if !voice.azure.cloud().may_lead_to(&url) {
        let why = format!(
            "{} is plain http or this machine: it gets no token",
            server.origin
        );
        return Err(Reply::Silent(why));
    }
    let here = is_loopback(&url);
    let token = token(&voice.azure, &format!("{KUBERNETES}/.default")).await?;
    let local = voice.azure.cloud().ca().filter(|_| here);
    let ca = server.ca.as_deref().or(local);
    let client = voice.client(ca, here).await?;
    Ok(send(bearing(&client, &url, request, &token)?).await)
}
