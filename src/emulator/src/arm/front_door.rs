//! The order in which ARM checks a request, before any provider sees it.

use super::api_version::ApiVersion;
use super::authorize::{self, Sees};
use super::context::Context;
use super::error::ArmError;
use super::path::{ArmPath, ProviderPath, Tail};
use super::wish::Wish;
use super::{addresses, crud, operations, read, resolve};
use crate::azure::Azure;
use crate::entra::{Audience, Principal, TokenError};
use crate::server::{Answer, Call};
use crate::state::World;
use axum::http::Method;
use uuid::Uuid;

/// Answers for `management.azure.com`.
pub fn answer(azure: &Azure, call: &Call) -> Answer {
    let mut answer = admit(azure, call).unwrap_or_else(Answer::from);
    addresses::complete(&mut answer, call);
    answer
}

fn admit(azure: &Azure, call: &Call) -> Result<Answer, ArmError> {
    let principal = signed_in(azure, call)?;
    let path = ArmPath::parse(&call.path);
    if let Some(subscription) = &path.subscription {
        played(azure, subscription)?;
    }
    let mut cx = Context {
        azure,
        call,
        principal: &principal,
        api: ApiVersion::read(call.parameter("api-version"))?,
        path: &path,
        now: azure.clock.now(),
        sees: Sees::Everything,
    };
    let reads = matches!(call.method, Method::GET | Method::HEAD);
    cx.sees = azure.store.read(|world| permitted(&cx, world))?;
    if reads && !resolve::is_action(&cx) {
        pass_time(&cx)?;
        azure.store.read(|world| read::answer(&cx, world))
    } else {
        azure
            .store
            .write(|txn| crud::answer(&cx, txn))
            .map_err(|_| broken())?
    }
}

/// Whether the caller may, and what it sees of a list.
fn permitted(cx: &Context<'_>, world: &World) -> Result<Sees, ArmError> {
    let held = || authorize::holdings(cx.azure, world, &cx.principal.object_id);
    let reads = matches!(cx.call.method, Method::GET | Method::HEAD);
    let wish = Wish::of(&cx.call.method, cx.path);
    match &cx.path.tail {
        // The tenant shows which subscriptions one has something in.
        Tail::Words(words) if cx.path.subscription.is_none() => {
            let subscriptions = words
                .iter()
                .any(|word| word.eq_ignore_ascii_case("subscriptions"));
            return Ok(if subscriptions {
                Sees::Some(held())
            } else {
                Sees::Everything
            });
        }
        // So does a subscription itself.
        Tail::Words(words) if reads && cx.path.group.is_none() && open_to_all(words) => {
            let known = format!(
                "/subscriptions/{}",
                cx.path.subscription.as_deref().unwrap_or("")
            );
            if held().touches(&known) {
                return Ok(Sees::Everything);
            }
        }
        // Operations are polled at the subscription; rights anywhere in it will do.
        Tail::Provider(path) if reads && path.location.is_some() && polls(&path.segments) => {
            let known = Wish {
                scope: format!(
                    "/subscriptions/{}",
                    cx.path.subscription.as_deref().unwrap_or("")
                ),
                ..wish.clone()
            };
            if held().reaches_below(&known.question()) {
                return Ok(Sees::Everything);
            }
        }
        // What providers can do is no secret.
        Tail::Provider(path) if reads && cx.path.subscription.is_none() && is_metadata(path) => {
            return Ok(Sees::Everything);
        }
        Tail::Words(_) | Tail::Provider(_) => {}
    }
    if reads && resolve::is_list(cx) {
        return authorize::listed(cx, world, &wish);
    }
    authorize::allowed(cx, world, &wish).map(|()| Sees::Everything)
}

/// What of a subscription everybody sees who has anything in it: itself, its locations, and
/// ARM's own jobs, whose addresses only those know who were told.
fn open_to_all(words: &[String]) -> bool {
    words.first().is_none_or(|word| {
        ["locations", "operationresults"]
            .iter()
            .any(|open| open.eq_ignore_ascii_case(word))
    })
}

/// Whether a path is about the operations of providers, for whoever writes a role.
fn is_metadata(path: &ProviderPath) -> bool {
    let first = path.segments.first();
    path.namespace
        .eq_ignore_ascii_case("Microsoft.Authorization")
        && first.is_some_and(|word| word.eq_ignore_ascii_case("providerOperations"))
}

