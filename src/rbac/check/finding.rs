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
    /// What was found.
    pub explanation: String,
    /// What to do about it.
    pub instead: String,
    /// Whether it is beyond doubt.
    pub certain: bool,
}

/// What findings are of. The words are the ids, and stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Somebody may do more than declared, by a grant of his own or of a group.
    ExtraGrant,
    /// Somebody outside `rbac/` holds a grant on what is ours, or above it.
    StrangerGrant,
    /// Somebody may activate what is not declared.
    EligibleGrant,
    /// Somebody could obtain more than declared.
    CouldObtain,
    /// Somebody owns what he could act as.
    UnexpectedOwner,
    /// Somebody is in a group who should not be.
    UnexpectedMember,
    /// Somebody is not in a group who should be.
    MissingMember,
    /// A declared grant is missing.
    MissingGrant,
    /// A declared grant is there, and does not give what it should.
    GrantNotInEffect,
    /// A declared principal or group does not exist.
    MissingPrincipal,
    /// What is allowed beside the matrix is allowed no longer.
    ExpiredAllowance,
    /// A role is not as declared.
    DriftedRole,
    /// A declared role does not exist.
    MissingRole,
    /// A role gives more than the capability means that it stands for.
    BeyondMeaning,
    /// A role of Azure's stands under the name of another in TOML.
    MisnamedRole,
    /// A principal has a client secret or a certificate.
    StandingSecret,
    /// A federated credential that TOML does not know.
    UnknownFederation,
    /// Two whom TOML keeps apart take the same tokens.
    SharedFederation,
    /// An issuer that will be gone.
    RetiringIssuer,
    /// A registry has an admin user.
    AdminUser,
    /// Anybody may pull from a registry.
    AnonymousPull,
    /// A registry goes by roles on its repositories.
    RepositoryRoles,
    /// A registry has a token.
    RegistryToken,
    /// A cluster has local accounts.
    LocalAccounts,
    /// A cluster does not ask Azure what may be done inside.
    NoAzureRbac,
    /// A vault goes by access policies.
    AccessPolicies,
    /// A storage account takes account keys.
    AccountKeys,
    /// A key is in an HSM of an old generation, or in none.
    WeakKey,
    /// An action that no provider has.
    UnknownAction,
}

impl Finding {
    /// A finding beyond doubt.
    pub(super) fn new(severity: Severity, rule: Rule, subject: impl Into<String>) -> Self {
        Self {
            severity,
            rule,
            subject: subject.into(),
            principal: None,
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
        f.pad(match self {
            Self::ExtraGrant => "extra-grant",
            Self::StrangerGrant => "stranger-grant",
            Self::EligibleGrant => "eligible-grant",
            Self::CouldObtain => "could-obtain",
            Self::UnexpectedOwner => "unexpected-owner",
            Self::UnexpectedMember => "unexpected-member",
            Self::MissingMember => "missing-member",
            Self::MissingGrant => "missing-grant",
            Self::GrantNotInEffect => "grant-not-in-effect",
            Self::MissingPrincipal => "missing-principal",
            Self::ExpiredAllowance => "expired-allowance",
            Self::DriftedRole => "drifted-role",
            Self::MissingRole => "missing-role",
            Self::BeyondMeaning => "beyond-meaning",
            Self::MisnamedRole => "misnamed-role",
            Self::StandingSecret => "standing-secret",
            Self::UnknownFederation => "unknown-federation",
            Self::SharedFederation => "shared-federation",
            Self::RetiringIssuer => "retiring-issuer",
            Self::AdminUser => "admin-user",
            Self::AnonymousPull => "anonymous-pull",
            Self::RepositoryRoles => "repository-roles",
            Self::RegistryToken => "registry-token",
            Self::LocalAccounts => "local-accounts",
            Self::NoAzureRbac => "no-azure-rbac",
            Self::AccessPolicies => "access-policies",
            Self::AccountKeys => "account-keys",
            Self::WeakKey => "weak-key",
            Self::UnknownAction => "unknown-action",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_rule_is_spelt_the_same_everywhere() {
        for rule in [
            Rule::ExtraGrant,
            Rule::GrantNotInEffect,
            Rule::NoAzureRbac,
            Rule::UnknownAction,
        ] {
            assert_eq!(json!(rule), json!(rule.to_string()));
        }
    }
}
