//! Where everything is, and the principal that owns it all.

use crate::azure::Azure;
use crate::server::{Answer, Call};
use serde_json::json;

pub fn answer(azure: &Azure, call: &Call) -> Answer {
    let origin = &call.origin;
    let mut body = json!({
        "tenant": azure.directory.tenant(),
        "subscription": azure.settings.subscriptions.first(),
        "subscriptions": azure.settings.subscriptions,
        "endpoints": {
            "resourceManager": origin,
            "authority": origin,
            "graph": format!("{origin}/v1.0"),
            "vaultSuffix": "vault.localhost",
            "registrySuffix": "azurecr.localhost",
            "clusterSuffix": "azmk8s.localhost",
        },
        "now": azure.clock.now().zulu(),
    });
    if let Some(owner) = azure.directory.owner() {
        body["client_id"] = json!(owner.client_id);
        body["object_id"] = json!(owner.object_id);
        body["client_secret"] = json!(owner.client_secret);
    }
    Answer::json(200, body)
}
