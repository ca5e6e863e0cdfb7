//! A cloud in memory: bodies by id, Azure's refusals that the engine must respect, and faults.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde_json::{Value as Json, json};

use super::fault::{What, failure};
use crate::provision::ports::{
    Begun, Failure, OPERATION_LOST, Pending, Poll, Reader, Verdict, Writer,
};
use crate::resource::{MANAGED_BY_TAG, Method, Plane, Request, scopes};

/// The cloud. Clones share their state.
#[derive(Clone, Default)]
pub(crate) struct FakeCloud(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// Bodies by lower-cased id.
    bodies: BTreeMap<String, Json>,
    /// Operations that were taken, and whether each fails; those that ended are in `ended`.
    pending: BTreeMap<String, (Request, bool)>,
    ended: BTreeSet<String>,
    faults: Vec<Fault>,
    /// Writes, in order: `PUT id` when taken up and `end PUT id` when answered.
    log: Vec<String>,
    reads: usize,
    next: usize,
}

/// A fault for the requests whose path ends in `path`.
struct Fault {
    method: Method,
    path: String,
    what: What,
    /// How many requests it hits.
    times: usize,
}

impl FakeCloud {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A cloud with the same objects, no faults and an empty log.
    pub(crate) fn copy(&self) -> Self {
        let state = self.state();
        let copy = Self::default();
        copy.state().bodies = state.bodies.clone();
        copy.state().next = state.next;
        drop(state);
        copy
    }

    pub(crate) fn fail(&self, method: Method, path: &str, what: What) {
        self.fail_times(method, path, what, 1);
    }

    pub(crate) fn fail_times(&self, method: Method, path: &str, what: What, times: usize) {
        let path = path.to_lowercase();
        self.state().faults.push(Fault {
            method,
            path,
            what,
            times,
        });
    }

    pub(crate) fn heal(&self) {
        self.state().faults.clear();
    }

    /// Writes answered and taken up so far.
    pub(crate) fn log(&self) -> Vec<String> {
        self.state().log.clone()
    }

    /// The writes, without the ids' common start and without their ends.
    pub(crate) fn writes(&self) -> Vec<String> {
        let log = self.log();
        let begun = log.iter().filter(|line| !line.starts_with("end "));
        begun.map(|line| short(line)).collect()
    }

    pub(crate) fn forget_log(&self) {
        let mut state = self.state();
        state.log.clear();
        state.reads = 0;
    }

    pub(crate) fn reads(&self) -> usize {
        self.state().reads
    }

    pub(crate) fn ids(&self) -> Vec<String> {
        self.state().bodies.keys().map(|id| short(id)).collect()
    }

    pub(crate) fn body(&self, id: &str) -> Option<Json> {
        self.state().bodies.get(&id.to_lowercase()).cloned()
    }

    pub(crate) fn bodies(&self) -> BTreeMap<String, Json> {
        self.state().bodies.clone()
    }

    /// Puts an object there, as somebody else would.
    pub(crate) fn plant(&self, id: &str, mut body: Json) {
        body["id"] = json!(id);
        self.state().bodies.insert(id.to_lowercase(), body);
    }

    /// Changes an object, as somebody in the portal would.
    pub(crate) fn edit(&self, id: &str, change: impl FnOnce(&mut Json)) {
        let mut state = self.state();
        change(state.bodies.get_mut(&id.to_lowercase()).expect("it stands"));
    }

    pub(crate) fn remove(&self, id: &str) {
        self.state().remove(&id.to_lowercase());
    }

    /// Lets time pass: deletes that were taken end, and `all` else that is under way, too.
    pub(crate) fn elapse(&self, all: bool) {
        let mut state = self.state();
        let targets: Vec<String> = state.pending.keys().cloned().collect();
        for target in targets {
            let (request, _) = &state.pending[&target];
            if all || request.method == Method::Delete {
                // How it ended is for whoever asks.
                let _ = state.end(&target);
            }
        }
        let bodies = state.bodies.values_mut().filter(|_| all);
        for body in bodies {
            if body["properties"]["provisioningState"] == "Creating" {
                body["properties"]["provisioningState"] = json!("Succeeded");
            }
        }
    }

