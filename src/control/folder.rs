//! A control store on a folder of this machine.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::disk::failed;
use super::run::Run;
use super::{Clock, SystemClock};
use crate::provision::ports::StoreError;

/// A control store on a folder (`file:DIR`); one for the whole process is enough.
///
/// Several may be open on one folder, in one process or in many: leases exclude each other,
/// journals go to files of their own.
pub struct Folder {
    root: PathBuf,
    pub(super) clock: Arc<dyn Clock>,
    /// The run that is being written, by plan digest.
    pub(super) runs: Mutex<BTreeMap<String, Run>>,
}

impl Folder {
    /// The store at `folder`, which is made when something is first written to it. A relative
    /// path means the current folder as it is now.
    ///
    /// # Errors
    /// [`StoreError::Io`] when `folder` is something else than a folder, or cannot be reached.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::with_clock(folder, Arc::new(SystemClock))
    }

    /// The store at `folder`, stamping what it writes with the time of `clock`.
    ///
    /// # Errors
    /// As [`Folder::open`].
    pub fn with_clock(folder: impl AsRef<Path>, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let folder = folder.as_ref();
        let root = std::path::absolute(folder).map_err(failed("open", folder))?;
        match root.metadata() {
            Ok(found) if !found.is_dir() => {
                return Err(failed("open", &root)(io::ErrorKind::NotADirectory.into()));
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("open", &root)(error));
            }
            _ => {}
        }
        Ok(Self {
            root,
            clock,
            runs: Mutex::default(),
        })
    }

    /// Where the store is.
    pub fn path(&self) -> &Path {
        &self.root
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provision::ports::{Journal as _, Snapshots as _};
    use crate::resource::EnvironmentName;

    #[tokio::test]
    async fn reading_makes_nothing() {
        let here = tempfile::tempdir().expect("a folder");
        let store = Folder::open(here.path().join("a/b")).expect("opens");
        let plan = "0123456789abcdef";
        assert_eq!(store.entries(plan).await.expect("reads"), []);
        let environment = EnvironmentName::shared();
        assert_eq!(store.load(&environment).await.expect("reads"), None);
        assert!(!here.path().join("a").exists());
    }

    #[test]
    fn a_file_is_not_a_store() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        assert!(matches!(
            Folder::open(file.path()),
            Err(StoreError::Io { .. })
        ));
        assert!(matches!(
            Folder::open(file.path().join("below")),
            Err(StoreError::Io { .. })
        ));
    }
}
