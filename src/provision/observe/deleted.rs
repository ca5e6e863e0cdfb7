//! Soft-deleted objects: what Azure keeps for a while and may bring back.

use serde_json::Value as Json;

use super::read::{Seen, no_id};
use crate::provision::ports::Reader;
use crate::resource::{Kind, Marker, Method, Outputs, Request, Resource};

impl Seen {
    /// Whether a declared resource whose id is known has not been seen.
    pub(super) fn lacks(&self, declared: &[&Resource], outputs: &Outputs) -> bool {
        let state = self.lock();
        let ids = declared.iter().map(|resource| resource.id.settle(outputs));
        ids.filter_map(|id| Some(id.known()?.to_lowercase()))
            .any(|id| !state.objects.contains_key(&id))
    }

    /// What was soft-deleted of a kind. Where that cannot be read, nobody knows whether what is
    /// missing is absent or waits to be recovered.
    pub(super) async fn deleted(
        &self,
        reader: &dyn Reader,
        kind: &'static dyn Kind,
        scopes: &[String],
    ) {
        let meta = kind.meta();
        let Some(path) = kind.deleted() else { return };
        for scope in scopes {
            let request = Request::arm(Method::Get, format!("{scope}{path}"), meta.api_version);
            let mut nameless = false;
            let mut keep = |entry: &Json| {
                let body = kind.remains(entry);
                let Some(id) = kind.id_of(&body) else {
                    nameless = true;
                    return;
                };
                let ownership = Marker::read(meta.carrier, &id, &body);
                self.lock().deleted.insert(id.to_lowercase(), ownership);
            };
            let read = reader
                .list(&request, &mut |page| page.iter().for_each(&mut keep))
                .await;
            match read {
                Ok(()) if nameless => self.blind(kind, scope, no_id()),
                Ok(()) => self.lock().collections_read += 1,
                Err(failure) => self.blind(kind, scope, failure),
            }
        }
    }
}