    /// Drops the records of all operations, and with them what has not ended.
    pub(crate) fn forget_operations(&self) {
        self.state().pending.clear();
    }

    /// Carries out a write at once.
    pub(crate) fn write(&self, request: &Request) -> Result<Option<Json>, Failure> {
        self.state().execute(request, "Succeeded")
    }
}

/// An id without what all ids of the toy world begin with.
pub(crate) fn short(text: &str) -> String {
    text.replace("/subscriptions/s/resourceGroups/", "")
        .replace("/subscriptions/s/resourcegroups/", "")
        .replace("/providers/Toy.", "/")
        .replace("/providers/toy.", "/")
}

impl State {
    fn fault(&mut self, method: Method, path: &str) -> Option<What> {
        let path = path.to_lowercase();
        let fault = self.faults.iter_mut().find(|fault| {
            fault.times > 0 && fault.method == method && path.ends_with(&fault.path)
        })?;
        fault.times -= 1;
        Some(fault.what.clone())
    }

    fn remove(&mut self, key: &str) {
        let below = format!("{key}/");
        self.bodies
            .retain(|id, _| id != key && !id.starts_with(&below));
    }

    /// Whether a lock makes Azure refuse the request.
    fn is_locked(&self, request: &Request, key: &str) -> bool {
        let is_lock = |id: &str| id.contains("/providers/microsoft.authorization/locks/");
        let levels: &[&str] = match request.method {
            Method::Delete => &["CanNotDelete", "ReadOnly"],
            _ => &["ReadOnly"],
        };
        let locks = self.bodies.iter().filter(|(id, body)| {
            let scope = id.split("/providers/microsoft.authorization/locks/").next();
            let level = body["properties"]["level"].as_str().unwrap_or_default();
            // A delete takes along what lies below, so a lock there is in the way too.
            let covers = scopes(key).any(|above| Some(above) == scope)
                || (request.method == Method::Delete
                    && scope.is_some_and(|scope| scopes(scope).any(|above| above == key)));
            is_lock(id) && levels.contains(&level) && covers
        });
        !is_lock(key) && locks.count() > 0
    }

    fn has_parent(&self, key: &str) -> bool {
        let Some((rest, _)) = key.rsplit_once('/') else {
            return true;
        };
        let parent = rest.rsplit_once('/').map_or("", |(parent, _)| parent);
        let parent = match parent.rsplit_once("/providers/") {
            Some((scope, provider)) if !provider.contains('/') => scope,
            _ => parent,
        };
        parent.split('/').count() <= 3 || self.bodies.contains_key(parent)
    }

    fn execute(&mut self, request: &Request, state: &str) -> Result<Option<Json>, Failure> {
        let key = request.path.to_lowercase();
        if self.is_locked(request, &key) {
            return Err(failure(Verdict::Fatal, "ScopeLocked"));
        }
        let body = request.body.clone().unwrap_or_default();
        match request.method {
            Method::Put | Method::Post => {
                if key.starts_with("/subscriptions") && !self.has_parent(&key) {
                    return Err(failure(Verdict::NotFound, "ParentResourceNotFound"));
                }
                self.put(&request.path, body, state).map(Some)
            }
            Method::Patch => {
                let Some(live) = self.bodies.get_mut(&key) else {
                    return Err(failure(Verdict::NotFound, "ResourceNotFound"));
                };
                merge(live, &body, true);
                live["properties"]["provisioningState"] = json!(state);
                Ok(Some(live.clone()))
            }
            Method::Delete => {
                self.remove(&key);
                Ok(None)
            }
            method => panic!("the engine does not send {method}"),
        }
    }

