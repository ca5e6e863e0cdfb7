//! Everything an emulator remembers: objects, operations and loose facts.

use super::operation::Operation;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
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
}

/// Where an object says which principal it is about.
const PRINCIPAL: &str = "/properties/principalId";

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

    /// Objects of one type, by key.
    pub fn of_kind(&self, kind: &str) -> impl Iterator<Item = (&String, &Arc<Object>)> {
        self.by_kind
            .get(&kind.to_ascii_lowercase())
            .into_iter()
            .flatten()
            .filter_map(|key| self.objects.get_key_value(key))
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
        }
        if let Some(object) = &value {
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
}
