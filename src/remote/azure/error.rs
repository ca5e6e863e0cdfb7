//! Judges what Azure refused: by the table of its codes, else by the status.

use super::refusal::Refusal;
use super::table::{ABSENT, Hint, NO_ROLE, TABLE};
use crate::provision::ports::{Failure, Verdict};

/// What is to be done with a request that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// A passing fault that may have struck after the request took effect.
    Retry,
    /// Refused for now, without effect: something else is being done to the object.
    Busy,
    /// Refused for now, without effect: too many requests.
    Throttled,
    /// Refused, without effect, since a fresh object is not yet known everywhere.
    Replicating(Fresh),
    /// Refused for good.
    Fatal,
}

/// What may be too fresh to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fresh {
    /// A principal: minutes.
    Principal,
    /// A role definition or an assignment: minutes.
    Role,
    /// A resource or its group: seconds.
    Parent,
}

/// What a refusal means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Judgement {
    pub(super) action: Action,
    pub(super) verdict: Verdict,
    pub(super) hint: Option<String>,
}

/// Judges a refusal by its code, else by its status.
pub(super) fn judge(refusal: &Refusal) -> Judgement {
    let message = refusal.message.to_lowercase();
    let fits = |row: &&super::table::Row| {
        let named = |code: &str| {
            row.codes
                .iter()
                .any(|known| known.eq_ignore_ascii_case(code))
        };
        (named(&refusal.code) || refusal.inner.as_deref().is_some_and(named))
            && (row.says.is_empty() || row.says.iter().any(|said| message.contains(said)))
    };
    let mut judgement = match TABLE.iter().find(fits) {
        Some(row) => Judgement {
            action: row.action,
            verdict: row.verdict,
            hint: match row.hint {
                Hint::None => None,
                Hint::Say(text) => Some(text.to_owned()),
                Hint::Read(read) => read(&refusal.message),
            },
        },
        None => by_status(refusal.status),
    };
    if refusal.status == 404 {
        judgement.verdict = match says_absent(refusal) {
            true => Verdict::NotFound,
            // A path that no provider knows, or a proxy's page, says nothing of the object.
            false => Verdict::Fatal,
        };
    } else if judgement.verdict == Verdict::NotFound {
        judgement.verdict = Verdict::Fatal;
    }
    judgement
}

/// The failure that a refusal is.
pub(super) fn failure(refusal: Refusal, judgement: Judgement) -> Failure {
    Failure {
        verdict: judgement.verdict,
        status: Some(refusal.status),
        code: refusal.code,
        message: refusal.message,
        hint: judgement.hint,
        request_id: refusal.request_id,
    }
}

/// A failure that is ours, not an answer of Azure's.
pub(super) fn own(verdict: Verdict, code: &str, message: String, hint: Option<&str>) -> Failure {
    Failure {
        verdict,
        status: None,
        code: code.to_owned(),
        message,
        hint: hint.map(str::to_owned),
        request_id: None,
    }
}

fn by_status(status: u16) -> Judgement {
    let (action, verdict) = match status {
        401 | 403 => (Action::Fatal, Verdict::Denied),
        408 | 500 | 502 | 503 | 504 => (Action::Retry, Verdict::Unknown),
        412 => (Action::Fatal, Verdict::Conflict),
        429 => (Action::Throttled, Verdict::Busy),
        _ => (Action::Fatal, Verdict::Fatal),
    };
    Judgement {
        action,
        verdict,
        hint: (status == 403).then(|| NO_ROLE.to_owned()),
    }
}

