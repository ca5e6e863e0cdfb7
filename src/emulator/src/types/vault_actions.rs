//! What can be asked about vaults besides reading them.

use super::vault_fields::{self as fields, bad, name_fault};
use super::{deleted_vault, vault};
use crate::arm::{Action, ArmError, Context};
use crate::server::Answer;
use crate::state::{Object, Txn, World};
use axum::http::Method;
use serde_json::{Map, Value, json};

pub static ACTIONS: &[Action] = &[Action {
    name: "privateLinkResources",
    method: Method::GET,
    run: private_link_resources,
}];

/// `POST /subscriptions/S/providers/Microsoft.KeyVault/checkNameAvailability`
pub fn check_name(cx: &Context<'_>, world: &World) -> Result<Answer, ArmError> {
    let sent: Map<String, Value> = serde_json::from_slice(&cx.call.body)
        .map_err(|_| bad("The request body is not valid JSON."))?;
    let name =
        fields::text(&sent, "name")?.ok_or_else(|| bad("The parameter name is not specified."))?;
    let kind =
        fields::text(&sent, "type")?.ok_or_else(|| bad("The parameter type is not specified."))?;
    if !kind.eq_ignore_ascii_case(vault::KIND) {
        return Err(bad(format!("The resource type '{kind}' is not supported.")));
    }
    let taken =
        vault::named(world, name).is_some() || deleted_vault::named(world, name, cx.now).is_some();
    let answer = if let Some(fault) = name_fault(name) {
        json!({"nameAvailable": false, "reason": "AccountNameInvalid", "message": fault})
    } else if taken {
        json!({
            "nameAvailable": false,
            "reason": "AlreadyExists",
            "message": format!("The name '{name}' is already in use."),
        })
    } else {
        json!({"nameAvailable": true})
    };
    Ok(Answer::json(200, answer))
}

fn private_link_resources(
    _cx: &Context<'_>,
    _txn: &mut Txn<'_>,
    vault: &Object,
) -> Result<Answer, ArmError> {
    Ok(Answer::json(
        200,
        json!({"value": [{
            "id": format!("{}/privateLinkResources/vault", vault.id),
            "name": "vault",
            "type": "Microsoft.KeyVault/vaults/privateLinkResources",
            "properties": {
                "groupId": "vault",
                "requiredMembers": ["default"],
                "requiredZoneNames": ["privatelink.vaultcore.azure.net"],
            },
        }]}),
    ))
}
