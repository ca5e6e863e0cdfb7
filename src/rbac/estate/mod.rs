//! What is declared of access, in Azure's own ids: rows, columns, grants, and ways to sign in.
//!
//! Sections, [`Desired`](crate::provision::desired::Desired) and the outputs of what stands in, an
//! [`Estate`] out. It knows nothing of what is granted in Azure.

mod build;
mod parts;

pub use build::{EstateError, outputs};
pub use parts::{Column, Declaration, DeclaredRole, Estate, Managed, Row, RowSort, Trust};
