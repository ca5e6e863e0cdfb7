//! Role-based access control: what a principal holds and what follows from it.
//!
//! Role definitions and assignments in the [`World`](crate::state::World) become
//! [`Holdings`], and holdings answer a [`Question`] with a [`Decision`]: the union over
//! assignments at the scope and above it of actions minus notActions, taken back by deny
//! assignments. Nothing here knows HTTP, tokens or groups; who belongs to whom comes from
//! [`crate::entra`], and the errors from those who ask.
//! <https://learn.microsoft.com/azure/role-based-access-control/overview>

mod comparison;
mod condition;
mod condition_text;
mod decision;
mod groups;
mod holdings;
mod pattern;
mod permissions;
mod roles;

pub use condition::{Attributes, Condition, Source, Value};
pub use decision::{Decision, Plane, Question, Reason};
pub use groups::{Groups, MANAGEMENT_GROUP, PLACEMENT};
pub use holdings::{Holdings, assignments, assignments_after, scope_key};
pub use permissions::Permissions;
pub use roles::{Role, built_in, by_name};

/// The type of role assignments.
pub const ASSIGNMENT: &str = "Microsoft.Authorization/roleAssignments";

/// The type of role definitions.
pub const DEFINITION: &str = "Microsoft.Authorization/roleDefinitions";

/// The type of deny assignments.
pub const DENIAL: &str = "Microsoft.Authorization/denyAssignments";
