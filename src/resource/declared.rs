//! One declared resource, with everything that a plan needs to know of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Address, Carrier, Kind, Marker, Place, Text, Value};

/// One declared resource.
#[derive(Debug, Clone)]
pub struct Resource {
    /// How people name it.
    pub address: Address,
    /// What it is.
    pub kind: &'static dyn Kind,
    /// Its Azure id.
    pub id: Text,
    /// Every managed field, defaults materialised, marker included.
    pub properties: Arc<Value>,
    /// The resource that it lives in and dies with.
    pub parent: Option<Address>,
    /// Resources that have to stand first though no late value says so.
    pub after: BTreeSet<Address>,
    /// The resource that has to be deleted after this one, though this one does not live in it.
    pub subject: Option<Address>,
}

impl Resource {
    /// A resource at `address`: defaults materialised, the place's tags and the marker put on.
    pub fn new(
        place: &Place,
        kind: &'static dyn Kind,
        address: Address,
        id: Text,
        mut properties: Value,
    ) -> Self {
        let meta = kind.meta();
        meta.materialise(&mut properties);
        for (key, value) in &place.tags {
            match meta.carrier {
                Carrier::Tags(path) => {
                    let held = properties.at(path).and_then(Value::as_map);
                    if held.is_none_or(|tags| !tags.contains_key(key)) {
                        insert_key(&mut properties, path, key, value);
                    }
                }
                Carrier::Words(path) => {
                    properties.push(path, Value::String(format!("{key}={value}")));
                }
                Carrier::Note(_) | Carrier::Parent => {}
            }
        }
        Marker::of(&place.estate, &place.environment, &id).put(meta.carrier, &mut properties);
        Self {
            address,
            kind,
            id,
            properties: Arc::new(properties),
            parent: None,
            after: BTreeSet::new(),
            subject: None,
        }
    }

    /// With the resource that it lives in.
    #[must_use]
    pub fn inside(mut self, parent: &Address) -> Self {
        self.parent = Some(parent.clone());
        self
    }

    /// With the resource that it is about: deleted after this one, though this one does not live
    /// in it.
    #[must_use]
    pub fn about(mut self, subject: &Address) -> Self {
        self.subject = Some(subject.clone());
        self
    }

    /// With a resource that has to stand first.
    #[must_use]
    pub fn after(mut self, other: &Address) -> Self {
        self.after.insert(other.clone());
        self
    }

    /// Every address that has to stand before this one.
    pub fn references(&self) -> BTreeSet<Address> {
        let mut all = self.after.clone();
        all.extend(self.parent.clone());
        all.extend(self.subject.clone());
        self.id.references(&mut all);
        self.properties.references(&mut all);
        all.remove(&self.address);
        all
    }
}

/// Puts a key that may hold dots (as tag names do) into the map at `path`.
fn insert_key(properties: &mut Value, path: &str, key: &str, value: &str) {
    let mut map = properties
        .at(path)
        .and_then(Value::as_map)
        .cloned()
        .unwrap_or_default();
    map.insert(key.to_owned(), Value::from(value));
    properties.set(path, Value::Map(map));
}
