//! `GET /emulator/logs`: the rows that data collection rules have taken.

use super::ok;
use crate::azure::Azure;
use crate::ingestion;
use crate::server::{Answer, Call};
use serde_json::json;

/// One entry for each call that was taken, oldest first; `?rule=` names a rule by its immutable id.
pub fn answer(azure: &Azure, call: &Call) -> Answer {
    let rule = call.parameter("rule");
    azure
        .store
        .read(|world| ok(json!({ "value": ingestion::taken(world, rule) })))
}
