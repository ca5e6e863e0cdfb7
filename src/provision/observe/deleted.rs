//! Soft-deleted objects: what Azure keeps for a while and may bring back.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::Remains;
use super::read::no_id;
use super::seen::Seen;
use crate::provision::ports::{Failure, Reader};
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
        // Each list, and the scopes of which nothing is known without it.
        let lists: Vec<(Vec<String>, String)> = match kind.deleted() {
            Deleted::Never => return,
            // No id lies in the tenant's path: what is lacking is itself unknown.
            Deleted::Tenant => vec![(lacking.iter().cloned().collect(), String::new())],
            Deleted::PerSubscription(path) => subscriptions
                .iter()
                .map(|scope| (vec![scope.clone()], format!("{scope}{path}")))
                .collect(),
            Deleted::PerParent(parent) => self
                .holders(parent, lacking)
                .into_iter()
                .map(|id| (vec![id.clone()], id))
                .collect(),
        };
        for (scopes, within) in lists {
            if let Err(failure) = self.list_deleted(reader, kind, &within).await {
                for scope in &scopes {
                    self.blind(kind, scope, failure.clone());
                }
            }
        }
    }

    async fn list_deleted(
        &self,
        reader: &dyn Reader,
        kind: &'static dyn Kind,
        within: &str,
    ) -> Result<(), Failure> {
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
                ownership: Marker::read(&self.estate, carrier, &key, &body),
                handle: kind.handle(entry),
                outputs: kind.meta().read_outputs(&id, &body),
                id,
            };
            self.lock().deleted.insert(key, remains);
        };
        let read = reader
            .list(&kind.deleted_list(within), &mut |page| {
                page.iter().for_each(&mut keep);
            })
            .await;
        read?;
        if nameless {
            return Err(no_id());
        }
        self.lock().collections_read += 1;
        Ok(())
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