fn polls(segments: &[String]) -> bool {
    segments
        .first()
        .is_some_and(|word| word.to_ascii_lowercase().contains("operation"))
}

/// A read or poll brings whatever it looks at a step on.
fn pass_time(cx: &Context<'_>) -> Result<(), ArmError> {
    let key = cx.path.text.to_ascii_lowercase();
    let store = &cx.azure.store;
    let touched = store.read(|world| operations::touched(world, &key));
    if touched.is_empty() {
        return Ok(());
    }
    store
        .write(|txn| {
            for operation in &touched {
                operations::try_once(cx, txn, operation);
            }
        })
        .map_err(|_| broken())
}

fn broken() -> ArmError {
    ArmError::gateway(
        500,
        "InternalServerError",
        "The emulator could not write its state.",
    )
}

/// Who calls, by bearer token for ARM.
fn signed_in(azure: &Azure, call: &Call) -> Result<Principal, ArmError> {
    let challenge = |error: ArmError, kind: &str, description: &str| {
        error.with(
            "www-authenticate",
            format!(
                "Bearer authorization_uri=\"{}/{}\", error=\"{kind}\", error_description=\"{description}\"",
                call.origin,
                azure.directory.tenant()
            ),
        )
    };
    let Some(header) = call
        .header("authorization")
        .filter(|h| !h.trim().is_empty())
    else {
        return Err(challenge(
            ArmError::gateway(
                401,
                "AuthenticationFailed",
                "Authentication failed. The 'Authorization' header is missing.",
            ),
            "invalid_token",
            "The authentication failed because of missing 'Authorization' header.",
        ));
    };
    let Some((_, token)) = header
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer"))
    else {
        return Err(challenge(
            ArmError::gateway(
                401,
                "AuthenticationFailedInvalidHeader",
                "Authentication failed. The 'Authorization' header is provided in an invalid format.",
            ),
            "invalid_request",
            "The 'Authorization' header is provided in an invalid format.",
        ));
    };
    azure
        .directory
        .verify(token.trim(), Audience::Arm, azure.clock.now())
        .map_err(|error| {
            let (code, message) = refused(azure, error);
            challenge(
                ArmError::gateway(401, code, message.clone()),
                "invalid_token",
                &message,
            )
        })
}

fn refused(azure: &Azure, error: TokenError) -> (&'static str, String) {
    match error {
        TokenError::Invalid => (
            "InvalidAuthenticationToken",
            "The access token is invalid.".to_owned(),
        ),
        TokenError::Expired { at } => (
            "ExpiredAuthenticationToken",
            format!(
                "The access token expiry UTC time '{}' is earlier than current UTC time '{}'.",
                at.american(),
                azure.clock.now().american()
            ),
        ),
        TokenError::Audience(audience) => (
            "InvalidAuthenticationTokenAudience",
            format!(
                "The access token has been obtained for wrong audience or resource '{audience}'. It should exactly match with one of the allowed audiences 'https://management.core.windows.net/','https://management.core.windows.net','https://management.azure.com/','https://management.azure.com'."
            ),
        ),
        TokenError::Tenant(issuer) => (
            "InvalidAuthenticationTokenTenant",
            format!(
                "The access token is from the wrong issuer '{issuer}'. It must match the tenant 'https://sts.windows.net/{}/' associated with this subscription. Please use the authority (URL) 'https://login.windows.net/{0}' to get the token.",
                azure.directory.tenant()
            ),
        ),
    }
}

fn played(azure: &Azure, subscription: &str) -> Result<(), ArmError> {
    if azure
        .settings
        .subscriptions
        .iter()
        .any(|known| known.eq_ignore_ascii_case(subscription))
    {
        return Ok(());
    }
    if Uuid::try_parse(subscription).is_err() {
        return Err(ArmError::gateway(
            400,
            "InvalidSubscriptionId",
            format!(
                "The provided subscription identifier '{subscription}' is malformed or invalid."
            ),
        ));
    }
    Err(ArmError::gateway(
        404,
        "SubscriptionNotFound",
        format!("The subscription '{subscription}' could not be found."),
    ))
}
