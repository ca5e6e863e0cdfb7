//! Azure Resource Manager: what is the same for every type.
//!
//! A request passes the front door in Azure's order (who, which subscription, which
//! api-version, allowed?, which group, which type, locks, parent, body) and only then
//! reaches a type of [`crate::types`]. Time passes here too: reads and polls move
//! operations on. Nothing in here knows a particular type but groups, subscriptions and
//! tags, which are ARM's own.

mod addresses;
mod api_version;
mod authorize;
mod body;
mod context;
mod crud;
mod error;
mod filter;
mod front_door;
mod groups;
mod locks;
mod operations;
mod page;
mod path;
mod pattern;
mod providers;
mod read;
mod regions;
mod resolve;
mod resource_type;
mod resources;
mod subscriptions;
mod tags;
mod turns;
mod weather;
mod wish;

pub use api_version::{ApiVersion, Since};
pub use authorize::{allowed, decide, linked, linked_refusal, weigh};
pub use context::{Context, stamp};
pub use error::{ArmError, Source, for_status};
pub use front_door::answer;
pub use groups::KIND as GROUP_KIND;
pub use locks::{KIND as LOCK_KIND, check as check_locks};
pub use operations::{end_pending, remove};
pub use page::{after, page};
pub use path::kind_of;
pub use pattern::{Address, Pattern, start};
pub use regions::{geography, pair};
pub use resource_type::{
    Action, Deleted, Located, Meta, Placement, ResourceType, Started, Target, Written, set_state,
};
pub use wish::Wish;
