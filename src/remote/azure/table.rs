//! The error table: Azure's codes, what they mean for a request, and what people can do.

use super::error::{Action, Fresh};
use super::refusal::quoted;
use crate::provision::ports::Verdict;

/// What to do where a deleted object has a name that is wanted.
const SOFT_DELETED: &str = "a soft-deleted object holds the name: plan again, which recovers it if it \
                            was ours and is declared where it stood; if not, declare another name, or \
                            have it purged where its protection allows";

/// What people can do about it.
pub(super) enum Hint {
    None,
    Say(&'static str),
    Read(fn(&str) -> Option<String>),
}

/// One meaning of some codes.
pub(super) struct Row {
    /// The codes, in any case; the inner code counts too.
    pub(super) codes: &'static [&'static str],
    /// The message holds one of these (lower case), where there are any.
    pub(super) says: &'static [&'static str],
    pub(super) action: Action,
    pub(super) verdict: Verdict,
    pub(super) hint: Hint,
}

const IN_PROGRESS: &[&str] = &[
    "in progress",
    "in-progress",
    "another operation",
    "is being ",
    "currently being",
    "concurrent",
];

const fn row(codes: &'static [&'static str], action: Action, verdict: Verdict, hint: Hint) -> Row {
    Row {
        codes,
        says: &[],
        action,
        verdict,
        hint,
    }
}

const fn saying(
    codes: &'static [&'static str],
    says: &'static [&'static str],
    action: Action,
    verdict: Verdict,
    hint: Hint,
) -> Row {
    Row {
        codes,
        says,
        action,
        verdict,
        hint,
    }
}

