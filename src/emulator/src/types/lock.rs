//! `Microsoft.Authorization/locks`: management locks at any scope.
//! <https://learn.microsoft.com/rest/api/resources/management-locks>

use super::checks;
use crate::arm::{
    ArmError, Context, LOCK_KIND, Located, Meta, Placement, ResourceType, Source, Target, Written,
};
use crate::state::{Object, World};
use serde_json::{Map, Value, json};

pub struct Lock;

static META: Meta = Meta {
    kind: LOCK_KIND,
    api_versions: &[
        "2020-05-01",
        "2017-04-01",
        "2016-09-01",
        "2015-06-01",
        "2015-01-01",
    ],
    placement: Placement::Extension,
    location: Located::Nowhere,
    tracked: false,
    system_data: None,
    lockable: false,
    members: &[],
};

impl ResourceType for Lock {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn put(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _target: &Target,
        old: Option<&Object>,
        sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        let properties = checks::object(sent, "properties").map_err(|_| bad("properties"))?;
        let level = checks::word(&properties, "level", &["CanNotDelete", "ReadOnly"])
            .ok()
            .flatten()
            .ok_or_else(|| bad("properties.level"))?;
        let mut kept = json!({ "level": level });
        if let Some(notes) =
            checks::text(&properties, "notes").map_err(|_| bad("properties.notes"))?
        {
            if notes.chars().count() > 512 {
                return Err(bad("properties.notes"));
            }
            kept["notes"] = json!(notes);
        }
        if let Some(owners) = properties.get("owners").filter(|owners| owners.is_array()) {
            kept["owners"] = owners.clone();
        }
        let mut body = Map::new();
        body.insert("properties".to_owned(), kept);
        Ok(Written {
            status: if old.is_some() { 200 } else { 201 },
            body,
            hidden: Value::Null,
            started: None,
        })
    }

    fn not_found(&self, target: &Target) -> ArmError {
        ArmError::new(
            Source::Gateway,
            404,
            "LockNotFound",
            format!("The lock '{}' could not be found.", target.name()),
        )
    }
}

fn bad(path: &str) -> ArmError {
    ArmError::gateway(
        400,
        "InvalidRequestContent",
        format!(
            "The request content was invalid and could not be deserialized: 'The lock definition has a missing or invalid value. Path '{path}'.'."
        ),
    )
}
