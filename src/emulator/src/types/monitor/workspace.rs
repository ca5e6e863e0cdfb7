//! `Microsoft.OperationalInsights/workspaces`. A deleted one comes back with the next PUT
//! of its id, unless it was deleted with `force`.
//! <https://learn.microsoft.com/azure/azure-monitor/logs/delete-workspace>

use super::workspace_actions::{ACTIONS, keys};
use super::workspace_fields as fields;
use super::{deleted_workspace, workspace_fields};
use crate::arm::{
    Action, Address, ApiVersion, ArmError, Context, Deleted, Located, Meta, Pattern, Placement,
    ResourceType, Since, Started, Target, Written, set_state,
};
use crate::server::Answer;
use crate::state::{Moment, Object, Polling, Txn, World};
use axum::http::Method;
use serde_json::{Map, Value, json};
use uuid::Uuid;

pub struct Workspace;

/// The canonical type.
pub const KIND: &str = "Microsoft.OperationalInsights/workspaces";

/// Versions of the provider, newest first.
pub const VERSIONS: &[&str] = &[
    "2025-07-01",
    "2025-02-01",
    "2023-09-01",
    "2022-10-01",
    "2021-12-01-preview",
    "2020-08-01",
    "2015-11-01-preview",
];

static META: Meta = Meta {
    kind: KIND,
    api_versions: VERSIONS,
    placement: Placement::Group,
    location: Located::Regional,
    tracked: true,
    system_data: None,
    lockable: true,
    members: &[],
};

/// Since when workspaces show an etag.
const ETAG: Since = Since {
    stable: Some("2022-10-01"),
    preview: None,
};

/// Since when deletions are answered before they are done.
const ASYNCHRONOUS: Since = Since {
    stable: Some("2025-02-01"),
    preview: None,
};

static CREATION: Pattern = Pattern {
    address: STATUS,
    polling: Polling::Object { header: None },
    retry_after: None,
    seconds: 5,
};

static DELETION: Pattern = Pattern {
    address: Address::Pair {
        status: &STATUS,
        result: &RESULT,
        done: 200,
    },
    polling: Polling::Plain {
        running: 200,
        again: false,
    },
    retry_after: Some(10),
    seconds: 20,
};

const STATUS: Address = Address::AtLocation {
    namespace: "Microsoft.OperationalInsights",
    segment: "operationstatuses",
    prefix: "",
    upper_case: false,
};

const RESULT: Address = Address::UnderResource {
    segment: "operationresults",
    prefix: "",
};

impl ResourceType for Workspace {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn put(
        &self,
        cx: &Context<'_>,
        world: &World,
        target: &Target,
        old: Option<&Object>,
        sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        workspace_fields::valid_name(target.name())?;
        let deleted = match old {
            None => deleted_workspace::recoverable(world, &target.key, cx.now),
            Some(_) => None,
        };
        if let Some(deleted) = deleted {
            same_region(deleted, &sent["location"])?;
        }
        let before = old.or(deleted);
        let mut properties = match before {
            Some(before) => before.body["properties"].clone(),
            None => fields::fresh(cx.now),
        };
        // A PUT sets the tags; one that only brings a workspace back keeps them.
        let tags = match (sent.get("tags"), deleted) {
            (Some(tags), _) => Some(tags.clone()),
            (None, Some(deleted)) => deleted.body.get("tags").cloned(),
            (None, None) => None,
        };
        fields::lay(&mut properties, sent, before.is_none(), cx.now)?;
        let mut body = Map::new();
        body.insert("location".to_owned(), sent["location"].clone());
        if let Some(tags) = tags {
            body.insert("tags".to_owned(), tags);
        }
        if let Some(identity) = sent.get("identity").filter(|identity| identity.is_object()) {
            body.insert("identity".to_owned(), identity.clone());
        }
        let hidden = before.map_or_else(keys, |before| before.hidden.clone());
        let state = if before.is_some() {
            "Succeeded"
        } else {
            "Creating"
        };
        properties["provisioningState"] = json!(state);
        body.insert("properties".to_owned(), properties);
        let mut written = written(body, hidden);
        if before.is_none() {
            written.status = 201;
            written.started = Some(Started {
                pattern: &CREATION,
                word: "Creating",
            });
        }
        Ok(written)
    }

