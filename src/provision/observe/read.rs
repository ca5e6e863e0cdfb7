//! Reading: lists per scope and per parent, projected to what we own as the pages arrive.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serde_json::Value as Json;

use super::{Object, Observed, Stray, Unreadable};
use crate::provision::desired::Desired;
use crate::provision::plan::Applied;
use crate::provision::ports::{Failure, Reader, Verdict};
use crate::resource::{
    Carrier, Kind, Kinds, Marker, Outputs, Ownership, ReadMode, Request, Resource, scopes,
};

/// Parents whose children are read at the same time.
const READS_AT_ONCE: usize = 16;

/// Bodies of objects read one by one that are held at the same time.
const HELD_AT_ONCE: usize = 160;

/// Reads everything that `desired` names, and everything that carries our mark, in the
/// subscriptions of what is declared and of what the applied snapshot knows.
pub async fn observe(
    reader: &dyn Reader,
    kinds: Kinds,
    desired: &Desired,
    applied: &Applied,
) -> Observed {
    let seen = Seen::new(desired);
    let subscriptions = desired.subscriptions_with(applied);
    let scopes: Vec<String> = subscriptions
        .iter()
        .map(|id| format!("/subscriptions/{id}"))
        .collect();
    let strays = futures::future::join_all(scopes.iter().map(|scope| seen.marked(reader, scope)));
    let (strays, (), ()) = futures::join!(
        strays,
        seen.listed(reader, kinds, &scopes),
        seen.searched(reader, kinds)
    );
    // A child's list hangs on its parent's, and a late id on what it waits for, so the kinds go
    // in table order: parents first.
    let mut outputs = Outputs::default();
    for kind in kinds.iter() {
        let declared = of_kind(desired, kind);
        seen.await_ids(&declared, &outputs);
        if kind.meta().read == ReadMode::DataPlane {
            seen.declared(reader, kind, &declared, &mut outputs).await;
        } else {
            seen.below_parents(reader, kind).await;
            seen.outputs(&declared, &mut outputs);
        }
        let lacking = seen.lacking(&declared, &outputs);
        if !lacking.is_empty() {
            seen.deleted(reader, kind, &scopes, &lacking).await;
            seen.outputs(&declared, &mut outputs);
        }
    }
    seen.finish(kinds, strays.into_iter().flatten().collect())
}

/// Adds the objects of planes without a list that the applied snapshot knows and nothing declares
/// any more: there is no other way to find them.
pub async fn left_behind(
    reader: &dyn Reader,
    kinds: Kinds,
    observed: &mut Observed,
    estate: &str,
    applied: &Applied,
) {
    let seen = Seen {
        estate: estate.to_owned(),
        wanted: Mutex::default(),
        groups: BTreeSet::new(),
        state: Mutex::new(std::mem::take(observed)),
    };
    let known = applied.values().filter_map(|standing| {
        let kind = kinds.named(&standing.kind)?;
        let key = standing.id.to_lowercase();
        let unseen = !seen.lock().objects.contains_key(&key);
        (unseen && kind.meta().read == ReadMode::DataPlane).then(|| (kind, standing.id.clone()))
    });
    seen.each(reader, known.collect()).await;
    *observed = std::mem::take(&mut *seen.lock());
}

/// The declared resources of one kind.
fn of_kind<'a>(desired: &'a Desired, kind: &dyn Kind) -> Vec<&'a Resource> {
    let name = kind.meta().name;
    let all = desired.resources.values();
    all.filter(|resource| resource.kind.meta().name == name)
        .collect()
}

