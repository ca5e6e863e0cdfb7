//! The long-running patterns of Azure's providers, as data, and how one is started.

use super::context::Context;
use crate::settings::Pace;
use crate::state::{Effect, Object, Operation, Outcome, OwnAddress, Polling, ResultAddress, Txn};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// How a provider runs something that takes long.
#[derive(Debug)]
pub struct Pattern {
    pub address: Address,
    pub polling: Polling,
    /// Seconds in `Retry-After`, where the provider sends it.
    pub retry_after: Option<u32>,
    /// Seconds that it was seen to take.
    pub seconds: u32,
}

/// Where an operation is polled.
#[derive(Clone, Copy, Debug)]
pub enum Address {
    /// `{id}/{segment}/{prefix}{guid}`
    UnderResource {
        segment: &'static str,
        prefix: &'static str,
    },
    /// `/subscriptions/S/providers/{namespace}/locations/L/{segment}/{prefix}{guid}`
    AtLocation {
        namespace: &'static str,
        segment: &'static str,
        prefix: &'static str,
        upper_case: bool,
    },
    /// `/subscriptions/S/operationresults/{job id as base64 JSON}`: ARM's own jobs.
    Job { kind: &'static str },
    /// `{group}/providers/{namespace}/{segment}/{job id as base64}`
    InGroup {
        namespace: &'static str,
        segment: &'static str,
        job: &'static str,
    },
    /// Two addresses with one id: the status, and where the result is told with `done`.
    Pair {
        status: &'static Address,
        result: &'static Address,
        done: u16,
    },
    /// An address that is polled with an api-version of its own.
    Versioned {
        address: &'static Address,
        api_version: &'static str,
    },
}

/// Starts an operation on `object` and says with which headers the request is answered.
/// `object` waits for it, unless the operation belongs to an action that leaves it alone.
pub fn start(
    cx: &Context<'_>,
    txn: &mut Txn<'_>,
    pattern: &Pattern,
    object: &Object,
    word: &str,
    effect: Effect,
) -> Vec<(&'static str, String)> {
    let guid = Uuid::new_v4();
    let (place, api_version) = match pattern.address {
        Address::Versioned {
            address,
            api_version,
        } => (*address, api_version.to_owned()),
        own => (own, cx.api.to_string()),
    };
    let (path, result) = match place {
        Address::Pair {
            status,
            result,
            done,
        } => {
            let path = address(cx, *result, object, guid);
            (
                address(cx, *status, object, guid),
                Some(ResultAddress { path, done }),
            )
        }
        single => (address(cx, single, object, guid), None),
    };
    let operation = Operation {
        name: path.rsplit('/').next().unwrap_or_default().to_owned(),
        path,
        result,
        api_version,
        target: object.key(),
        polling: pattern.polling.clone(),
        word: word.to_owned(),
        retry_after: pattern.retry_after,
        started: cx.now.seconds(),
        ended: None,
        seconds: pattern.seconds,
        tries: 0,
        outcome: cx.call.fate.clone().unwrap_or(Outcome::Running),
        effect,
    };
    let headers = poll_headers(cx, &operation);
    if !matches!(operation.effect, Effect::Act(_)) {
        txn.put(Object {
            pending: Some(operation.path.to_ascii_lowercase()),
            ..object.clone()
        });
    }
    txn.put_operation(operation);
    headers
}

/// The headers that lead to an operation: its address, made absolute for this caller, and
/// when to come back.
pub fn poll_headers(cx: &Context<'_>, operation: &Operation) -> Vec<(&'static str, String)> {
    let address = |path: &str| signed_address(cx, operation, path);
    let mut headers = match operation.polling {
        Polling::Status { .. } | Polling::Plain { .. } | Polling::Timed => {
            vec![("azure-asyncoperation", address(&operation.path))]
        }
        Polling::Result { .. } | Polling::Dated => vec![("location", address(&operation.path))],
        Polling::Made => {
            let address = address(&operation.path);
            let monitored = address.replacen("?api-version", "?monitor=true&api-version", 1);
            vec![("location", monitored)]
        }
        Polling::Object { header: None } => return Vec::new(),
        Polling::Object {
            header: Some(OwnAddress::AsyncOperation),
        } => vec![("azure-asyncoperation", own_address(cx, operation))],
        Polling::Object {
            header: Some(OwnAddress::Location),
        } => vec![("location", own_address(cx, operation))],
    };
    if let Some(result) = &operation.result {
        headers.push(("location", address(&result.path)));
    }
    if let Some(seconds) = operation.retry_after {
        let seconds = match cx.azure.settings.pace {
            Pace::Realistic => seconds,
            Pace::Quick | Pace::Instant => 0,
        };
        headers.push(("retry-after", seconds.to_string()));
    }
    headers
}

/// The object's own address, with the operation in a parameter, as Key Vault does it.
fn own_address(cx: &Context<'_>, operation: &Operation) -> String {
    format!(
        "{}{}?api-version={}&{OPERATION}={}",
        cx.call.origin,
        operation.target_id(),
        operation.api_version,
        URL_SAFE_NO_PAD.encode(operation.path.to_ascii_lowercase())
    )
}

/// The parameter that names an operation at an object's own address.
const OPERATION: &str = "kv-operation";

/// The key of the operation that a read of an object asks for, if it asks for one.
pub fn asked_for(cx: &Context<'_>) -> Option<String> {
    let token = URL_SAFE_NO_PAD.decode(cx.call.parameter(OPERATION)?).ok()?;
    String::from_utf8(token).ok()
}

fn address(cx: &Context<'_>, address: Address, object: &Object, guid: Uuid) -> String {
    let subscription = cx.path.subscription.as_deref().unwrap_or_default();
    // Children without a location are worked on in their parent's.
    let location = object
        .location()
        .or_else(|| object.hidden["location"].as_str())
        .unwrap_or("global");
    match address {
        Address::UnderResource { segment, prefix } => {
            format!("{}/{segment}/{prefix}{guid}", object.id)
        }
        Address::AtLocation {
            namespace,
            segment,
            prefix,
            upper_case,
        } => {
            let location = if upper_case {
                location.to_ascii_uppercase()
            } else {
                location.to_owned()
            };
            format!(
                "/subscriptions/{subscription}/providers/{namespace}/locations/{location}/{segment}/{prefix}{guid}"
            )
        }
        Address::Job { kind } => {
            let job = json!({
                "jobId": format!("{kind}-{}-{}", escaped(object.name()), location.to_ascii_uppercase()),
                "jobLocation": location,
            });
            let job = URL_SAFE_NO_PAD.encode(job.to_string());
            format!("/subscriptions/{subscription}/operationresults/{job}")
        }
        Address::InGroup {
            namespace,
            segment,
            job,
        } => {
            let group = cx.path.group.as_deref().unwrap_or_default();
            let job = format!("FrontEndAsyncOperation;{job};{guid}_{subscription}");
            let job = STANDARD.encode(job);
            format!(
                "/subscriptions/{subscription}/resourceGroups/{group}/providers/{namespace}/{segment}/{job}"
            )
        }
        Address::Pair {
            status: address, ..
        }
        | Address::Versioned { address, .. } => self::address(cx, *address, object, guid),
    }
}

/// ARM's spelling of a name within a job id.
fn escaped(name: &str) -> String {
    let mut escaped = String::new();
    for c in name.to_uppercase().chars() {
        if c.is_ascii_alphanumeric() {
            escaped.push(c);
        } else {
            escaped.push_str(&format!(":{:02X}", u32::from(c)));
        }
    }
    escaped
}

/// The poll address with the api-version and the signature parameters that Azure adds and
/// clients must hand back untouched.
fn signed_address(cx: &Context<'_>, operation: &Operation, path: &str) -> String {
    let ticks = cx.now.ticks();
    let seal = |salt: &str, parts: usize| {
        let mut text = String::new();
        for part in 0..parts {
            let digest = Sha256::digest(format!("{salt}{part}{ticks}{path}"));
            text.push_str(&URL_SAFE_NO_PAD.encode(digest));
        }
        text
    };
    format!(
        "{}{path}?api-version={}&t={ticks}&c={}&s={}&h={}",
        cx.call.origin,
        operation.api_version,
        seal("c", 24),
        seal("s", 8),
        seal("h", 1),
    )
}