/// Whether a 404 says that the object is absent. The registry's provider has a sentence of
/// its own: "The resource N could not be found."
fn says_absent(refusal: &Refusal) -> bool {
    let listed = ABSENT
        .iter()
        .any(|code| code.eq_ignore_ascii_case(&refusal.code));
    let told = refusal.message.to_lowercase();
    listed
        || (told.starts_with("the resource ")
            && told.trim_end_matches('.').ends_with("could not be found"))
        || told == "the specified resource does not exist."
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, code: &str, message: &str) -> Refusal {
        Refusal {
            status,
            code: code.to_owned(),
            inner: None,
            message: message.to_owned(),
            retry_after: None,
            request_id: None,
        }
    }

    fn judged(status: u16, code: &str, message: &str) -> (Action, Verdict) {
        let judgement = judge(&refusal(status, code, message));
        (judgement.action, judgement.verdict)
    }

    #[test]
    fn each_class_of_the_table_is_told_apart() {
        use Action::{Busy, Fatal, Replicating, Retry, Throttled};
        let cases = [
            (409, "AnotherOperationInProgress", "", (Busy, Verdict::Busy)),
            (
                429,
                "RetryableError",
                "A retryable error occurred.",
                (Busy, Verdict::Busy),
            ),
            (
                409,
                "OperationNotAllowed",
                "there is an in-progress update",
                (Busy, Verdict::Busy),
            ),
            (
                409,
                "OperationNotAllowed",
                "exceeding approved Total Regional Cores quota",
                (Fatal, Verdict::Fatal),
            ),
            (
                409,
                "OperationNotAllowed",
                "not possible",
                (Fatal, Verdict::Fatal),
            ),
            (
                409,
                "Conflict",
                "the vault is being deleted",
                (Busy, Verdict::Busy),
            ),
            (
                409,
                "ConflictError",
                "A vault with the same name already exists in deleted state.",
                (Fatal, Verdict::Conflict),
            ),
            (
                400,
                "PrincipalNotFound",
                "",
                (Replicating(Fresh::Principal), Verdict::Busy),
            ),
            (
                404,
                "ParentResourceNotFound",
                "",
                (Replicating(Fresh::Parent), Verdict::NotFound),
            ),
            (
                404,
                "resourcegroupnotfound",
                "",
                (Replicating(Fresh::Parent), Verdict::NotFound),
            ),
            (
                400,
                "RoleDefinitionDoesNotExist",
                "",
                (Replicating(Fresh::Role), Verdict::Fatal),
            ),
            (429, "Http429", "", (Throttled, Verdict::Busy)),
            (503, "Http503", "", (Retry, Verdict::Unknown)),
            (504, "GatewayTimeout", "", (Retry, Verdict::Unknown)),
            (403, "SomethingElse", "", (Fatal, Verdict::Denied)),
            (409, "RoleAssignmentExists", "", (Fatal, Verdict::Conflict)),
            (
                409,
                "AlreadyInUse",
                "The registry DNS name x is already in use.",
                (Fatal, Verdict::Conflict),
            ),
            (409, "ScopeLocked", "", (Fatal, Verdict::Denied)),
            (400, "InvalidParameter", "", (Fatal, Verdict::Fatal)),
        ];
        for (status, code, message, expected) in cases {
            assert_eq!(
                judged(status, code, message),
                expected,
                "{status} {code} {message}"
            );
        }
    }

    #[test]
    fn only_azure_saying_so_is_absence() {
        for code in ABSENT {
            assert_eq!(judged(404, code, "").1, Verdict::NotFound, "{code}");
        }
        assert_eq!(
            judged(404, "Odd", "The resource r could not be found.").1,
            Verdict::NotFound
        );
        for code in [
            "SubscriptionNotFound",
            "InvalidResourceType",
            "InvalidResourceNamespace",
            "NoRegisteredProviderFound",
            "Http404",
        ] {
            assert_eq!(judged(404, code, "").1, Verdict::Fatal, "{code}");
        }
        assert_eq!(judged(400, "NotFound", "").1, Verdict::Fatal);
    }

    #[test]
    fn the_inner_code_counts() {
        let mut deleted = refusal(409, "Conflict", "Key k is currently in a state");
        deleted.inner = Some("ObjectIsDeletedButRecoverable".to_owned());
        assert_eq!(judge(&deleted).verdict, Verdict::Conflict);
        deleted.inner = Some("ObjectIsBeingDeleted".to_owned());
        assert_eq!(judge(&deleted).action, Action::Busy);
    }

    #[test]
    fn what_the_network_refuses_is_told_from_what_roles_do() {
        let hint = |inner: &str| {
            let mut closed = refusal(403, "Forbidden", "no");
            closed.inner = Some(inner.to_owned());
            let judgement = judge(&closed);
            assert_eq!(judgement.verdict, Verdict::Denied, "{inner}");
            judgement.hint.unwrap_or_default()
        };
        assert!(hint("ForbiddenByConnection").contains("inside its virtual network"));
        assert!(hint("ForbiddenByFirewall").contains("firewall"));
        for role in ["ForbiddenByRbac", "AccessDenied"] {
            assert!(
                hint(role).starts_with("the signed-in identity lacks a role"),
                "{role}"
            );
        }
    }

    #[test]
    fn hints_name_what_the_message_names() {
        let denied = judge(&refusal(
            403,
            "AuthorizationFailed",
            "The client 'c' with object id 'o' does not have authorization to perform action \
             'Microsoft.Authorization/roleAssignments/write' over scope '/subscriptions/s' or the scope is invalid.",
        ));
        let hint = denied.hint.unwrap_or_default();
        assert!(
            hint.contains("Microsoft.Authorization/roleAssignments/write"),
            "{hint}"
        );
        assert!(hint.contains("at /subscriptions/s or"), "{hint}");
        let missing = judge(&refusal(
            409,
            "MissingSubscriptionRegistration",
            "The subscription is not registered to use namespace 'Microsoft.ContainerService'.",
        ));
        assert_eq!(
            missing.hint.as_deref(),
            Some(
                "register the provider once: `az provider register --namespace Microsoft.ContainerService`"
            )
        );
        for code in ["K8sVersionNotSupported", "AgentPoolK8sVersionNotSupported"] {
            let hint = judge(&refusal(400, code, "no")).hint.unwrap_or_default();
            assert!(hint.contains("az aks get-versions"), "{code}: {hint}");
        }
        for code in ["AuthorizationFailed", "SomethingElse"] {
            let hint = judge(&refusal(403, code, "no")).hint;
            assert_eq!(hint.as_deref(), Some(NO_ROLE), "{code}");
        }
    }

    #[test]
    fn no_code_stands_in_two_rows_without_words_to_tell_them_apart() {
        let mut seen = std::collections::BTreeSet::new();
        for row in TABLE.iter().filter(|row| row.says.is_empty()) {
            for code in row.codes {
                assert!(seen.insert(code.to_lowercase()), "{code}");
            }
        }
    }
}
