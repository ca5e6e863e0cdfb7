//! Who a cluster acts as: its control plane's identity and that of its kubelets, and what
//! both need before a cluster can be.
//! <https://learn.microsoft.com/azure/aks/use-managed-identity>

use super::errors::{invalid, missing, refuse, unreadable};
use crate::access::Plane;
use crate::arm::{ArmError, Context, Target, Wish, decide, linked};
use crate::state::{Object, World};
use crate::types::checks;
use axum::http::Method;
use serde_json::{Map, Value, json};
use uuid::Uuid;

const ASSIGN: &str = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action";

/// A user-assigned identity as it stands.
#[derive(Clone, Debug)]
pub struct Assigned {
    pub id: String,
    pub principal: String,
    pub client: String,
}

impl Assigned {
    /// As `identityProfile` shows it.
    pub fn shown(&self) -> Value {
        json!({"resourceId": self.id, "clientId": self.client, "objectId": self.principal})
    }
}

/// The identity of the control plane that a write leads to; `None` for a service principal.
pub fn control_plane(
    cx: &Context<'_>,
    world: &World,
    target: &Target,
    sent: &Map<String, Value>,
    old: Option<&Object>,
) -> Result<Option<Value>, ArmError> {
    let before = old.and_then(|old| old.body.get("identity")).cloned();
    let asked = checks::object(sent, "identity").map_err(|e| unreadable(&e))?;
    let words = ["None", "SystemAssigned", "UserAssigned"];
    let kind = checks::word(&asked, "type", &words).map_err(|e| unreadable(&e))?;
    match kind {
        None | Some("None") => {
            if before.is_none() {
                service_principal(sent, old)?;
            }
            Ok(before)
        }
        Some("SystemAssigned") => {
            let kept = before
                .as_ref()
                .and_then(|before| before["principalId"].as_str());
            let principal = kept.map_or_else(|| Uuid::new_v4().to_string(), ToOwned::to_owned);
            Ok(Some(json!({
                "type": "SystemAssigned",
                "principalId": principal,
                "tenantId": cx.azure.directory.tenant(),
            })))
        }
        Some(_) => {
            let ids =
                checks::object(&asked, "userAssignedIdentities").map_err(|e| unreadable(&e))?;
            let ids: Vec<&String> = ids.keys().collect();
            let [id] = ids[..] else {
                return Err(invalid(
                    "identity.userAssignedIdentities",
                    "A managed cluster has exactly one user-assigned identity.",
                ));
            };
            let identity = usable(cx, world, target, id)?;
            let mut shown = Map::new();
            shown.insert(
                id.clone(),
                json!({"principalId": identity.principal, "clientId": identity.client}),
            );
            Ok(Some(
                json!({"type": "UserAssigned", "userAssignedIdentities": shown}),
            ))
        }
    }
}

/// Without an identity there must be a service principal with its secret.
fn service_principal(sent: &Map<String, Value>, old: Option<&Object>) -> Result<(), ArmError> {
    let given = sent
        .get("properties")
        .and_then(|properties| properties["servicePrincipalProfile"]["clientId"].as_str())
        .is_some_and(|client| !client.is_empty() && client != "msi");
    if given || old.is_some() {
        return Ok(());
    }
    Err(missing("servicePrincipalProfile"))
}

/// An identity that is there and that the caller may assign.
fn usable(
    cx: &Context<'_>,
    world: &World,
    target: &Target,
    id: &str,
) -> Result<Assigned, ArmError> {
    let found = find(world, id).ok_or_else(|| not_there(target, id))?;
    linked(cx, world, &Wish::of(&Method::PUT, cx.path), ASSIGN, id)?;
    Ok(found)
}

/// The identity of that id.
pub fn find(world: &World, id: &str) -> Option<Assigned> {
    let object = world.object(&id.to_ascii_lowercase())?;
    Some(Assigned {
        id: id.to_owned(),
        principal: object.text("/properties/principalId")?.to_owned(),
        client: object.text("/properties/clientId")?.to_owned(),
    })
}

/// What ARM's identity service says of an identity that is not there.
fn not_there(target: &Target, id: &str) -> ArmError {
    let mut parts = id.split('/');
    let (group, name) = (parts.nth(4).unwrap_or_default(), id.rsplit('/').next());
    ArmError::gateway(
        400,
        "FailedIdentityOperation",
        format!(
            "Identity operation for resource '{}' failed with error 'Failed to perform resource identity operation. Status: 'NotFound'. Response: '{{\"error\":{{\"code\":\"ResourceNotFound\",\"message\":\"The Resource 'Microsoft.ManagedIdentity/userAssignedIdentities/{}' under resource group '{group}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix\"}}}}'.",
            target.id,
            name.unwrap_or_default()
        ),
    )
}

/// The identity that the caller brings for the kubelets, if he does. The control plane must
/// have one of its own and may assign this one.
pub fn kubelet(
    cx: &Context<'_>,
    world: &World,
    target: &Target,
    properties: &Map<String, Value>,
    control: Option<&Value>,
    old: Option<&Object>,
) -> Result<Option<Assigned>, ArmError> {
    let Some(id) = properties
        .get("identityProfile")
        .and_then(|profile| profile["kubeletidentity"]["resourceId"].as_str())
    else {
        return Ok(None);
    };
    let before = old.and_then(|old| old.hidden["kubelet"]["resourceId"].as_str());
    if before.is_some_and(|before| before.eq_ignore_ascii_case(id)) {
        return Ok(None);
    }
    let Some(principal) = control.and_then(own_principal) else {
        return Err(refuse(
            400,
            "CustomKubeletIdentityOnlySupportedOnUserAssignedMSICluster",
            "Custom kubelet identity is only supported on clusters using a user-assigned managed identity.",
        ));
    };
    let identity = usable(cx, world, target, id)?;
    let decision = decide(cx.azure, world, principal, Plane::Control, ASSIGN, id);
    if !decision.is_granted() {
        return Err(refuse(
            400,
            "CustomKubeletIdentityMissingPermissionError",
            format!(
                "The cluster user assigned identity must be given permission to assign kubelet identity {id}. Check access result not allowed for action {ASSIGN}."
            ),
        ));
    }
    Ok(Some(identity))
}

/// Object id of a user-assigned control plane identity.
pub fn own_principal(identity: &Value) -> Option<&str> {
    let (_, first) = identity["userAssignedIdentities"]
        .as_object()?
        .iter()
        .next()?;
    first["principalId"].as_str()
}

/// Client id of a user-assigned control plane identity.
pub fn own_client(identity: &Value) -> Option<&str> {
    let (_, first) = identity["userAssignedIdentities"]
        .as_object()?
        .iter()
        .next()?;
    first["clientId"].as_str()
}

/// The profile is writable: ids that come with the kubelet identity in use are kept as they
/// were sent.
pub fn repeat(kubelet: &mut Value, properties: &Map<String, Value>) {
    let Some(sent) = properties
        .get("identityProfile")
        .and_then(|profile| profile["kubeletidentity"].as_object())
    else {
        return;
    };
    for member in ["clientId", "objectId"] {
        if kubelet.is_object()
            && let Some(id) = sent.get(member).filter(|id| id.is_string())
        {
            kubelet[member] = id.clone();
        }
    }
}
