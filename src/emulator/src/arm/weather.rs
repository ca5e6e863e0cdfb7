//! Regional outages, as callers notice them.

use super::context::Context;
use super::error::{ArmError, Source};
use super::groups;
use super::path::Tail;
use crate::state::World;
use axum::http::Method;

/// Refuses a request to an object whose region, or whose parent's region, is down; for
/// writes also where the group's own metadata is kept.
pub fn check(
    cx: &Context<'_>,
    world: &World,
    key: &str,
    sent: Option<&str>,
) -> Result<(), ArmError> {
    let reads = matches!(cx.call.method, Method::GET | Method::HEAD);
    let group = groups::of(cx, world).and_then(|group| group.location());
    let home = match cx.path.tail {
        Tail::Words(_) => group.or(sent),
        Tail::Provider(_) => group,
    };
    if !reads && home.is_some_and(|region| cx.azure.outages.down(region)) {
        return Err(ArmError::new(
            Source::Gateway,
            503,
            "ServiceUnavailable",
            "The service is temporarily unavailable in the resource group's region. Please try again later.",
        ));
    }
    let levels = key
        .match_indices('/')
        .map(|(at, _)| &key[..at])
        .chain([key]);
    let down = levels
        .filter_map(|key| world.object(key))
        .filter(|object| object.kind != groups::KIND)
        .filter_map(|object| object.location())
        .chain(sent)
        .any(|region| cx.azure.outages.down(region));
    if !down {
        return Ok(());
    }
    let provider = match &cx.path.tail {
        Tail::Provider(path) => path.namespace.clone(),
        Tail::Words(_) => "Microsoft.Resources".to_owned(),
    };
    Err(ArmError::new(
        Source::Service,
        504,
        "GatewayTimeout",
        format!(
            "The gateway did not receive a response from '{provider}' within the specified time period."
        ),
    ))
}
