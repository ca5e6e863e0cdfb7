//! `Microsoft.Authorization/denyAssignments`: read only, as Azure makes them itself.
//! <https://learn.microsoft.com/azure/role-based-access-control/deny-assignments>

use crate::access::DENIAL;
use crate::arm::{
    ArmError, Context, Deleted, Located, Meta, Placement, ResourceType, Source, Target, Written,
};
use crate::state::{Object, World};
use serde_json::{Map, Value};

pub struct DenyAssignment;

static META: Meta = Meta {
    kind: DENIAL,
    api_versions: &["2022-04-01", "2018-07-01-preview"],
    placement: Placement::Extension,
    location: Located::Nowhere,
    tracked: false,
    system_data: None,
    lockable: false,
    members: &[],
};

impl ResourceType for DenyAssignment {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn put(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _target: &Target,
        _old: Option<&Object>,
        _sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        Err(refused())
    }

    fn patch(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _target: &Target,
        _old: &Object,
        _sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        Err(refused())
    }

    fn delete(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _old: &Object,
    ) -> Result<Deleted, ArmError> {
        Err(refused())
    }

    fn not_found(&self, target: &Target) -> ArmError {
        ArmError::new(
            Source::Provider,
            404,
            "DenyAssignmentNotFound",
            format!("The deny assignment '{}' is not found.", target.name()),
        )
    }
}

fn refused() -> ArmError {
    ArmError::new(
        Source::Provider,
        405,
        "MethodNotAllowed",
        "Deny assignments are created and managed by Azure.",
    )
}
