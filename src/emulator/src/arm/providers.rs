//! Resource providers: what they offer and whether a subscription uses them.
//! <https://learn.microsoft.com/rest/api/resources/providers>

use super::api_version::GATEWAY;
use super::context::Context;
use super::error::ArmError;
use super::regions;
use crate::server::Answer;
use crate::state::{Txn, World};
use crate::types;
use serde_json::{Value, json};

/// Namespaces that every subscription has and cannot give up.
const ALWAYS: &[&str] = &["Microsoft.Resources", "Microsoft.Authorization"];

/// What ARM's own provider lists besides: it has no file in `types`, ARM answers for it.
const GATEWAY_TYPES: &[&str] = &[
    "resourceGroups",
    "subscriptions",
    "subscriptions/resourceGroups",
];

/// `GET /subscriptions/S/providers`
pub fn all(cx: &Context<'_>, world: &World) -> Answer {
    let value: Vec<Value> = types::namespaces()
        .map(|namespace| shown(cx, world, namespace))
        .collect();
    Answer::json(200, json!({ "value": value }))
}

/// `GET /subscriptions/S/providers/NAMESPACE`
pub fn one(cx: &Context<'_>, world: &World, namespace: &str) -> Result<Answer, ArmError> {
    let known = canonical(namespace);
    Ok(Answer::json(200, shown(cx, world, known)))
}

/// `POST …/register` and `…/unregister`
pub fn register(
    cx: &Context<'_>,
    txn: &mut Txn<'_>,
    namespace: &str,
    state: &str,
) -> Result<Answer, ArmError> {
    let known = canonical(namespace);
    if state != "Registered" {
        if ALWAYS.contains(&known) {
            return Err(ArmError::gateway(
                409,
                "CannotUnregisterAutoRegisteredProviderNamespace",
                format!("The resource provider '{known}' cannot be unregistered."),
            ));
        }
        let used = txn
            .world()
            .objects()
            .any(|(_, object)| object.kind.split('/').next() == Some(known));
        if used {
            return Err(ArmError::gateway(
                409,
                "CannotUnregisterNamespaceWithExistingResources",
                format!(
                    "The subscription still has resources of the namespace '{known}'; delete them before unregistering it."
                ),
            ));
        }
    }
    txn.set_fact(&fact(cx, known), Some(json!(state)));
    Ok(Answer::json(200, shown(cx, txn.world(), known)))
}

/// Writes need a registered provider.
pub fn registered(cx: &Context<'_>, world: &World, kind: &str) -> Result<(), ArmError> {
    let namespace = kind.split('/').next().unwrap_or_default();
    if state(cx, world, namespace) == "Registered" {
        return Ok(());
    }
    Err(ArmError::gateway(
        409,
        "MissingSubscriptionRegistration",
        format!(
            "The subscription is not registered to use namespace '{namespace}'. See https://aka.ms/rps-not-found for how to register subscriptions."
        ),
    ))
}

fn canonical(namespace: &str) -> &'static str {
    types::namespaces()
        .find(|known| known.eq_ignore_ascii_case(namespace))
        .unwrap_or("Microsoft.Resources")
}

fn fact(cx: &Context<'_>, namespace: &str) -> String {
    let subscription = cx.path.subscription.as_deref().unwrap_or_default();
    format!("provider/{subscription}/{namespace}").to_ascii_lowercase()
}

fn state(cx: &Context<'_>, world: &World, namespace: &str) -> String {
    world
        .fact(&fact(cx, namespace))
        .and_then(|state| state.as_str())
        .unwrap_or("Registered")
        .to_owned()
}

fn shown(cx: &Context<'_>, world: &World, namespace: &str) -> Value {
    let gateway = GATEWAY_TYPES
        .iter()
        .filter(|_| namespace == "Microsoft.Resources")
        .map(|name| {
            json!({
                "resourceType": name,
                "locations": [],
                "apiVersions": GATEWAY,
                "defaultApiVersion": GATEWAY.first(),
                "capabilities": "None",
            })
        });
    let resource_types: Vec<Value> = types::all()
        .map(|kind| kind.meta())
        .filter(|meta| meta.kind.split('/').next() == Some(namespace))
        .map(|meta| {
            let (_, name) = meta.kind.split_once('/').unwrap_or_default();
            json!({
                "resourceType": name,
                "locations": if meta.tracked { regions::display_names() } else { Vec::new() },
                "apiVersions": meta.api_versions,
                "defaultApiVersion": meta.api_versions.first(),
                "capabilities": if meta.tracked { "SupportsTags, SupportsLocation" } else { "None" },
            })
        })
        .chain(gateway)
        .collect();
    let subscription = cx.path.subscription.as_deref();
    let id = match subscription {
        Some(subscription) => format!("/subscriptions/{subscription}/providers/{namespace}"),
        None => format!("/providers/{namespace}"),
    };
    let mut body = json!({
        "id": id,
        "namespace": namespace,
        "resourceTypes": resource_types,
    });
    if subscription.is_some() {
        body["registrationState"] = json!(state(cx, world, namespace));
        body["registrationPolicy"] = json!("RegistrationRequired");
    }
    body
}
