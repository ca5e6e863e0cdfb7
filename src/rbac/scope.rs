//! Scopes: where something is granted, and what lies below.

use std::fmt;

/// The ids of management groups begin so, in lower case.
const MANAGEMENT_GROUPS: &str = "/providers/microsoft.management/managementgroups/";

/// The root, a management group, a subscription, a resource group, a resource or something
/// inside of one, by its id; case does not count.
#[derive(Debug, Clone)]
pub struct Scope {
    id: String,
    /// In lower case, without a slash at its end: the root is empty.
    key: String,
}

impl Scope {
    /// The scope with that id.
    pub fn new(id: &str) -> Self {
        let id = id.trim_end_matches('/');
        Self {
            id: id.to_owned(),
            key: id.to_ascii_lowercase(),
        }
    }

    /// Where all scopes begin: `/`.
    pub fn root() -> Self {
        Self::new("/")
    }

    /// As it was written; `/` for the root.
    pub fn id(&self) -> &str {
        if self.is_root() { "/" } else { &self.id }
    }

    /// Whether it is `/`.
    pub fn is_root(&self) -> bool {
        self.key.is_empty()
    }

    /// The name of the management group that it is or lies in.
    pub(super) fn management_group(&self) -> Option<&str> {
        let name = self
            .key
            .strip_prefix(MANAGEMENT_GROUPS)?
            .split('/')
            .next()?;
        (!name.is_empty()).then_some(name)
    }

    /// Whether it is a management group itself.
    pub(super) fn is_management_group(&self) -> bool {
        self.key
            .strip_prefix(MANAGEMENT_GROUPS)
            .is_some_and(|name| !name.is_empty() && !name.contains('/'))
    }

    /// Whether it is a subscription or lies in one.
    pub(super) fn is_in_subscription(&self) -> bool {
        self.subscription().is_some()
    }

    /// The subscription that it is or lies in.
    pub(super) fn subscription(&self) -> Option<&str> {
        let id = self
            .key
            .strip_prefix("/subscriptions/")?
            .split('/')
            .next()?;
        (!id.is_empty()).then_some(id)
    }

    /// Whether its id goes on from that of `above`, or is the same.
    pub(super) fn continues(&self, above: &Self) -> bool {
        self.key
            .strip_prefix(&above.key)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Whether an action is one of the type of resource that it is, or of what lies in one: a
    /// scale set is acted on by `Microsoft.Compute/virtualMachineScaleSets/write`, a group by none.
    pub(super) fn is_acted_on_by(&self, action: &str) -> bool {
        let Some((_, path)) = self.key.rsplit_once("/providers/") else {
            return false;
        };
        let mut parts = path.split('/');
        let namespace = parts.next().unwrap_or_default();
        // Types and names take turns.
        let types = parts.step_by(2);
        let of_type = std::iter::once(namespace).chain(types);
        let action = action.to_ascii_lowercase();
        let mut steps = action.split('/');
        of_type.into_iter().all(|step| steps.next() == Some(step)) && steps.next().is_some()
    }
}

impl PartialEq for Scope {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Scope {}

impl PartialOrd for Scope {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scope {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}
