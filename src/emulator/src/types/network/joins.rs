//! Rights on other resources that a write needs: joining a subnet, approving a connection.

use crate::access::Plane;
use crate::arm::{self, ArmError, Context, Wish};
use crate::state::World;

/// Standing in a subnet.
pub const JOIN: &str = "Microsoft.Network/virtualNetworks/subnets/join/action";

/// Whether the caller may do `action` at `scope`.
pub fn may(cx: &Context<'_>, world: &World, action: &str, scope: &str) -> bool {
    let caller = &cx.principal.object_id;
    arm::decide(cx.azure, world, caller, Plane::Control, action, scope).is_granted()
}

/// Refuses a write to `id` unless its caller may do `action` on the linked resource too.
pub fn linked(
    cx: &Context<'_>,
    world: &World,
    id: &str,
    own: &str,
    action: &str,
    scope: &str,
) -> Result<(), ArmError> {
    let write = Wish {
        action: own.to_owned(),
        scope: id.to_owned(),
    };
    arm::linked(cx, world, &write, action, scope)
}
