//! What is asked of access control, and what it answers.

use super::condition::Attributes;

/// Which of a role's two halves counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Plane {
    /// `actions`: management, and registry pulls and pushes.
    Control,
    /// `dataActions`: the data of vaults, clusters and storage.
    Data,
}

/// May somebody do `action` at `scope`?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question<'a> {
    pub plane: Plane,
    /// E.g. `Microsoft.KeyVault/vaults/keys/sign/action`, in any case.
    pub action: &'a str,
    /// The id that it is about, in any case.
    pub scope: &'a str,
    /// What conditions may speak of.
    pub attributes: &'a Attributes,
}

/// The answer, with what it rests on, so that another implementation can be held against
/// it case by case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    Granted {
        /// Id of the first role assignment that grants it.
        assignment: String,
        /// GUID of that assignment's role definition.
        role: String,
    },
    Denied(Reason),
}

/// Why something is denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No assignment at the scope or above it grants the action.
    NothingGrants,
    /// Some assignment grants it, but only under a condition that does not hold or that
    /// cannot be told to hold.
    Condition {
        /// Id of the first such assignment.
        assignment: String,
    },
    /// Granted, and taken back by a deny assignment.
    DenyAssignment {
        id: String,
        name: String,
        scope: String,
    },
}

impl Decision {
    pub fn is_granted(&self) -> bool {
        matches!(self, Self::Granted { .. })
    }
}
