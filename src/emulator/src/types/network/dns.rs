//! What zones, links and record sets of private DNS share: operations, errors, etags.

use crate::arm::{Address, ArmError, Context, Pattern, Source};
use crate::server::Answer;
use crate::state::{Effect, Failure, Object, Outcome, Polling, Txn};
use axum::http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

/// Versions of the provider, newest first.
pub const VERSIONS: &[&str] = &["2024-06-01", "2020-06-01", "2020-01-01", "2018-09-01"];

const fn status(job: &'static str) -> Address {
    Address::InGroup {
        namespace: "Microsoft.Network",
        segment: "privateDnsOperationStatuses",
        job,
    }
}

const fn result(job: &'static str) -> Address {
    Address::InGroup {
        namespace: "Microsoft.Network",
        segment: "privateDnsOperationResults",
        job,
    }
}

const fn pattern(status: &'static Address, result: &'static Address) -> Pattern {
    Pattern {
        address: Address::Pair {
            status,
            result,
            done: 200,
        },
        polling: Polling::Plain {
            running: 202,
            again: true,
        },
        retry_after: Some(30),
        seconds: 30,
    }
}

/// How a zone is written.
pub static ZONE_WRITE: Pattern = pattern(
    &status("UpsertPrivateDnsZone"),
    &result("UpsertPrivateDnsZone"),
);

/// How a zone is deleted.
pub static ZONE_DELETION: Pattern = pattern(
    &status("DeletePrivateDnsZone"),
    &result("DeletePrivateDnsZone"),
);

/// How a link is written.
pub static LINK_WRITE: Pattern = pattern(
    &status("UpsertVirtualNetworkLink"),
    &result("UpsertVirtualNetworkLink"),
);

/// How a link is deleted.
pub static LINK_DELETION: Pattern = pattern(
    &status("DeleteVirtualNetworkLink"),
    &result("DeleteVirtualNetworkLink"),
);

/// What operations say until they are done.
pub const RUNNING: &str = "InProgress";

/// An error of the provider, which has no envelope.
pub fn refuse(status: u16, code: &str, message: impl Into<String>) -> ArmError {
    ArmError::new(Source::Bare, status, code, message)
}

/// 400 of the provider.
pub fn bad(message: impl Into<String>) -> ArmError {
    refuse(400, "BadRequest", message)
}

/// A fresh etag.
pub fn etag() -> String {
    Uuid::new_v4().to_string()
}

/// A condition in the headers that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// `If-None-Match: *`, and something stands there.
    Exists,
    /// `If-Match`, and something else stands there.
    Modified,
}

impl Mismatch {
    /// What the provider says; `what` names the object.
    pub fn message(self, what: &str) -> String {
        match self {
            Self::Exists => format!("{what} exists already and hence cannot be created again."),
            Self::Modified => format!("{what} has been modified (etag mismatch)."),
        }
    }

    pub fn error(self, what: &str) -> ArmError {
        refuse(412, PRECONDITION, self.message(what))
    }
}

const PRECONDITION: &str = "PreconditionFailed";

/// Holds the request's conditions against what stands there.
pub fn mismatch(cx: &Context<'_>, old: Option<&Object>) -> Option<Mismatch> {
    let plain = |text: &str| text.trim_start_matches("W/").trim_matches('"').to_owned();
    if old.is_some() && cx.call.header("if-none-match") == Some("*") {
        return Some(Mismatch::Exists);
    }
    let wanted = cx.call.header("if-match").filter(|etag| *etag != "*")?;
    let stands = old.and_then(|old| old.text("/etag")).map(plain);
    (stands != Some(plain(wanted))).then_some(Mismatch::Modified)
}

/// Hidden in an object whose write only starts an operation that fails.
pub fn failing(old: &Object, message: String) -> Value {
    let mut hidden = if old.hidden.is_object() {
        old.hidden.clone()
    } else {
        json!({})
    };
    hidden["fails"] = json!(message);
    hidden
}

/// Lets the operation of such a write fail, and the object as it was.
pub fn let_fail(txn: &mut Txn<'_>, object: &Object) {
    let Some(stored) = txn.world().object(&object.key()).cloned() else {
        return;
    };
    let mut stored = Object::clone(&stored);
    let message = stored
        .hidden
        .as_object_mut()
        .and_then(|hidden| hidden.remove("fails"));
    let Some(Value::String(message)) = message else {
        return;
    };
    let pending = stored.pending.take();
    if let Some(operation) = pending.and_then(|key| txn.world().operation(&key).cloned()) {
        let mut operation = crate::state::Operation::clone(&operation);
        operation.effect = Effect::Act(Value::Null);
        operation.outcome = Outcome::Failing(Failure {
            code: PRECONDITION.to_owned(),
            message,
        });
        txn.put_operation(operation);
    }
    txn.put(stored);
}

/// Writes of zones and links are answered with nothing but the operation; reads carry the
/// etag as a header too.
pub fn answered(cx: &Context<'_>, answer: &mut Answer) {
    if answer.status == 202 {
        answer.body = Some(json!({}));
    }
    etag_header(cx, answer, &[Method::GET]);
}

/// Answers to these methods carry the etag as a header too.
pub fn etag_header(cx: &Context<'_>, answer: &mut Answer, methods: &[Method]) {
    if methods.contains(&cx.call.method)
        && let Some(etag) = answer.body.as_ref().and_then(|body| body["etag"].as_str())
    {
        answer.headers.push(("etag", etag.to_owned()));
    }
}
