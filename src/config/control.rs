//! Where the lock, the journal, the applied snapshot and the audit log are kept.

use std::path::{Component, Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use super::SettingsError;
use super::azure::{endpoint, is_loopback};
use super::export::ExportSettings;
use super::near;
use super::tables::ControlTable;
use crate::kinds::{StoreSection, is_container_name};
use crate::resource::Problem;

/// Where the control store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlSettings {
    /// The store.
    pub store: ControlStore,
    /// Where the audit log is sent to, beside the store.
    pub export: Option<ExportSettings>,
}

/// A place to keep control data in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ControlStore {
    /// A folder, from the root folder and inside of it.
    Folder(PathBuf),
    /// A container of Azure Blob Storage, for a team.
    AzureBlob(BlobStore),
}

/// A container of Azure Blob Storage, and how to sign in to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobStore {
    /// The storage account's name.
    pub account: String,
    /// The container's name.
    pub container: String,
    /// The name of the container that the audit log is in, where that is another one.
    pub audit: Option<String>,
    /// The blob service, where it is not the cloud's own.
    pub endpoint: Option<Url>,
    /// The account's cloud, where it is not that of `[azure]`.
    pub cloud: Option<StoreCloud>,
    /// How to sign in.
    pub credential: StoreCredential,
    /// The certificate authority of an endpoint on this machine, from the root folder.
    pub ca: Option<PathBuf>,
}

/// A cloud that has storage accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StoreCloud {
    /// Azure.
    Public,
    /// Azure for the US Government.
    UsGov,
    /// Azure in China, run by 21Vianet.
    China,
}

/// How to sign in to the storage account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StoreCredential {
    /// The first of the others that is there, in their order, but for token-file.
    #[default]
    Auto,
    /// AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET.
    Environment,
    /// A federated token in a file, as Kubernetes and GitHub give it.
    WorkloadIdentity,
    /// A service connection of Azure Pipelines.
    AzurePipelines,
    /// The identity of the machine that this runs on.
    ManagedIdentity,
    /// Whoever is signed in with `az login`.
    AzureCli,
    /// An access token for `https://storage.azure.com` in the file that
    /// ONESTREAM_CONTROL_TOKEN_FILE names, kept fresh by whoever starts onestream.
    TokenFile,
}

impl StoreCloud {
    /// What follows the account's name in the host of its blob service.
    pub fn blob_suffix(self) -> &'static str {
        match self {
            Self::Public => "blob.core.windows.net",
            Self::UsGov => "blob.core.usgovcloudapi.net",
            Self::China => "blob.core.chinacloudapi.cn",
        }
    }
}

impl BlobStore {
    /// The container's URL in a cloud.
    pub fn url(&self, cloud: StoreCloud) -> Url {
        self.url_of(&self.container, cloud)
    }

    /// The URL of the container that the audit log is in, where that is another one.
    pub fn audit_url(&self, cloud: StoreCloud) -> Option<Url> {
        let container = self.audit.as_ref()?;
        Some(self.url_of(container, cloud))
    }

    fn url_of(&self, container: &str, cloud: StoreCloud) -> Url {
        let own = format!("https://{}.{}", self.account, cloud.blob_suffix());
        let mut url = self.endpoint.clone().unwrap_or_else(|| {
            Url::parse(&own).expect("letters and digits before a domain make a host")
        });
        url.set_path(container);
        url
    }

    /// Whether the endpoint is one of Azure's own for this account, or on this machine. Tokens go
    /// to no other unless whoever holds the credentials says so, too.
    pub fn is_known(&self) -> bool {
        let Some(host) = self.endpoint.as_ref().map(|url| url.host_str()) else {
            return true;
        };
        let suffixes = [StoreCloud::Public, StoreCloud::UsGov, StoreCloud::China]
            .map(StoreCloud::blob_suffix)
            .into_iter()
            .chain(["blob.storage.azure.net"]);
        let own = |host: &str| {
            let Some(rest) = host.strip_prefix(&format!("{}.", self.account)) else {
                return false;
            };
            suffixes.clone().any(|suffix| {
                rest == suffix || rest.strip_suffix(suffix).is_some_and(|x| x.ends_with('.'))
            })
        };
        let plain_port = self
            .endpoint
            .as_ref()
            .is_some_and(|url| url.port().is_none());
        host.is_some_and(|host| plain_port && own(host)) || self.is_local()
    }

