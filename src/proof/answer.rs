//! What an answer means: that somebody may, that somebody may not, or nothing.
//!
//! ## Why
//! Azure decides who may before it looks at what was sent, so a refusal of the request itself
//! (400, 404, 409, 422) shows that the caller got past access control. What comes from a firewall,
//! a lock, a policy or a busy service says nothing of the caller, and is not measured.

use serde::Serialize;

use super::Reply;

/// Through which of Azure's doors a step goes: each has its own words for a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Resource Manager.
    Arm,
    /// A vault's data plane.
    Vault,
    /// A registry's data plane.
    Registry,
    /// A cluster's API server.
    Cluster,
    /// A cluster's review of access, whose answer stands in its body.
    Review,
}

/// What a step showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "answer", content = "because")]
pub enum Measured {
    /// The caller may.
    Allowed,
    /// The caller may not.
    Refused,
    /// Nobody knows, and why.
    Unknown(String),
}

/// One step of a probe and what it showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What was asked, for people: `POST …/importImage`.
    pub asked: String,
    /// What it showed.
    #[serde(flatten)]
    pub measured: Measured,
    /// The status and the code of the answer, where there was one.
    pub heard: String,
}

impl Step {
    /// What an answer to `asked` shows.
    pub fn of(way: Way, asked: impl Into<String>, reply: &Reply) -> Self {
        let heard = match reply {
            Reply::Answered { status, code, .. } if code.is_empty() => status.to_string(),
            Reply::Answered { status, code, .. } => format!("{status} {code}"),
            Reply::Silent(_) => String::new(),
        };
        Self {
            asked: asked.into(),
            measured: meaning(way, reply),
            heard,
        }
    }
}

/// Codes of Resource Manager for who has no right to do something.
const ARM_REFUSALS: &[&str] = &[
    "AuthorizationFailed",
    "LinkedAuthorizationFailed",
    "DenyAssignmentAuthorizationFailed",
    "DenyAuthorizationFailed",
];

/// Codes of a vault for who has no right to do something.
const VAULT_REFUSALS: &[&str] = &["ForbiddenByRbac", "ForbiddenByPolicy", "AccessDenied"];

/// Codes of a vault for who does not reach it.
const VAULT_WALLS: &[&str] = &["ForbiddenByConnection", "ForbiddenByFirewall"];

/// What a registry says to who does not reach it.
const REGISTRY_WALL: &str = "is not allowed access";

/// What a cluster says to who has no right: `User "x" cannot create resource "y"`.
const CLUSTER_REFUSAL: &str = " cannot ";

/// What a cluster says to a request that it let in and then did not take.
const ADMISSION: &[&str] = &[
    "admission webhook",
    "ValidatingAdmissionPolicy",
    "violates PodSecurity",
    "exceeded quota",
];

/// What an answer means.
fn meaning(way: Way, reply: &Reply) -> Measured {
    let (status, code, message, body) = match reply {
        Reply::Silent(why) => return Measured::Unknown(why.clone()),
        Reply::Answered {
            status,
            code,
            message,
            body,
            ..
        } => (*status, code.as_str(), message.as_str(), body),
    };
    let one_of = |codes: &[&str]| codes.iter().any(|known| known.eq_ignore_ascii_case(code));
    let unknown = || Measured::Unknown(told(status, code, message));
    match (way, status) {
        (Way::Review, 200 | 201) => match body.pointer("/status/allowed") {
            Some(said) if *said == true => Measured::Allowed,
            Some(_) => Measured::Refused,
            None => Measured::Unknown("a review that says neither yes nor no".to_owned()),
        },
        (Way::Review, _) => unknown(),
        (_, 200..=299) => Measured::Allowed,
        (Way::Arm, 403) if one_of(ARM_REFUSALS) => Measured::Refused,
        (Way::Arm, 400) => Measured::Allowed,
        (Way::Vault, 403) if one_of(VAULT_REFUSALS) => Measured::Refused,
        (Way::Vault, 403) if one_of(VAULT_WALLS) => wall("the vault"),
        (Way::Registry, 403) if message.contains(REGISTRY_WALL) => wall("the registry"),
        (Way::Registry, 401 | 403) => Measured::Refused,
        (Way::Registry, 400 | 404 | 405) => Measured::Allowed,
        (Way::Cluster, 403) if message.contains(CLUSTER_REFUSAL) => Measured::Refused,
        // What admission says, it says to those whom access control let through.
        (Way::Cluster, 403) if ADMISSION.iter().any(|word| message.contains(word)) => {
            Measured::Allowed
        }
        (Way::Cluster, 400 | 404 | 409 | 422) => Measured::Allowed,
        _ => unknown(),
    }
}

