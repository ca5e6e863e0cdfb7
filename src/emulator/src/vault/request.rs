//! A request to a vault that has been let in.

use super::api::Api;
use super::fault::VaultError;
use crate::azure::Azure;
use crate::entra::Principal;
use crate::server::Call;
use crate::state::{Moment, Object, Txn, World};
use serde_json::{Map, Value};
use std::sync::Arc;

/// Who asks what of which vault.
#[derive(Debug)]
pub struct Request<'a> {
    pub azure: &'a Azure,
    pub call: &'a Call,
    pub vault: Arc<Object>,
    pub principal: &'a Principal,
    pub api: Api,
    pub now: Moment,
}

impl Request<'_> {
    /// A key's address, or that of one of its versions.
    pub fn kid(&self, name: &str, version: &str) -> String {
        let origin = &self.call.origin;
        if version.is_empty() {
            format!("{origin}/keys/{name}")
        } else {
            format!("{origin}/keys/{name}/{version}")
        }
    }

    /// The body as an object; an absent one is empty.
    pub fn body(&self) -> Result<Map<String, Value>, VaultError> {
        if self.call.body.is_empty() {
            return Ok(Map::new());
        }
        match serde_json::from_slice(&self.call.body) {
            Ok(Value::Object(body)) => Ok(body),
            _ => Err(VaultError::bad("Invalid JSON in the request body.")),
        }
    }

    pub fn read<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        self.azure.store.read(look)
    }

    /// Changes the world; nothing is kept of work that ends in an error, because it
    /// changes nothing before it is sure.
    pub fn write<T>(
        &self,
        work: impl FnOnce(&mut Txn<'_>) -> Result<T, VaultError>,
    ) -> Result<T, VaultError> {
        self.azure.store.write(work).unwrap_or_else(|_| {
            Err(VaultError::new(
                500,
                "InternalServerError",
                "The emulator could not write its state.",
            ))
        })
    }
}
