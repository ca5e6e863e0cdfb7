//! What a client is made from.

use std::sync::Arc;

use super::clock::{Clock, SystemClock, Timing};
use super::cloud::{Cloud, CloudName};
use super::credential::{Credential, Variables};

/// What a client is made from.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The cloud that is spoken to.
    pub cloud: Cloud,
    /// The Entra tenant to sign in to.
    pub tenant: String,
    /// How to sign in.
    pub credential: Credential,
    /// How long is waited for what.
    pub timing: Timing,
    /// The clock that all waiting goes through.
    pub clock: Arc<dyn Clock>,
    /// Where credentials find their environment variables.
    pub variables: Variables,
}

impl Settings {
    /// Settings with the timing that fits the cloud, the clock on the wall and the process's
    /// environment.
    pub fn new(cloud: Cloud, tenant: impl Into<String>, credential: Credential) -> Self {
        let timing = match cloud.name() {
            CloudName::Emulator => Timing::emulator(),
            _ => Timing::azure(),
        };
        Self {
            cloud,
            tenant: tenant.into(),
            credential,
            timing,
            clock: Arc::new(SystemClock),
            variables: Variables::of_process(),
        }
    }
}
