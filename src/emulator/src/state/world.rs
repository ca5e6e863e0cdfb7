//! Everything an emulator remembers: objects, operations and loose facts.

use super::operation::Operation;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

/// An ARM object as its provider keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Object {
    /// The id in the case that it was first seen in.
    pub id: String,
    /// The canonical ARM type, e.g. `Microsoft.ContainerRegistry/registries`.
    pub kind: String,
    /// All that the provider knows in its newest api-version, `id`, `name` and `type`
    /// included.
    pub body: Value,
    /// What the provider knows and never shows, e.g. passwords.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub hidden: Value,
    /// The operation that this object is waiting for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<String>,
}

impl Object {
    /// The key that it is stored under: the id in lower case.
    pub fn key(&self) -> String {
        self.id.to_ascii_lowercase()
    }

    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.body.pointer(pointer).and_then(Value::as_str)
    }

    pub fn location(&self) -> Option<&str> {
        self.text("/location")
    }

    pub fn name(&self) -> &str {
        self.id.rsplit('/').next().unwrap_or_default()
    }

    /// The ids, in lower case, of all others that stand in the body, as values or as members.
    fn names(&self, key: &str) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        ids_in(&self.body, &mut |id| {
            let id = id.to_ascii_lowercase();
            let own = id.strip_prefix(key);
            if !own.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
                names.insert(id);
            }
        });
        names
    }
}

/// Where an object says which principal it is about.
const PRINCIPAL: &str = "/properties/principalId";

/// How the id of whatever stands in a subscription begins.
const IDS: &str = "/subscriptions/";

/// One change of the world; `None` removes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    Object(String, Option<Arc<Object>>),
    Operation(String, Option<Arc<Operation>>),
    Fact(String, Option<Arc<Value>>),
}

/// The whole state. Keys are lower-case ids (objects), lower-case poll paths
/// (operations) or names that their owner picks (facts).
#[derive(Clone, Debug, Default)]
pub struct World {
    objects: BTreeMap<String, Arc<Object>>,
    operations: BTreeMap<String, Arc<Operation>>,
    facts: BTreeMap<String, Arc<Value>>,
    /// Operations by their second address.
    results: BTreeMap<String, String>,
    by_kind: BTreeMap<String, BTreeSet<String>>,
    /// Objects by the principal that they are about.
    by_principal: BTreeMap<String, BTreeSet<String>>,
    /// Objects by the ids of others that stand in their bodies.
    by_name: BTreeMap<String, BTreeSet<String>>,
    running: BTreeSet<String>,
}

impl World {
    pub fn object(&self, key: &str) -> Option<&Arc<Object>> {
        self.objects.get(key)
    }

    pub fn operation(&self, key: &str) -> Option<&Arc<Operation>> {
        let key = self.results.get(key).map_or(key, String::as_str);
        self.operations.get(key)
    }

    pub fn fact(&self, key: &str) -> Option<&Arc<Value>> {
        self.facts.get(key)
    }

