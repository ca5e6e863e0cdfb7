//! What a root folder declares, typed and free of mistakes.

use std::collections::BTreeMap;
use std::path::PathBuf;

use thiserror::Error;

use super::azure::{AzureSettings, CloudChoice, PLACEHOLDER_HELP};
use super::control::ControlSettings;
use super::mistake::Mistake;
use super::sources::Sources;
use crate::kinds::{Members, Sections};
use crate::resource::{EnvironmentName, Place};

/// Everything that a root folder declares.
#[derive(Debug)]
pub struct Configuration {
    /// The root folder, as it was named.
    pub root: PathBuf,
    /// Which Azure, and how to sign in.
    pub azure: AzureSettings,
    /// Where control data is kept.
    pub control: ControlSettings,
    /// `shared` first, then by `[environment] order`, then by name.
    pub environments: Vec<Environment>,
    /// The environments that were asked for, all where none was; in the order of `environments`.
    pub selected: Vec<EnvironmentName>,
    /// The files behind it.
    pub sources: Sources,
    /// Who approves plans for protected environments, by name: their object ids, lower-cased.
    pub approvers: BTreeMap<String, String>,
    /// What is odd but stops nobody.
    pub warnings: Vec<Mistake>,
    /// SHA-256 in hexadecimal over what the files say in the end: comments, layout and the file
    /// that says it do not matter, but a default that is spelled out does.
    pub digest: String,
}

/// One environment.
#[derive(Debug, Clone, PartialEq)]
pub struct Environment {
    /// What its resources share.
    pub place: Place,
    /// What it declares.
    pub sections: Sections,
    /// The file that is its own, below the root folder; `common.toml` for `shared`.
    pub file: PathBuf,
    /// What it is for.
    pub description: Option<String>,
    /// How many people have to approve a plan that changes it, where it is protected.
    pub approvals: usize,
}

impl Configuration {
    /// The environment with this name.
    pub fn environment(&self, name: &EnvironmentName) -> Option<&Environment> {
        self.environments.iter().find(|it| it.name() == name)
    }

    /// The people that groups name as members: each one's object id and name. They are in the
    /// directory before any of this is applied.
    pub fn people(&self) -> impl Iterator<Item = (&str, &str)> {
        let environments = self.environments.iter();
        let groups = environments.flat_map(|it| it.sections.access.people.values());
        let members = groups.filter_map(|people| match &people.membership {
            Members::Ours(members) => Some(members),
            Members::Elsewhere(_) => None,
        });
        let people = members.flatten();
        people.map(|(name, object_id)| (object_id.as_str(), name.as_str()))
    }
}

impl Environment {
    /// Its name.
    pub fn name(&self) -> &EnvironmentName {
        &self.place.environment
    }
}

/// A setting that is well formed and yet cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// The name of no cloud.
    #[error("no cloud `{0}`: {choices}", choices = CloudChoice::ALL.iter().map(|cloud| cloud.name()).collect::<Vec<_>>().join(", "))]
    UnknownCloud(String),
    /// The custom cloud was asked for, and nothing says where it is.
    #[error("the custom cloud needs `[azure.endpoints]` in environments/common.toml")]
    NoEndpoints,
    /// A link leads the control store out of the root folder, or nowhere.
    #[error("the control store `{0}` leads out of the root folder")]
    StoreOutside(String),
    /// A link leads the control store among the local Azure's data.
    #[error("the control store `{0}` lies among the local emulator's data")]
    StoreInEmulator(String),
    /// The sample's tenant or subscription, in a cloud that is not the local Azure.
    #[error(
        "[azure] {key} in environments/common.toml is the sample's placeholder, which only the emulator knows; {PLACEHOLDER_HELP}"
    )]
    Placeholder {
        /// The key that holds it.
        key: &'static str,
    },
}
