//! Where the lock, the journal, the applied snapshot and the audit log are kept.

use std::path::{Component, Path, PathBuf};

use url::Url;

use super::SettingsError;
use super::azure::endpoint;
use super::tables::ControlTable;
use crate::resource::Problem;

/// Where the control store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlSettings {
    /// The store.
    pub store: ControlStore,
}

/// A place to keep control data in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ControlStore {
    /// A folder, from the root folder and inside of it.
    Folder(PathBuf),
    /// A container of Azure Blob Storage, for a team.
    AzureBlob {
        /// The storage account's name.
        account: String,
        /// The container's name.
        container: String,
        /// The blob service, where it is not the cloud's own.
        endpoint: Option<Url>,
    },
}

/// The store of whoever does not name one.
const DEFAULT: &str = ".onestream/control";
/// Where the local Azure keeps its data, which `emulator reset` empties.
const EMULATOR: &str = ".onestream/emulator";

impl ControlSettings {
    /// The folder of the store below a root folder.
    ///
    /// # Errors
    /// [`SettingsError::BlobStore`] for a store that is not a folder;
    /// [`SettingsError::StoreOutside`] and [`SettingsError::StoreInEmulator`] where a link leads
    /// it out of the root folder or among the local Azure's data.
    pub fn folder(&self, root: &Path) -> Result<PathBuf, SettingsError> {
        let ControlStore::Folder(folder) = &self.store else {
            return Err(SettingsError::BlobStore);
        };
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

    /// What the table says; the default folder where something is wrong with it.
    pub(super) fn read(table: &ControlTable) -> (Self, Vec<Problem>) {
        let mut problems = Vec::new();
        let mut complain = |key: &str, message: String| {
            problems.push(Problem::at(&format!("control.{key}"), message));
        };
        let url = table.endpoint.as_deref().and_then(|text| {
            endpoint(text)
                .map_err(|message| complain("endpoint", message))
                .ok()
        });
        let named = table.store.as_deref().map(store);
        let is_blob = matches!(named, Some(Ok(ControlStore::AzureBlob { .. })));
        if table.endpoint.is_some() && !is_blob {
            let message = "only a store `azblob://ACCOUNT/CONTAINER` has an endpoint";
            complain("endpoint", message.to_owned());
        }
        let folder = || ControlStore::Folder(DEFAULT.into());
        let store = match named {
            None => folder(),
            Some(Ok(ControlStore::AzureBlob {
                account, container, ..
            })) => ControlStore::AzureBlob {
                account,
                container,
                endpoint: url,
            },
            Some(Ok(store)) => store,
            Some(Err(message)) => {
                complain("store", message);
                folder()
            }
        };
        (Self { store }, problems)
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
    let hyphens =
        container.starts_with('-') || container.ends_with('-') || container.contains("--");
    let fits = (3..=63).contains(&container.len());
    if !fits || hyphens || !container.chars().all(|c| plain(c) || c == '-') {
        return Err(format!(
            "`{container}` is not a container's name: 3 to 63 lower-case letters, digits and \
             single hyphens"
        ));
    }
    Ok(ControlStore::AzureBlob {
        account: account.to_owned(),
        container: container.to_owned(),
        endpoint: None,
    })
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
        let settings = ControlSettings { store: blob };
        assert!(matches!(
            settings.folder(Path::new(".")),
            Err(SettingsError::BlobStore)
        ));
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

    #[cfg(unix)]
    #[test]
    fn no_link_leads_the_store_away() {
        use std::os::unix::fs::symlink;
        let (root, elsewhere) = (tempfile::tempdir(), tempfile::tempdir());
        let (root, elsewhere) = (root.expect("a folder"), elsewhere.expect("a folder"));
        let settings = ControlSettings {
            store: ControlStore::Folder("links/control/a".into()),
        };
        let folder = || settings.folder(root.path());
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
