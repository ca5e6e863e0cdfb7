//! Bytes: blobs by their digest, and uploads under way.
//!
//! ## Why
//!
//! A digest names its bytes, so they lie once for all registries; who may read them follows
//! from the repositories that they are linked to, which are facts of the state. A file gets
//! its name when it is whole, so after `kill -9` there is none that is torn; a link is only
//! made after that. Uploads under way are not kept: a client starts them again. Azure
//! redirects downloads to storage accounts, here they come from the registry itself.

use super::reference::digest_of;
use axum::body::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use uuid::Uuid;

/// The folder of a data folder that holds blobs.
pub const BLOBS: &str = "blobs";

/// Uploads that are remembered; the oldest go first.
const UPLOADS: usize = 256;

/// All blobs of one emulator.
#[derive(Debug)]
pub struct Blobs {
    folder: Option<PathBuf>,
    memory: Mutex<BTreeMap<String, Bytes>>,
}

impl Blobs {
    /// The blobs of a data folder, or some that nobody remembers.
    pub fn new(folder: Option<&Path>) -> Self {
        Self {
            folder: folder.map(|folder| folder.join(BLOBS)),
            memory: Mutex::default(),
        }
    }

    /// Keeps bytes; answers their digest.
    pub fn put(&self, bytes: &Bytes) -> io::Result<String> {
        let digest = digest_of(bytes);
        let Some(folder) = &self.folder else {
            lock(&self.memory).insert(digest.clone(), bytes.clone());
            return Ok(digest);
        };
        let path = file_of(folder, &digest);
        if path.exists() {
            return Ok(digest);
        }
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        let beside = folder.join(format!("{}.new", Uuid::new_v4().simple()));
        File::create(&beside)?.write_all(bytes)?;
        fs::rename(&beside, &path)?;
        Ok(digest)
    }

    pub fn get(&self, digest: &str) -> Option<Bytes> {
        match &self.folder {
            None => lock(&self.memory).get(digest).cloned(),
            Some(folder) => fs::read(file_of(folder, digest)).ok().map(Bytes::from),
        }
    }

    /// Removes all files but those of these digests.
    pub fn keep(&self, digests: &BTreeSet<String>) -> io::Result<()> {
        let Some(folder) = self.folder.as_ref().filter(|folder| folder.exists()) else {
            lock(&self.memory).retain(|digest, _| digests.contains(digest));
            return Ok(());
        };
        let kept: BTreeSet<PathBuf> = digests.iter().map(|d| file_of(folder, d)).collect();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if !path.is_dir() {
                fs::remove_file(path)?;
                continue;
            }
            for entry in fs::read_dir(path)? {
                let path = entry?.path();
                if !kept.contains(&path) {
                    fs::remove_file(path)?;
                }
            }
        }
        Ok(())
    }
}

/// Where a blob's file is: by the first two digits of its digest.
fn file_of(folder: &Path, digest: &str) -> PathBuf {
    let hex = digest.trim_start_matches("sha256:");
    folder.join(hex.get(..2).unwrap_or("00")).join(hex)
}

/// Uploads under way.
#[derive(Debug, Default)]
pub struct Uploads(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    begun: u64,
    open: BTreeMap<String, Upload>,
}

#[derive(Debug)]
struct Upload {
    number: u64,
    /// Registry and repository.
    place: String,
    bytes: Vec<u8>,
}

/// Why bytes do not fit an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// There is no such upload in that place.
    Unknown,
    /// They do not begin where the upload ends.
    Gap { at: usize },
}

impl Uploads {
    /// A new upload in a place; answers its id.
    pub fn begin(&self, place: &str) -> String {
        let mut inner = lock(&self.0);
        inner.begun += 1;
        let upload = Upload {
            number: inner.begun,
            place: place.to_owned(),
            bytes: Vec::new(),
        };
        let id = Uuid::new_v4().to_string();
        inner.open.insert(id.clone(), upload);
        if inner.open.len() > UPLOADS
            && let Some((oldest, _)) = inner.open.iter().min_by_key(|(_, upload)| upload.number)
        {
            let oldest = oldest.clone();
            inner.open.remove(&oldest);
        }
        id
    }

    /// Bytes so far.
    pub fn length(&self, place: &str, id: &str) -> Option<usize> {
        let inner = lock(&self.0);
        inner
            .open
            .get(id)
            .filter(|upload| upload.place == place)
            .map(|upload| upload.bytes.len())
    }

    /// Adds bytes that begin at `from`, or at the end; answers how many there are now.
    pub fn append(
        &self,
        place: &str,
        id: &str,
        from: Option<usize>,
        bytes: &[u8],
    ) -> Result<usize, Misfit> {
        let mut inner = lock(&self.0);
        let upload = inner
            .open
            .get_mut(id)
            .filter(|upload| upload.place == place)
            .ok_or(Misfit::Unknown)?;
        let at = upload.bytes.len();
        if from.is_some_and(|from| from != at) {
            return Err(Misfit::Gap { at });
        }
        upload.bytes.extend_from_slice(bytes);
        Ok(upload.bytes.len())
    }

    /// Ends an upload; its bytes.
    pub fn take(&self, place: &str, id: &str) -> Option<Bytes> {
        let mut inner = lock(&self.0);
        inner.open.get(id).filter(|upload| upload.place == place)?;
        inner
            .open
            .remove(id)
            .map(|upload| Bytes::from(upload.bytes))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_stay_as_long_as_they_are_needed() {
        let folder = tempfile::tempdir().unwrap();
        for blobs in [Blobs::new(Some(folder.path())), Blobs::new(None)] {
            let one = blobs.put(&Bytes::from_static(b"one")).unwrap();
            let two = blobs.put(&Bytes::from_static(b"two")).unwrap();
            assert_eq!(one, digest_of(b"one"));
            blobs.keep(&BTreeSet::from([one.clone()])).unwrap();
            assert_eq!(blobs.get(&one).as_deref(), Some(&b"one"[..]));
            assert_eq!(blobs.get(&two), None);
        }
        let again = Blobs::new(Some(folder.path()));
        assert!(again.get(&digest_of(b"one")).is_some());
    }

    #[test]
    fn uploads_grow_at_their_end_in_their_place() {
        let uploads = Uploads::default();
        let id = uploads.begin("r/a");
        assert_eq!(uploads.append("r/a", &id, None, b"ab"), Ok(2));
        assert_eq!(
            uploads.append("r/a", &id, Some(1), b"x"),
            Err(Misfit::Gap { at: 2 })
        );
        assert_eq!(uploads.append("r/b", &id, None, b"x"), Err(Misfit::Unknown));
        assert_eq!(uploads.take("r/b", &id), None);
        assert_eq!(uploads.take("r/a", &id).as_deref(), Some(&b"ab"[..]));
        assert_eq!(uploads.length("r/a", &id), None);
        let first = uploads.begin("r/a");
        for _ in 0..UPLOADS {
            uploads.begin("r/a");
        }
        assert_eq!(uploads.length("r/a", &first), None);
    }
}
