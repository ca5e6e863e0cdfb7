//! TOML as a tree in which every key and value remembers where it was written.

use std::collections::BTreeMap;

use serde_json::Value as Json;

/// A stretch of one of the files that were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    /// The file, by its number among the sources.
    pub file: usize,
    /// Its first byte.
    pub start: usize,
    /// The byte after its last one.
    pub end: usize,
}

impl Spot {
    /// The beginning of a file: the spot of what is missing from all of it.
    pub fn top_of(file: usize) -> Self {
        Self {
            file,
            start: 0,
            end: 0,
        }
    }
}

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub spot: Spot,
    pub content: Content,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Content {
    String(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Datetime(String),
    Array(Vec<Node>),
    Table(BTreeMap<String, Entry>),
    /// Something faulty stood here and has been reported, or something missing should.
    Hole,
}

/// A value in a table, with its key.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub key: Spot,
    pub value: Node,
}

/// Where a path leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Located {
    /// The key; the value for an array's element.
    pub key: Spot,
    /// The value.
    pub value: Spot,
    /// Whether the path was there to its end; if not, this is the last of it that was.
    pub complete: bool,
    /// Whether it leads to a hole, or into one.
    pub hole: bool,
}

impl Node {
    /// A table without entries.
    pub fn empty_table(spot: Spot) -> Self {
        Self {
            spot,
            content: Content::Table(BTreeMap::new()),
        }
    }

    /// The entries, where this is a table.
    pub fn entries(&self) -> Option<&BTreeMap<String, Entry>> {
        match &self.content {
            Content::Table(entries) => Some(entries),
            _ => None,
        }
    }

    /// The entries, where this is a table.
    pub fn entries_mut(&mut self) -> Option<&mut BTreeMap<String, Entry>> {
        match &mut self.content {
            Content::Table(entries) => Some(entries),
            _ => None,
        }
    }

    fn child(&self, step: &str) -> Option<(Spot, &Node)> {
        match &self.content {
            Content::Table(entries) => entries.get(step).map(|entry| (entry.key, &entry.value)),
            Content::Array(items) => {
                let item = items.get(step.parse::<usize>().ok()?)?;
                Some((item.spot, item))
            }
            _ => None,
        }
    }

    /// The value that a path leads to. Steps are keys, and decimal numbers in arrays.
    pub fn get_mut(&mut self, path: &[String]) -> Option<&mut Node> {
        path.iter()
            .try_fold(self, |node, step| match &mut node.content {
                Content::Table(entries) => entries.get_mut(step).map(|entry| &mut entry.value),
                Content::Array(items) => items.get_mut(step.parse::<usize>().ok()?),
                _ => None,
            })
    }

    /// Where a path leads, as far as it goes.
    pub fn locate(&self, path: &[String]) -> Located {
        let mut node = self;
        let mut key = self.spot;
        let mut complete = true;
        for step in path {
            let Some((next_key, next)) = node.child(step) else {
                complete = false;
                break;
            };
            (key, node) = (next_key, next);
        }
        Located {
            key,
            value: node.spot,
            complete,
            hole: matches!(node.content, Content::Hole),
        }
    }

    /// Takes a key out of a table; whether it was there.
    pub fn remove(&mut self, path: &[String]) -> bool {
        path.split_last().is_some_and(|(last, table)| {
            self.get_mut(table)
                .and_then(Self::entries_mut)
                .is_some_and(|entries| entries.remove(last).is_some())
        })
    }

    /// Puts a hole under a key of a table; whether there was room for one. A hole that it goes into
    /// becomes a table.
    pub fn put_hole(&mut self, path: &[String], spot: Spot) -> bool {
        let Some((key, parent)) = path.split_last() else {
            return false;
        };
        let Some(table) = self.get_mut(parent) else {
            return false;
        };
        if matches!(table.content, Content::Hole) {
            *table = Self::empty_table(table.spot);
        }
        let free = |entries: &&mut BTreeMap<String, Entry>| !entries.contains_key(key);
        let Some(entries) = table.entries_mut().filter(free) else {
            return false;
        };
        let content = Content::Hole;
        let value = Self { spot, content };
        entries.insert(key.clone(), Entry { key: spot, value });
        true
    }

