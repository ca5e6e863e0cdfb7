//! The pipeline: TOML's wishes and Azure's answers in, a plan out, and the plan carried out.
//!
//! `recover`; `desired` → `graph`; `observe`; `plan::make` (pure) → `guard` → `apply`. Invariants:
//! 1. `plan::make` is a pure function; a plan holds its own edges; apply makes no choice.
//! 2. A plan is sealed over cloud, tenant, subscriptions, format, desired (late values in
//!    symbolic form) and the managed-field image of each touched object. Apply re-reads an
//!    object right before its operation; anything but its pre-image, or its post-image where
//!    the journal knows of it, is stale. What Azure moves by itself never makes a plan stale.
//! 3. `begun` is durable before a request leaves, `accepted` right after Azure took it,
//!    `done` or `failed` after. After a crash nothing is created twice, nothing orphaned.
//! 4. `Unreadable` is never `Absent`.
//! 5. Plan after apply is empty, for every kind; every managed field flipped is found.
//! 6. Drift and plan share one diff; failover is the same pipeline on another environment.
//! 7. No secret value enters a property tree, plan, journal, log or error.

pub mod applied;
pub mod apply;
pub mod approval;
pub mod audit;
pub mod beforehand;
pub mod desired;
pub mod diff;
#[cfg(test)]
mod forged;
pub mod graph;
pub mod guard;
#[cfg(test)]
mod laws;
pub mod lease;
pub mod objects;
pub mod observe;
pub mod plan;
pub mod ports;
pub mod recover;
pub mod signed;
#[cfg(test)]
pub(crate) mod testing;
