//! Says early and clearly whether a subscription can be worked with.

use serde_json::Value as Json;

use super::error::own;
use super::exchange::{Call, Purpose, Wire};
use super::refusal::document;
use crate::provision::ports::{Failure, Verdict};
use crate::resource::{Method, Request};

/// The api-version of subscriptions.
const API_VERSION: &str = "2022-12-01";

/// What Azure says of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Its id, as Azure says it.
    pub id: String,
    /// Its name for people.
    pub display_name: String,
    /// Its state, such as `Enabled`.
    pub state: String,
    /// The tenant that it belongs to, where Azure says so.
    pub tenant: Option<String>,
}

/// Asks for the subscription, with one further try where the network fails.
pub(super) async fn probe(wire: &Wire, id: &str) -> Result<Subscription, Failure> {
    let request = Request::arm(Method::Get, format!("/subscriptions/{id}"), API_VERSION);
    let mut call = Call::new(wire, &request, Purpose::Read)?;
    call.retries = 1;
    let answer = wire.exchange(&call).await?;
    let Some(document) = document(&answer.body).filter(|body| body.0.is_object()) else {
        return Err(own(
            Verdict::Unknown,
            "BadAnswer",
            format!(
                "{} does not answer as Azure does",
                call.url.origin().ascii_serialization()
            ),
            Some("check the endpoints, and whether a proxy or a sign-in page stands in between"),
        ));
    };
    let text = |key| {
        document
            .0
            .get(key)
            .and_then(Json::as_str)
            .map(str::to_owned)
    };
    Ok(Subscription {
        id: text("subscriptionId").unwrap_or_else(|| id.to_owned()),
        display_name: text("displayName").unwrap_or_default(),
        state: text("state").unwrap_or_default(),
        tenant: text("tenantId"),
    })
}