    /// Whether there is a hole anywhere in it.
    pub fn has_hole(&self) -> bool {
        match &self.content {
            Content::Hole => true,
            Content::Array(items) => items.iter().any(Self::has_hole),
            Content::Table(entries) => entries.values().any(|entry| entry.value.has_hole()),
            _ => false,
        }
    }

    /// The entries with these keys as a table of their own; they are gone from this one.
    pub fn split_off(&mut self, keys: &[&str]) -> Self {
        let mut taken = BTreeMap::new();
        if let Some(entries) = self.entries_mut() {
            taken.extend(keys.iter().filter_map(|key| entries.remove_entry(*key)));
        }
        Self {
            spot: self.spot,
            content: Content::Table(taken),
        }
    }

    /// This tree with another laid over it: tables merge key by key, all else is replaced. A
    /// merged table is where `over` has it, the root where this tree has it.
    pub fn overlaid_by(&self, over: &Self) -> Self {
        let mut merged = merge(self, over);
        if merged.entries().is_some() {
            merged.spot = self.spot;
        }
        merged
    }

    /// The tree without its spots; holes are null.
    pub fn to_json(&self) -> Json {
        match &self.content {
            Content::String(text) | Content::Datetime(text) => Json::from(text.as_str()),
            Content::Integer(number) => Json::from(*number),
            Content::Float(number) => Json::from(number.to_string()),
            Content::Boolean(yes) => Json::from(*yes),
            Content::Array(items) => items.iter().map(Self::to_json).collect(),
            Content::Table(entries) => entries
                .iter()
                .map(|(key, entry)| (key.clone(), entry.value.to_json()))
                .collect(),
            Content::Hole => Json::Null,
        }
    }
}

fn merge(base: &Node, over: &Node) -> Node {
    let (Content::Table(below), Content::Table(above)) = (&base.content, &over.content) else {
        return over.clone();
    };
    let mut entries = below.clone();
    for (name, entry) in above {
        let value = match below.get(name) {
            Some(old) => merge(&old.value, &entry.value),
            None => entry.value.clone(),
        };
        let key = entry.key;
        entries.insert(name.clone(), Entry { key, value });
    }
    Node {
        spot: over.spot,
        content: Content::Table(entries),
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse;
    use super::*;

    fn tree(file: usize, text: &str) -> Node {
        parse(file, text).expect("well-formed")
    }

    fn path(dotted: &str) -> Vec<String> {
        dotted.split('.').map(str::to_owned).collect()
    }

    #[test]
    fn tables_merge_and_all_else_is_replaced() {
        let base = tree(0, "a = 1\nlist = [1, 2]\n[t]\nx = 1\ny = 2\n");
        let over = tree(1, "list = [3]\nt.y = 5\n[t2]\nz = true\n");
        let merged = base.overlaid_by(&over);
        assert_eq!(
            merged.to_json(),
            serde_json::json!({"a": 1, "list": [3], "t": {"x": 1, "y": 5}, "t2": {"z": true}})
        );
        assert_eq!(merged.locate(&path("t.x")).value.file, 0);
        assert_eq!(merged.locate(&path("t.y")).value.file, 1);
        assert_eq!(merged.spot.file, 0);
    }

    #[test]
    fn a_path_is_followed_as_far_as_it_goes() {
        let tree = tree(0, "[t]\nlist = [1, \"b\"]\n");
        let there = tree.locate(&path("t.list.1"));
        assert!(there.complete);
        assert_eq!((there.value.start, there.value.end), (15, 18));
        let beyond = tree.locate(&path("t.missing.deeper"));
        assert!(!beyond.complete);
        assert_eq!((beyond.key.start, beyond.key.end), (1, 2));
    }
}