fn wall(what: &str) -> Measured {
    Measured::Unknown(format!(
        "{what} is closed to this machine: run inside the environment's network"
    ))
}

fn told(status: u16, code: &str, message: &str) -> String {
    let mut text = format!("it answered {status}");
    for part in [code, message] {
        let line = part.lines().next().unwrap_or_default().trim();
        if !line.is_empty() {
            text.push_str(": ");
            text.push_str(line);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn reply(status: u16, code: &str, message: &str) -> Reply {
        Reply::Answered {
            status,
            code: code.to_owned(),
            message: message.to_owned(),
            body: Json::Null,
            location: None,
        }
    }

    #[test]
    fn what_access_control_says_is_told_from_what_comes_after_it() {
        let wall =
            "client with IP '203.0.113.9' is not allowed access. Refer https://aka.ms/acr/firewall";
        let cannot = "deployments.apps is forbidden: User \"x\" cannot create resource";
        let webhook = "admission webhook \"validation.gatekeeper.sh\" denied the request";
        for (way, status, code, message, expected) in [
            (Way::Arm, 202, "", "", Some(true)),
            (Way::Arm, 400, "InvalidParameters", "", Some(true)),
            (Way::Arm, 403, "AuthorizationFailed", "", Some(false)),
            (Way::Arm, 403, "LinkedAuthorizationFailed", "", Some(false)),
            (
                Way::Arm,
                403,
                "DenyAssignmentAuthorizationFailed",
                "",
                Some(false),
            ),
            (Way::Arm, 403, "RequestDisallowedByPolicy", "", None),
            (Way::Arm, 409, "ScopeLocked", "", None),
            (Way::Arm, 404, "ResourceNotFound", "", None),
            (Way::Arm, 401, "ExpiredAuthenticationToken", "", None),
            (Way::Arm, 429, "TooManyRequests", "", None),
            (Way::Vault, 200, "", "", Some(true)),
            (Way::Vault, 403, "ForbiddenByRbac", "", Some(false)),
            (Way::Vault, 403, "ForbiddenByConnection", "", None),
            (Way::Vault, 403, "ForbiddenByFirewall", "", None),
            (Way::Vault, 403, "KeyOperationForbidden", "", None),
            (Way::Vault, 404, "KeyNotFound", "", None),
            (Way::Registry, 404, "MANIFEST_UNKNOWN", "", Some(true)),
            (Way::Registry, 401, "UNAUTHORIZED", "", Some(false)),
            (
                Way::Registry,
                403,
                "DENIED",
                "requested access is denied",
                Some(false),
            ),
            (Way::Registry, 403, "DENIED", wall, None),
            (Way::Registry, 503, "UNAVAILABLE", "", None),
            (Way::Cluster, 201, "", "", Some(true)),
            (
                Way::Cluster,
                404,
                "NotFound",
                "namespaces \"iam\" not found",
                Some(true),
            ),
            (Way::Cluster, 422, "Invalid", "", Some(true)),
            (Way::Cluster, 403, "Forbidden", cannot, Some(false)),
            (Way::Cluster, 403, "Forbidden", webhook, Some(true)),
            (Way::Cluster, 403, "Forbidden", "", None),
            (Way::Cluster, 401, "Unauthorized", "", None),
            (Way::Review, 403, "Forbidden", "", None),
        ] {
            let measured = meaning(way, &reply(status, code, message));
            let said = match measured {
                Measured::Allowed => Some(true),
                Measured::Refused => Some(false),
                Measured::Unknown(_) => None,
            };
            assert_eq!(said, expected, "{way:?} {status} {code} {message}");
        }
    }

    #[test]
    fn a_review_is_read_and_not_counted_by_its_status() {
        let review = |body| Reply::Answered {
            status: 201,
            code: String::new(),
            message: String::new(),
            body,
            location: None,
        };
        let of = |body| meaning(Way::Review, &review(body));
        assert_eq!(of(json!({"status": {"allowed": true}})), Measured::Allowed);
        assert_eq!(of(json!({"status": {"allowed": false}})), Measured::Refused);
        assert!(matches!(of(json!({})), Measured::Unknown(_)));
        let silent = Reply::Silent("no route".to_owned());
        assert_eq!(
            Step::of(Way::Review, "x", &silent).measured,
            Measured::Unknown("no route".to_owned())
        );
    }
}