/// The first row that fits decides; where none does, the status does (`error::judge`).
pub(super) const TABLE: &[Row] = &[
    // Refused for now.
    row(
        &[
            "AnotherOperationInProgress",
            "RetryableError",
            "ReferencedResourceNotProvisioned",
            "ObjectIsBeingDeleted",
            "ServerBusy",
            "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity",
        ],
        Action::Busy,
        Verdict::Busy,
        Hint::Say("something else is changing the object or what it stands on; run again later"),
    ),
    saying(
        &["OperationNotAllowed", "Conflict", "ConflictError", "InUse"],
        IN_PROGRESS,
        Action::Busy,
        Verdict::Busy,
        Hint::Say("something else is changing the object; run again when it is done"),
    ),
    row(
        &["ResourceGroupBeingDeleted", "ScopeBeingDeleted"],
        Action::Fatal,
        Verdict::Busy,
        Hint::Say("the group is being deleted; run again when it is gone"),
    ),
    row(
        &["PrincipalNotFound"],
        Action::Replicating(Fresh::Principal),
        Verdict::Busy,
        Hint::Say(
            "a new principal takes minutes to be known everywhere; if it is not new, check its object id",
        ),
    ),
    row(
        &["RoleDefinitionDoesNotExist"],
        Action::Replicating(Fresh::Role),
        Verdict::NotFound,
        Hint::Say("a new role definition takes minutes to be known everywhere"),
    ),
    row(
        &["CustomKubeletIdentityMissingPermissionError"],
        Action::Replicating(Fresh::Role),
        Verdict::Denied,
        Hint::Say(
            "the cluster's identity needs Managed Identity Operator on the kubelet identity; a new assignment takes minutes to act",
        ),
    ),
    row(
        &[
            "ParentResourceNotFound",
            "ResourceGroupNotFound",
            "NoBackingApplicationObject",
            "Request_ResourceNotFound",
        ],
        Action::Replicating(Fresh::Parent),
        Verdict::NotFound,
        Hint::Say("what it lives in or refers to does not exist"),
    ),
    row(
        &[
            "ResourceRequestsThrottled",
            "SubscriptionRequestsThrottled",
            "TooManyRequests",
            "Request_ThrottledTemporarily",
        ],
        Action::Throttled,
        Verdict::Busy,
        Hint::Say("Azure throttles the subscription; a smaller --parallelism asks less of it"),
    ),
    // The caller.
    row(
        &["AuthorizationFailed", "LinkedAuthorizationFailed"],
        Action::Fatal,
        Verdict::Denied,
        Hint::Read(missing_role),
    ),
    row(
        &["Authorization_RequestDenied"],
        Action::Fatal,
        Verdict::Denied,
        Hint::Say("the signed-in identity lacks a Microsoft Graph permission or a directory role"),
    ),
    row(
        &["ForbiddenByConnection"],
        Action::Fatal,
        Verdict::Denied,
        Hint::Say(
            "the vault is closed to the public network: run inside its virtual network, or through its private endpoint",
        ),
    ),
    row(
        &["ForbiddenByFirewall"],
        Action::Fatal,
        Verdict::Denied,
        Hint::Say(
            "the vault's firewall is closed to this machine: run inside a network that it names, or through its private endpoint",
        ),
    ),
    row(
        &["Forbidden"],
        Action::Fatal,
        Verdict::Denied,
        Hint::Say(
            "the signed-in identity lacks a role on the vault, or the vault's firewall is closed to this machine",
        ),
    ),
    row(
        &["InvalidAuthenticationTokenTenant"],
        Action::Fatal,
        Verdict::Denied,
        Hint::Say(
            "the token is from another tenant than the subscription's; check [azure] tenant, or `az login --tenant`",
        ),
    ),
    row(
        &[
            "InvalidAuthenticationToken",
            "ExpiredAuthenticationToken",
            "InvalidAuthenticationTokenAudience",
            "AuthenticationFailed",
            "Unauthorized",
        ],
        Action::Fatal,
        Verdict::Denied,
        Hint::Say("sign in again, and check that [azure] cloud and credential belong together"),
    ),
    row(
        &["RequestDisallowedByPolicy", "RequestDisallowedByAzure"],
        Action::Fatal,
        Verdict::Denied,
        Hint::Say("an Azure Policy forbids this; the message names the assignment"),
    ),
    row(
        &["ScopeLocked", "ReadOnlyDisabledSubscription"],
        Action::Fatal,
        Verdict::Denied,
        Hint::Say(
            "a management lock stands over it: `az lock list` shows it; a plan lifts only locks that it declares",
        ),
    ),
    // The subscription.
    row(
        &["SubscriptionNotFound", "InvalidSubscriptionId"],
        Action::Fatal,
        Verdict::Fatal,
        Hint::Say("check [azure] subscription; the signed-in identity may also have no role in it"),
    ),
    row(
        &[
            "MissingSubscriptionRegistration",
            "SubscriptionNotRegistered",
            "MissingRegistrationForType",
        ],
        Action::Fatal,
        Verdict::Fatal,
        Hint::Read(unregistered),
    ),
    row(
        &[
            "QuotaExceeded",
            "ErrCode_InsufficientVCPUQuota",
            "InsufficientVCPUQuota",
            "RoleAssignmentLimitExceeded",
            "ResourceQuotaExceeded",
            "OperationNotAllowedQuota",
            "MaxNumberOfRegistriesReached",
        ],
        Action::Fatal,
        Verdict::Fatal,
        Hint::Say(
            "a quota is used up: delete what is not needed, or ask for more under Quotas in the portal",
        ),
    ),
    saying(
        &["OperationNotAllowed"],
        &["quota"],
        Action::Fatal,
        Verdict::Fatal,
        Hint::Say(
            "a quota is used up: delete what is not needed, or ask for more under Quotas in the portal",
        ),
    ),
    row(
        &[
            "SkuNotAvailable",
            "LocationNotAvailableForResourceType",
            "LocationNotAvailable",
        ],
        Action::Fatal,
        Verdict::Fatal,
        Hint::Say("the region does not offer this; choose another size or region"),
    ),
    row(
        &["K8sVersionNotSupported", "AgentPoolK8sVersionNotSupported"],
        Action::Fatal,
        Verdict::Fatal,
        Hint::Say(
            "the region does not offer this version of Kubernetes: `az aks get-versions --location REGION` shows those that it offers",
        ),
    ),
    // Names.
    row(
        &["ObjectIsDeletedButRecoverable"],
        Action::Fatal,
        Verdict::Conflict,
        Hint::Say(SOFT_DELETED),
    ),
    saying(
        &["ConflictError", "Conflict", "VaultAlreadyExists"],
        &[
            "deleted state",
            "deleted but recoverable",
            "soft deleted",
            "soft-deleted",
        ],
        Action::Fatal,
        Verdict::Conflict,
        Hint::Say(SOFT_DELETED),
    ),
    row(
        &[
            "AlreadyInUse",
            "VaultAlreadyExists",
            "NameNotAvailable",
            "AlreadyExists",
            "RegistryNameNotAvailable",
        ],
        Action::Fatal,
        Verdict::Conflict,
        Hint::Say(
            "the name is taken, perhaps by somebody else's subscription: it is unique in all of Azure; choose another",
        ),
    ),
    row(
        &["RoleAssignmentExists", "RoleDefinitionWithSameNameExists"],
        Action::Fatal,
        Verdict::Conflict,
        Hint::Say(
            "the same assignment or role stands under another name; plan again with --adopt to take it over",
        ),
    ),
    saying(
        &["Conflict", "ConflictError"],
        &["already exists", "already in use"],
        Action::Fatal,
        Verdict::Conflict,
        Hint::None,
    ),
    row(
        &["PreconditionFailed", "ConditionNotMet", "EtagMismatch"],
        Action::Fatal,
        Verdict::Conflict,
        Hint::Say("somebody changed it in between; plan again"),
    ),
    // Bodies and order.
    row(
        &["UnmatchedPrincipalType"],
        Action::Fatal,
        Verdict::Fatal,
        Hint::Say(
            "the principal is of another type than declared (user, group or service principal)",
        ),
    ),
    row(
        &["RoleAssignmentUpdateNotPermitted"],
        Action::Fatal,
        Verdict::Fatal,
        Hint::Say(
            "scope, role and principal of an assignment cannot change; it has to be replaced",
        ),
    ),
    row(
        &["InUsePrefixCannotBeDeleted"],
        Action::Fatal,
        Verdict::Fatal,
        Hint::Say(
            "something has an address of the range: declare another subnet with the new one, and drop this one when it is empty",
        ),
    ),
    row(
        &[
            "InUseSubnetCannotBeDeleted",
            "InUseNetworkSecurityGroupCannotBeDeleted",
            "ResourceGroupDeletionBlocked",
            "CannotDeleteResource",
        ],
        Action::Fatal,
        Verdict::Fatal,
        Hint::Say("something still uses it; the message names what"),
    ),
];

