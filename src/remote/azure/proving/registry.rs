//! A registry's data plane: a token of Entra is exchanged for one of the registry, that for one
//! of a scope, and that is shown with the request.
//!
//! Reference: <https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md>.

use serde_json::Value as Json;

use super::voice::{Voice, bearing, send};
use crate::proof::{Plain, Reply};

/// The audience that every registry takes, also where it refuses tokens for Resource Manager.
const AUDIENCE: &str = "https://containerregistry.azure.net/.default";

/// Asks a registry.
///
/// # Errors
/// What refused a token, or why there was no answer.
pub(super) async fn ask(
    voice: &Voice,
    server: &str,
    scope: &str,
    request: &Plain,
) -> Result<Reply, Reply> {
    let origin = origin(voice, server)?;
    let refresh = refresh(voice, server, &origin).await?;
    let form = [
        ("grant_type", "refresh_token"),
        ("service", server),
        ("scope", scope),
        ("refresh_token", &refresh),
    ];
    let access = post(voice, &origin, "/oauth2/token", &form, "/access_token").await?;
    let client = voice.azure.http();
    Ok(send(bearing(client, &origin, request, &access)).await)
}

/// The token that stands for the caller at this registry: asked for once.
async fn refresh(voice: &Voice, server: &str, origin: &str) -> Result<String, Reply> {
    let mut known = voice.refresh.lock().await;
    if let Some(known) = known.get(server) {
        return known.clone();
    }
    let token = voice.token(AUDIENCE).await?;
    let form = [
        ("grant_type", "access_token"),
        ("service", server),
        ("access_token", &token),
    ];
    let given = post(voice, origin, "/oauth2/exchange", &form, "/refresh_token").await;
    known.insert(server.to_owned(), given.clone());
    given
}

async fn post(
    voice: &Voice,
    origin: &str,
    path: &str,
    form: &[(&str, &str)],
    wanted: &str,
) -> Result<String, Reply> {
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish();
    let request = voice
        .azure
        .http()
        .request(reqwest::Method::POST, format!("{origin}{path}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body);
    match send(request).await {
        Reply::Answered { status, body, .. } if (200..=299).contains(&status) => {
            let token = body.pointer(wanted).and_then(Json::as_str);
            let token = token.map(str::to_owned);
            token.ok_or_else(|| Reply::Silent(format!("{path} answered without a token")))
        }
        refused => Err(refused),
    }
}

/// The origin of a registry: its own name under the cloud's suffix, wherever an answer says that
/// it is.
fn origin(voice: &Voice, server: &str) -> Result<String, Reply> {
    let endpoints = voice.azure.cloud().endpoints();
    let name = server.split('.').next().unwrap_or_default();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    if name.is_empty() || !name.bytes().all(plain) {
        return Err(Reply::Silent(format!("`{server}` is no login server")));
    }
    let scheme = endpoints.resource_manager.scheme();
    Ok(format!("{scheme}://{name}.{}", endpoints.registry_suffix))
}
