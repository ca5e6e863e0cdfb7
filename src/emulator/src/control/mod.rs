//! `/emulator/…`: what tests and the owner of a run can do to an emulator that nobody
//! could do to Azure. Open with `open_info`; otherwise it takes the secret.

mod faults;
mod info;
mod logs;
mod objects;
mod requests;
mod snapshots;

pub use faults::{Disturbance, Faults};
pub use requests::Requests;
pub use snapshots::{Snapshots, reset};

use crate::access::{self, Attributes, Decision, Plane, Question, Reason, Source};
use crate::arm;
use crate::azure::Azure;
use crate::entra::{self, Absent, Audience, LIFETIME};
use crate::server::{Answer, Call};
use axum::http::Method;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The header that carries the secret.
const SECRET: &str = "x-emulator-secret";

pub fn answer(azure: &Azure, call: &Call) -> Answer {
    if !azure.settings.open_info && call.header(SECRET) != Some(azure.directory.control_secret()) {
        return refuse(403, &format!("needs the header {SECRET}"));
    }
    act(azure, call).unwrap_or_else(|why| refuse(400, &why))
}

fn act(azure: &Azure, call: &Call) -> Result<Answer, String> {
    let lower = call.path.to_ascii_lowercase();
    let segments: Vec<&str> = lower.split('/').filter(|s| !s.is_empty()).collect();
    match (&call.method, segments.as_slice()) {
        (&Method::GET, ["emulator", "info"]) => Ok(info::answer(azure, call)),
        (&Method::POST, ["emulator", "reset"]) => {
            reset(azure).map_err(unwritten)?;
            Ok(Answer::empty(204))
        }
        (&Method::GET, ["emulator", "clock"]) => Ok(clock(azure)),
        (&Method::POST, ["emulator", "clock"]) => {
            let order: ClockOrder = read(call)?;
            azure.clock.advance(order.advance_seconds);
            Ok(clock(azure))
        }
        (&Method::POST, ["emulator", "snapshot"]) => snapshots::take(azure, &read(call)?),
        (&Method::POST, ["emulator", "restore"]) => snapshots::restore(azure, &read(call)?),
        (&Method::POST, ["emulator", "outage"]) => {
            let order: OutageOrder = read(call)?;
            azure.outages.set(&order.region, order.on);
            Ok(ok(json!({"down": azure.outages.all()})))
        }
        (&Method::GET, ["emulator", "outage"]) => Ok(ok(json!({"down": azure.outages.all()}))),
        (&Method::PUT, ["emulator", "faults"]) => {
            azure.faults.replace(read(call)?);
            Ok(ok(azure.faults.shown()))
        }
        (&Method::GET, ["emulator", "faults"]) => Ok(ok(azure.faults.shown())),
        (&Method::DELETE, ["emulator", "faults"]) => {
            azure.faults.clear();
            Ok(Answer::empty(204))
        }
        (&Method::GET, ["emulator", "requests"]) => Ok(ok(azure.requests.shown(call))),
        (&Method::DELETE, ["emulator", "requests"]) => {
            azure.requests.clear();
            Ok(Answer::empty(204))
        }
        (&Method::POST, ["emulator", "access"]) => decided(azure, &read(call)?),
        (&Method::POST, ["emulator", "assertion"]) => match read(call)? {
            TokenOrder::Assertion(order) => assertion(azure, &order),
            TokenOrder::Person(order) => person(azure, &order),
        },
        (&Method::POST, ["emulator", "clusters"]) => {
            let order: crate::types::Move = read(call)?;
            azure
                .store
                .write(|txn| crate::types::apply_move(txn, &order))
                .map_err(|error| error.to_string())?
                .map(ok)
        }
        (&Method::GET, ["emulator", "logs"]) => Ok(logs::answer(azure, call)),
        (method, ["emulator", "objects"]) => objects::answer(azure, call, method),
        _ => Ok(refuse(404, "there is no such control endpoint")),
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockOrder {
    advance_seconds: i64,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct OutageOrder {
    region: String,
    on: bool,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct AccessQuestion {
    principal: String,
    action: String,
    scope: String,
    /// Whether it is a data action.
    #[serde(default)]
    data: bool,
    /// What conditions may speak of: lists of values by `Source[name]`, as conditions write it.
    #[serde(default)]
    attributes: BTreeMap<String, Vec<Value>>,
}

/// The attributes of a question.
fn attributes(given: &BTreeMap<String, Vec<Value>>) -> Result<Attributes, String> {
    let mut known = Attributes::default();
    for (name, values) in given {
        let wrong = || format!("{name} is no attribute: write Resource[NAME] or Request[NAME]");
        let (source, rest) = name.split_once('[').ok_or_else(wrong)?;
        let source = match source.to_ascii_lowercase().as_str() {
            "resource" => Source::Resource,
            "request" => Source::Request,
            "principal" => Source::Principal,
            "environment" => Source::Environment,
            _ => return Err(wrong()),
        };
        let value = |value: &Value| match value {
            Value::String(text) => Some(access::Value::Text(text.clone())),
            Value::Bool(flag) => Some(access::Value::Flag(*flag)),
            other => other.as_i64().map(access::Value::Number),
        };
        let values: Option<Vec<_>> = values.iter().map(value).collect();
        let name = rest.strip_suffix(']').ok_or_else(wrong)?;
        known = known.with(source, name, values.ok_or_else(wrong)?);
    }
    Ok(known)
}

/// What access control says, and why, for whoever wants to hold another answer against it.
fn decided(azure: &Azure, question: &AccessQuestion) -> Result<Answer, String> {
    let plane = if question.data {
        Plane::Data
    } else {
        Plane::Control
    };
    let known = attributes(&question.attributes)?;
    let asked = Question {
        plane,
        action: &question.action,
        scope: &question.scope,
        attributes: &known,
    };
    let decision = azure
        .store
        .read(|world| arm::weigh(azure, world, &question.principal, &asked));
    Ok(ok(match decision {
        Decision::Granted { assignment, role } => {
            json!({"granted": true, "assignment": assignment, "role": role})
        }
        Decision::Denied(Reason::NothingGrants) => json!({"granted": false, "reason": "nothing"}),
        Decision::Denied(Reason::Condition { assignment }) => {
            json!({"granted": false, "reason": "condition", "assignment": assignment})
        }
        Decision::Denied(Reason::DenyAssignment { id, .. }) => {
            json!({"granted": false, "reason": "denied", "denyAssignment": id})
        }
    }))
}

/// What `assertion` gives: a foreign issuer's assertion, or a person's own token.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum TokenOrder {
    Assertion(AssertionOrder),
    Person(PersonOrder),
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonOrder {
    /// Object id or sign-in name.
    user: String,
    audience: String,
}

/// A token as a person gets it by signing in, which cannot be done here.
fn person(azure: &Azure, order: &PersonOrder) -> Result<Answer, String> {
    if Audience::named(&order.audience).is_none() {
        return Err(format!("there is no API {}", order.audience));
    }
    let person = azure.store.read(|world| entra::person(world, &order.user));
    let person = person.map_err(|absent| match absent {
        Absent::Unknown => format!("there is no user {}", order.user),
        Absent::Disabled => format!("the account of {} is disabled", order.user),
    })?;
    let token = azure
        .directory
        .issue(&person, &order.audience, azure.clock.now());
    Ok(ok(json!({
        "token_type": "Bearer",
        "expires_in": LIFETIME,
        "access_token": token,
        "object_id": person.object_id,
        "user_principal_name": person.client_id,
    })))
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct AssertionOrder {
    issuer: String,
    subject: String,
    audience: String,
}

/// A token as the issuer would give it; its key is published by the tenant's key endpoint.
fn assertion(azure: &Azure, order: &AssertionOrder) -> Result<Answer, String> {
    let now = azure.clock.now();
    let token = azure
        .assertions
        .sign(&order.issuer, &order.subject, &order.audience, now)
        .map_err(|error| error.to_string())?;
    Ok(ok(json!({ "assertion": token })))
}

fn clock(azure: &Azure) -> Answer {
    ok(json!({"now": azure.clock.now().zulu(), "offset_seconds": azure.clock.offset()}))
}

fn ok(body: Value) -> Answer {
    Answer::json(200, body)
}

fn refuse(status: u16, why: &str) -> Answer {
    Answer::json(
        status,
        json!({"error": {"code": "EmulatorControl", "message": why}}),
    )
}

/// The JSON body of an order.
fn read<T: DeserializeOwned>(call: &Call) -> Result<T, String> {
    serde_json::from_slice(&call.body).map_err(|error| error.to_string())
}

/// An error text for a state that could not be written.
fn unwritten(error: std::io::Error) -> String {
    format!("the state could not be written: {error}")
}
