//! Actions: what Azure asks access control about.

use std::fmt;

/// Which half of a role speaks of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Plane {
    /// `actions`: management, and registry pulls and pushes.
    Control,
    /// `dataActions`: what is inside vaults, clusters and storage.
    Data,
}

/// One action of one plane, e.g. `Microsoft.KeyVault/vaults/keys/sign/action`; case does not
/// count.
#[derive(Debug, Clone)]
pub struct Action {
    plane: Plane,
    name: String,
    key: String,
}

impl Action {
    /// The action of that name.
    pub fn new(plane: Plane, name: &str) -> Self {
        Self {
            plane,
            name: name.to_owned(),
            key: name.to_ascii_lowercase(),
        }
    }

    /// An action of the control plane.
    pub fn control(name: &str) -> Self {
        Self::new(Plane::Control, name)
    }

    /// An action of the data plane.
    pub fn data(name: &str) -> Self {
        Self::new(Plane::Data, name)
    }

    /// The half of a role that speaks of it.
    pub fn plane(&self) -> Plane {
        self.plane
    }

    /// As it was written.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// In lower case.
    pub(super) fn key(&self) -> &str {
        &self.key
    }
}

impl PartialEq for Action {
    fn eq(&self, other: &Self) -> bool {
        (self.plane, &self.key) == (other.plane, &other.key)
    }
}

impl Eq for Action {}

impl PartialOrd for Action {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Action {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.plane, &self.key).cmp(&(other.plane, &other.key))
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name)
    }
}

impl fmt::Display for Plane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Control => "action",
            Self::Data => "data action",
        })
    }
}
