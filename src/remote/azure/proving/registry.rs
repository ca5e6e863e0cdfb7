//! A registry's data plane: a token of Entra is exchanged for one of the registry, that for one
//! of a scope, and that is shown with the request.
//!
//! Reference: <https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md>.

use serde_json::Value as Json;
use url::Url;

use super::super::pin;
use super::super::transport::PlainClient;
use super::voice::{Voice, bearing, send, token};
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
    let origin = voice.azure.wire.pins.registry(server);
    let origin = origin.map_err(|failure| Reply::Silent(failure.to_string()))?;
    let refresh = refresh(voice, server, &origin).await?;
    let form = [
        ("grant_type", "refresh_token"),
        ("service", server),
        ("scope", scope),
        ("refresh_token", &refresh),
    ];
    let client = voice.azure.http();
    let access = post(client, &origin, "/oauth2/token", &form, "/access_token").await?;
    Ok(send(bearing(client, &origin, request, &access)?).await)
}

/// The token that stands for the caller at this registry: asked for until there is one.
async fn refresh(voice: &Voice, server: &str, origin: &Url) -> Result<String, Reply> {
    let exchange = || {
        let (azure, server, origin) = (voice.azure.clone(), server.to_owned(), origin.clone());
        async move {
            let token = token(&azure, AUDIENCE).await?;
            let form = [
                ("grant_type", "access_token"),
                ("service", &server),
                ("access_token", &token),
            ];
            let path = "/oauth2/exchange";
            post(azure.http(), &origin, path, &form, "/refresh_token").await
        }
    };
    voice.refresh.get(server, exchange).await
}

async fn post(
    client: &PlainClient,
    origin: &Url,
    path: &str,
    form: &[(&str, &str)],
    wanted: &str,
) -> Result<String, Reply> {
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish();
    let url = pin::at(origin, path).map_err(|failure| Reply::Silent(failure.to_string()))?;
    let request = client
        .request(reqwest::Method::POST, url)
        .map_err(Reply::Silent)?
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
