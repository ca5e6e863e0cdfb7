//! What Blob Storage's refusals mean for a store of objects.
//!
//! The codes are those of <https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes>.

use azure_core::error::{Error, ErrorKind};

use super::credential;
use super::error::own;
use super::transport::root;
use crate::provision::ports::{Failure, StoreError, Verdict};

/// What a refusal means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// There is no such blob.
    Absent,
    /// It is not what was expected.
    Moved,
    /// Somebody has its lease.
    Leased,
    /// The lease that was named does not hold it.
    LeaseLost,
    /// Something else.
    Other,
}

/// Azure's code for a refusal.
pub(super) fn code(error: &Error) -> Option<&str> {
    match error.kind() {
        ErrorKind::HttpResponse { error_code, .. } => error_code.as_deref(),
        _ => None,
    }
}

fn status(error: &Error) -> Option<u16> {
    match error.kind() {
        ErrorKind::HttpResponse { status, .. } => Some(u16::from(*status)),
        _ => None,
    }
}

pub(super) fn meaning(error: &Error) -> Meaning {
    match code(error) {
        // An answer to HEAD has no body and, from some servers, no code.
        None if status(error) == Some(404) => Meaning::Absent,
        None if status(error) == Some(412) => Meaning::Moved,
        Some("BlobNotFound" | "ResourceNotFound") => Meaning::Absent,
        Some(
            "ConditionNotMet"
            | "BlobAlreadyExists"
            | "TargetConditionNotMet"
            | "AppendPositionConditionNotMet"
            | "UnauthorizedBlobOverwrite",
        ) => Meaning::Moved,
        Some("LeaseAlreadyPresent" | "LeaseIdMissing" | "LeaseIsBreakingAndCannotBeAcquired") => {
            Meaning::Leased
        }
        Some(
            "LeaseIdMismatchWithBlobOperation"
            | "LeaseIdMismatchWithLeaseOperation"
            | "LeaseNotPresentWithBlobOperation"
            | "LeaseNotPresentWithLeaseOperation"
            | "LeaseIsBrokenAndCannotBeRenewed"
            | "LeaseIsBreakingAndCannotBeChanged"
            | "LeaseLost",
        ) => Meaning::LeaseLost,
        _ => Meaning::Other,
    }
}

/// Whether another try may fare better: no whole answer, throttled, or a fault of the service.
pub(super) fn passes(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Connection | ErrorKind::Io => true,
        _ => status(error).is_some_and(|status| matches!(status, 408 | 429 | 500..=599)),
    }
}

/// What an error says, without the pages that follow.
pub(super) fn first_line(error: &Error) -> String {
    let text = match error.kind() {
        ErrorKind::Connection | ErrorKind::Io => root(error),
        _ => error.to_string(),
    };
    let line = text.lines().find(|line| !line.trim().is_empty());
    line.unwrap_or("no reason given").trim().to_owned()
}

/// The error of a store whose service refused or did not answer.
pub(super) fn service(doing: &'static str, place: &str, error: &Error) -> StoreError {
    StoreError::Service {
        doing,
        place: place.to_owned(),
        failure: Box::new(failure(error)),
    }
}

fn failure(error: &Error) -> Failure {
    let hint = match (status(error), code(error)) {
        (_, Some("ContainerNotFound" | "ContainerBeingDeleted")) => Some(
            "correct [control] store; bring the container back, if it was deleted; or make it: \
             `az storage container create --auth-mode login --account-name ACCOUNT --name CONTAINER`",
        ),
        (Some(403), _) => Some(
            "whoever runs this needs the role `Storage Blob Data Contributor` on the container \
             (a reader: `Storage Blob Data Reader`), and the account's network must let it in",
        ),
        (Some(401), _) => {
            Some("the token was not taken: check [control] credential and cloud, and the tenant")
        }
        (None, _) if passes(error) => Some(
            "check the network, the proxy variables and [control] store and endpoint; an \
                 account that does not exist is made by `apply` where [shared.store] declares it",
        ),
        _ => None,
    };
    match (error.kind(), status(error)) {
        (ErrorKind::Credential, _) => credential::failure(error, false),
        (_, Some(status)) => {
            let verdict = match status {
                401 | 403 => Verdict::Denied,
                404 => Verdict::NotFound,
                408 | 429 | 500..=599 => Verdict::Busy,
                _ => Verdict::Fatal,
            };
            let code = code(error).unwrap_or("Refused");
            Failure {
                status: Some(status),
                ..own(verdict, code, first_line(error), hint)
            }
        }
        _ if passes(error) => own(Verdict::Unknown, "Unreachable", first_line(error), hint),
        _ => own(Verdict::Fatal, "InvalidRequest", first_line(error), hint),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, code: &str) -> Error {
        let kind = ErrorKind::HttpResponse {
            status: status.into(),
            error_code: (!code.is_empty()).then(|| code.to_owned()),
            raw_response: None,
        };
        Error::with_message(kind, "no\nand more")
    }

    #[test]
    fn refusals_mean_what_azure_documents() {
        for (status, code, expected) in [
            (404, "BlobNotFound", Meaning::Absent),
            (404, "", Meaning::Absent),
            (404, "ContainerNotFound", Meaning::Other),
            (412, "ConditionNotMet", Meaning::Moved),
            (409, "BlobAlreadyExists", Meaning::Moved),
            (412, "AppendPositionConditionNotMet", Meaning::Moved),
            (409, "LeaseAlreadyPresent", Meaning::Leased),
            (412, "LeaseIdMissing", Meaning::Leased),
            (409, "LeaseIsBreakingAndCannotBeAcquired", Meaning::Leased),
            (412, "LeaseLost", Meaning::LeaseLost),
            (412, "LeaseIdMismatchWithBlobOperation", Meaning::LeaseLost),
            (409, "LeaseIsBrokenAndCannotBeRenewed", Meaning::LeaseLost),
            (403, "AuthorizationPermissionMismatch", Meaning::Other),
        ] {
            assert_eq!(meaning(&refusal(status, code)), expected, "{code}");
        }
    }

    #[test]
    fn only_what_passes_is_tried_again() {
        for (status, passing) in [
            (503, true),
            (429, true),
            (500, true),
            (403, false),
            (412, false),
        ] {
            assert_eq!(passes(&refusal(status, "x")), passing, "{status}");
        }
        assert!(passes(&Error::with_message(ErrorKind::Io, "reset")));
        assert!(!passes(&Error::with_message(ErrorKind::Credential, "none")));
    }

    #[test]
    fn whoever_lacks_the_role_is_told_its_name() {
        let denied = failure(&refusal(403, "AuthorizationPermissionMismatch"));
        assert_eq!(denied.verdict, Verdict::Denied);
        assert_eq!(denied.message, "no");
        let hint = denied.hint.expect("a hint");
        assert!(hint.contains("Storage Blob Data Contributor"), "{hint}");
        let missing = failure(&refusal(404, "ContainerNotFound"));
        assert!(missing.hint.expect("a hint").contains("az storage"));
    }
}
