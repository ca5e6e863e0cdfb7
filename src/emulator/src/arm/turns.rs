//! Writes that take turns: where a provider runs one operation at a time.

use super::context::Context;
use super::error::ArmError;
use super::operations;
use super::resource_type::{ResourceType, Target};
use crate::state::Txn;

/// Refuses a write while an operation runs at or below the object that the type names for
/// its turns. Asking counts as a try for what runs, so that who asks again gets through
/// even if nobody polls.
pub fn wait(
    cx: &Context<'_>,
    txn: &mut Txn<'_>,
    kind: &'static dyn ResourceType,
    target: &Target,
) -> Result<(), ArmError> {
    let Some(root) = kind.turns(target) else {
        return Ok(());
    };
    let below = format!("{root}/");
    let world = txn.world();
    let waiting: Vec<String> = world
        .object(&root)
        .into_iter()
        .chain(world.under(&below).map(|(_, object)| object))
        .chain(
            kind.waits_for(target)
                .iter()
                .filter_map(|key| world.object(key)),
        )
        .filter_map(|object| object.pending.clone())
        .collect();
    for key in waiting {
        operations::try_once(cx, txn, &key);
        if let Some(operation) = txn.world().operation(&key)
            && !operation.finished()
        {
            let address = format!(
                "{}{}?api-version={}",
                cx.call.origin, operation.path, operation.api_version
            );
            return Err(kind.busy(target, &address));
        }
    }
    Ok(())
}

/// A try for whatever the objects at `keys` wait for.
pub fn nudge(cx: &Context<'_>, txn: &mut Txn<'_>, keys: &[String]) {
    for key in keys {
        let pending = txn
            .world()
            .object(key)
            .and_then(|object| object.pending.clone());
        if let Some(operation) = pending {
            operations::try_once(cx, txn, &operation);
        }
    }
}