    /// Facts whose key starts with `prefix`, by key.
    pub fn facts_under<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a String, &'a Arc<Value>)> {
        self.facts
            .range(prefix.to_owned()..)
            .take_while(move |(key, _)| key.starts_with(prefix))
    }

    /// All facts, by key.
    pub fn facts(&self) -> impl Iterator<Item = (&String, &Arc<Value>)> {
        self.facts.iter()
    }

    /// Keys of the facts that belong to an object.
    pub fn facts_of(&self, object: &str) -> Vec<String> {
        let prefix = format!("{object}#");
        self.facts
            .range(prefix.clone()..)
            .take_while(|(key, _)| key.starts_with(&prefix))
            .map(|(key, _)| key.clone())
            .collect()
    }

    /// All objects, by key.
    pub fn objects(&self) -> impl Iterator<Item = (&String, &Arc<Object>)> {
        self.objects.iter()
    }

    /// Objects whose key starts with `prefix`, by key.
    pub fn under<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a String, &'a Arc<Object>)> {
        self.objects
            .range(prefix.to_owned()..)
            .take_while(move |(key, _)| key.starts_with(prefix))
    }

    /// Those of them whose key comes after `after`.
    pub fn under_after<'a>(
        &'a self,
        prefix: &'a str,
        after: &str,
    ) -> impl Iterator<Item = (&'a String, &'a Arc<Object>)> + use<'a> {
        self.objects
            .range::<str, _>(from(prefix, after))
            .take_while(move |(key, _)| key.starts_with(prefix))
    }

    /// Objects of one type, by key.
    pub fn of_kind(&self, kind: &str) -> impl Iterator<Item = (&String, &Arc<Object>)> {
        self.by_kind
            .get(&kind.to_ascii_lowercase())
            .into_iter()
            .flatten()
            .filter_map(|key| self.objects.get_key_value(key))
    }

    /// Objects of one type whose key starts with `prefix`, by key.
    pub fn of_kind_under<'a>(
        &'a self,
        kind: &str,
        prefix: &str,
    ) -> impl Iterator<Item = (&'a String, &'a Arc<Object>)> + use<'a> {
        self.of_kind_after(kind, prefix, "")
    }

    /// Those of them whose key comes after `after`, as a further page of a list begins.
    pub fn of_kind_after<'a>(
        &'a self,
        kind: &str,
        prefix: &str,
        after: &str,
    ) -> impl Iterator<Item = (&'a String, &'a Arc<Object>)> + use<'a> {
        let keys = self.by_kind.get(&kind.to_ascii_lowercase());
        let keys = keys.map(|keys| keys.range::<str, _>(from(prefix, after)));
        let prefix = prefix.to_owned();
        keys.into_iter()
            .flatten()
            .take_while(move |key| key.starts_with(&prefix))
            .filter_map(|key| self.objects.get_key_value(key))
    }

    /// Objects of one type in whose body the id `key` (in lower case) stands, by key.
    pub fn naming<'a>(
        &'a self,
        key: &str,
        kind: &'a str,
    ) -> impl Iterator<Item = (&'a String, &'a Arc<Object>)> + use<'a> {
        self.by_name
            .get(key)
            .into_iter()
            .flatten()
            .filter_map(|key| self.objects.get_key_value(key))
            .filter(move |(_, object)| object.kind.eq_ignore_ascii_case(kind))
    }

    /// Objects of one type that are about a principal, by key.
    pub fn about<'a>(
        &'a self,
        principal: &str,
        kind: &'a str,
    ) -> impl Iterator<Item = (&'a String, &'a Arc<Object>)> {
        self.by_principal
            .get(principal)
            .into_iter()
            .flatten()
            .filter_map(|key| self.objects.get_key_value(key))
            .filter(move |(_, object)| object.kind.eq_ignore_ascii_case(kind))
    }

    /// Operations that have not ended.
    pub fn running(&self) -> impl Iterator<Item = (&String, &Arc<Operation>)> {
        self.running
            .iter()
            .filter_map(|key| self.operations.get_key_value(key))
    }

    /// Forgets all but the newest `kept` operations that have ended.
    pub fn forget_operations(&mut self, kept: usize) {
        let mut ended: Vec<(i64, String)> = self
            .operations
            .iter()
            .filter(|(_, operation)| operation.finished())
            .map(|(key, operation)| (operation.started, key.clone()))
            .collect();
        ended.sort();
        for (_, key) in ended.iter().rev().skip(kept) {
            self.operations.remove(key);
        }
    }

    pub fn len(&self) -> usize {
        self.objects.len() + self.operations.len() + self.facts.len()
    }

    /// The changes that build this world out of nothing, or out of `before`.
    pub fn since(&self, before: &World) -> Vec<Change> {
        let mut changes = Vec::new();
        difference(&before.objects, &self.objects, |key, value| {
            changes.push(Change::Object(key, value));
        });
        difference(&before.operations, &self.operations, |key, value| {
            changes.push(Change::Operation(key, value));
        });
        difference(&before.facts, &self.facts, |key, value| {
            changes.push(Change::Fact(key, value));
        });
        changes
    }

    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Object(key, value) => self.set_object(key, value),
            Change::Operation(key, value) => {
                if let Some(result) = value.as_ref().and_then(|o| o.result.as_ref()) {
                    self.results
                        .insert(result.path.to_ascii_lowercase(), key.clone());
                }
                if value
                    .as_ref()
                    .is_some_and(|operation| !operation.finished())
                {
                    self.running.insert(key.clone());
                } else {
                    self.running.remove(&key);
                }
                set(&mut self.operations, key, value);
            }
            Change::Fact(key, value) => set(&mut self.facts, key, value),
        }
    }

    fn set_object(&mut self, key: String, value: Option<Arc<Object>>) {
        if let Some(old) = self.objects.get(&key) {
            if let Some(keys) = self.by_kind.get_mut(&old.kind.to_ascii_lowercase()) {
                keys.remove(&key);
            }
            if let Some(keys) = old
                .text(PRINCIPAL)
                .and_then(|principal| self.by_principal.get_mut(principal))
            {
                keys.remove(&key);
            }
            for named in old.names(&key) {
                if let Entry::Occupied(mut keys) = self.by_name.entry(named) {
                    keys.get_mut().remove(&key);
                    if keys.get().is_empty() {
                        keys.remove();
                    }
                }
            }
        }
        if let Some(object) = &value {
            for named in object.names(&key) {
                self.by_name.entry(named).or_default().insert(key.clone());
            }
            if let Some(principal) = object.text(PRINCIPAL) {
                self.by_principal
                    .entry(principal.to_owned())
                    .or_default()
                    .insert(key.clone());
            }
            self.by_kind
                .entry(object.kind.to_ascii_lowercase())
                .or_default()
                .insert(key.clone());
        }
        set(&mut self.objects, key, value);
    }
}

