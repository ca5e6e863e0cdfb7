//! Role assignments: who is given what, where, under which condition and until when.

use std::fmt;

use serde::Deserialize;
use serde_json::Value as Json;
use time::OffsetDateTime;

use super::body::{BodyError, Wire, last_segment, moment, read, wrong};
use super::condition::Condition;
use super::native::Binding;
use super::scope::Scope;

/// A role assignment, an instance of one on a schedule, or one that somebody is eligible for.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// Its id.
    pub id: String,
    /// Where it holds, with all below.
    pub scope: Scope,
    /// The GUID of the role definition, in lower case.
    pub role: String,
    /// The object id of whom it is given to, in lower case.
    pub principal: String,
    /// What that is.
    pub principal_type: PrincipalType,
    /// When it counts.
    pub condition: Option<Condition>,
    /// When it begins to count.
    pub starts: Option<OffsetDateTime>,
    /// When it ceases to count.
    pub expires: Option<OffsetDateTime>,
    /// Of a native role binding in a cluster, which Azure neither lists nor denies: which one.
    pub native: Option<Binding>,
}

/// What a role is assigned to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrincipalType {
    /// A person.
    User,
    /// A group of the tenant.
    Group,
    /// An application or a managed identity.
    ServicePrincipal,
    /// A group of another tenant.
    ForeignGroup,
    /// A device.
    Device,
    /// What Azure says beyond that; empty where it says nothing.
    Other(String),
}

/// What PIM tells of assignments beside themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The id of the role assignment, in lower case.
    pub assignment: String,
    /// When it begins to count.
    pub starts: Option<OffsetDateTime>,
    /// When it ceases to count.
    pub expires: Option<OffsetDateTime>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    scope: Option<String>,
    role_definition_id: String,
    principal_id: String,
    principal_type: Option<String>,
    condition: Option<String>,
    condition_version: Option<String>,
    #[serde(default, deserialize_with = "moment")]
    start_date_time: Option<OffsetDateTime>,
    #[serde(default, deserialize_with = "moment")]
    end_date_time: Option<OffsetDateTime>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ScheduleProperties {
    origin_role_assignment_id: String,
    #[serde(default, deserialize_with = "moment")]
    start_date_time: Option<OffsetDateTime>,
    #[serde(default, deserialize_with = "moment")]
    end_date_time: Option<OffsetDateTime>,
}

impl Assignment {
    /// Reads a member of `…/roleAssignments`, or of `…/roleEligibilityScheduleInstances`.
    ///
    /// # Errors
    /// [`BodyError`] for anything else.
    pub fn read(body: &Json) -> Result<Self, BodyError> {
        const WHAT: &str = "role assignment";
        let wire: Wire<Properties> = read(WHAT, body)?;
        let properties = wire.properties;
        let scope = properties.scope.as_deref().or_else(|| {
            let (scope, _) = split_before(&wire.id, "/providers/microsoft.authorization/")?;
            Some(scope)
        });
        let scope = scope.ok_or_else(|| wrong(WHAT, body, "properties.scope", "is missing"))?;
        let role = last_segment(&properties.role_definition_id)
            .ok_or_else(|| wrong(WHAT, body, "properties.roleDefinitionId", "names nothing"))?;
        if properties.principal_id.is_empty() {
            return Err(wrong(WHAT, body, "properties.principalId", "is empty"));
        }
        let condition = Condition::read(
            properties.condition.as_deref(),
            properties.condition_version.as_deref(),
        );
        Ok(Self {
            scope: Scope::new(scope),
            role,
            principal: properties.principal_id.to_ascii_lowercase(),
            principal_type: PrincipalType::of(properties.principal_type.as_deref()),
            condition,
            starts: properties.start_date_time,
            expires: properties.end_date_time,
            native: None,
            id: wire.id,
        })
    }

    /// Whether it counts at that time.
    pub fn counts_at(&self, now: OffsetDateTime) -> bool {
        self.starts.is_none_or(|starts| starts <= now)
            && self.expires.is_none_or(|expires| now < expires)
    }
}

impl Schedule {
    /// Reads a member of `…/roleAssignmentScheduleInstances`.
    ///
    /// # Errors
    /// [`BodyError`] for anything else.
    pub fn read(body: &Json) -> Result<Self, BodyError> {
        let wire: Wire<ScheduleProperties> = read("role assignment schedule instance", body)?;
        let properties = wire.properties;
        Ok(Self {
            assignment: properties.origin_role_assignment_id.to_ascii_lowercase(),
            starts: properties.start_date_time,
            expires: properties.end_date_time,
        })
    }
}

impl PrincipalType {
    /// What Azure calls so.
    fn of(word: Option<&str>) -> Self {
        let word = word.unwrap_or_default();
        [
            Self::User,
            Self::Group,
            Self::ServicePrincipal,
            Self::ForeignGroup,
            Self::Device,
        ]
        .into_iter()
        .find(|known| known.to_string().eq_ignore_ascii_case(word))
        .unwrap_or_else(|| Self::Other(word.to_owned()))
    }
}

impl fmt::Display for PrincipalType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::User => "User",
            Self::Group => "Group",
            Self::ServicePrincipal => "ServicePrincipal",
            Self::ForeignGroup => "ForeignGroup",
            Self::Device => "Device",
            Self::Other(word) => word,
        })
    }
}

/// What stands before and after the last place where `text` says `part`, which is in lower case.
fn split_before<'t>(text: &'t str, part: &str) -> Option<(&'t str, &'t str)> {
    let at = text.to_ascii_lowercase().rfind(part)?;
    text.split_at_checked(at)
}
