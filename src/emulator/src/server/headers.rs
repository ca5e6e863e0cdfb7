//! The headers that every Azure answer carries.

use super::{Answer, Call};
use crate::state::Moment;
use axum::http::Method;
use uuid::Uuid;

/// Adds request ids, caching rules and, where ARM answers, what is left of the rate limits.
pub fn complete(answer: &mut Answer, call: &Call, now: Moment) {
    let id = Uuid::new_v4().to_string();
    let correlation = call
        .header("x-ms-correlation-request-id")
        .map_or_else(|| id.clone(), ToOwned::to_owned);
    answer.default_header("date", now.http());
    answer.default_header("cache-control", "no-cache");
    answer.default_header("pragma", "no-cache");
    answer.default_header("expires", "-1");
    answer.default_header("x-content-type-options", "nosniff");
    answer.default_header(
        "strict-transport-security",
        "max-age=31536000; includeSubDomains",
    );
    answer.default_header("x-ms-request-id", id.clone());
    answer.default_header("x-ms-correlation-request-id", correlation);
    answer.default_header(
        "x-ms-routing-request-id",
        format!("EASTUS2:{}:{id}", now.compact()),
    );
    if call.header("x-ms-return-client-request-id") == Some("true")
        && let Some(id) = call.header("x-ms-client-request-id")
    {
        answer.default_header("x-ms-client-request-id", id);
    }
}

/// What is left of the caller's token buckets. They are never empty here: refusing for
/// load is what faults are for, and clients must not rely on these headers anyway.
pub fn rate_limits(answer: &mut Answer, call: &Call) {
    let gateway = answer
        .headers
        .iter()
        .any(|(name, _)| *name == "x-ms-failure-cause");
    if answer.dropped || gateway || answer.status == 401 {
        return;
    }
    match call.method {
        Method::GET | Method::HEAD => {
            answer.default_header("x-ms-ratelimit-remaining-subscription-reads", "249");
            answer.default_header("x-ms-ratelimit-remaining-subscription-global-reads", "3749");
        }
        Method::DELETE => {
            answer.default_header("x-ms-ratelimit-remaining-subscription-deletes", "199");
            answer.default_header(
                "x-ms-ratelimit-remaining-subscription-global-deletes",
                "2999",
            );
        }
        _ => {
            answer.default_header("x-ms-ratelimit-remaining-subscription-writes", "199");
            answer.default_header(
                "x-ms-ratelimit-remaining-subscription-global-writes",
                "2999",
            );
        }
    }
}
