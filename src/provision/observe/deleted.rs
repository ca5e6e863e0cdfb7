//! Soft-deleted objects: what Azure keeps for a while and may bring back.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::Remains;
use super::read::{Seen, no_id};
use crate::provision::ports::Reader;
use crate::resource::{Deleted, Kind, Marker, Outputs, Resource, scopes};

impl Seen {
    /// The lower-cased ids of declared resources that have not been seen, as far as known.
    pub(super) fn lacking(&self, declared: &[&Resource], outputs: &Outputs) -> BTreeSet<String> {
        let state = self.lock();
        let ids = declared.iter().map(|resource| resource.id.settle(outputs));
        ids.filter_map(|id| Some(id.known()?.to_lowercase()))
            .filter(|id| !state.objects.contains_key(id))
            .collect()
    }

    /// What was soft-deleted of a kind, where something that it declares is `lacking`. Where that
    /// cannot be read, nobody knows whether what is missing is absent or waits to be recovered.
    pub(super) async fn deleted(
        &self,
        reader: &dyn Reader,
        kind: &'static dyn Kind,
        subscriptions: &[String],
        lacking: &BTreeSet<String>,
    ) {
        let lists: Vec<(String, String)> = match kind.deleted() {
            Deleted::Never => return,
            Deleted::Tenant => vec![(String::new(), String::new())],
            Deleted::PerSubscription(path) => subscriptions
                .iter()
                .map(|scope| (scope.clone(), format!("{scope}{path}")))
                .collect(),
            Deleted::PerParent(parent) => self
                .holders(parent, lacking)
                .into_iter()
                .map(|id| (id.clone(), id))
                .collect(),
        };
        for (scope, within) in lists {
            self.list_deleted(reader, kind, &scope, &within).await;
        }
    }

    async fn list_deleted(
        &self,
        reader: &dyn Reader,
        kind: &'static dyn Kind,
        scope: &str,
        within: &str,
    ) {
        let carrier = kind.meta().carrier;
        let mut nameless = false;
        let mut keep = |entry: &Json| {
            let body = kind.remains(within, entry);
            let Some(id) = kind.id_of(within, &body) else {
                nameless = true;
                return;
            };
            let key = kind.key_of(&id, &body);
            let remains = Remains {
                ownership: Marker::read(carrier, &key, &body),
                handle: kind.handle(entry),
            };
            self.lock().deleted.insert(key, remains);
        };
        let read = reader
            .list(&kind.deleted_list(within), &mut |page| {
                page.iter().for_each(&mut keep);
            })
            .await;
        match read {
            Ok(()) if nameless => self.blind(kind, scope, no_id()),
            Ok(()) => self.lock().collections_read += 1,
            Err(failure) => self.blind(kind, scope, failure),
        }
    }

    /// The ids of the objects of a parent kind in which something is lacking.
    fn holders(&self, parent: &str, lacking: &BTreeSet<String>) -> BTreeSet<String> {
        let state = self.lock();
        let above = lacking.iter().flat_map(|id| scopes(id).skip(1));
        above
            .filter_map(|scope| state.objects.get(scope))
            .filter(|object| object.kind.meta().name == parent)
            .map(|object| object.id.clone())
            .collect()
    }
}
