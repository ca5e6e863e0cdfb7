//! What can be done with a registry besides writing it: credentials, usages, imports.

use super::{
    checks, import_image, registry, registry_fields, replication, scope_map, token, webhook,
};
use crate::arm::{Action, ArmError, Context};
use crate::registry::bytes_in;
use crate::server::Answer;
use crate::state::{Object, Txn, World};
use axum::http::Method;
use serde_json::{Map, Value, json};
use uuid::Uuid;

pub static ACTIONS: &[Action] = &[
    Action {
        name: "listCredentials",
        method: Method::POST,
        run: list_credentials,
    },
    Action {
        name: "regenerateCredential",
        method: Method::POST,
        run: regenerate_credential,
    },
    Action {
        name: "listUsages",
        method: Method::GET,
        run: list_usages,
    },
    Action {
        name: "generateCredentials",
        method: Method::POST,
        run: token::generate,
    },
    Action {
        name: "importImage",
        method: Method::POST,
        run: import_image::begin,
    },
];

/// A password as ACR makes them: 52 characters.
pub fn password() -> String {
    let random = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    random[..52].to_owned()
}

/// `POST /subscriptions/S/providers/Microsoft.ContainerRegistry/checkNameAvailability`
pub fn check_name(cx: &Context<'_>, world: &World) -> Result<Answer, ArmError> {
    let sent = body(cx)?;
    let name = checks::text(&sent, "name")?
        .ok_or_else(|| checks::invalid("The registry name must be provided."))?;
    let kind = checks::text(&sent, "type")?
        .ok_or_else(|| checks::invalid("The resource type must be provided."))?;
    if !kind.eq_ignore_ascii_case(registry::KIND) {
        return Err(checks::invalid(format!(
            "The resource type '{kind}' is not '{}'.",
            registry::KIND
        )));
    }
    let answer = if let Some(fault) = registry::name_fault(name) {
        json!({"nameAvailable": false, "reason": "Invalid", "message": fault})
    } else if registry::by_name(world, name).is_some() {
        json!({
            "nameAvailable": false,
            "reason": "AlreadyExists",
            "message": format!("The registry {name} is already in use."),
        })
    } else {
        json!({"nameAvailable": true})
    };
    Ok(Answer::json(200, answer))
}

fn list_credentials(
    _cx: &Context<'_>,
    _txn: &mut Txn<'_>,
    registry: &Object,
) -> Result<Answer, ArmError> {
    admin_enabled(registry)?;
    Ok(credentials(registry))
}

fn regenerate_credential(
    cx: &Context<'_>,
    txn: &mut Txn<'_>,
    registry: &Object,
) -> Result<Answer, ArmError> {
    let sent = body(cx)?;
    let which = checks::word(&sent, "name", &["password", "password2"])?
        .ok_or_else(|| checks::invalid("The name of the password must be provided."))?;
    admin_enabled(registry)?;
    let mut changed = registry.clone();
    let at = usize::from(which == "password2");
    changed.hidden["passwords"][at] = json!(password());
    txn.put(changed.clone());
    Ok(credentials(&changed))
}

fn admin_enabled(registry: &Object) -> Result<(), ArmError> {
    if registry.body["properties"]["adminUserEnabled"] == json!(true) {
        return Ok(());
    }
    Err(checks::refuse(
        400,
        "UnAuthorizedForCredentialOperations",
        format!(
            "Cannot perform credential operations for {} as admin user is disabled. Kindly enable admin user as per docs: https://docs.microsoft.com/en-us/azure/container-registry/container-registry-authentication#admin-account",
            registry.id
        ),
    ))
}

fn credentials(registry: &Object) -> Answer {
    let passwords = &registry.hidden["passwords"];
    Answer::json(
        200,
        json!({
            "username": registry.name(),
            "passwords": [
                {"name": "password", "value": passwords[0]},
                {"name": "password2", "value": passwords[1]},
            ],
        }),
    )
}

/// <https://learn.microsoft.com/azure/container-registry/container-registry-skus>
fn list_usages(
    _cx: &Context<'_>,
    txn: &mut Txn<'_>,
    registry: &Object,
) -> Result<Answer, ArmError> {
    const GIB: i64 = 1 << 30;
    let world = txn.world();
    let (size, webhooks, tokens) = match registry_fields::sku_of(registry) {
        "Basic" => (10 * GIB, 2, 100),
        "Standard" => (100 * GIB, 10, 500),
        _ => (500 * GIB, 500, 50_000),
    };
    let prefix = format!("{}/", registry.key());
    let children = |kind: &str| world.under(&prefix).filter(|(_, o)| o.kind == kind).count();
    let usage = |name: &str, limit: i64, current: usize, unit: &str| json!({"name": name, "limit": limit, "currentValue": current, "unit": unit});
    let mut value = vec![
        usage("Size", size, bytes_in(world, registry), "Bytes"),
        usage("Webhooks", webhooks, children(webhook::KIND), "Count"),
    ];
    if registry_fields::sku_of(registry) == registry_fields::PREMIUM {
        let replicas = replication::regions(world, registry)
            .filter(|region| registry.location() != Some(region))
            .count();
        value.push(usage("Geo-replications", -1, replicas, "Count"));
        value.push(usage("IPRules", 100, 0, "Count"));
        value.push(usage("VNetRules", 100, 0, "Count"));
        value.push(usage("PrivateEndpointConnections", 200, 0, "Count"));
    }
    let (maps, names) = (children(scope_map::KIND), children(token::KIND));
    value.push(usage("ScopeMaps", tokens, maps, "Count"));
    value.push(usage("Tokens", tokens, names, "Count"));
    Ok(Answer::json(200, json!({ "value": value })))
}

/// The body of an action.
pub fn body(cx: &Context<'_>) -> Result<Map<String, Value>, ArmError> {
    match serde_json::from_slice(&cx.call.body) {
        Ok(Value::Object(body)) => Ok(body),
        _ => Err(checks::invalid("The request body is invalid.")),
    }
}
