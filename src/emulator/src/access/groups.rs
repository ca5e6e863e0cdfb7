//! Management groups: which of them a subscription, or another one, lies in.
//!
//! The tenant's own is not stored: it is the one that lies in none, and holds whatever was put
//! nowhere else. It holds all subscriptions, and not the root of all scopes.
//! <https://learn.microsoft.com/azure/governance/management-groups/overview>

use crate::state::World;
use std::collections::BTreeMap;

/// The type of management groups.
pub const MANAGEMENT_GROUP: &str = "Microsoft.Management/managementGroups";

/// The type of a subscription's place among them.
pub const PLACEMENT: &str = "Microsoft.Management/managementGroups/subscriptions";

/// The ids of management groups begin so, in lower case.
pub const GROUPS: &str = "/providers/microsoft.management/managementgroups/";

/// The ids of subscriptions, and of all in them, begin so.
const SUBSCRIPTIONS: &str = "/subscriptions/";

/// The tree of a tenant.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    /// The group above each stored one, by lower-cased name.
    above_group: BTreeMap<String, String>,
    /// The group above each subscription that was put in one.
    above_subscription: BTreeMap<String, String>,
}

impl Groups {
    /// The tree as it stands.
    pub fn of(world: &World) -> Self {
        let mut groups = Self::default();
        for (key, group) in world.of_kind(MANAGEMENT_GROUP) {
            let parent = group.hidden.get("parent").and_then(|it| it.as_str());
            if let (Some(name), Some(parent)) = (name(key), parent) {
                let parent = parent.to_ascii_lowercase();
                groups.above_group.insert(name.to_owned(), parent);
            }
        }
        for (key, _) in world.of_kind(PLACEMENT) {
            if let Some((group, subscription)) = placement(key) {
                let (subscription, group) = (subscription.to_owned(), group.to_owned());
                groups.above_subscription.insert(subscription, group);
            }
        }
        groups
    }

    /// Whether `key` is `scope` or below it; both in lower case and without a slash at the end.
    pub fn within(&self, key: &str, scope: &str) -> bool {
        let below = |rest: &str| rest.is_empty() || rest.starts_with('/');
        if key.strip_prefix(scope).is_some_and(below) {
            return true;
        }
        match name(scope) {
            Some(wanted) => self.ancestors(key).iter().any(|group| match group {
                Some(name) => name == wanted,
                None => !self.above_group.contains_key(wanted),
            }),
            None => false,
        }
    }

    /// The groups above a subscription, what is in one, or a group; nearest first, and the
    /// tenant's own, which is stored nowhere, as the last. Nothing is above the root.
    fn ancestors(&self, key: &str) -> Vec<Option<String>> {
        let subscription = key
            .strip_prefix(SUBSCRIPTIONS)
            .and_then(|rest| rest.split('/').next());
        let own = key.strip_prefix(GROUPS).and_then(|it| it.split('/').next());
        let mut at = match (subscription, own) {
            (Some(id), _) => self.above_subscription.get(id).cloned(),
            (None, Some(name)) => self.above_group.get(name).cloned(),
            (None, None) => return Vec::new(),
        };
        // The tenant's own group is in none.
        if own.is_some_and(|name| !self.above_group.contains_key(name)) {
            return Vec::new();
        }
        let mut found = Vec::new();
        while let Some(name) = at.filter(|name| self.above_group.contains_key(name)) {
            // A ring cannot be made, and would otherwise have no end.
            if found.contains(&Some(name.clone())) {
                break;
            }
            at = self.above_group.get(&name).cloned();
            found.push(Some(name));
        }
        found.push(None);
        found
    }
}

/// The name in the lower-cased id of a management group.
pub fn name(key: &str) -> Option<&str> {
    let name = key.strip_prefix(GROUPS)?;
    (!name.is_empty() && !name.contains('/')).then_some(name)
}

/// Group and subscription in the lower-cased id of a placement.
fn placement(key: &str) -> Option<(&str, &str)> {
    let (group, subscription) = key.strip_prefix(GROUPS)?.split_once("/subscriptions/")?;
    Some((group, subscription))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_in_a_group_holds_below_it() {
        let pair = |(below, above): (&str, &str)| (below.to_owned(), above.to_owned());
        let groups = Groups {
            above_group: [("mid", "top"), ("low", "mid")].map(pair).into(),
            above_subscription: [("s1", "low"), ("s2", "top")].map(pair).into(),
        };
        let group = |name: &str| format!("{GROUPS}{name}");
        let resource = "/subscriptions/s1/resourcegroups/g/providers/a.b/cs/c";
        for (key, scope, holds) in [
            (resource, group("low"), true),
            (resource, group("mid"), true),
            // Stored nowhere: the tenant's own.
            (resource, group("top"), true),
            ("/subscriptions/s2", group("mid"), false),
            ("/subscriptions/s2", group("top"), true),
            ("/subscriptions/s3", group("top"), true),
            ("/subscriptions/s3", group("low"), false),
            (&group("low"), group("mid"), true),
            (&group("low"), group("top"), true),
            (&group("mid"), group("low"), false),
            (&group("top"), group("mid"), false),
            (&group("top"), group("top"), true),
            ("", group("top"), false),
            (resource, "/subscriptions/s1".to_owned(), true),
            ("/subscriptions/s1", resource.to_owned(), false),
        ] {
            assert_eq!(groups.within(key, &scope), holds, "{key} in {scope}");
        }
    }
}
