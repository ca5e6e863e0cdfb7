//! What can be done with a workspace besides writing it: keys and usages.

use crate::arm::{Action, ArmError, Context};
use crate::server::Answer;
use crate::state::{Object, Txn};
use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use uuid::Uuid;

pub static ACTIONS: &[Action] = &[
    Action {
        name: "sharedKeys",
        method: Method::POST,
        run: shared_keys,
    },
    Action {
        name: "listKeys",
        method: Method::POST,
        run: shared_keys,
    },
    Action {
        name: "regenerateSharedKey",
        method: Method::POST,
        run: regenerate,
    },
    Action {
        name: "usages",
        method: Method::GET,
        run: usages,
    },
];

/// Two keys as Log Analytics makes them: 64 bytes each.
pub fn keys() -> Value {
    json!({"primary": key(), "secondary": key()})
}

fn key() -> String {
    let mut bytes = Vec::with_capacity(64);
    for _ in 0..4 {
        bytes.extend_from_slice(Uuid::new_v4().as_bytes());
    }
    STANDARD.encode(bytes)
}

fn shared_keys(
    _cx: &Context<'_>,
    _txn: &mut Txn<'_>,
    workspace: &Object,
) -> Result<Answer, ArmError> {
    Ok(shown(workspace))
}

fn regenerate(
    _cx: &Context<'_>,
    txn: &mut Txn<'_>,
    workspace: &Object,
) -> Result<Answer, ArmError> {
    let mut changed = workspace.clone();
    for (name, value) in [("primary", key()), ("secondary", key())] {
        changed.hidden[name] = json!(value);
    }
    txn.put(changed.clone());
    Ok(shown(&changed))
}

fn shown(workspace: &Object) -> Answer {
    Answer::json(
        200,
        json!({
            "primarySharedKey": workspace.hidden["primary"],
            "secondarySharedKey": workspace.hidden["secondary"],
        }),
    )
}

fn usages(_cx: &Context<'_>, _txn: &mut Txn<'_>, workspace: &Object) -> Result<Answer, ArmError> {
    let reset = &workspace.body["properties"]["workspaceCapping"]["quotaNextResetTime"];
    Ok(Answer::json(
        200,
        json!({"value": [{
            "name": {"value": "DataAnalyzed", "localizedValue": "Data Analyzed"},
            "unit": "Bytes",
            "currentValue": 0.0,
            "limit": -1.0,
            "nextResetTime": reset,
            "quotaPeriod": "P1D",
        }]}),
    ))
}
