//! Rights on other resources that a write needs: joining a subnet, approving a connection.

use crate::arm::{ArmError, Context, Source, Wish, allowed};
use crate::state::World;

/// Standing in a subnet.
pub const JOIN: &str = "Microsoft.Network/virtualNetworks/subnets/join/action";

/// Whether the caller may do `action` at `scope`.
pub fn may(cx: &Context<'_>, world: &World, action: &str, scope: &str) -> bool {
    allowed(cx, world, &wish(action, scope)).is_ok()
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
    if may(cx, world, action, scope) {
        return Ok(());
    }
    let (client, object) = (&cx.principal.client_id, &cx.principal.object_id);
    Err(ArmError::new(
        Source::Gateway,
        403,
        "LinkedAuthorizationFailed",
        format!(
            "The client '{client}' with object id '{object}' has permission to perform action '{own}' on scope '{id}'; however, it does not have permission to perform action(s) '{action}' on the linked scope(s) '{scope}' (respectively) or the linked scope(s) are invalid."
        ),
    ))
}

fn wish(action: &str, scope: &str) -> Wish {
    Wish {
        action: action.to_owned(),
        scope: scope.to_owned(),
    }
}