    fn is_local(&self) -> bool {
        self.endpoint.as_ref().is_some_and(is_loopback)
    }
}

/// The store of whoever does not name one.
const DEFAULT: &str = ".onestream/control";
/// Where the local Azure keeps its data, which `emulator reset` empties.
const EMULATOR: &str = ".onestream/emulator";

impl ControlSettings {
    /// Where a folder of the store is, below a root folder.
    ///
    /// # Errors
    /// [`SettingsError::StoreOutside`] and [`SettingsError::StoreInEmulator`] where a link leads
    /// it out of the root folder or among the local Azure's data.
    pub fn locate(folder: &Path, root: &Path) -> Result<PathBuf, SettingsError> {
        let path = root.join(folder);
        let outside = || SettingsError::StoreOutside(folder.display().to_string());
        let within = root.canonicalize().map_err(|_| outside())?;
        // What is not there yet is made by us, and is no link.
        let found = resolved(&path).ok_or_else(outside)?;
        if !found.starts_with(&within) {
            return Err(outside());
        }
        let emulator = resolved(&root.join(EMULATOR)).unwrap_or_else(|| within.join(EMULATOR));
        if overlap(&found, &emulator) {
            let folder = folder.display().to_string();
            return Err(SettingsError::StoreInEmulator(folder));
        }
        Ok(path)
    }

    /// What is wrong with the store, given the account that `[shared.store]` makes.
    pub(super) fn misfit(&self, made: &StoreSection) -> Option<Problem> {
        let ControlStore::AzureBlob(blob) = &self.store else {
            return None;
        };
        if blob.account != made.account {
            return None;
        }
        let used = [
            ("store", Some(&blob.container)),
            ("audit", blob.audit.as_ref()),
        ];
        used.into_iter().find_map(|(key, container)| {
            let (path, container) = (format!("control.{key}"), container?);
            match made.containers.get(container) {
                None => {
                    let message = format!("`[shared.store]` declares no container `{container}`");
                    let names = made.containers.keys().map(String::as_str);
                    let help = match near::name(container, names) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("add `[shared.store.containers.{container}]`"),
                    };
                    Some(Problem::at(&path, message).help(help))
                }
                Some(section) if key == "store" && section.append_only_days.is_some() => {
                    let message =
                        format!("`{container}` is append-only, and leases are overwritten");
                    let help = "name a container without append_only_days; the audit log may be \
                                in another one, as [control] audit";
                    Some(Problem::at(&path, message).help(help))
                }
                Some(_) => None,
            }
        })
    }

    /// What the table says; the default folder where something is wrong with it.
    pub(super) fn read(table: &ControlTable) -> (Self, Vec<Problem>) {
        let mut problems = Vec::new();
        let mut complain = |key: &str, message: String| {
            problems.push(Problem::at(&format!("control.{key}"), message));
        };
        let folder = || ControlStore::Folder(DEFAULT.into());
        let store = match table.store.as_deref().map(store) {
            None => folder(),
            Some(Ok(store)) => store,
            Some(Err(message)) => {
                complain("store", message);
                folder()
            }
        };
        let store = match store {
            ControlStore::AzureBlob(blob) => ControlStore::AzureBlob(blob.with(table, complain)),
            folder => {
                for (key, given) in [
                    ("audit", table.audit.is_some()),
                    ("endpoint", table.endpoint.is_some()),
                    ("cloud", table.cloud.is_some()),
                    ("credential", table.credential.is_some()),
                    ("ca", table.ca.is_some()),
                ] {
                    if given {
                        let has = if ["audit", "endpoint"].contains(&key) {
                            "an"
                        } else {
                            "a"
                        };
                        complain(
                            key,
                            format!("only a store `azblob://ACCOUNT/CONTAINER` has {has} {key}"),
                        );
                    }
                }
                folder
            }
        };
        let export = table.export.as_ref().map(ExportSettings::read);
        let (export, wrong) = export.unwrap_or_default();
        problems.extend(wrong);
        (Self { store, export }, problems)
    }
}

