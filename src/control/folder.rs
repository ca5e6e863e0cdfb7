//! Stored objects on a folder of this machine: a file each.
//!
//! ## Why
//! Files are compared and replaced under a lock of the system's, which falls when its holder
//! dies. The lock files stay for ever: removing one lets two processes lock two files of the
//! same name. They begin with a dot, which no name in the store does.

use std::fs::{self, File};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use super::disk::{blocking, failed, make_folder, private, read, replace, sync_folder};
use crate::provision::objects::{Expected, LeaseId, ObjectName, Objects, Stored, Tag};
use crate::provision::ports::StoreError;
use crate::resource::digest;

/// A folder that keeps objects (`file:DIR`).
///
/// Several may be open on one folder, in one process or in many.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// The folder, which is made when something is first written to it. A relative path means
    /// the current folder as it is now.
    ///
    /// # Errors
    /// [`StoreError::Io`] when `folder` is something else than a folder, or cannot be reached.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, StoreError> {
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
        Ok(Self { root })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.root
    }

    pub(super) fn file(&self, name: &ObjectName) -> PathBuf {
        self.root.join(name.as_str())
    }
}

#[async_trait]
impl Objects for Folder {
    fn place(&self) -> String {
        self.root.display().to_string()
    }

    async fn read(&self, name: &ObjectName) -> Result<Option<Stored>, StoreError> {
        let path = self.file(name);
        blocking(&self.root, move || {
            Ok(read(&path)?.map(|bytes| Stored {
                tag: tag(&bytes),
                bytes,
            }))
        })
        .await
    }

    async fn list(&self, folder: &str) -> Result<Vec<ObjectName>, StoreError> {
        let (root, folder) = (self.root.clone(), folder.to_owned());
        blocking(&self.root, move || {
            let mut found = Vec::new();
            list(&root, &folder, &mut found)?;
            found.sort();
            Ok(found)
        })
        .await
    }

    async fn put(
        &self,
        name: &ObjectName,
        bytes: &[u8],
        expected: &Expected,
        _lease: Option<LeaseId>,
    ) -> Result<Tag, StoreError> {
        let path = self.file(name);
        let (bytes, expected) = (bytes.to_vec(), expected.clone());
        blocking(&self.root, move || put(&path, &bytes, &expected)).await
    }

    async fn append(
        &self,
        name: &ObjectName,
        position: u64,
        bytes: &[u8],
        _lease: Option<LeaseId>,
    ) -> Result<(), StoreError> {
        let (path, bytes) = (self.file(name), bytes.to_vec());
        blocking(&self.root, move || append(&path, position, &bytes)).await
    }
}

fn tag(bytes: &[u8]) -> Tag {
    Tag(digest::hex(bytes))
}

fn moved(path: &Path) -> StoreError {
    StoreError::Moved {
        place: path.display().to_string(),
    }
}

fn list(root: &Path, folder: &str, found: &mut Vec<ObjectName>) -> Result<(), StoreError> {
    let path = root.join(folder);
    let listed = match fs::read_dir(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(failed("list", &path))?,
    };
    for entry in listed {
        let entry = entry.map_err(failed("list", &path))?;
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
            continue;
        };
        let below = format!("{folder}/{name}");
        // Drafts, locks and what people put there are no objects.
        let Ok(object) = ObjectName::new(below.as_str()) else {
            continue;
        };
        if entry.path().is_dir() {
            list(root, &below, found)?;
        } else {
            found.push(object);
        }
    }
    Ok(())
}

fn put(path: &Path, bytes: &[u8], expected: &Expected) -> Result<Tag, StoreError> {
    let _turn = match expected {
        Expected::Anything => None,
        Expected::Absent | Expected::Unchanged(_) => Some(turn(path)?),
    };
    let stands = || Ok::<_, StoreError>(read(path)?.map(|bytes| tag(&bytes)));
    let holds = match expected {
        Expected::Anything => true,
        Expected::Absent => stands()?.is_none(),
        Expected::Unchanged(before) => stands()?.as_ref() == Some(before),
    };
    if !holds {
        return Err(moved(path));
    }
    replace(path, bytes)?;
    Ok(tag(bytes))
}

/// Waits for the turn to compare and replace a file. It is over when dropped.
fn turn(path: &Path) -> Result<Turn, StoreError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    make_folder(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let lock = folder.join(format!(".{name}.lock"));
    let file = private()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&lock)
        .map_err(failed("open", &lock))?;
    file.lock().map_err(failed("lock", &lock))?;
    Ok(Turn(file))
}

/// A locked file, until dropped.
struct Turn(File);

impl Drop for Turn {
    fn drop(&mut self) {
        // Closing alone would wait for a process that was just forked and has its copy.
        let _ = self.0.unlock();
    }
}

fn append(path: &Path, position: u64, bytes: &[u8]) -> Result<(), StoreError> {
    let new = position == 0;
    if new {
        make_folder(path.parent().unwrap_or(Path::new(".")))?;
    }
    let opened = private().append(true).create(new).open(path);
    let file = match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(moved(path)),
        other => other.map_err(failed("open", path))?,
    };
    file.lock().map_err(failed("lock", path))?;
    let Turn(file) = &mut Turn(file);
    let end = file.seek(SeekFrom::End(0)).map_err(failed("read", path))?;
    if end != position {
        return Err(moved(path));
    }
    file.write_all(bytes)
        .and_then(|()| file.sync_data())
        .map_err(failed("write", path))?;
    if new {
        sync_folder(path.parent().unwrap_or(Path::new(".")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn reading_makes_nothing() {
        let here = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(here.path().join("a/b")).expect("opens");
        let name = ObjectName::new("journal/x.jsonl").expect("a name");
        assert_eq!(folder.read(&name).await.expect("reads"), None);
        assert_eq!(folder.list("journal").await.expect("lists"), []);
        assert!(!here.path().join("a").exists());
    }

    #[test]
    fn a_file_is_not_a_store() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        for path in [file.path().to_owned(), file.path().join("below")] {
            assert!(matches!(Folder::open(path), Err(StoreError::Io { .. })));
        }
    }

    #[tokio::test]
    async fn what_is_no_object_is_not_listed() {
        let here = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(here.path()).expect("opens");
        let name = ObjectName::new("applied/dev.json").expect("a name");
        folder
            .put(&name, b"1", &Expected::Absent, None)
            .await
            .expect("puts");
        for stray in [".draft-1", "a b"] {
            fs::write(here.path().join("applied").join(stray), "").expect("writes");
        }
        assert_eq!(folder.list("applied").await.expect("lists"), [name]);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_full_disk_is_told() {
        let here = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(here.path()).expect("opens");
        std::os::unix::fs::symlink("/dev/full", here.path().join("log")).expect("a link");
        let name = ObjectName::new("log").expect("a name");
        let error = folder.append(&name, 0, b"x", None).await;
        let Err(StoreError::Io { source, .. }) = error else {
            panic!("{error:?}")
        };
        assert_eq!(source.kind(), io::ErrorKind::StorageFull);
    }
}
