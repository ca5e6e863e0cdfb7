//! What Privileged Identity Management adds to `Microsoft.Authorization`: nothing, in a tenant
//! that has no licence for it.
//! <https://learn.microsoft.com/rest/api/authorization/role-eligibility-schedule-instances>

use crate::arm::{
    ArmError, Context, Located, Meta, Placement, ResourceType, Source, Target, Written,
};
use crate::server::Answer;
use crate::state::{Object, World};
use serde_json::{Map, Value};

/// One of its types.
pub struct Eligibility(&'static Meta);

const fn meta(kind: &'static str) -> Meta {
    Meta {
        kind,
        api_versions: &["2022-04-01-preview", "2020-10-01", "2020-10-01-preview"],
        placement: Placement::Extension,
        location: Located::Nowhere,
        tracked: false,
        system_data: None,
        lockable: false,
        members: &[],
    }
}

static INSTANCES: Meta = meta("Microsoft.Authorization/roleEligibilityScheduleInstances");
static SCHEDULES: Meta = meta("Microsoft.Authorization/roleEligibilitySchedules");
static ASSIGNED_INSTANCES: Meta = meta("Microsoft.Authorization/roleAssignmentScheduleInstances");
static ASSIGNED_SCHEDULES: Meta = meta("Microsoft.Authorization/roleAssignmentSchedules");

/// All of them.
pub static TYPES: &[&dyn ResourceType] = &[
    &Eligibility(&INSTANCES),
    &Eligibility(&SCHEDULES),
    &Eligibility(&ASSIGNED_INSTANCES),
    &Eligibility(&ASSIGNED_SCHEDULES),
];

impl ResourceType for Eligibility {
    fn meta(&self) -> &'static Meta {
        self.0
    }

    fn put(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _target: &Target,
        _old: Option<&Object>,
        _sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        Err(unlicensed())
    }

    fn patch(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _target: &Target,
        _old: &Object,
        _sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        Err(unlicensed())
    }

    fn list(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _scope: &str,
    ) -> Option<Result<Answer, ArmError>> {
        Some(Err(unlicensed()))
    }

    fn not_found(&self, _target: &Target) -> ArmError {
        unlicensed()
    }
}

fn unlicensed() -> ArmError {
    let (code, message) = crate::graph::UNLICENSED;
    ArmError::new(Source::Provider, 400, code, message.to_owned())
}
