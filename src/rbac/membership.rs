//! Groups: who is in them, through other groups too.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::Deserialize;
use serde_json::Value as Json;

use super::body::{BodyError, members, read};

const WHAT: &str = "list of group members";

/// Who is in which group, by object ids in lower case.
#[derive(Debug, Clone, Default)]
pub struct Memberships {
    /// The groups that each principal and group is a direct member of.
    above: BTreeMap<String, BTreeSet<String>>,
    /// Groups of which it could not be read who is in them.
    unread: BTreeSet<String>,
}

/// The groups that somebody is in, each with the shortest way into it: the groups from the one
/// that it is a member of to the group itself.
pub type Ways = BTreeMap<String, Vec<String>>;

#[derive(Deserialize)]
struct Object {
    id: String,
}

impl Memberships {
    /// Takes in what `GET /groups/GROUP/members` answers.
    ///
    /// # Errors
    /// [`BodyError`] for anything else.
    pub fn add_members(&mut self, group: &str, body: &Json) -> Result<(), BodyError> {
        for member in members(WHAT, body)? {
            let member: Object = read(WHAT, member)?;
            self.put(&member.id, group);
        }
        Ok(())
    }

    /// Takes in what `GET /…/PRINCIPAL/transitiveMemberOf` answers; directory roles in it are
    /// groups that nothing is assigned to.
    ///
    /// # Errors
    /// [`BodyError`] for anything else.
    pub fn add_groups(&mut self, principal: &str, body: &Json) -> Result<(), BodyError> {
        for group in members(WHAT, body)? {
            let group: Object = read(WHAT, group)?;
            self.put(principal, &group.id);
        }
        Ok(())
    }

    /// Says that somebody, or a group, is a direct member of a group.
    pub fn put(&mut self, member: &str, group: &str) {
        self.above
            .entry(member.to_ascii_lowercase())
            .or_default()
            .insert(group.to_ascii_lowercase());
    }

    /// Says that nobody knows who is in a group.
    pub fn put_unread(&mut self, group: &str) {
        self.unread.insert(group.to_ascii_lowercase());
    }

    /// The groups that somebody is in, with the way into each.
    pub fn of(&self, principal: &str) -> Ways {
        let start = principal.to_ascii_lowercase();
        let mut ways = Ways::new();
        let mut open = VecDeque::from([(start.clone(), Vec::new())]);
        while let Some((member, way)) = open.pop_front() {
            for group in self.above.get(&member).into_iter().flatten() {
                if *group == start || ways.contains_key(group) {
                    continue;
                }
                let mut on: Vec<String> = way.clone();
                on.push(group.clone());
                ways.insert(group.clone(), on.clone());
                open.push_back((group.clone(), on));
            }
        }
        ways
    }

    /// The groups that somebody may be in, since nobody knows who is in them or in a group that
    /// is in them.
    pub fn perhaps(&self, principal: &str) -> Ways {
        let known = self.of(principal);
        let start = principal.to_ascii_lowercase();
        let mut ways = Ways::new();
        for unread in self.unread.iter().filter(|unread| **unread != start) {
            ways.insert(unread.clone(), vec![unread.clone()]);
            for (group, way) in self.of(unread) {
                let on = std::iter::once(unread.clone()).chain(way).collect();
                ways.entry(group).or_insert(on);
            }
        }
        ways.retain(|group, _| !known.contains_key(group) && *group != start);
        ways
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn groups_nest_and_may_form_rings() {
        let mut memberships = Memberships::default();
        for (member, group) in [
            ("me", "A"),
            ("a", "b"),
            ("b", "c"),
            ("c", "A"),
            ("you", "d"),
        ] {
            memberships.put(member, group);
        }
        let ways = memberships.of("ME");
        let groups: Vec<&str> = ways.keys().map(String::as_str).collect();
        assert_eq!(groups, ["a", "b", "c"]);
        assert_eq!(ways["c"], ["a", "b", "c"]);
        assert!(!memberships.of("a").contains_key("a"));
    }

    #[test]
    fn whom_nobody_knows_may_be_anybody() {
        let mut memberships = Memberships::default();
        memberships.put("me", "known");
        memberships.put("closed", "outer");
        memberships.put_unread("Closed");
        let ways = memberships.perhaps("me");
        assert_eq!(ways["outer"], ["closed", "outer"]);
        assert_eq!(ways.len(), 2);
        memberships.put("me", "closed");
        assert!(memberships.perhaps("me").is_empty());
    }

    #[test]
    fn graph_lists_are_read() {
        let mut memberships = Memberships::default();
        let list = json!({"value": [{"@odata.type": "#microsoft.graph.user", "id": "ME"}]});
        memberships.add_members("g", &list).expect("a list");
        memberships
            .add_groups("g", &json!({"value": [{"id": "h"}]}))
            .expect("a list");
        assert_eq!(memberships.of("me")["h"], ["g", "h"]);
        for body in [
            json!({}),
            json!({"value": {}}),
            json!({"value": [{"id": 1}]}),
            json!([]),
        ] {
            assert!(memberships.add_members("g", &body).is_err(), "{body}");
        }
    }
}
