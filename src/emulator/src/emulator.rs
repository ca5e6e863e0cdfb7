//! A running emulator.

use crate::azure::Azure;
use crate::certificate::{AUTHORITY, Identity};
use crate::control;
use crate::endpoint::Endpoint;
use crate::entra::{CREDENTIALS, Directory};
use crate::process::{Claim, StartError, busy};
use crate::registry;
use crate::seeds;
use crate::server;
use crate::settings::Settings;
use crate::state::Store;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How long [`Emulator::stop`] waits for requests under way.
const PATIENCE: Duration = Duration::from_secs(5);

/// An emulator in this process. Dropping it ends it without waiting; [`Self::stop`]
/// finishes what was begun.
#[derive(Debug)]
pub struct Emulator {
    endpoint: Endpoint,
    azure: Arc<Azure>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
    claim: Option<Claim>,
}

impl Emulator {
    /// Starts an emulator. With a data folder it must be free: [`open`](crate::open) waits
    /// or finds the one that serves it.
    ///
    /// # Errors
    /// The folder is in use or unreadable, its state is not an emulator's, or the port is
    /// taken.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        let claim = match &settings.data {
            None => None,
            Some(folder) => {
                let claim = Claim::take(folder)?;
                Some(claim.ok_or_else(|| StartError::InUse(busy(folder)))?)
            }
        };
        Self::start_with(settings, claim).await
    }

    /// Starts on a data folder that is already claimed.
    pub(crate) async fn start_with(
        settings: Settings,
        mut claim: Option<Claim>,
    ) -> Result<Self, StartError> {
        let (store, directory) = match &settings.data {
            None => (
                Store::in_memory(),
                Directory::in_memory(&settings.tenant, settings.open_info),
            ),
            Some(folder) => (
                Store::on_disk(folder, folder.join(CREDENTIALS).exists())?,
                Directory::on_disk(folder, &settings.tenant, settings.open_info)?,
            ),
        };
        let (port, announce) = (settings.port, settings.announce);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .map_err(|source| StartError::Port { port, source })?;
        let address = listener
            .local_addr()
            .map_err(|source| StartError::Port { port, source })?;
        let identity = match &settings.tls {
            None => None,
            Some(folder) => Some(vouched(folder)?),
        };
        let azure = Arc::new(Azure::new(settings, store, directory));
        seeds::plant(&azure).map_err(|error| StartError::State(error.to_string()))?;
        registry::sweep(&azure).map_err(|error| StartError::State(error.to_string()))?;
        let endpoint = Endpoint {
            origin: format!("{}://{address}", azure.scheme()),
            ca: identity.as_ref().map(|identity| identity.authority.clone()),
            tenant: azure.directory.tenant().to_owned(),
            subscription: azure
                .settings
                .subscriptions
                .first()
                .cloned()
                .unwrap_or_default(),
            deployer: azure.directory.deployer().clone(),
            control_secret: azure.directory.control_secret().to_owned(),
        };
        if let Some(claim) = claim.as_mut().filter(|_| announce) {
            claim.announce(&endpoint)?;
        }
        let shared = Arc::clone(&azure);
        let (stop, stopped) = oneshot::channel::<()>();
        let tls = identity.map(|identity| identity.config);
        let task = tokio::spawn(async move {
            let stopped = async {
                // A dropped sender means the same as a message.
                let _ = stopped.await;
            };
            if let Err(error) = server::serve(listener, tls, azure, stopped).await {
                tracing::error!(%error, "the emulator stopped listening");
            }
        });
        Ok(Self {
            endpoint,
            azure: shared,
            stop: Some(stop),
            task,
            claim,
        })
    }

    /// Scheme, host and port, e.g. `http://127.0.0.1:41234`.
    pub fn origin(&self) -> &str {
        &self.endpoint.origin
    }

    /// How to reach it and sign in.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Empties everything but the tenant and its secrets, as `POST /emulator/reset` does.
    ///
    /// # Errors
    /// The state could not be written.
    pub fn reset(&self) -> std::io::Result<()> {
        control::reset(&self.azure)
    }

    /// Ends it: no new connections, requests under way are finished, the folder is free
    /// when this returns.
    pub async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            // The receiver is gone only if the server has already ended.
            let _ = stop.send(());
        }
        if tokio::time::timeout(PATIENCE, &mut self.task)
            .await
            .is_err()
        {
            self.task.abort();
        }
        self.claim = None;
    }
}

/// An identity whose authority stands in `folder`.
fn vouched(folder: &Path) -> Result<Identity, StartError> {
    Identity::make()
        .and_then(|identity| identity.publish(folder).map(|()| identity))
        .map_err(|source| StartError::Io {
            path: folder.join(AUTHORITY),
            source,
        })
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.task.abort();
    }
}
