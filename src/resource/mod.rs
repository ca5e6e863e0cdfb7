//! The vocabulary that every other layer speaks: addresses, values, kinds, changes, markers.
//!
//! It turns nothing into anything and does no I/O. Invariants: an [`Address`] is always
//! well formed; a [`Value`] is canonical (maps ordered, numbers as JSON has them); a
//! [`Late`] value can be resolved by nothing but the outputs that it names. It must not
//! know a single Azure type: those live in `kinds`.

mod address;
mod body;
mod condition;
mod declared;
pub mod digest;
mod field;
mod foreseen;
mod id;
mod kind;
mod marker;
mod place;
mod request;
mod tag;
mod text;
mod value;

pub use address::{Address, AddressError, EnvironmentName, Pattern};
pub use body::{at, orphan_path, update, without_nulls};
pub use condition::Condition;
pub use declared::Resource;
pub(crate) use field::own_words;
pub use field::{Change, Compare, Field, Literal, Severity, Unmanaged};
pub use foreseen::{Obstacle, Planned, Question};
pub use id::{arm_type_of, scopes, subscription_of};
pub use kind::{
    AccessCell, Blocks, Carrier, Deleted, Guard, Kind, Kinds, Meta, Naming, ReadMode, UpdateMode,
};
pub use marker::{
    APPROVALS_TAG, DEFAULT_ESTATE, ID_TAG, MANAGED_BY_TAG, Marker, Ownership, PROTECTED_TAG,
};
pub use place::{ApprovalTerms, Place, Problem};
pub use request::{Method, Plane, Request};
pub use tag::{same_tag, tag_of};
pub use text::{Late, MissingOutput, Outputs, Text};
pub use value::{Map, Value};