/// From the first key that starts with `prefix` and comes after `after`.
fn from<'a>(prefix: &'a str, after: &'a str) -> (Bound<&'a str>, Bound<&'a str>) {
    let start = match after >= prefix && !after.is_empty() {
        true => Bound::Excluded(after),
        false => Bound::Included(prefix),
    };
    (start, Bound::Unbounded)
}

/// Calls `found` with every ARM id of a subscription that stands in `value`.
fn ids_in(value: &Value, found: &mut impl FnMut(&str)) {
    let is_id = |text: &str| {
        text.len() > IDS.len()
            && text.is_char_boundary(IDS.len())
            && text[..IDS.len()].eq_ignore_ascii_case(IDS)
    };
    match value {
        Value::String(text) if is_id(text) => found(text),
        Value::Array(items) => items.iter().for_each(|item| ids_in(item, found)),
        Value::Object(members) => {
            for (name, member) in members {
                if is_id(name) {
                    found(name);
                }
                ids_in(member, found);
            }
        }
        _ => {}
    }
}

fn set<T>(table: &mut BTreeMap<String, Arc<T>>, key: String, value: Option<Arc<T>>) {
    match value {
        Some(value) => {
            table.insert(key, value);
        }
        None => {
            table.remove(&key);
        }
    }
}

