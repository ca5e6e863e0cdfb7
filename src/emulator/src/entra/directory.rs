//! The tenant: its built-in principals and the key that its tokens are signed with.

use crate::endpoint::Credential;
use aws_lc_rs::hmac;
use serde::{Deserialize, Serialize};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use uuid::Uuid;

const VERSION: u32 = 1;

/// The file of a data folder that holds the tenant's secrets; it is made after the state.
pub const CREDENTIALS: &str = "credentials.json";

/// What is random about a tenant and must survive a restart.
#[derive(Clone, Serialize, Deserialize)]
struct Secrets {
    version: u32,
    deployer: Credential,
    owner: Credential,
    control: String,
    token_key: String,
}

/// One tenant.
pub struct Directory {
    tenant: String,
    secrets: Secrets,
    key: hmac::Key,
    owner_allowed: bool,
}

/// Somebody who signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The application's client id, or a person's sign-in name: what messages call it by.
    pub client_id: String,
    /// The object id of the service principal or user.
    pub object_id: String,
}

/// The application that people sign in with: Azure's command line.
const COMMAND_LINE: &str = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";

impl Principal {
    /// Whether it is a person: only sign-in names hold an `@`.
    pub fn is_person(&self) -> bool {
        self.client_id.contains('@')
    }

    /// The client id of the application that it came through.
    pub fn application(&self) -> &str {
        if self.is_person() {
            COMMAND_LINE
        } else {
            &self.client_id
        }
    }
}

/// Why a folder's credentials cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{}: not an emulator's credentials ({source})", path.display())]
    Format {
        path: PathBuf,
        source: serde_json::Error,
    },
    #[error("{}: credentials of version {found}; this program reads version {VERSION}", path.display())]
    Version { path: PathBuf, found: u32 },
}

impl Directory {
    /// A tenant that nobody remembers.
    pub fn in_memory(tenant: &str, owner_allowed: bool) -> Self {
        Self::with(tenant, owner_allowed, Secrets::new(tenant))
    }

    /// The tenant of `folder`, made there if it is new.
    pub fn on_disk(
        folder: &Path,
        tenant: &str,
        owner_allowed: bool,
    ) -> Result<Self, DirectoryError> {
        let path = folder.join(CREDENTIALS);
        let fail = |source| DirectoryError::Io {
            path: path.clone(),
            source,
        };
        let secrets = match fs::read(&path) {
            Ok(text) => {
                let secrets: Secrets =
                    serde_json::from_slice(&text).map_err(|source| DirectoryError::Format {
                        path: path.clone(),
                        source,
                    })?;
                if secrets.version != VERSION {
                    return Err(DirectoryError::Version {
                        path,
                        found: secrets.version,
                    });
                }
                secrets
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let secrets = Secrets::new(tenant);
                write_private(
                    &path,
                    &serde_json::to_vec_pretty(&secrets)
                        .map_err(io::Error::other)
                        .map_err(fail)?,
                )
                .map_err(fail)?;
                secrets
            }
            Err(error) => return Err(fail(error)),
        };
        Ok(Self::with(tenant, owner_allowed, secrets))
    }

    fn with(tenant: &str, owner_allowed: bool, secrets: Secrets) -> Self {
        Self {
            tenant: tenant.to_owned(),
            key: hmac::Key::new(hmac::HMAC_SHA256, secrets.token_key.as_bytes()),
            secrets,
            owner_allowed,
        }
    }

    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// The principal that the program signs in as.
    pub fn deployer(&self) -> &Credential {
        &self.secrets.deployer
    }

    /// The test principal that owns everything; only where that was asked for.
    pub fn owner(&self) -> Option<&Credential> {
        self.owner_allowed.then_some(&self.secrets.owner)
    }

    pub fn control_secret(&self) -> &str {
        &self.secrets.control
    }

    pub fn key(&self) -> &hmac::Key {
        &self.key
    }

    /// The application with that client id.
    pub fn application(&self, client_id: &str) -> Option<&Credential> {
        self.known()
            .find(|known| known.client_id.eq_ignore_ascii_case(client_id))
    }

    /// Whether an object id is the test principal's, where nobody asked for it.
    pub fn shut_out(&self, object_id: &str) -> bool {
        !self.owner_allowed && self.secrets.owner.object_id == object_id
    }

    fn known(&self) -> impl Iterator<Item = &Credential> {
        [Some(self.deployer()), self.owner()].into_iter().flatten()
    }
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Directory")
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}

impl Secrets {
    fn new(tenant: &str) -> Self {
        Self {
            version: VERSION,
            deployer: credential(tenant, "deployer"),
            owner: credential(tenant, "owner"),
            control: random(),
            token_key: random(),
        }
    }
}

/// Ids follow from the tenant, so that every fresh emulator knows the same principals;
/// secrets never do.
fn credential(tenant: &str, role: &str) -> Credential {
    let id = |what: &str| {
        let name = format!("onestream-emulator/{tenant}/{role}/{what}");
        Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()).to_string()
    };
    Credential {
        client_id: id("client"),
        object_id: id("object"),
        client_secret: random(),
    }
}

fn random() -> String {
    format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}

/// Writes a file that only its owner reads.
pub fn write_private(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text)
}
