//! What is held beside the matrix, on purpose: by whoever deploys, and for a time by others.

use time::Date;

/// Somebody who runs `apply`: an identity that is not ours to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployer {
    /// Its object id, in lower case.
    pub object_id: String,
    /// What it is for.
    pub description: Option<String>,
    /// The GUIDs of the roles that it holds on every subscription, in lower case.
    pub roles: Vec<String>,
    /// The application roles of Microsoft Graph that it holds, e.g. `Group.ReadWrite.All`.
    pub graph: Vec<String>,
}

/// A grant beside the matrix that somebody answers for, until a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance {
    /// The object id of who holds it, in lower case.
    pub principal: String,
    /// The GUID of the role, in lower case: one of Azure's, or the template of a directory role.
    pub role: String,
    /// The id of where it is held; `None` for the directory.
    pub scope: Option<String>,
    /// Who answers for it.
    pub owner: String,
    /// Why it is needed.
    pub reason: String,
    /// The last day on which it is.
    pub until: Date,
}

/// All that a capability may come to, each action in full.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meaning {
    /// Of the control plane.
    pub actions: Vec<String>,
    /// Of the data plane.
    pub data_actions: Vec<String>,
}
