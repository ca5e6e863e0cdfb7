//! Who may do what in a vault: network first, then access policies or roles.

use super::fault::VaultError;
use super::operate::Operation;
use super::request::Request;
use crate::access::{Decision, Plane, Reason};
use crate::arm;
use crate::entra::principals;
use crate::reach::{Barrier, barrier};
use serde_json::Value;
use std::collections::BTreeSet;

/// What a caller wants, in the words of access policies and of roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    Get,
    List,
    Create,
    Import,
    Update,
    Delete,
    Recover,
    Purge,
    Backup,
    Restore,
    Rotate,
    GetRotationPolicy,
    SetRotationPolicy,
    Use(Operation),
}

impl Permission {
    /// The word in `permissions.keys` of an access policy.
    fn word(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Create => "create",
            Self::Import => "import",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Recover => "recover",
            Self::Purge => "purge",
            Self::Backup => "backup",
            Self::Restore => "restore",
            Self::Rotate => "rotate",
            Self::GetRotationPolicy => "getrotationpolicy",
            Self::SetRotationPolicy => "setrotationpolicy",
            Self::Use(operation) => operation.word(),
        }
    }

    /// The data action in role definitions.
    /// <https://learn.microsoft.com/azure/role-based-access-control/permissions/security#microsoftkeyvault>
    fn action(self) -> &'static str {
        match self {
            Self::Get | Self::List => "Microsoft.KeyVault/vaults/keys/read",
            Self::Create => "Microsoft.KeyVault/vaults/keys/create/action",
            Self::Import => "Microsoft.KeyVault/vaults/keys/import/action",
            Self::Update => "Microsoft.KeyVault/vaults/keys/update/action",
            Self::Delete => "Microsoft.KeyVault/vaults/keys/delete",
            Self::Recover => "Microsoft.KeyVault/vaults/keys/recover/action",
            Self::Purge => "Microsoft.KeyVault/vaults/keys/purge/action",
            Self::Backup => "Microsoft.KeyVault/vaults/keys/backup/action",
            Self::Restore => "Microsoft.KeyVault/vaults/keys/restore/action",
            Self::Rotate => "Microsoft.KeyVault/vaults/keys/rotate/action",
            Self::GetRotationPolicy => "Microsoft.KeyVault/vaults/keyrotationpolicies/read",
            Self::SetRotationPolicy => "Microsoft.KeyVault/vaults/keyrotationpolicies/write",
            Self::Use(Operation::Sign) => "Microsoft.KeyVault/vaults/keys/sign/action",
            Self::Use(Operation::Verify) => "Microsoft.KeyVault/vaults/keys/verify/action",
            Self::Use(Operation::Encrypt) => "Microsoft.KeyVault/vaults/keys/encrypt/action",
            Self::Use(Operation::Decrypt) => "Microsoft.KeyVault/vaults/keys/decrypt/action",
            Self::Use(Operation::WrapKey) => "Microsoft.KeyVault/vaults/keys/wrap/action",
            Self::Use(Operation::UnwrapKey) => "Microsoft.KeyVault/vaults/keys/unwrap/action",
        }
    }
}

/// Refuses callers that do not reach the vault.
pub fn reached(request: &Request<'_>) -> Result<(), VaultError> {
    let settings = &request.azure.settings;
    let barrier = request.read(|world| barrier(settings, world, &request.vault));
    let (inner, text) = match barrier {
        None => return Ok(()),
        Some(Barrier::NotPublic) => (
            "ForbiddenByConnection",
            "Public network access is disabled and request is not from a trusted service nor via an approved private link.\r\n",
        ),
        Some(Barrier::Denied) => (
            "ForbiddenByFirewall",
            "Client address is not authorized and caller is not a trusted service.\r\nClient address: 127.0.0.1\r\n",
        ),
    };
    Err(VaultError::forbidden(
        inner,
        format!(
            "{text}Caller: {}\r\nVault: {}",
            caller(request),
            place(request)
        ),
    ))
}

/// Refuses callers who may not do it; `key` is the name of the key that it is about.
pub fn allowed(
    request: &Request<'_>,
    permission: Permission,
    key: Option<&str>,
) -> Result<(), VaultError> {
    let rbac = request.vault.body["properties"]["enableRbacAuthorization"] == Value::Bool(true);
    if rbac {
        by_role(request, permission, key)
    } else {
        by_policy(request, permission)
    }
}

fn by_role(
    request: &Request<'_>,
    permission: Permission,
    key: Option<&str>,
) -> Result<(), VaultError> {
    let vault = &request.vault;
    let action = permission.action();
    let scope = match key {
        Some(name) => format!("{}/keys/{name}", vault.id),
        None => vault.id.clone(),
    };
    let (azure, who) = (request.azure, &request.principal.object_id);
    let decision =
        request.read(|world| arm::decide(azure, world, who, Plane::Data, action, &scope));
    let denial = match decision {
        Decision::Granted { .. } => return Ok(()),
        Decision::Denied(Reason::DenyAssignment { id, .. }) => format!("'{id}'"),
        Decision::Denied(Reason::NothingGrants | Reason::Condition { .. }) => "null".to_owned(),
    };
    Err(VaultError::forbidden(
        "ForbiddenByRbac",
        format!(
            "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or role definitions were changed recently, please observe propagation time.\r\nCaller: {}\r\nAction: '{action}'\r\nResource: '{}'\r\nAssignment: (not found)\r\nDenyAssignmentId: {denial}\r\nDecisionReason: null \r\nVault: {}\r\n",
            caller(request),
            scope.to_ascii_lowercase(),
            place(request)
        ),
    ))
}

fn by_policy(request: &Request<'_>, permission: Permission) -> Result<(), VaultError> {
    let policies = &request.vault.body["properties"]["accessPolicies"];
    let word = permission.word();
    let who = request.read(|world| principals::identities_of(world, &request.principal.object_id));
    let granted = policies
        .as_array()
        .into_iter()
        .flatten()
        .filter(|policy| mine(policy, &who))
        .filter_map(|policy| policy["permissions"]["keys"].as_array())
        .flatten()
        .filter_map(Value::as_str)
        .any(|granted| grants(granted, word));
    if granted {
        return Ok(());
    }
    Err(VaultError::forbidden(
        "AccessDenied",
        format!(
            "The user, group or application '{}' does not have keys {word} permission on key vault '{}'. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125287",
            caller(request),
            place(request)
        ),
    ))
}

/// Whether a policy is the caller's own or that of a group that it is in.
fn mine(policy: &Value, who: &BTreeSet<String>) -> bool {
    policy["objectId"]
        .as_str()
        .is_some_and(|id| who.iter().any(|who| id.eq_ignore_ascii_case(who)))
}

/// `all` is everything but purge, which must be named.
fn grants(granted: &str, word: &str) -> bool {
    granted.eq_ignore_ascii_case(word) || (granted.eq_ignore_ascii_case("all") && word != "purge")
}

fn caller(request: &Request<'_>) -> String {
    format!(
        "appid={};oid={};iss=https://sts.windows.net/{}/",
        request.principal.application(),
        request.principal.object_id,
        request.azure.directory.tenant()
    )
}

fn place(request: &Request<'_>) -> String {
    format!(
        "{};location={}",
        request.vault.name(),
        request.vault.location().unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_everything_but_purge() {
        assert!(grants("all", "sign") && grants("ALL", "get") && grants("WrapKey", "wrapKey"));
        assert!(!grants("all", "purge") && grants("purge", "purge") && !grants("get", "list"));
    }
}