impl BlobStore {
    /// With what the rest of the table says.
    fn with(self, table: &ControlTable, mut complain: impl FnMut(&str, String)) -> Self {
        let endpoint = table.endpoint.as_deref().and_then(|text| {
            let url = endpoint(text).and_then(|url| match url.scheme() {
                "https" => Ok(url),
                _ => Err(format!("`{text}` is not https: tokens are sent there")),
            });
            url.map_err(|message| complain("endpoint", message)).ok()
        });
        let audit = table.audit.as_deref().and_then(|name| {
            let wrong = if !is_container_name(name) {
                Some(not_a_container(name))
            } else if name == self.container {
                Some("is the container that everything else is in".to_owned())
            } else {
                None
            };
            match wrong {
                Some(message) => complain("audit", message),
                None => return Some(name.to_owned()),
            }
            None
        });
        let blob = Self {
            audit,
            endpoint,
            cloud: table.cloud,
            credential: table.credential.unwrap_or_default(),
            ca: table.ca.as_ref().map(PathBuf::from),
            ..self
        };
        if table.endpoint.is_none() || blob.endpoint.is_some() {
            let local = blob.is_local();
            if blob.ca.is_some() && !local {
                let message = "only an endpoint on this machine has an authority of its own";
                complain("ca", message.to_owned());
            }
        }
        blob
    }
}

fn store(text: &str) -> Result<ControlStore, String> {
    if let Some(folder) = text.strip_prefix("file:") {
        return self::folder(folder);
    }
    let Some(rest) = text.strip_prefix("azblob://") else {
        return Err(format!(
            "`{text}` is not a store: `file:FOLDER` or `azblob://ACCOUNT/CONTAINER`"
        ));
    };
    let Some((account, container)) = rest.split_once('/') else {
        return Err(format!(
            "`{text}` has no container: `azblob://ACCOUNT/CONTAINER`"
        ));
    };
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if !(3..=24).contains(&account.len()) || !account.chars().all(plain) {
        return Err(format!(
            "`{account}` is not a storage account's name: 3 to 24 lower-case letters and digits"
        ));
    }
    if !is_container_name(container) {
        return Err(not_a_container(container));
    }
    Ok(ControlStore::AzureBlob(BlobStore {
        account: account.to_owned(),
        container: container.to_owned(),
        audit: None,
        endpoint: None,
        cloud: None,
        credential: StoreCredential::default(),
        ca: None,
    }))
}

fn not_a_container(name: &str) -> String {
    format!(
        "`{name}` is not a container's name: 3 to 63 lower-case letters, digits and single hyphens"
    )
}

fn folder(text: &str) -> Result<ControlStore, String> {
    let path = Path::new(text);
    let inside = path
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if text.is_empty() || !inside {
        return Err(format!("`{text}` is not a folder inside the root folder"));
    }
    let plain: PathBuf = path
        .components()
        .filter(|part| *part != Component::CurDir)
        .collect();
    if overlap(&plain, Path::new(EMULATOR)) {
        return Err(format!(
            "`{text}` overlaps {EMULATOR}, the local Azure's own data"
        ));
    }
    Ok(ControlStore::Folder(path.to_owned()))
}

fn overlap(one: &Path, other: &Path) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

