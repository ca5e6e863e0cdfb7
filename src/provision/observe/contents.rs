//! Contents: what stands in an object that would be deleted along with it.

use serde_json::Value as Json;

use super::Observed;
use crate::provision::ports::{Reader, Verdict};

/// Adds what the given objects hold that would be deleted along with them.
pub async fn contents(reader: &dyn Reader, observed: &mut Observed, ids: &[String]) {
    for id in ids {
        let key = id.to_lowercase();
        let Some(object) = observed.objects.get(&key) else {
            continue;
        };
        let Some(request) = object.kind.contents(&object.id) else {
            continue;
        };
        let mut held = Vec::new();
        let read = reader
            .list(&request, &mut |page| held.extend(page.iter().map(held_id)))
            .await;
        if let Err(failure) = read {
            let parent = object.kind.get(&object.id);
            let gone = failure.verdict == Verdict::NotFound
                && reader.get(&parent).await.is_ok_and(|body| body.is_none());
            // An unknown content is treated as somebody's: its container is not deleted.
            if !gone {
                held.push(format!("something that cannot be read ({failure})"));
            }
        }
        observed.contents.insert(key, held);
    }
}

/// The id of something held; what has none is something all the same.
pub(in crate::provision) fn held_id(body: &Json) -> String {
    let id = body.get("id").and_then(Json::as_str);
    id.map_or_else(|| "something without an id".to_owned(), str::to_owned)
}
