//! What can be asked about storage accounts besides reading them.

use super::account;
use super::provider::{invalid, refuse};
use crate::arm::{Action, ArmError, Context};
use crate::server::Answer;
use crate::state::{Object, Txn, World};
use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha512};

pub static ACTIONS: &[Action] = &[
    Action {
        name: "listKeys",
        method: Method::POST,
        run: list_keys,
    },
    Action {
        name: "privateLinkResources",
        method: Method::GET,
        run: private_link_resources,
    },
];

/// `POST /subscriptions/S/providers/Microsoft.Storage/checkNameAvailability`
pub fn check_name(cx: &Context<'_>, world: &World) -> Result<Answer, ArmError> {
    let sent: Map<String, Value> =
        serde_json::from_slice(&cx.call.body).map_err(|_| invalid("accountName"))?;
    let text = |name: &str| sent.get(name).and_then(Value::as_str);
    let name = text("name").ok_or_else(|| invalid("name"))?;
    if !text("type").is_some_and(|kind| kind.eq_ignore_ascii_case(account::KIND)) {
        return Err(invalid("type"));
    }
    let answer = if let Some(fault) = account::name_fault(name) {
        json!({"nameAvailable": false, "reason": "AccountNameInvalid", "message": fault})
    } else if account::named(world, name).is_some() {
        json!({
            "nameAvailable": false,
            "reason": "AlreadyExists",
            "message": format!("The storage account named {name} is already taken."),
        })
    } else {
        json!({"nameAvailable": true})
    };
    Ok(Answer::json(200, answer))
}

/// The keys are told even while nobody may sign in with them.
fn list_keys(_cx: &Context<'_>, _txn: &mut Txn<'_>, account: &Object) -> Result<Answer, ArmError> {
    let keys = ["key1", "key2"].map(|name| {
        let made = &account.body["properties"]["keyCreationTime"][name];
        let value = Sha512::digest(format!("{} {name} {made}", account.key()));
        json!({
            "creationTime": made,
            "keyName": name,
            "value": STANDARD.encode(value),
            "permissions": "FULL",
        })
    });
    Ok(Answer::json(200, json!({ "keys": keys })))
}

fn private_link_resources(
    _cx: &Context<'_>,
    _txn: &mut Txn<'_>,
    account: &Object,
) -> Result<Answer, ArmError> {
    if account.text("/kind") == Some("Storage") {
        return Err(refuse(
            400,
            "InvalidAccountKind",
            "Private endpoints need a general-purpose v2 account.",
        ));
    }
    let resources = ["blob", "table", "queue", "file", "web", "dfs"].map(|group| {
        json!({
            "id": format!("{}/privateLinkResources/{group}", account.id),
            "name": group,
            "type": "Microsoft.Storage/storageAccounts/privateLinkResources",
            "properties": {
                "groupId": group,
                "requiredMembers": [group],
                "requiredZoneNames": [format!("privatelink.{group}.core.windows.net")],
            },
        })
    });
    Ok(Answer::json(200, json!({ "value": resources })))
}