    fn put(&mut self, path: &str, mut body: Json, state: &str) -> Result<Json, Failure> {
        let key = path.to_lowercase();
        let old = self.bodies.get(&key).cloned();
        self.next += 1;
        body["id"] = json!(path);
        if key.contains("/clusters/") && !key.contains("/pools/") {
            let pools = body["properties"]
                .as_object_mut()
                .and_then(|properties| properties.remove("pools"));
            match (pools, &old) {
                (None, None) => return Err(failure(Verdict::Fatal, "PoolRequired")),
                (Some(_), Some(_)) => return Err(failure(Verdict::Fatal, "PoolsAreFixed")),
                (pools, _) => {
                    for pool in pools.iter().flat_map(|p| p.as_array()).flatten() {
                        let name = pool["name"].as_str().unwrap_or_default();
                        let id = format!("{path}/pools/{name}");
                        let mut pool = pool.clone();
                        pool["id"] = json!(id);
                        self.bodies.insert(id.to_lowercase(), pool);
                    }
                }
            }
            body["properties"]["issuer"] = json!(format!("https://issuer/{}", self.next));
        }
        if key.contains("/principals(") {
            let kept = old.as_ref().and_then(|old| old.get("objectId")).cloned();
            body["objectId"] = kept.unwrap_or_else(|| json!(format!("object-{}", self.next)));
        } else {
            body["properties"]["provisioningState"] = json!(state);
        }
        if key.contains("/stores/") && body["properties"].get("unmanaged").is_none() {
            body["properties"]["endpoint"] = json!(format!("https://{}", short(&key)));
        }
        self.bodies.insert(key, body.clone());
        Ok(body)
    }

    fn list(&self, request: &Request) -> Vec<Json> {
        let path = request.path.to_lowercase();
        let marked = !request.query.is_empty();
        let all = self.bodies.iter();
        let tracked = |id: &str| {
            ["/stores/", "/clusters/", "/machines/", "/cards/"]
                .iter()
                .any(|kind| id.contains(kind))
                && !id.contains("/pools/")
                && !id.contains("authorization/")
        };
        let listed = all.filter(|(id, body)| {
            if marked {
                id.contains("/providers/") && body["tags"].get(MANAGED_BY_TAG).is_some()
            } else if let Some(group) = path.strip_suffix("/resources") {
                id.starts_with(&format!("{group}/")) && tracked(id)
            } else if let Some((scope, kind)) = path.split_once("/providers/")
                && kind.split('/').count() == 2
            {
                let parent = id.rsplit_once('/').map_or("", |(parent, _)| parent);
                id.starts_with(scope) && parent.ends_with(&format!("/providers/{kind}"))
            } else {
                id.rsplit_once('/').map(|(parent, _)| parent) == Some(&path)
            }
        });
        let typed = |(id, body): (&String, &Json)| {
            let mut body = body.clone();
            body["type"] = json!(arm_type(id));
            if id.contains("/pools/") {
                body = json!({"id": body["id"]});
            }
            body
        };
        listed.map(typed).collect()
    }
}

/// The type of the object with this id: the provider, then every other segment.
fn arm_type(id: &str) -> String {
    let Some((_, path)) = id.rsplit_once("/providers/") else {
        return "Microsoft.Resources/resourceGroups".to_owned();
    };
    let mut segments = path.split('/');
    let provider = segments.next().unwrap_or_default();
    let types = segments.step_by(2).map(|name| format!("/{name}"));
    format!("{provider}{}", types.collect::<String>())
}

/// Lays a PATCH over a body: objects key by key, tags as a whole, as ARM does.
fn merge(live: &mut Json, patch: &Json, top: bool) {
    match (live, patch) {
        (Json::Object(live), Json::Object(patch)) => {
            for (key, value) in patch {
                let held = live.entry(key.clone()).or_insert(Json::Null);
                if top && key == "tags" {
                    *held = value.clone();
                } else {
                    merge(held, value, false);
                }
            }
        }
        (live, patch) => *live = patch.clone(),
    }
}

#[async_trait]
impl Reader for FakeCloud {
    async fn get(&self, request: &Request) -> Result<Option<Json>, Failure> {
        let mut state = self.state();
        state.reads += 1;
        if let Some(What::Refuse(verdict, code)) = state.fault(Method::Get, &request.path) {
            return Err(failure(verdict, code));
        }
        Ok(state.bodies.get(&request.path.to_lowercase()).cloned())
    }

