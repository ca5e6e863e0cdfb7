//! Microsoft Graph, as far as it keeps applications, service principals, groups and users.
//!
//! A request is signed in, its path becomes an [`address`], and what it may do follows from
//! Graph's application permissions. Objects are stored like ARM's, under keys of their own;
//! what must never be shown (digests of secrets, owners, members, federated credentials)
//! sits in their hidden half. Lists lag behind writes; objects asked for by id or key do
//! not.
//! <https://learn.microsoft.com/graph/api/overview>

mod address;
mod app_roles;
mod batch;
mod check;
mod credentials;
mod deleted;
mod directory_objects;
mod entity;
mod error;
mod federated;
mod federated_checks;
mod filter;
mod lexer;
mod links;
mod normal;
mod read;
mod request;
mod rights;
mod role_management;
mod route;
mod templates;
mod view;
mod write;

pub use app_roles::stored as app_role_assignment;
pub use rights::{APP_ROLES, GRAPH_APP};
pub use route::answer;
pub use templates::{application, service_principal, user};