/// Codes of a 404 by which Azure says that the object, and not something else, is absent.
pub(super) const ABSENT: &[&str] = &[
    "ResourceNotFound",
    "ResourceGroupNotFound",
    "NotFound",
    "ParentResourceNotFound",
    "Request_ResourceNotFound",
    "KeyNotFound",
    "VaultNotFound",
    "DeletedVaultNotFound",
    "RoleAssignmentNotFound",
    "RoleDefinitionDoesNotExist",
    "RoleDefinitionNotFound",
    "LockNotFound",
    "FederatedIdentityCredentialNotFound",
    "AgentPoolNotFound",
    "ManagedClusterNotFound",
    "WorkspaceNotFound",
    "ContainerNotFound",
];

/// What a 403 means where nothing tells more.
pub(super) const NO_ROLE: &str =
    "the signed-in identity lacks a role for this; a new assignment takes minutes to act";

fn missing_role(message: &str) -> Option<String> {
    let named = quoted(message, "perform action").zip(quoted(message, "scope"));
    Some(match named {
        Some((action, scope)) => format!(
            "the signed-in identity needs a role with the action {action} at {scope} or above; a new assignment takes minutes to act"
        ),
        None => NO_ROLE.to_owned(),
    })
}

fn unregistered(message: &str) -> Option<String> {
    let namespace = quoted(message, "namespace")?;
    Some(format!(
        "register the provider once: `az provider register --namespace {namespace}`"
    ))
}