    async fn list(
        &self,
        request: &Request,
        page: &mut (dyn FnMut(Vec<Json>) + Send),
    ) -> Result<(), Failure> {
        let mut state = self.state();
        state.reads += 1;
        let fault = state.fault(Method::Get, &request.path);
        if let Some(What::Refuse(verdict, code)) = fault {
            return Err(failure(verdict, code));
        }
        for body in state.list(request) {
            page(vec![body]);
            if let Some(What::LoseAfter) = fault {
                return Err(failure(Verdict::Unknown, "Unreachable"));
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Writer for FakeCloud {
    async fn begin(&self, request: &Request) -> Result<Begun, Failure> {
        let line = format!("{} {}", request.method, request.path);
        let fault = {
            let mut state = self.state();
            state.log.push(line.clone());
            state.fault(request.method, &request.path)
        };
        if let Some(What::Slow(turns)) = fault {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
        }
        if let Some(What::Call(call)) = &fault {
            call();
        }
        let mut state = self.state();
        let answer = state.answer(request, fault);
        state.log.push(format!("end {line}"));
        answer
    }

    async fn finish(&self, pending: &Pending) -> Result<Option<Json>, Failure> {
        let mut state = self.state();
        if pending.poll == Poll::ProvisioningState {
            let object = pending.object.as_ref().expect("given with this poll");
            let key = object.path.to_lowercase();
            let Some(body) = state.bodies.get_mut(&key) else {
                return Ok(None);
            };
            body["properties"]["provisioningState"] = json!("Succeeded");
            return Ok(Some(body.clone()));
        }
        state.end(&pending.target)
    }
}

impl State {
    /// Ends an operation that was taken, once; how it ended can be asked for again.
    fn end(&mut self, target: &str) -> Result<Option<Json>, Failure> {
        let Some((request, fails)) = self.pending.get(target).cloned() else {
            return Err(failure(Verdict::Unknown, OPERATION_LOST));
        };
        let key = request.path.to_lowercase();
        let outcome = if fails { "Failed" } else { "Succeeded" };
        if self.ended.insert(target.to_owned()) {
            if request.method == Method::Delete && !fails {
                return self.execute(&request, outcome);
            }
            if let Some(body) = self.bodies.get_mut(&key) {
                body["properties"]["provisioningState"] = json!(outcome);
            }
        }
        match fails {
            true => Err(failure(Verdict::Fatal, "OperationFailed")),
            false => Ok(self.bodies.get(&key).cloned()),
        }
    }

    fn answer(&mut self, request: &Request, fault: Option<What>) -> Result<Begun, Failure> {
        let lost = || failure(Verdict::Unknown, "Unreachable");
        match fault {
            Some(What::Refuse(verdict, code)) => Err(failure(verdict, code)),
            Some(What::LoseBefore) => Err(lost()),
            Some(What::LoseAfter) => self.execute(request, "Succeeded").and(Err(lost())),
            Some(What::LoseCreating) => self.execute(request, "Creating").and(Err(lost())),
            Some(What::Accept) => self.accept(request, false),
            Some(What::AcceptThenFail) => self.accept(request, true),
            Some(What::Misreport(path, value)) => {
                let mut body = self.execute(request, "Succeeded")?.unwrap_or_default();
                *body.pointer_mut(path).expect("it is there") = value;
                Ok(Begun::Done(Some(body)))
            }
            Some(What::Garble(path, value)) => self.garble(request, "", path, value),
            Some(What::GarbleBelow(below, path, value)) => self.garble(request, below, path, value),
            Some(What::Slow(_) | What::Call(_)) | None => {
                self.execute(request, "Succeeded").map(Begun::Done)
            }
        }
    }

    fn garble(
        &mut self,
        request: &Request,
        below: &str,
        path: &str,
        value: Json,
    ) -> Result<Begun, Failure> {
        self.execute(request, "Succeeded")?;
        let key = request.path.to_lowercase();
        let garbled = self.bodies.get_mut(&format!("{key}{below}"));
        *garbled
            .and_then(|b| b.pointer_mut(path))
            .expect("it is there") = value;
        Ok(Begun::Done(self.bodies.get(&key).cloned()))
    }

    fn accept(&mut self, request: &Request, fails: bool) -> Result<Begun, Failure> {
        if request.method != Method::Delete {
            self.execute(request, "Creating")?;
        }
        let target = format!("/operations/{}", self.pending.len());
        self.pending
            .insert(target.clone(), (request.clone(), fails));
        Ok(Begun::Accepted(Pending {
            plane: Plane::Arm,
            poll: Poll::StatusDocument,
            target,
            object: None,
            retry_after: None,
        }))
    }
}
