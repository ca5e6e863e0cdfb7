//! Management groups: which of them a subscription lies in.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value as Json;

use super::body::{BodyError, nullable, read, wrong};
use super::scope::Scope;
use super::truth::Truth;

const WHAT: &str = "management group";

/// The tree of management groups, as far as it could be read.
#[derive(Debug, Clone, Default)]
pub struct Hierarchy {
    /// The parent of each management group and subscription, by lower-cased name; `None` for
    /// the one at the top.
    parents: BTreeMap<Node, Option<String>>,
    /// Management groups that subscriptions are known to lie in, at whatever depth.
    above: BTreeSet<(String, String)>,
    /// Subscriptions of which `above` names every management group that anything was read of.
    whole: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Node {
    Group(String),
    Subscription(String),
}

#[derive(Deserialize)]
struct Group {
    name: String,
    properties: GroupProperties,
}

#[derive(Deserialize)]
struct GroupProperties {
    details: Option<Details>,
    #[serde(default, deserialize_with = "nullable")]
    children: Vec<Child>,
}

#[derive(Deserialize)]
struct Details {
    parent: Option<Parent>,
}

#[derive(Deserialize)]
struct Parent {
    name: Option<String>,
}

#[derive(Deserialize)]
struct Child {
    #[serde(rename = "type")]
    of_type: String,
    name: String,
    #[serde(default, deserialize_with = "nullable")]
    children: Vec<Child>,
}

impl Hierarchy {
    /// Takes in what `GET …/managementGroups/NAME?$expand=children&$recurse=true` answers.
    ///
    /// # Errors
    /// [`BodyError`] for anything else.
    pub fn add(&mut self, body: &Json) -> Result<(), BodyError> {
        let group: Group = read(WHAT, body)?;
        if group.name.is_empty() {
            return Err(wrong(WHAT, body, "name", "is empty"));
        }
        let details = group.properties.details;
        let above = details.and_then(|details| details.parent?.name);
        let name = group.name.to_ascii_lowercase();
        self.put(Node::Group(name.clone()), above.as_deref());
        let mut open = vec![(name, group.properties.children)];
        while let Some((parent, children)) = open.pop() {
            for child in children {
                let name = child.name.to_ascii_lowercase();
                // `/subscriptions`, or `/providers/Microsoft.Management/managementGroups`.
                if child
                    .of_type
                    .to_ascii_lowercase()
                    .ends_with("subscriptions")
                {
                    self.put(Node::Subscription(name), Some(&parent));
                } else {
                    self.put(Node::Group(name.clone()), Some(&parent));
                    open.push((name, child.children));
                }
            }
        }
        Ok(())
    }

    /// Says that a subscription lies in a management group.
    pub fn put_subscription(&mut self, subscription: &str, group: &str) {
        self.put(
            Node::Subscription(subscription.to_ascii_lowercase()),
            Some(group),
        );
    }

    /// Says that a subscription lies in a management group, or in one that lies in it. Azure lists
    /// with a subscription what is granted in the management groups above it, and nothing of
    /// others.
    pub fn put_above(&mut self, subscription: &str, group: &str) {
        let pair = (
            subscription.to_ascii_lowercase(),
            group.to_ascii_lowercase(),
        );
        self.above.insert(pair);
    }

    /// Says that no management group bears on a subscription but those that [`Self::put_above`]
    /// names: all that Azure lists with it was read.
    pub fn put_whole(&mut self, subscription: &str) {
        self.whole.insert(subscription.to_ascii_lowercase());
    }

    /// Says that a management group lies in another, or that it is the one at the top.
    pub fn put_group(&mut self, group: &str, parent: Option<&str>) {
        self.put(Node::Group(group.to_ascii_lowercase()), parent);
    }

    fn put(&mut self, node: Node, parent: Option<&str>) {
        let parent = parent.map(str::to_ascii_lowercase);
        // The one at the top of a body may be known from the body of its parent.
        let known = self.parents.entry(node).or_default();
        if parent.is_some() {
            *known = parent;
        }
    }

