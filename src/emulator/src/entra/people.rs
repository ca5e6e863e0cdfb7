//! People, who sign in somewhere else: there are no passwords and no browser here.

use super::directory::Principal;
use super::principals::{self, USER};
use crate::state::World;
use serde_json::Value;

/// Why somebody cannot sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// The directory has no such user.
    Unknown,
    /// The account is disabled.
    Disabled,
}

/// The person with that object id or sign-in name.
pub fn person(world: &World, user: &str) -> Result<Principal, Absent> {
    let found = principals::object(world, USER, user)
        .or_else(|| principals::by_member(world, USER, "/userPrincipalName", user))
        .ok_or(Absent::Unknown)?;
    if found.body.get("accountEnabled") == Some(&Value::Bool(false)) {
        return Err(Absent::Disabled);
    }
    let text = |pointer: &str| found.text(pointer).unwrap_or_default().to_owned();
    Ok(Principal {
        client_id: text("/userPrincipalName"),
        object_id: text("/id"),
    })
}
