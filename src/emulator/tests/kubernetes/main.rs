//! Clusters over HTTP, as clients of Kubernetes meet them.

mod access;
mod client;
mod objects;
mod patches;
mod people;
mod rollouts;
