//! What every step of answering one ARM request needs to know.

use super::api_version::ApiVersion;
use super::authorize::Sees;
use super::path::ArmPath;
use super::resource_type::Target;
use crate::azure::Azure;
use crate::entra::Principal;
use crate::server::Call;
use crate::state::Moment;
use serde_json::{Value, json};

/// An authenticated request on its way.
#[derive(Debug)]
pub struct Context<'a> {
    pub azure: &'a Azure,
    pub call: &'a Call,
    pub path: &'a ArmPath,
    pub principal: &'a Principal,
    pub api: ApiVersion,
    pub now: Moment,
    /// What of a list the caller sees.
    pub sees: Sees,
}

impl Context<'_> {
    /// The id of `target` as the caller wrote it, which is how ARM's messages name it.
    pub fn path_of(&self, target: &Target) -> String {
        let length = target.id.len();
        match self.path.text.get(..length) {
            Some(front) if front.eq_ignore_ascii_case(&target.id) => front.to_owned(),
            _ => target.id.clone(),
        }
    }

    /// `systemData` of an object that is written now; `before` is what it had.
    pub fn system_data(&self, before: Option<&Value>) -> Value {
        stamp(&self.principal.client_id, self.now, before)
    }
}

/// `systemData` of an object that an application or a person writes at `now`.
pub fn stamp(client_id: &str, now: Moment, before: Option<&Value>) -> Value {
    let at = now.offset_form();
    let kind = if client_id.contains('@') {
        "User"
    } else {
        "Application"
    };
    let created = |member: &str| before.and_then(|data| data.get(member)).cloned();
    json!({
        "createdBy": created("createdBy").unwrap_or_else(|| json!(client_id)),
        "createdByType": created("createdByType").unwrap_or_else(|| json!(kind)),
        "createdAt": created("createdAt").unwrap_or_else(|| json!(at)),
        "lastModifiedBy": client_id,
        "lastModifiedByType": kind,
        "lastModifiedAt": at,
    })
}