fn difference<T>(
    before: &BTreeMap<String, Arc<T>>,
    after: &BTreeMap<String, Arc<T>>,
    mut say: impl FnMut(String, Option<Arc<T>>),
) {
    for key in before.keys().filter(|key| !after.contains_key(*key)) {
        say(key.clone(), None);
    }
    for (key, value) in after {
        if before.get(key).is_none_or(|old| !Arc::ptr_eq(old, value)) {
            say(key.clone(), Some(value.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn assignment(principal: &str) -> Arc<Object> {
        Arc::new(Object {
            id: "/a/1".to_owned(),
            kind: "Kind".to_owned(),
            body: json!({ "properties": { "principalId": principal } }),
            hidden: Value::Null,
            pending: None,
        })
    }

    #[test]
    fn what_is_about_a_principal_follows_every_change() {
        let mut world = World::default();
        let about = |world: &World, principal: &str| world.about(principal, "kind").count();
        world.apply(Change::Object("/a/1".to_owned(), Some(assignment("p"))));
        assert_eq!((about(&world, "p"), about(&world, "q")), (1, 0));
        assert_eq!(world.about("p", "other").count(), 0);
        world.apply(Change::Object("/a/1".to_owned(), Some(assignment("q"))));
        assert_eq!((about(&world, "p"), about(&world, "q")), (0, 1));
        world.apply(Change::Object("/a/1".to_owned(), None));
        assert_eq!((about(&world, "p"), about(&world, "q")), (0, 0));
    }

    fn endpoint(id: &str, subnet: &str) -> Change {
        let object = Object {
            id: id.to_owned(),
            kind: "Endpoint".to_owned(),
            body: json!({
                "id": id,
                "properties": {"subnet": {"id": subnet}, "own": format!("{id}/parts/1")},
                "identity": {"ids": {"/subscriptions/S/identities/I": {}}},
            }),
            hidden: Value::Null,
            pending: None,
        };
        Change::Object(object.key(), Some(Arc::new(object)))
    }

    #[test]
    fn what_names_something_follows_every_change() {
        let mut world = World::default();
        let naming = |world: &World, key: &str| world.naming(key, "endpoint").count();
        let (one, two) = ("/subscriptions/s/subnets/1", "/subscriptions/s/subnets/2");
        world.apply(endpoint("/subscriptions/S/e", "/subscriptions/S/Subnets/1"));
        world.apply(endpoint("/subscriptions/S/f", one));
        assert_eq!((naming(&world, one), naming(&world, two)), (2, 0));
        assert_eq!(naming(&world, "/subscriptions/s/identities/i"), 2);
        assert_eq!(world.naming(one, "other").count(), 0);
        // Nothing names itself.
        assert_eq!(naming(&world, "/subscriptions/s/e"), 0);
        assert_eq!(naming(&world, "/subscriptions/s/e/parts/1"), 0);
        world.apply(endpoint("/subscriptions/S/e", two));
        assert_eq!((naming(&world, one), naming(&world, two)), (1, 1));
        world.apply(Change::Object("/subscriptions/s/e".to_owned(), None));
        assert_eq!((naming(&world, one), naming(&world, two)), (1, 0));
        world.apply(Change::Object("/subscriptions/s/f".to_owned(), None));
        assert!(world.by_name.is_empty());
    }

    #[test]
    fn what_is_under_a_prefix_is_all_of_it_and_nothing_else() {
        let mut world = World::default();
        for id in [
            "/subscriptions/s/a",
            "/subscriptions/s/a/1",
            "/subscriptions/s/b",
        ] {
            world.apply(endpoint(id, "/subscriptions/s/n"));
        }
        let under = |kind: &str, prefix: &str| {
            let found = world.of_kind_under(kind, prefix);
            found.map(|(key, _)| key.as_str()).collect::<Vec<_>>()
        };
        let both = ["/subscriptions/s/a", "/subscriptions/s/a/1"];
        assert_eq!(under("ENDPOINT", "/subscriptions/s/a"), both);
        assert_eq!(under("endpoint", "/subscriptions/s/a/"), both[1..]);
        assert!(under("other", "/subscriptions/s/a").is_empty());
        let after = |prefix: &str, after: &str| {
            let of_kind = world.of_kind_after("endpoint", prefix, after);
            let of_kind: Vec<_> = of_kind.map(|(key, _)| key.as_str()).collect();
            let of_any = world.under_after(prefix, after);
            assert!(
                of_any
                    .map(|(key, _)| key.as_str())
                    .eq(of_kind.iter().copied())
            );
            of_kind
        };
        let all = [both[0], both[1], "/subscriptions/s/b"];
        assert_eq!(after("/subscriptions/s/", ""), all);
        assert_eq!(after("/subscriptions/s/", "/subscriptions/a"), all);
        assert_eq!(after("/subscriptions/s/", both[0]), all[1..]);
        assert_eq!(after("/subscriptions/s/", "/subscriptions/s/aa"), all[2..]);
        assert!(after("/subscriptions/s/", all[2]).is_empty());
        assert!(after("/subscriptions/s/", "/subscriptions/t").is_empty());
    }
}
