//! Observing: one LIST per kind and scope, projected to what we own as the pages arrive.
//!
//! ## Why
//! One read per resource is what makes other tools' plans take minutes and what gets them
//! throttled. Requests stay within the pages of each kind's LIST, one LIST per parent for the
//! kinds that need it, and one GET per object where LIST omits managed fields.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serde_json::Value as Json;

use super::desired::Desired;
use super::ports::{Failure, Reader};
use crate::resource::{
    Carrier, Guard, Kind, Kinds, MANAGED_BY_TAG, Marker, Method, Ownership, ReadMode, Request,
    Resource, Value,
};

/// Parents whose children are listed at the same time.
const PARENTS_AT_ONCE: usize = 16;

/// What Azure answered, projected to what matters here.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// Objects that are declared, marked or in a managed scope, by lower-cased id.
    pub objects: BTreeMap<String, Object>,
    /// Marked objects of types that we have no kind for, with their Azure type.
    pub strays: Vec<Stray>,
    /// What could not be read.
    pub unreadable: Vec<Unreadable>,
    /// What the containers hold that a plan wants to delete, by their lower-cased id.
    pub contents: BTreeMap<String, Vec<String>>,
    /// How many collections were read.
    pub collections_read: usize,
}

/// One live object.
#[derive(Debug, Clone)]
pub struct Object {
    /// Its id, as Azure first spelt it.
    pub id: String,
    /// What it is.
    pub kind: &'static dyn Kind,
    /// Its managed fields.
    pub projection: Value,
    /// What others may refer to.
    pub outputs: BTreeMap<String, String>,
    /// Whose it is.
    pub ownership: Ownership,
    /// Whether it lies in a resource group that is ours or declared.
    pub in_managed_scope: bool,
    /// The guard that it is, if it is one.
    pub guard: Option<Guard>,
    /// Why it must not be deleted, and what to do instead.
    pub forbids_delete: Option<String>,
}

/// A marked object of a type that we have no kind for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// Its id.
    pub id: String,
    /// Its Azure type.
    pub arm_type: String,
    /// Whether its marker was made for another object.
    pub copied_marker: bool,
}

/// A collection or object that could not be read: never taken for absent.
#[derive(Debug, Clone)]
pub struct Unreadable {
    /// The kind whose objects stay unknown.
    pub kind: &'static dyn Kind,
    /// The lower-cased id of the scope, parent or object.
    pub scope: String,
    /// Why.
    pub failure: Failure,
}

