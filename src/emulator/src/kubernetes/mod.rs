//! The Kubernetes API of clusters, as far as deployments need it.
//!
//! A request for a cluster's host (its fqdn, ending in `.localhost` instead of `.io`) finds
//! the cluster, signs in with a token of Entra or one of the cluster's own, is allowed by
//! Azure roles on `<cluster>/namespaces/<ns>` or by native bindings, and only then reaches
//! an object. Objects are facts of their cluster. Nothing runs: a controller makes replica
//! sets and pods out of deployments, one step each time that somebody looks. Clusters
//! themselves are ARM's business (`types/aks`).
//! <https://kubernetes.io/docs/reference/using-api/api-concepts/>

mod access;
mod apply;
mod caller;
mod controller;
mod defaults;
mod discovery;
mod fields;
mod front_door;
mod look;
mod patch;
mod pods;
mod pull;
mod remove;
mod report;
mod request;
mod resources;
mod review;
mod rules;
mod selector;
mod status;
mod store;
mod validate;
mod write;

pub use front_door::answer;

/// What host names of clusters end in here.
pub const SUFFIX: &str = ".azmk8s.localhost";

/// What they end in where Azure shows them.
pub const AZURE_SUFFIX: &str = ".azmk8s.io";