    /// Whether what is granted at `above` holds at `scope`; unknown where the tree could not be
    /// read so far.
    pub fn holds(&self, above: &Scope, scope: &Scope) -> Truth {
        if scope.continues(above) {
            return Truth::True;
        }
        if !above.is_management_group() {
            return Truth::False;
        }
        let Some(wanted) = above.management_group() else {
            return Truth::False;
        };
        if let Some(id) = scope.subscription() {
            if self.above.contains(&(id.to_owned(), wanted.to_owned())) {
                return Truth::True;
            }
            let unread = !self
                .parents
                .contains_key(&Node::Subscription(id.to_owned()));
            if unread && self.whole.contains(id) {
                return Truth::False;
            }
        }
        let mut at = match (scope.subscription(), scope.management_group()) {
            (Some(id), _) => Node::Subscription(id.to_owned()),
            (None, Some(name)) => Node::Group(name.to_owned()),
            // The root and what lies right below it is in no management group.
            (None, None) => return Truth::False,
        };
        let mut seen = BTreeSet::new();
        loop {
            if at == Node::Group(wanted.to_owned()) {
                return Truth::True;
            }
            let next = match self.parents.get(&at) {
                Some(Some(parent)) => Node::Group(parent.clone()),
                Some(None) => return Truth::False,
                None => return Truth::Unknown,
            };
            if !seen.insert(at) {
                return Truth::Unknown;
            }
            at = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn group(name: &str) -> Scope {
        Scope::new(&format!(
            "/providers/Microsoft.Management/managementGroups/{name}"
        ))
    }

    #[test]
    fn what_is_granted_above_holds_below() {
        let mut hierarchy = Hierarchy::default();
        let body = json!({
            "id": "/providers/Microsoft.Management/managementGroups/Top",
            "name": "Top",
            "properties": {"details": {"parent": null}, "children": [
                {"type": "Microsoft.Management/managementGroups", "name": "Mid", "children": [
                    {"type": "/subscriptions", "name": "S1", "id": "/subscriptions/S1"},
                ]},
                {"type": "/subscriptions", "name": "s2", "children": null},
            ]},
        });
        hierarchy.add(&body).expect("a management group");
        let resource = Scope::new("/subscriptions/s1/resourceGroups/g/providers/A.B/cs/c");
        let tell = |above: &str, scope: &Scope| hierarchy.holds(&group(above), scope);
        assert_eq!(tell("mid", &resource), Truth::True);
        assert_eq!(tell("TOP", &resource), Truth::True);
        assert_eq!(tell("mid", &Scope::new("/subscriptions/s2")), Truth::False);
        assert_eq!(tell("top", &group("mid")), Truth::True);
        assert_eq!(tell("mid", &group("top")), Truth::False);
        assert_eq!(tell("mid", &Scope::root()), Truth::False);
        assert_eq!(
            tell("mid", &Scope::new("/subscriptions/s3")),
            Truth::Unknown
        );
        let at = Scope::new("/subscriptions/s1/resourcegroups/G");
        assert_eq!(hierarchy.holds(&at, &resource), Truth::True);
        let beside = Scope::new("/subscriptions/s1/resourcegroups/G2/providers/A.B/cs/c");
        assert_eq!(hierarchy.holds(&at, &beside), Truth::False);
        assert_eq!(hierarchy.holds(&resource, &at), Truth::False);
        assert_eq!(hierarchy.holds(&Scope::root(), &resource), Truth::True);
    }

    #[test]
    fn what_is_listed_with_a_subscription_lies_above_it() {
        let mut hierarchy = Hierarchy::default();
        hierarchy.put_above("S", "Top");
        let scope = Scope::new("/subscriptions/s/resourceGroups/g");
        assert_eq!(hierarchy.holds(&group("top"), &scope), Truth::True);
        assert_eq!(hierarchy.holds(&group("mid"), &scope), Truth::Unknown);
        let other = Scope::new("/subscriptions/s2");
        assert_eq!(hierarchy.holds(&group("top"), &other), Truth::Unknown);
        // What is not listed with a subscription of which all was read does not lie above it.
        hierarchy.put_whole("S2");
        hierarchy.put_whole("S");
        assert_eq!(hierarchy.holds(&group("top"), &other), Truth::False);
        assert_eq!(hierarchy.holds(&group("top"), &scope), Truth::True);
    }

    #[test]
    fn a_ring_is_no_answer() {
        let mut hierarchy = Hierarchy::default();
        hierarchy.put_subscription("s", "a");
        hierarchy.put_group("a", Some("b"));
        hierarchy.put_group("b", Some("a"));
        let scope = Scope::new("/subscriptions/s");
        assert_eq!(hierarchy.holds(&group("c"), &scope), Truth::Unknown);
    }

    #[test]
    fn bad_bodies_are_errors() {
        for body in [
            json!(null),
            json!({"name": "a"}),
            json!({"name": "", "properties": {}}),
            json!({"name": "a", "properties": {"children": [{"name": "x"}]}}),
            json!({"name": 1, "properties": {}}),
        ] {
            assert!(Hierarchy::default().add(&body).is_err(), "{body}");
        }
    }
}
