//! What access control says of one action, and why.

use std::fmt;

use super::scope::Scope;

/// The answer to a question, with all that it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It may be done.
    Allowed {
        /// What grants it; each alone would do.
        by: Vec<Why>,
    },
    /// Nobody can tell from what is known: counts as possible.
    Possible {
        /// What grants it, or may.
        by: Vec<Why>,
        /// What may deny it.
        against: Vec<Against>,
    },
    /// It is granted, and taken back.
    Denied {
        /// What takes it back.
        by: Vec<Against>,
        /// What would grant it, or may.
        granted: Vec<Why>,
    },
    /// Nothing grants it.
    Nothing {
        /// What would, did its condition not rule it out.
        ruled_out: Vec<Why>,
    },
}

/// A role assignment that bears on an action.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Why {
    /// Its id.
    pub assignment: String,
    /// Where it was made.
    pub scope: Scope,
    /// The GUID of its role.
    pub role: String,
    /// What people call the role; `None` for one that is not known.
    pub role_name: Option<String>,
    /// The groups through which it holds: from the one that the principal is a member of to the
    /// one that is assigned the role. Empty for the principal's own.
    pub via: Vec<String>,
    /// Why it is not certain that it counts.
    pub doubts: Vec<Doubt>,
}

/// A deny assignment that bears on an action.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Against {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Where it was made.
    pub scope: Scope,
    /// The groups through which it holds, as in [`Why::via`]; empty also for everybody.
    pub via: Vec<String>,
    /// Whether only Azure can take it away.
    pub system_protected: bool,
    /// Why it is not certain that it counts.
    pub doubts: Vec<Doubt>,
}

/// What is not known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doubt {
    /// Whether this condition holds.
    Condition(String),
    /// Whether the scope in question lies in this management group.
    Ancestry(String),
    /// Whether the principal is in this group.
    Membership(String),
    /// What the role with this GUID gives.
    Role(String),
}

impl Decision {
    /// Allowed where either allows it: what the other says of it is left out then, but for what
    /// allows it, too.
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (one, Self::Nothing { ruled_out }) if ruled_out.is_empty() => one,
            (Self::Allowed { mut by }, other) => {
                if let Self::Allowed { by: further } = other {
                    by.extend(further);
                }
                Self::Allowed { by }
            }
            (_, allowed @ Self::Allowed { .. }) => allowed,
            (Self::Possible { mut by, against }, Self::Possible { by: further, .. }) => {
                by.extend(further);
                Self::Possible { by, against }
            }
            (Self::Denied { .. } | Self::Nothing { .. }, possible @ Self::Possible { .. }) => {
                possible
            }
            (one, _) => one,
        }
    }

    /// Whether it may be done, for all that is known.
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed { .. })
    }

    /// Whether it may be done, or may be so.
    pub fn may_be_allowed(&self) -> bool {
        matches!(self, Self::Allowed { .. } | Self::Possible { .. })
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Condition(text) => write!(f, "whether its condition holds: {text}"),
            Self::Ancestry(group) => write!(f, "whether it lies in management group {group}"),
            Self::Membership(group) => write!(f, "who is in group {group}"),
            Self::Role(id) => write!(f, "what role {id} gives"),
        }
    }
}
