//! Strangers: what stands in a managed group and is of a type that no kind lists.

use std::collections::BTreeSet;

use futures::StreamExt;
use serde_json::Value as Json;

use super::read::READS_AT_ONCE;
use super::seen::{Seen, group_of};
use super::{Observed, Stray};
use crate::provision::ports::{Reader, Verdict};
use crate::resource::Kinds;

impl Seen {
    /// Everything in the groups that are declared or ours, whatever its type: one list for each.
    ///
    /// ## Why
    /// A list of the whole subscription without the filter for our tag would tell the same, and
    /// all that others have there besides, which may be tens of pages.
    pub(super) async fn inhabitants(&self, reader: &dyn Reader) -> Vec<Json> {
        let lists = self.managed_groups().into_iter().filter_map(|(id, kind)| {
            let request = kind.contents(&id)?;
            Some(async move {
                let mut held = Vec::new();
                let read = reader.list(&request, &mut |page| held.extend(page)).await;
                match read {
                    // It has gone since, and with it what stood in it.
                    Err(failure) if failure.verdict == Verdict::NotFound => held.clear(),
                    Err(failure) => {
                        self.lock().unlisted.insert(id.to_lowercase(), failure);
                    }
                    Ok(()) => {}
                }
                held
            })
        });
        let lists: Vec<_> = lists.collect();
        let held: Vec<Vec<Json>> = futures::stream::iter(lists)
            .buffered(READS_AT_ONCE)
            .collect()
            .await;
        held.into_iter().flatten().collect()
    }
}

/// Adds those of a type that no kind reads, but for what something seen brings along by itself.
pub(super) fn add(state: &mut Observed, kinds: Kinds, inhabitants: Vec<Json>) {
    let known: BTreeSet<String> = kinds
        .iter()
        .map(|kind| kind.meta().arm_type.to_lowercase())
        .collect();
    let objects = state.objects.values();
    let along = objects.flat_map(|object| &object.takes_along);
    let along: BTreeSet<String> = along.map(|id| id.to_lowercase()).collect();
    let strays = state.strays.iter();
    let mut told: BTreeSet<String> = strays.map(|stray| stray.id.to_lowercase()).collect();
    for body in inhabitants {
        let text = |key: &str| body.get(key).and_then(Json::as_str).unwrap_or_default();
        let (id, arm_type, manager) = (text("id"), text("type"), text("managedBy"));
        let key = id.to_lowercase();
        // What a service keeps for itself is named with it, as its groups are.
        let is_own = !manager.is_empty() || along.contains(&key);
        let is_known = known.contains(&arm_type.to_lowercase());
        if !is_own && !is_known && group_of(&key).is_some() && told.insert(key) {
            state.strays.push(Stray {
                id: id.to_owned(),
                arm_type: arm_type.to_owned(),
                copied_marker: false,
                estate: None,
            });
        }
    }
}
