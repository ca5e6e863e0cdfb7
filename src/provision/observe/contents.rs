//! Contents: what stands in an object that would be deleted along with it.

use futures::StreamExt;
use serde_json::Value as Json;

use super::Observed;
use super::read::READS_AT_ONCE;
use crate::provision::ports::{Reader, Verdict};
use crate::resource::Kind;

/// Adds what the given objects hold that would be deleted along with them.
pub async fn contents(reader: &dyn Reader, observed: &mut Observed, ids: &[String]) {
    let containers: Vec<(String, &dyn Kind, String)> = ids
        .iter()
        .filter_map(|id| {
            let key = id.to_lowercase();
            let object = observed.objects.get(&key)?;
            Some((key, object.kind, object.id.clone()))
        })
        .collect();
    let reads = containers.into_iter().map(|(key, kind, id)| async move {
        let request = kind.contents(&id)?;
        let mut held = Vec::new();
        let read = reader
            .list(&request, &mut |page| held.extend(page.iter().map(held_id)))
            .await;
        if let Err(failure) = read {
            let gone = failure.verdict == Verdict::NotFound
                && reader
                    .get(&kind.get(&id))
                    .await
                    .is_ok_and(|body| body.is_none());
            // An unknown content is treated as somebody's: its container is not deleted.
            if !gone {
                held.push(format!("something that cannot be read ({failure})"));
            }
        }
        Some((key, held))
    });
    let mut reads = futures::stream::iter(reads).buffer_unordered(READS_AT_ONCE);
    while let Some(read) = reads.next().await {
        observed.contents.extend(read);
    }
}

/// The id of something held; what has none is something all the same.
pub(in crate::provision) fn held_id(body: &Json) -> String {
    let id = body.get("id").and_then(Json::as_str);
    id.map_or_else(|| "something without an id".to_owned(), str::to_owned)
}
