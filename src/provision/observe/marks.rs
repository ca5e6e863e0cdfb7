//! Marks: what carries ours, whatever its type and wherever it stands.

use serde_json::Value as Json;

use super::read::no_id;
use super::seen::Seen;
use crate::provision::ports::Reader;
use crate::resource::{Kinds, MANAGED_BY_TAG, Method, Request};

impl Seen {
    /// The marked objects of kinds that no other list covers. Such a search lags behind, so what
    /// it finds is read once more.
    pub(super) async fn searched(&self, reader: &dyn Reader, kinds: Kinds) {
        let searches = kinds.iter().filter_map(|kind| {
            let request = kind.marked()?;
            Some(self.list(reader, kind, "", request, None, true))
        });
        futures::future::join_all(searches).await;
    }

    /// Every resource of a subscription that carries our tag, whatever its type.
    pub(super) async fn marked(&self, reader: &dyn Reader, scope: &str) -> Vec<Json> {
        let request = Request::arm(Method::Get, format!("{scope}/resources"), "2021-04-01")
            .query("$filter", format!("tagName eq '{MANAGED_BY_TAG}'"));
        let mut found = Vec::new();
        let read = reader.list(&request, &mut |page| found.extend(page)).await;
        let named = |body: &Json| body.get("id").is_some_and(Json::is_string);
        let failure = read.err();
        let failure = failure.or_else(|| (!found.iter().all(named)).then(no_id));
        if let Some(failure) = failure {
            let scope = scope.to_lowercase();
            self.lock().unsearched.insert(scope, failure);
        }
        found
    }
}
