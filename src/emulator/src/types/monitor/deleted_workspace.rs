//! `Microsoft.OperationalInsights/deletedWorkspaces`: what a PUT of the same id brings back.

use super::workspace;
use crate::arm::{ApiVersion, Located, Meta, Placement, ResourceType};
use crate::state::{Moment, Object, Txn, World};
use serde_json::{Value, json};

pub struct DeletedWorkspace;

const KIND: &str = "Microsoft.OperationalInsights/deletedWorkspaces";

/// Days after which nothing can be brought back.
const DAYS: i64 = 14;

static META: Meta = Meta {
    kind: KIND,
    api_versions: workspace::VERSIONS,
    placement: Placement::Group,
    location: Located::Nowhere,
    tracked: false,
    system_data: None,
    lockable: false,
    members: &[],
};

impl ResourceType for DeletedWorkspace {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn view(&self, object: &Object, _world: &World, api: &ApiVersion) -> Value {
        workspace::show(object, api)
    }

    fn over(&self, object: &Object, now: Moment) -> bool {
        expired(object, now)
    }

    fn outlives(&self) -> bool {
        true
    }
}

fn expired(object: &Object, now: Moment) -> bool {
    let deleted = object.hidden["deleted"].as_i64().unwrap_or_default();
    now.seconds() >= deleted + DAYS * 24 * 3600
}

/// Where the deleted workspace of a key is kept.
fn place(workspace: &str) -> String {
    workspace.replacen("/workspaces/", "/deletedWorkspaces/", 1)
}

/// Keeps a workspace that goes.
pub fn keep(txn: &mut Txn<'_>, object: &Object, now: Moment) {
    let mut kept = object.clone();
    kept.id = place(&object.id);
    kept.kind = KIND.to_owned();
    kept.pending = None;
    kept.hidden["deleted"] = json!(now.seconds());
    kept.body["properties"]["provisioningState"] = json!("Succeeded");
    txn.put(kept);
}

/// The deleted workspace that a PUT of `key` brings back.
pub fn recoverable<'a>(world: &'a World, key: &str, now: Moment) -> Option<&'a Object> {
    world
        .object(&place(key).to_ascii_lowercase())
        .map(AsRef::as_ref)
        .filter(|object| !expired(object, now))
}

/// Forgets the deleted workspace of a key: it is back, or replaced.
pub fn forget(txn: &mut Txn<'_>, key: &str) {
    let kept = place(key).to_ascii_lowercase();
    if txn.world().object(&kept).is_some() {
        txn.remove_tree(&kept);
    }
}
