//! What can be done with a pool besides writing it.

use super::errors::refuse;
use super::pool_fields::running;
use super::{UPDATE, power};
use crate::arm::{Action, ArmError, Context, set_state, start};
use crate::server::Answer;
use crate::state::{Effect, Object, Txn};
use axum::http::Method;
use serde_json::json;

pub static ACTIONS: &[Action] = &[
    Action {
        name: "abort",
        method: Method::POST,
        run: power::abort,
    },
    Action {
        name: "upgradeNodeImageVersion",
        method: Method::POST,
        run: upgrade_image,
    },
];

/// `POST …/upgradeNodeImageVersion`: the image that new pools get.
fn upgrade_image(cx: &Context<'_>, txn: &mut Txn<'_>, pool: &Object) -> Result<Answer, ArmError> {
    let key = super::cluster_pools::cluster_key(&pool.key());
    if let Some(cluster) = txn.world().object(&key).cloned() {
        power::idle(txn, &cluster)?;
    }
    let mut changed = pool.clone();
    if let Some(properties) = changed.body["properties"].as_object_mut() {
        if running(properties).is_none() {
            return Err(refuse(
                400,
                "OperationNotAllowed",
                "The pool runs no version.",
            ));
        }
        properties.remove("nodeImageVersion");
        super::pool_fields::image(properties);
    }
    set_state(&mut changed, "UpgradingNodeImageVersion");
    let headers = start(cx, txn, &UPDATE, &changed, "InProgress", Effect::Settle);
    let mut answer = Answer::json(
        202,
        json!(super::cluster_pools::show(txn.world(), &changed, &cx.api)),
    );
    answer.headers = headers;
    Ok(answer)
}
