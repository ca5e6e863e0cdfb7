//! Where an environment stands, and what is wrong with what it declares.

use std::collections::BTreeMap;
use std::fmt;

use super::{Address, AddressError, EnvironmentName};

/// Everything about an environment that its resources share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its name.
    pub environment: EnvironmentName,
    /// What the environments are called together, among others in the tenant.
    pub estate: String,
    /// The Entra tenant, a GUID.
    pub tenant: String,
    /// The subscription, a GUID.
    pub subscription: String,
    /// The Azure region that it lives in, canonical (`eastus2`).
    pub primary: String,
    /// The region that it fails over to, canonical.
    pub recovery: String,
    /// Tags that every resource of it carries, beside the marker.
    pub tags: BTreeMap<String, String>,
    /// Its place on the way to production, lower first.
    pub order: u32,
    /// Whether destruction is refused without an approval.
    pub protected: bool,
    /// Who approves its changes, where it is protected and there is a vault to approve in.
    pub approval: Option<ApprovalTerms>,
}

/// How many people approve a change, and where their keys are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalTerms {
    /// How many different people.
    pub people: usize,
    /// The name of the vault that holds a key for each.
    pub vault: String,
}

/// As the tag of a resource group says it: `2 in kv-shared`.
impl fmt::Display for ApprovalTerms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.people, self.vault)
    }
}

impl ApprovalTerms {
    /// What a tag says; nothing where it says something else.
    pub fn read(tag: &str) -> Option<Self> {
        let (people, vault) = tag.split_once(" in ")?;
        Some(Self {
            people: people.parse().ok()?,
            vault: vault.to_owned(),
        })
    }
}

impl Place {
    /// The address of `path` here.
    ///
    /// # Errors
    /// [`AddressError`] when `path` has a segment that addresses do not have.
    pub fn address(&self, path: &str) -> Result<Address, AddressError> {
        Address::new(&self.environment, path)
    }

    /// The ARM id of the subscription.
    pub fn subscription_id(&self) -> String {
        format!("/subscriptions/{}", self.subscription)
    }

    /// The ARM id of a resource group.
    pub fn group_id(&self, group: &str) -> String {
        format!(
            "/subscriptions/{}/resourceGroups/{group}",
            self.subscription
        )
    }
}

/// Something that is wrong with a declared value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The TOML keys that lead to it, from the environment's top.
    pub path: Vec<String>,
    /// What is wrong, a lower-case fragment.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The TOML keys of another value that this one clashes with.
    pub first: Option<Vec<String>>,
}

impl Problem {
    /// A problem at a dotted TOML path without quoted keys.
    pub fn at(path: &str, message: impl Into<String>) -> Self {
        Self::below(path.split('.'), message)
    }

    /// A problem at the end of these TOML keys, which may hold dots.
    pub fn below(
        path: impl IntoIterator<Item = impl Into<String>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            path: path.into_iter().map(Into::into).collect(),
            message: message.into(),
            help: None,
            first: None,
        }
    }

    /// With the TOML keys of the value that this one clashes with.
    #[must_use]
    pub fn clashing(mut self, first: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.first = Some(first.into_iter().map(Into::into).collect());
        self
    }

    /// With what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}
