//! Opens the control store that configuration names.

use std::path::Path;
use std::sync::Arc;

use onestream::config::{
    BlobStore, CloudChoice, Configuration, ControlSettings, ControlStore, StoreCloud,
    StoreCredential,
};
use onestream::control::{Apart, Store, SystemClock};
use onestream::provision::objects::Leasing;
use onestream::remote::azure::{
    BlobContainer, Cloud, Credential, CredentialName, Settings, Timing,
};

use super::failure::{Exit, Failure};

/// Says that tokens may go to an endpoint that is none of Azure's.
const CONFIRMED: &str = "ONESTREAM_CONTROL_ENDPOINT";
/// Names the file with the token of `credential = "token-file"`.
const TOKEN_FILE: &str = "ONESTREAM_CONTROL_TOKEN_FILE";

/// The control store. Nothing is sent yet.
///
/// # Errors
/// A store that cannot be, or that nobody can sign in to.
pub fn open(configuration: &Configuration, choice: CloudChoice) -> Result<Store, Failure> {
    let root = &configuration.root;
    match &configuration.control.store {
        ControlStore::Folder(folder) => {
            let folder = ControlSettings::locate(folder, root)
                .map_err(|error| Failure::of(Exit::Usage, &error))?;
            Ok(Store::folder(folder)?)
        }
        ControlStore::AzureBlob(blob) => {
            let opened = containers(blob, &configuration.azure.tenant, choice, root)?;
            let timeout = Timing::azure().write_timeout;
            Ok(Store::remote(opened, Arc::new(SystemClock), timeout))
        }
    }
}

/// The container of a store in Blob Storage, and the one that its audit log is in, as one.
fn containers(
    blob: &BlobStore,
    tenant: &str,
    choice: CloudChoice,
    root: &Path,
) -> Result<Arc<dyn Leasing>, Failure> {
    let named = blob.cloud.unwrap_or(match choice {
        CloudChoice::UsGov => StoreCloud::UsGov,
        CloudChoice::China => StoreCloud::China,
        CloudChoice::Public | CloudChoice::Custom | CloudChoice::Emulator => StoreCloud::Public,
    });
    let url = blob.url(named);
    let origin = url.origin().ascii_serialization();
    let confirmed = std::env::var(CONFIRMED).ok();
    if !blob.is_known() && confirmed.as_deref() != Some(&origin) {
        return Err(Failure::usage(format!(
            "[control] endpoint {origin} is none of Azure's for the account {}: tokens would be \
             sent to it",
            blob.account
        ))
        .hint(format!("set {CONFIRMED}={origin} if that is meant")));
    }
    let cloud = match named {
        StoreCloud::Public => Cloud::public(),
        StoreCloud::UsGov => Cloud::us_gov(),
        StoreCloud::China => Cloud::china(),
    };
    let ca = match &blob.ca {
        None => None,
        Some(file) => Some(std::fs::read_to_string(root.join(file)).map_err(|error| {
            Failure::usage(format!("[control] ca {}: {error}", file.display()))
        })?),
    };
    let settings = Settings::new(cloud, tenant, credential(blob.credential)?);
    let open = |url| BlobContainer::open(url, ca.as_deref(), settings.clone());
    let rest = Arc::new(open(url)?);
    Ok(match blob.audit_url(named) {
        Some(url) => Arc::new(Apart::new(rest, Arc::new(open(url)?))),
        None => rest,
    })
}

fn credential(choice: StoreCredential) -> Result<Credential, Failure> {
    Ok(Credential::Named(match choice {
        StoreCredential::Auto => CredentialName::Auto,
        StoreCredential::Environment => CredentialName::Environment,
        StoreCredential::WorkloadIdentity => CredentialName::WorkloadIdentity,
        StoreCredential::AzurePipelines => CredentialName::AzurePipelines,
        StoreCredential::ManagedIdentity => CredentialName::ManagedIdentity,
        StoreCredential::AzureCli => CredentialName::AzureCli,
        StoreCredential::TokenFile => {
            let file = std::env::var_os(TOKEN_FILE).filter(|file| !file.is_empty());
            let file = file.ok_or_else(|| {
                Failure::usage(format!(
                    "[control] credential is token-file, and {TOKEN_FILE} is not set"
                ))
            })?;
            return Ok(Credential::TokenFile(file.into()));
        }
    }))
}