/// A path without links, though its end may not exist; `None` where a link leads nowhere.
fn resolved(path: &Path) -> Option<PathBuf> {
    if path.symlink_metadata().is_ok() {
        return path.canonicalize().ok();
    }
    Some(resolved(path.parent()?)?.join(path.file_name()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_are_told_from_nonsense() {
        assert_eq!(
            store("file:.onestream/control"),
            Ok(ControlStore::Folder(".onestream/control".into()))
        );
        let blob = store("azblob://stonestream/control").expect("well formed");
        let ControlStore::AzureBlob(blob) = blob else {
            panic!("{blob:?}")
        };
        assert_eq!(
            blob.url(StoreCloud::China).as_str(),
            "https://stonestream.blob.core.chinacloudapi.cn/control"
        );
        for bad in [
            "",
            "file:",
            "file:/etc",
            "file:../elsewhere",
            "file:a/../../b",
            "file:.",
            "file:.onestream",
            "file:./.onestream/emulator",
            "file:.onestream/emulator/control",
            "s3://bucket",
            "azblob://account",
            "azblob://Account/container",
            "azblob://account/a--b",
            "azblob://account/container/more",
        ] {
            assert!(store(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn tokens_go_to_the_accounts_own_hosts_or_this_machine() {
        for (endpoint, known) in [
            (None, true),
            (Some("https://stonestream.blob.core.windows.net"), true),
            (
                Some("https://stonestream.privatelink.blob.core.windows.net"),
                true,
            ),
            (Some("https://stonestream.z13.blob.storage.azure.net"), true),
            (Some("https://stonestream.blob.localhost:10000"), true),
            (Some("https://127.0.0.1:10000"), true),
            (
                Some("https://stonestream.blob.core.windows.net:8443"),
                false,
            ),
            (Some("https://other.blob.core.windows.net"), false),
            (Some("https://stonestream.evilblob.core.windows.net"), false),
            (Some("https://blobs.example.org"), false),
        ] {
            let table = ControlTable {
                store: Some("azblob://stonestream/control".to_owned()),
                endpoint: endpoint.map(str::to_owned),
                ..ControlTable::default()
            };
            let (settings, problems) = ControlSettings::read(&table);
            assert!(problems.is_empty(), "{endpoint:?}");
            let ControlStore::AzureBlob(blob) = settings.store else {
                panic!("{endpoint:?}")
            };
            assert_eq!(blob.is_known(), known, "{endpoint:?}");
        }
    }

    #[test]
    fn what_a_store_in_a_container_cannot_have() {
        for (endpoint, ca, key) in [
            (Some("http://127.0.0.1:10000"), None, "endpoint"),
            (Some("https://blobs.example.org"), Some("ca.pem"), "ca"),
            (None, Some("ca.pem"), "ca"),
        ] {
            let table = ControlTable {
                store: Some("azblob://stonestream/control".to_owned()),
                endpoint: endpoint.map(str::to_owned),
                ca: ca.map(str::to_owned),
                ..ControlTable::default()
            };
            let (_, problems) = ControlSettings::read(&table);
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert_eq!(problems[0].path, ["control", key]);
        }
    }

    #[test]
    fn the_audit_log_is_in_a_container_of_its_own() {
        let read = |store: &str, audit: &str| {
            let table = ControlTable {
                store: Some(store.to_owned()),
                audit: Some(audit.to_owned()),
                ..ControlTable::default()
            };
            ControlSettings::read(&table)
        };
        let (settings, problems) = read("azblob://stonestream/control", "audit");
        assert!(problems.is_empty(), "{problems:?}");
        let ControlStore::AzureBlob(blob) = settings.store else {
            panic!("a container")
        };
        assert_eq!(
            blob.audit_url(StoreCloud::Public).expect("a URL").as_str(),
            "https://stonestream.blob.core.windows.net/audit"
        );
        for (store, audit) in [
            ("azblob://stonestream/control", "control"),
            ("azblob://stonestream/control", "a--b"),
            ("file:.onestream/control", "audit"),
        ] {
            let (_, problems) = read(store, audit);
            let paths: Vec<_> = problems.iter().map(|it| it.path.join(".")).collect();
            assert_eq!(paths, ["control.audit"], "{store} {audit}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn no_link_leads_the_store_away() {
        use std::os::unix::fs::symlink;
        let (root, elsewhere) = (tempfile::tempdir(), tempfile::tempdir());
        let (root, elsewhere) = (root.expect("a folder"), elsewhere.expect("a folder"));
        let folder = || ControlSettings::locate(Path::new("links/control/a"), root.path());
        assert_eq!(folder(), Ok(root.path().join("links/control/a")));
        std::fs::create_dir_all(root.path().join(EMULATOR)).expect("a folder");
        std::fs::create_dir(root.path().join("links")).expect("a folder");
        let link = root.path().join("links/control");
        for (target, name) in [
            (elsewhere.path().to_owned(), "links/control/a"),
            (root.path().join("nowhere"), "links/control/a"),
        ] {
            symlink(target, &link).expect("a link");
            assert_eq!(folder(), Err(SettingsError::StoreOutside(name.to_owned())));
            std::fs::remove_file(&link).expect("the link");
        }
        symlink(root.path().join(EMULATOR), &link).expect("a link");
        assert_eq!(
            folder(),
            Err(SettingsError::StoreInEmulator("links/control/a".to_owned()))
        );
    }
}
