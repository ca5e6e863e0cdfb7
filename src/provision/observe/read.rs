//! Reading: lists per scope and per parent, projected to what we own as the pages arrive.

use std::collections::BTreeSet;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serde_json::Value as Json;

use super::Observed;
use super::seen::Seen;
use crate::provision::desired::Desired;
use crate::provision::plan::Applied;
use crate::provision::ports::{Failure, Reader, Verdict};
use crate::resource::{Kind, Kinds, Outputs, ReadMode, Request, Resource};

/// Parents whose children are read at the same time.
pub(super) const READS_AT_ONCE: usize = 16;

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
    let (inhabitants, ()) = futures::join!(
        seen.inhabitants(reader),
        seen.in_order(reader, kinds, desired, &scopes)
    );
    let marked = strays.into_iter().flatten().collect();
    seen.finish(kinds, marked, inhabitants)
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
    let seen = Seen::again(estate, std::mem::take(observed));
    let known = applied.values().filter_map(|standing| {
        let kind = kinds.named(&standing.kind)?;
        let key = standing.id.to_lowercase();
        let unseen = !seen.lock().objects.contains_key(&key);
        (unseen && kind.meta().read == ReadMode::DataPlane).then(|| (kind, standing.id.clone()))
    });
    seen.each(reader, known.collect()).await;
    *observed = seen.into_observed();
}

/// The declared resources of one kind.
fn of_kind<'a>(desired: &'a Desired, kind: &dyn Kind) -> Vec<&'a Resource> {
    let name = kind.meta().name;
    let all = desired.resources.values();
    all.filter(|resource| resource.kind.meta().name == name)
        .collect()
}

impl Seen {
    /// What hangs on other objects. A child's list hangs on its parent's, and a late id on what it
    /// waits for, so the kinds go in table order: parents first.
    async fn in_order(
        &self,
        reader: &dyn Reader,
        kinds: Kinds,
        desired: &Desired,
        scopes: &[String],
    ) {
        let mut outputs = Outputs::default();
        for kind in kinds.iter() {
            let declared = of_kind(desired, kind);
            self.await_ids(&declared, &outputs);
            if kind.meta().read == ReadMode::DataPlane {
                self.declared(reader, kind, &declared, &mut outputs).await;
            } else {
                self.below_parents(reader, kind).await;
                self.outputs(&declared, &mut outputs);
            }
            let lacking = self.lacking(&declared, &outputs);
            if !lacking.is_empty() {
                self.deleted(reader, kind, scopes, &lacking).await;
                self.outputs(&declared, &mut outputs);
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
            parents.extend(self.parents(parent, kind));
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
