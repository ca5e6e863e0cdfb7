//! One finding, and the rules that findings are of.

use std::fmt;

use serde::Serialize;

use crate::resource::Severity;

/// Something that is not as `rbac/` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Which rule it breaks: its id.
    pub rule: Rule,
    /// What it is about: an address, or what TOML or the directory calls somebody.
    pub subject: String,
    /// The object id of whom it is about, if it is about somebody.
    pub principal: Option<String>,
    /// The grant that it is about, if it is about one.
    pub grant: Option<Grant>,
    /// What was found.
    pub explanation: String,
    /// What to do about it.
    pub instead: String,
    /// Whether it is beyond doubt.
    pub certain: bool,
}

/// The grant that a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Grant {
    /// The id of the assignment or the eligibility; of a binding inside a cluster, its path there.
    pub id: String,
    /// The GUID of the role; of a binding inside a cluster, a made one.
    pub role: String,
    /// Where it is held.
    pub scope: String,
    /// Whether it has to be activated before it counts.
    pub eligible: bool,
}

/// Rules with their ids, each told once: the comment is what a program is told of the rule.
macro_rules! rules {
    ($(#[doc = $about:literal] $rule:ident = $id:literal,)+) => {
        /// What findings are of. The words are the ids, and stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        pub enum Rule {
            $(#[doc = $about] #[serde(rename = $id)] $rule,)+
        }

        impl Rule {
            /// Every rule.
            pub const ALL: &[Self] = &[$(Self::$rule,)+];

            /// The id.
            pub fn id(self) -> &'static str {
                match self {
                    $(Self::$rule => $id,)+
                }
            }

            /// What is found where it is broken.
            pub fn about(self) -> &'static str {
                match self {
                    $(Self::$rule => $about.trim_ascii(),)+
                }
            }
        }
    };
}

rules! {
    /// Somebody may do more than declared, by a grant of his own or of a group.
    ExtraGrant = "extra-grant",
    /// Somebody outside `rbac/` holds a grant on what is ours, or above it.
    StrangerGrant = "stranger-grant",
    /// Somebody may activate what is not declared.
    EligibleGrant = "eligible-grant",
    /// Somebody could obtain more than declared.
    CouldObtain = "could-obtain",
    /// Somebody owns what he could act as.
    UnexpectedOwner = "unexpected-owner",
    /// Somebody is in a group who should not be.
    UnexpectedMember = "unexpected-member",
    /// Somebody is not in a group who should be.
    MissingMember = "missing-member",
    /// A declared grant is missing.
    MissingGrant = "missing-grant",
    /// A declared grant is there, and does not give what it should.
    GrantNotInEffect = "grant-not-in-effect",
    /// A declared principal or group does not exist.
    MissingPrincipal = "missing-principal",
    /// What is allowed beside the matrix is allowed no longer.
    ExpiredAllowance = "expired-allowance",
    /// A role is not as declared.
    DriftedRole = "drifted-role",
    /// A declared role does not exist.
    MissingRole = "missing-role",
    /// A role gives more than the capability means that it stands for.
    BeyondMeaning = "beyond-meaning",
    /// A role of Azure's stands under the name of another in TOML.
    MisnamedRole = "misnamed-role",
    /// A principal has a client secret or a certificate.
    StandingSecret = "standing-secret",
    /// A federated credential that TOML does not know.
    UnknownFederation = "unknown-federation",
    /// Two whom TOML keeps apart take the same tokens.
    SharedFederation = "shared-federation",
    /// An issuer that will be gone.
    RetiringIssuer = "retiring-issuer",
    /// A registry has an admin user.
    AdminUser = "admin-user",
    /// Anybody may pull from a registry.
    AnonymousPull = "anonymous-pull",
    /// A registry goes by roles on its repositories.
    RepositoryRoles = "repository-roles",
    /// A registry has a token.
    RegistryToken = "registry-token",
    /// A registry has a task, which pushes.
    RegistryTask = "registry-task",
    /// A cluster has local accounts.
    LocalAccounts = "local-accounts",
    /// A cluster does not ask Azure what may be done inside.
    NoAzureRbac = "no-azure-rbac",
    /// A vault goes by access policies.
    AccessPolicies = "access-policies",
    /// A storage account takes account keys.
    AccountKeys = "account-keys",
    /// A private endpoint that TOML does not declare leads to what is ours.
    StrangerEndpoint = "stranger-endpoint",
    /// A name of ours does not lead to its private endpoint.
    RedirectedName = "redirected-name",
    /// A key is in an HSM of an old generation, or in none.
    WeakKey = "weak-key",
    /// An action that no provider has.
    UnknownAction = "unknown-action",
}

impl Finding {
    /// A finding beyond doubt.
    pub(super) fn new(severity: Severity, rule: Rule, subject: impl Into<String>) -> Self {
        Self {
            severity,
            rule,
            subject: subject.into(),
            principal: None,
            grant: None,
            explanation: String::new(),
            instead: String::new(),
            certain: true,
        }
    }

    /// About somebody, by object id.
    pub(super) fn about(mut self, principal: &str) -> Self {
        self.principal = Some(principal.to_owned());
        self
    }

    /// With what was found.
    pub(super) fn because(mut self, explanation: impl Into<String>) -> Self {
        self.explanation = explanation.into();
        self
    }

    /// With what to do about it.
    pub(super) fn instead(mut self, instead: impl Into<String>) -> Self {
        self.instead = instead.into();
        self
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeSet;

    #[test]
    fn a_rule_is_spelt_the_same_everywhere() {
        let ids: BTreeSet<&str> = Rule::ALL.iter().map(|rule| rule.id()).collect();
        assert_eq!(ids.len(), Rule::ALL.len());
        for rule in Rule::ALL {
            assert_eq!(json!(rule), json!(rule.to_string()));
            assert!(rule.about().ends_with('.'), "{rule}");
        }
    }
}