/// What has been seen so far; pages of several lists arrive side by side.
pub(super) struct Seen {
    pub(super) estate: String,
    wanted: Mutex<BTreeSet<String>>,
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
            estate: desired.estate().to_owned(),
            wanted: Mutex::new(wanted),
            groups,
            state: Mutex::default(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Observed> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wanted(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the ids of declared resources that `outputs` make known.
    fn await_ids(&self, declared: &[&Resource], outputs: &Outputs) {
        let mut wanted = self.wanted();
        for resource in declared {
            wanted.extend(resource.id.settle(outputs).known().map(str::to_lowercase));
        }
    }

    /// Adds what the declared resources of one kind make known, where they stand or will again.
    fn outputs(&self, declared: &[&Resource], outputs: &mut Outputs) {
        let state = self.lock();
        for resource in declared {
            let id = resource.id.settle(outputs);
            let Some(key) = id.known().map(str::to_lowercase) else {
                continue;
            };
            let object = state.objects.get(&key).map(|object| &object.outputs);
            // What will be recovered is what it was.
            let ours = Ownership::Ours(resource.address.environment());
            let remains = state.deleted.get(&key).filter(|it| it.ownership == ours);
            if let Some(made_known) = object.or(remains.map(|remains| &remains.outputs)) {
                outputs.insert(resource.address.clone(), made_known.clone());
            }
        }
    }

    /// The kinds that one LIST per subscription gives.
    async fn listed(&self, reader: &dyn Reader, kinds: Kinds, scopes: &[String]) {
        let mut reads = FuturesUnordered::new();
        for scope in scopes {
            for kind in kinds.iter() {
                if let ReadMode::List(path) = kind.meta().read {
                    reads.push(self.list(
                        reader,
                        kind,
                        scope,
                        kind.list(&format!("{scope}{path}")),
                        None,
                        false,
                    ));
                }
            }
        }
        while reads.next().await.is_some() {}
    }

    /// One kind that hangs on the objects of another.
    async fn below_parents(&self, reader: &dyn Reader, kind: &'static dyn Kind) {
        let (above, collection, then_get) = match &kind.meta().read {
            ReadMode::ListPerParent { parent, collection } => {
                (std::slice::from_ref(parent), *collection, false)
            }
            ReadMode::ListThenGet { parent, collection } => {
                (std::slice::from_ref(parent), *collection, true)
            }
            ReadMode::Extension { on, collection } => (*on, *collection, false),
            ReadMode::List(_) | ReadMode::DataPlane => return,
        };
        let mut parents = Vec::new();
        for parent in above {
            self.inherit_blindness(kind, parent);
            parents.extend(self.parents(parent));
        }
        let lists = parents.iter().map(|(id, parent)| {
            let request = kind.list(&format!("{id}{collection}"));
            self.list(reader, kind, id, request, Some(*parent), then_get)
        });
        futures::stream::iter(lists)
            .buffer_unordered(READS_AT_ONCE)
            .collect::<()>()
            .await;
    }

    /// Where parents could not be read, their children are unknown, not absent.
    fn inherit_blindness(&self, kind: &'static dyn Kind, parent: &'static str) {
        let mut state = self.lock();
        let blind = state.unreadable.values();
        let inherited: Vec<Unreadable> = blind
            .filter(|blind| blind.kind.meta().name == parent)
            .map(|blind| Unreadable {
                kind,
                ..blind.clone()
            })
            .collect();
        for blind in inherited {
            let key = (kind.meta().name, blind.scope.clone());
            state.unreadable.insert(key, blind);
        }
    }

    /// Reads one collection; where LIST omits managed fields, each object after it.
    pub(super) async fn list(
        &self,
        reader: &dyn Reader,
        kind: &'static dyn Kind,
        scope: &str,
        request: Request,
        parent: Option<&'static dyn Kind>,
        then_get: bool,
    ) {
        let (mut ids, mut nameless) = (Vec::new(), false);
        let read = reader
            .list(&request, &mut |page| {
                for body in page {
                    match kind.id_of(scope, &body) {
                        Some(id) if then_get => ids.push(id),
                        Some(id) => self.keep(kind, id, &body),
                        None => nameless = true,
                    }
                }
            })
            .await;
        match read {
            Ok(()) if nameless => self.blind(kind, scope, no_id()),
            Ok(()) => self.lock().collections_read += 1,
            Err(failure) if is_gone(reader, parent, scope, &failure).await => {
                self.lock().collections_read += 1;
            }
            Err(failure) => self.blind(kind, scope, failure),
        }
        self.each(reader, ids.into_iter().map(|id| (kind, id)).collect())
            .await;
    }

    /// Reads the declared objects of a plane without lists, those whose ids wait for others of
    /// them in later rounds.
    async fn declared(
        &self,
        reader: &dyn Reader,
        kind: &'static dyn Kind,
        declared: &[&Resource],
        outputs: &mut Outputs,
    ) {
        let mut done = BTreeSet::new();
        loop {
            self.await_ids(declared, outputs);
            let known = declared.iter().map(|resource| resource.id.settle(outputs));
            let ids: BTreeSet<String> = known
                .filter_map(|id| Some(id.known()?.to_owned()))
                .filter(|id| !done.contains(id))
                .collect();
            if ids.is_empty() {
                break;
            }
            self.each(reader, ids.iter().map(|id| (kind, id.clone())).collect())
                .await;
            done.extend(ids);
            self.outputs(declared, outputs);
        }
    }

    /// Reads objects one by one, some of them side by side.
    async fn each(&self, reader: &dyn Reader, ids: Vec<(&'static dyn Kind, String)>) {
        for some in ids.chunks(HELD_AT_ONCE) {
            let requests: Vec<Request> = some.iter().map(|(kind, id)| kind.get(id)).collect();
            let answers = reader.get_many(&requests).await;
            for ((kind, id), answer) in some.iter().zip(answers) {
                self.answered(*kind, id, answer);
            }
        }
    }

    fn answered(
        &self,
        kind: &'static dyn Kind,
        asked: &str,
        answer: Result<Option<Json>, Failure>,
    ) {
        match answer {
            Ok(None) => self.lock().collections_read += 1,
            Ok(Some(body)) => match kind.id_of(asked, &body) {
                Some(id) => {
                    self.lock().collections_read += 1;
                    self.keep(kind, id, &body);
                }
                None => self.blind(kind, asked, no_id()),
            },
            Err(failure) => self.blind(kind, asked, failure),
        }
    }

    pub(super) fn blind(&self, kind: &'static dyn Kind, scope: &str, failure: Failure) {
        let scope = scope.to_lowercase();
        let key = (kind.meta().name, scope.clone());
        self.lock().unreadable.insert(
            key,
            Unreadable {
                kind,
                scope,
                failure,
            },
        );
    }

    fn keep(&self, kind: &'static dyn Kind, id: String, body: &Json) {
        let key = kind.key_of(&id, body);
        let meta = kind.meta();
        let ownership = Marker::read(&self.estate, meta.carrier, &key, body);
        // Everything in a group counts as near until the groups themselves have been judged.
        let near = self.wanted().contains(&key) || ownership != Ownership::Foreign;
        let parent = key.rsplitn(3, '/').nth(2).unwrap_or_default();
        let parent = self
            .lock()
            .objects
            .get(parent)
            .map(|parent| parent.projection.clone());
        let not_for_us = kind.unmanageable(&id, body, parent.as_ref());
        // What is declared is kept whoever manages it, for the plan to refuse.
        if (not_for_us.is_some() && !self.wanted().contains(&key))
            || !(near
                || group_of(&key).is_some()
                || self.is_below_ours(&key)
                || kind.guard(&id, body).is_some())
        {
            return;
        }
        let object = Object {
            projection: kind.project(body),
            outputs: meta.read_outputs(&id, body),
            condition: kind.condition(body),
            guard: kind.guard(&id, body),
            forbids_delete: kind.forbids_delete(body),
            takes_along: kind.takes_along(body),
            in_managed_scope: false,
            not_for_us,
            id,
            kind,
            ownership,
        };
        self.lock().objects.insert(key, object);
    }

    /// Whether an id lies in what is ours: outside of ARM there are no groups, and somebody else's
    /// credential of an application of ours has to be seen.
    fn is_below_ours(&self, key: &str) -> bool {
        let state = self.lock();
        let above = scopes(key).skip(1);
        above
            .filter_map(|above| state.objects.get(above))
            .any(|object| matches!(object.ownership, Ownership::Ours(_)))
    }

    /// The objects of the parent kind whose children have to be read.
    fn parents(&self, kind: &str) -> Vec<(String, &'static dyn Kind)> {
        let (wanted, state) = (self.wanted(), self.lock());
        let near = |key: &str, object: &Object| {
            wanted.contains(key)
                || object.ownership != Ownership::Foreign
                || group_of(key).is_some_and(|group| self.is_managed(&state, &group))
        };
        state
            .objects
            .iter()
            .filter(|(key, object)| object.kind.meta().name == kind && near(key, object))
            .map(|(_, object)| (object.id.clone(), object.kind))
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
        let wanted = self.wanted();
        let managed: BTreeSet<String> = state
            .objects
            .keys()
            .filter_map(|key| group_of(key))
            .filter(|group| self.is_managed(&state, group))
            .collect();
        let ours = |object: &Object| matches!(object.ownership, Ownership::Ours(_));
        let own: BTreeSet<String> = state
            .objects
            .iter()
            .filter(|(_, object)| ours(object))
            .map(|(key, _)| key.clone())
            .collect();
        state.objects.retain(|key, object| {
            let below_ours = scopes(key).skip(1).any(|above| own.contains(above));
            // Outside of ARM, what is ours is its own scope.
            object.in_managed_scope = match group_of(key) {
                Some(group) => managed.contains(&group),
                None => below_ours,
            };
            wanted.contains(key)
                || object.ownership != Ownership::Foreign
                || object.guard.is_some()
                || object.in_managed_scope
                || below_ours
        });
        let known: BTreeSet<String> = kinds
            .iter()
            .map(|kind| kind.meta().arm_type.to_lowercase())
            .collect();
        for body in marked {
            let text = |key: &str| body.get(key).and_then(Json::as_str).unwrap_or_default();
            let (id, arm_type) = (text("id"), text("type"));
            let ownership = Marker::read(&self.estate, Carrier::Tags("tags"), id, &body);
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

/// Whether a collection is empty because its parent has gone: a missing collection alone does not
/// tell, and there is always a subscription.
async fn is_gone(
    reader: &dyn Reader,
    parent: Option<&'static dyn Kind>,
    scope: &str,
    failure: &Failure,
) -> bool {
    match parent {
        Some(parent) if failure.verdict == Verdict::NotFound => {
            let read = reader.get(&parent.get(scope)).await;
            read.is_ok_and(|body| body.is_none())
        }
        _ => false,
    }
}

/// Why a collection is unknown that holds something without an id.
pub(super) fn no_id() -> Failure {
    Failure {
        verdict: Verdict::Unknown,
        status: None,
        code: "BadAnswer".to_owned(),
        message: "an object without an id".to_owned(),
        hint: None,
        request_id: None,
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
