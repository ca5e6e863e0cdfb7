//! Access control: what a principal effectively may do, and whether that is what was declared.
//!
//! Bodies of ARM and Graph → [`Tenant`] → [`Access`] → [`Holdings`] of a principal →
//! [`Effective`] permission at a scope → a [`Decision`] on one action, or what of it goes
//! beyond a declared set of actions and what is missing. Invariants:
//! 1. Nothing here asks Azure anything but [`read`], and that only through a `Reader`: what could
//!    not be read is said to be unknown.
//! 2. What is not known counts as possible: it never makes an excess go unseen, and never fills
//!    a gap.
//! 3. An action that no provider has yet is found as well as one that is known.
//! 4. Whatever a body, pattern or condition holds: an answer or an error, no panic.

mod access;
mod action;
mod assignment;
pub mod audit;
mod body;
mod catalogue;
pub mod cells;
pub mod check;
mod compare;
mod condition;
mod decision;
mod denial;
mod effective;
pub mod estate;
mod excess;
pub mod explain;
mod hierarchy;
pub mod meaning;
mod membership;
pub mod native;
mod notable;
pub mod obtain;
mod pattern;
mod permission;
mod question;
pub mod read;
mod role;
mod scope;
mod search;
mod sole;
#[cfg(test)]
mod tests;
mod truth;

pub use access::{Access, Holdings, Tenant};
pub use action::{Action, Plane};
pub use assignment::{Assignment, PrincipalType, Schedule};
pub use body::{BodyError, members};
pub use catalogue::Catalogue;
pub use compare::{Declared, Difference, Example, Excess, Gap};
pub use condition::{Attribute, Circumstances, Condition, Literal, Source};
pub use decision::{Against, Decision, Doubt, Why};
pub use denial::Denial;
pub use effective::Effective;
pub use excess::{NotExcess, excess};
pub use hierarchy::Hierarchy;
pub use membership::{Memberships, Ways};
pub use pattern::Pattern;
pub use permission::Permission;
pub use question::{Asked, NoQuestion, Question};
pub use role::{RoleDefinition, Roles};
pub use scope::Scope;
pub use sole::besides;
pub use truth::Truth;