/// What Azure says of one declared resource.
#[derive(Debug, Clone, Copy)]
pub enum State<'a> {
    /// It stands.
    Present(&'a Object),
    /// It does not.
    Absent,
    /// Nobody knows.
    Unreadable(&'a Failure),
}

impl Observed {
    /// What is known of the object of `kind` with this id.
    pub fn state(&self, kind: &dyn Kind, id: &str) -> State<'_> {
        let id = id.to_lowercase();
        if let Some(object) = self.objects.get(&id) {
            return State::Present(object);
        }
        let blind = self.unreadable.iter().find(|blind| {
            let below = id.strip_prefix(&blind.scope);
            blind.kind.meta().name == kind.meta().name
                && below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        blind.map_or(State::Absent, |blind| State::Unreadable(&blind.failure))
    }

    /// Whether nothing at all could be read.
    pub fn is_blind(&self) -> bool {
        self.collections_read == 0 && !self.unreadable.is_empty()
    }
}

/// Reads everything that `desired` names, and everything that carries our mark.
pub async fn observe(reader: &dyn Reader, kinds: Kinds, desired: &Desired) -> Observed {
    let seen = Seen::new(desired);
    let subscriptions = desired.subscriptions();
    let scopes: Vec<String> = subscriptions
        .iter()
        .map(|id| format!("/subscriptions/{id}"))
        .collect();
    let strays = futures::future::join_all(scopes.iter().map(|scope| seen.marked(reader, scope)));
    let (strays, ()) = futures::join!(strays, seen.listed(reader, kinds, &scopes));
    // A child's list hangs on its parent's, so the kinds go in table order: parents first.
    for kind in kinds.iter() {
        seen.below_parents(reader, kind).await;
    }
    for resource in desired.resources.values() {
        if resource.kind.meta().read == ReadMode::DataPlane {
            seen.one(reader, resource).await;
        }
    }
    seen.finish(kinds, strays.into_iter().flatten().collect())
}

/// Adds what the given objects hold that would be deleted along with them.
pub async fn contents(reader: &dyn Reader, observed: &mut Observed, ids: &[String]) {
    for id in ids {
        let key = id.to_lowercase();
        let request = observed
            .objects
            .get(&key)
            .and_then(|object| object.kind.contents(&object.id));
        let Some(request) = request else { continue };
        let mut held = Vec::new();
        let read = reader
            .list(&request, &mut |page| {
                let id_of = |body: &Json| Some(body.get("id")?.as_str()?.to_owned());
                held.extend(page.iter().filter_map(id_of));
            })
            .await;
        if let Err(failure) = read {
            // An unknown content is treated as somebody's: its container is not deleted.
            held = vec![format!("something that cannot be read ({failure})")];
        }
        observed.contents.insert(key, held);
    }
}

/// What has been seen so far; pages of several lists arrive side by side.
struct Seen {
    wanted: BTreeSet<String>,
    groups: BTreeSet<String>,
    state: Mutex<Observed>,
}

impl Seen {
    fn new(desired: &Desired) -> Self {
        let known = |resource: &Resource| Some(resource.id.known()?.to_lowercase());
        let wanted: BTreeSet<String> = desired.resources.values().filter_map(known).collect();
        let groups = wanted
            .iter()
            .filter(|id| group_of(id).as_deref() == Some(id))
            .cloned()
            .collect();
        Self {
            wanted,
            groups,
            state: Mutex::default(),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Observed> {
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The kinds that one LIST per subscription gives.
    async fn listed(&self, reader: &dyn Reader, kinds: Kinds, scopes: &[String]) {
        let mut reads = FuturesUnordered::new();
        for scope in scopes {
            for kind in kinds.iter() {
                if let ReadMode::List(path) = kind.meta().read {
                    reads.push(self.list(reader, kind, scope, format!("{scope}{path}"), false));
                }
            }
        }
        while reads.next().await.is_some() {}
    }

    /// One kind that hangs on the objects of another.
    async fn below_parents(&self, reader: &dyn Reader, kind: &'static dyn Kind) {
        let (parent, collection, then_get) = match kind.meta().read {
            ReadMode::ListPerParent { parent, collection } => (parent, collection, false),
            ReadMode::ListThenGet { parent, collection } => (parent, collection, true),
            ReadMode::List(_) | ReadMode::DataPlane => return,
        };
        self.inherit_blindness(kind, parent);
        let parents = self.parents(parent);
        let lists = parents
            .iter()
            .map(|id| self.list(reader, kind, id, format!("{id}{collection}"), then_get));
        futures::stream::iter(lists)
            .buffer_unordered(PARENTS_AT_ONCE)
            .collect::<()>()
            .await;
    }

    /// Where parents could not be read, their children are unknown, not absent.
    fn inherit_blindness(&self, kind: &'static dyn Kind, parent: &str) {
        let mut state = self.lock();
        let inherited: Vec<Unreadable> = state
            .unreadable
            .iter()
            .filter(|blind| blind.kind.meta().name == parent)
            .map(|blind| Unreadable {
                kind,
                ..blind.clone()
            })
            .collect();
        state.unreadable.extend(inherited);
    }

    /// Reads one collection; where LIST omits managed fields, each object after it.
    async fn list(
        &self,
        reader: &dyn Reader,
        kind: &'static dyn Kind,
        scope: &str,
        path: String,
        then_get: bool,
    ) {
        let request = Request::arm(Method::Get, path, kind.meta().api_version);
        let mut ids = Vec::new();
        let read = reader
            .list(&request, &mut |page| {
                for body in page {
                    if then_get {
                        ids.extend(kind.id_of(&body));
                    } else {
                        self.keep(kind, &body);
                    }
                }
            })
            .await;
        match read {
            Ok(()) => self.lock().collections_read += 1,
            Err(failure) => self.blind(kind, scope, failure),
        }
        for id in ids {
            match reader.get(&kind.get(&id)).await {
                Ok(Some(body)) => self.keep(kind, &body),
                Ok(None) => {}
                Err(failure) => self.blind(kind, &id, failure),
            }
        }
    }

    /// Reads one declared object of a plane without lists.
    async fn one(&self, reader: &dyn Reader, resource: &Resource) {
        let Some(id) = resource.id.known() else {
            return;
        };
        match reader.get(&resource.kind.get(id)).await {
            Ok(Some(body)) => {
                self.lock().collections_read += 1;
                self.keep(resource.kind, &body);
            }
            Ok(None) => self.lock().collections_read += 1,
            Err(failure) => self.blind(resource.kind, id, failure),
        }
    }

    /// Every resource of a subscription that carries our tag, whatever its type.
    async fn marked(&self, reader: &dyn Reader, scope: &str) -> Vec<Json> {
        let request = Request::arm(Method::Get, format!("{scope}/resources"), "2021-04-01")
            .query("$filter", format!("tagName eq '{MANAGED_BY_TAG}'"));
        let mut found = Vec::new();
        // Only reports hang on it: each kind's own list says what stands.
        if let Err(failure) = reader.list(&request, &mut |page| found.extend(page)).await {
            tracing::warn!(%failure, scope, "cannot search for marked resources");
        }
        found
    }

    fn blind(&self, kind: &'static dyn Kind, scope: &str, failure: Failure) {
        let scope = scope.to_lowercase();
        self.lock().unreadable.push(Unreadable {
            kind,
            scope,
            failure,
        });
    }

    fn keep(&self, kind: &'static dyn Kind, body: &Json) {
        let Some(id) = kind.id_of(body) else { return };
        let key = id.to_lowercase();
        let meta = kind.meta();
        let ownership = Marker::read(meta.carrier, &id, body);
        // Everything in a group counts as near until the groups themselves have been judged.
        let near = self.wanted.contains(&key) || ownership != Ownership::Foreign;
        let parent = key.rsplitn(3, '/').nth(2).unwrap_or_default();
        let parent = self
            .lock()
            .objects
            .get(parent)
            .map(|parent| parent.projection.clone());
        if !kind.manageable(&id, body, parent.as_ref())
            || !(near || group_of(&key).is_some() || kind.guard(&id, body).is_some())
        {
            return;
        }
        let object = Object {
            projection: meta.project(body),
            outputs: meta.read_outputs(&id, body),
            guard: kind.guard(&id, body),
            forbids_delete: kind.forbids_delete(body),
            in_managed_scope: false,
            id,
            kind,
            ownership,
        };
        self.lock().objects.insert(key, object);
    }

    /// The objects of the parent kind whose children have to be read.
    fn parents(&self, kind: &str) -> Vec<String> {
        let state = self.lock();
        let near = |key: &str, object: &Object| {
            self.wanted.contains(key)
                || object.ownership != Ownership::Foreign
                || group_of(key).is_some_and(|group| self.is_managed(&state, &group))
        };
        state
            .objects
            .iter()
            .filter(|(key, object)| object.kind.meta().name == kind && near(key, object))
            .map(|(_, object)| object.id.clone())
            .collect()
    }

    fn is_managed(&self, state: &Observed, group: &str) -> bool {
        self.groups.contains(group)
            || state
                .objects
                .get(group)
                .is_some_and(|object| matches!(object.ownership, Ownership::Ours(_)))
    }

    /// Drops what is neither declared, nor marked, nor in a managed group, nor a guard.
    fn finish(self, kinds: Kinds, marked: Vec<Json>) -> Observed {
        let mut state = std::mem::take(&mut *self.lock());
        let managed: BTreeSet<String> = state
            .objects
            .keys()
            .filter_map(|key| group_of(key))
            .filter(|group| self.is_managed(&state, group))
            .collect();
        state.objects.retain(|key, object| {
            object.in_managed_scope = group_of(key).is_some_and(|group| managed.contains(&group));
            self.wanted.contains(key)
                || object.ownership != Ownership::Foreign
                || object.guard.is_some()
                || object.in_managed_scope
        });
        let known: BTreeSet<String> = kinds
            .iter()
            .map(|kind| kind.meta().arm_type.to_lowercase())
            .collect();
        for body in marked {
            let text = |key: &str| body.get(key).and_then(Json::as_str).unwrap_or_default();
            let (id, arm_type) = (text("id"), text("type"));
            let ownership = Marker::read(Carrier::Tags("tags"), id, &body);
            if ownership != Ownership::Foreign && !known.contains(&arm_type.to_lowercase()) {
                state.strays.push(Stray {
                    id: id.to_owned(),
                    arm_type: arm_type.to_owned(),
                    copied_marker: ownership == Ownership::Copy,
                });
            }
        }
        state
    }
}

/// The lower-cased id of the resource group that a lower-cased id lies in (or is).
fn group_of(id: &str) -> Option<String> {
    let mut steps = id.splitn(6, '/');
    let (_, subscriptions, subscription, groups, group) = (
        steps.next()?,
        steps.next()?,
        steps.next()?,
        steps.next()?,
        steps.next()?,
    );
    (subscriptions == "subscriptions" && groups == "resourcegroups")
        .then(|| format!("/subscriptions/{subscription}/resourcegroups/{group}"))
}