    fn patch(
        &self,
        cx: &Context<'_>,
        _world: &World,
        _target: &Target,
        old: &Object,
        sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        let mut body = old.body.as_object().cloned().unwrap_or_default();
        if let Some(tags) = sent.get("tags").filter(|tags| tags.is_object()) {
            body.insert("tags".to_owned(), tags.clone());
        }
        let mut properties = old.body["properties"].clone();
        fields::lay(&mut properties, sent, false, cx.now)?;
        properties["provisioningState"] = json!("Succeeded");
        body.insert("properties".to_owned(), properties);
        Ok(written(body, old.hidden.clone()))
    }

    fn delete(&self, cx: &Context<'_>, _world: &World, _old: &Object) -> Result<Deleted, ArmError> {
        Ok(if cx.api.has(ASYNCHRONOUS) {
            Deleted::Later {
                pattern: &DELETION,
                shown: false,
            }
        } else {
            Deleted::Now(200)
        })
    }

    fn deleting(&self, cx: &Context<'_>, txn: &mut Txn<'_>, object: &Object) {
        let force = cx.call.parameter("force");
        if force.is_some_and(|force| force.eq_ignore_ascii_case("true")) {
            let mut going = object.clone();
            going.hidden["force"] = json!(true);
            txn.put(going);
        }
    }

    fn view(&self, object: &Object, _world: &World, api: &ApiVersion) -> Value {
        show(object, api)
    }

    fn answered(&self, cx: &Context<'_>, _world: &World, object: &Object, answer: &mut Answer) {
        if cx.call.method == Method::PUT && answer.status == 201 {
            let address = format!("{}{}?api-version={}", cx.call.origin, object.id, cx.api);
            answer.headers.push(("location", address));
        }
    }

    fn settle(&self, object: &mut Object, now: Moment) {
        set_state(object, "Succeeded");
        object.body["properties"]["modifiedDate"] = json!(now.zulu());
        object.body["etag"] = json!(etag());
    }

    fn stored(&self, _cx: &Context<'_>, txn: &mut Txn<'_>, object: &Object) {
        deleted_workspace::forget(txn, &object.key());
    }

    fn leaving(&self, txn: &mut Txn<'_>, object: &Object, now: Moment) {
        if object.hidden["force"] != json!(true) {
            deleted_workspace::keep(txn, object, now);
        }
    }

    fn actions(&self) -> &'static [Action] {
        ACTIONS
    }
}

/// The workspace as an api-version shows it.
pub fn show(object: &Object, api: &ApiVersion) -> Value {
    let mut body = object.body.clone();
    if !api.has(ETAG)
        && let Some(body) = body.as_object_mut()
    {
        body.remove("etag");
    }
    body
}

fn written(mut body: Map<String, Value>, hidden: Value) -> Written {
    body.insert("etag".to_owned(), json!(etag()));
    Written {
        status: 200,
        body,
        hidden,
        started: None,
    }
}

fn etag() -> String {
    format!("\"{}\"", Uuid::new_v4())
}

/// A workspace comes back only where it was.
fn same_region(deleted: &Object, location: &Value) -> Result<(), ArmError> {
    if deleted.body["location"] == *location {
        return Ok(());
    }
    Err(ArmError::gateway(
        409,
        "InvalidResourceLocation",
        format!(
            "The resource '{}' already exists in location '{}'. A resource with the same name cannot be created in location '{}'. Please select a new resource name.",
            deleted.name(),
            deleted.location().unwrap_or_default(),
            location.as_str().unwrap_or_default()
        ),
    ))
}
