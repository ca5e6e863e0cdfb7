//! A request to a registry that has been let in.

use super::fault::Fault;
use super::scope::Scope;
use crate::azure::Azure;
use crate::server::Call;
use crate::state::{Moment, Object, Txn, World};
use std::sync::Arc;

/// Who asks what of which registry.
#[derive(Debug)]
pub struct Request<'a> {
    pub azure: &'a Azure,
    pub call: &'a Call,
    pub registry: Arc<Object>,
    /// The scopes that the caller shows; set once it is known what is asked.
    pub held: Vec<Scope>,
    pub now: Moment,
}

impl Request<'_> {
    /// The name that tokens and answers call the registry by.
    pub fn server(&self) -> &str {
        self.registry
            .text("/properties/loginServer")
            .unwrap_or_default()
    }

    pub fn read<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        self.azure.store.read(look)
    }

    /// Changes the world; nothing is kept of work that ends in an error, because it
    /// changes nothing before it is sure.
    pub fn write<T>(
        &self,
        work: impl FnOnce(&mut Txn<'_>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.azure
            .store
            .write(work)
            .unwrap_or_else(|_| Err(Fault::unwritten()))
    }
}
