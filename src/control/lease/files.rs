//! Leases on a folder: one locked file per environment, which says who holds it.
//!
//! ## Why
//! The lock is the system's own advisory one: it falls when its holder dies, without a
//! time-out that could let a slow holder and a new one write at once. The file stays for
//! ever: removing a lock file lets two processes lock two files of the same name.

use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::record::{Record, here};
use crate::control::disk::{blocking, failed, make_folder, private};
use crate::control::{Clock, Folder};
use crate::provision::ports::{Held, Holder, Lease, Standing, StoreError};
use crate::resource::EnvironmentName;

/// How often a taken lock is tried: whoever only looks at one has it for a moment.
const TRIES: u32 = 5;
/// Between those.
const PAUSE: Duration = Duration::from_millis(2);
const SUFFIX: &str = ".lock";

/// Leases by files in a folder.
pub(in crate::control) struct FileLeases {
    folder: Folder,
    clock: Arc<dyn Clock>,
}

impl FileLeases {
    pub(in crate::control) fn new(folder: Folder, clock: Arc<dyn Clock>) -> Self {
        Self { folder, clock }
    }

    fn files(&self) -> PathBuf {
        self.folder.path().join("lease")
    }
}

/// A locked file, until dropped.
struct LockFile {
    file: File,
    fence: u64,
}

impl Drop for LockFile {
    fn drop(&mut self) {
        // Only politeness: who finds an old holder's name in a free file writes over it.
        let _ = write(&mut self.file, &Record::new(self.fence, None));
        // Closing alone would wait for a process that was just forked and has its copy.
        let _ = self.file.unlock();
    }
}

struct Locks {
    files: Mutex<Vec<LockFile>>,
    fence: u64,
}

#[async_trait]
impl Held for Locks {
    fn fence(&self) -> u64 {
        self.fence
    }

    /// A lock lasts as long as its process does.
    fn check(&self, _timeout: Duration) -> Result<(), StoreError> {
        Ok(())
    }

    /// A dead process has sent what it sent: nobody is waited for.
    fn taken_over(&self) -> Option<&Holder> {
        None
    }

    fn settled(&self) {}

    async fn release(&self) -> Result<(), StoreError> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.clear();
        Ok(())
    }
}

#[async_trait]
impl Lease for FileLeases {
    async fn acquire(
        &self,
        environments: &[EnvironmentName],
        doing: &str,
    ) -> Result<Arc<dyn Held>, StoreError> {
        let folder = self.files();
        let environments: BTreeSet<_> = environments.iter().cloned().collect();
        let holder = here(&*self.clock, doing);
        blocking(self.folder.path(), move || {
            // Whatever was taken before a failure is dropped, and so given back.
            let mut locks = environments
                .iter()
                .map(|environment| take(&folder, environment))
                .collect::<Result<Vec<_>, _>>()?;
            let fence = locks.iter().map(|lock| lock.fence).max().unwrap_or(0) + 1;
            for (lock, environment) in locks.iter_mut().zip(&environments) {
                lock.fence = fence;
                let record = Record::new(fence, Some(holder.clone()));
                write(&mut lock.file, &record)
                    .map_err(failed("write", &path(&folder, environment)))?;
            }
            let held: Arc<dyn Held> = Arc::new(Locks {
                files: Mutex::new(locks),
                fence,
            });
            Ok(held)
        })
        .await
    }

    async fn standing(&self) -> Result<Vec<(EnvironmentName, Standing)>, StoreError> {
        let folder = self.files();
        blocking(self.folder.path(), move || {
            environments(&folder)?
                .into_iter()
                .map(|environment| {
                    let standing = standing(&path(&folder, &environment))?;
                    Ok((environment, standing))
                })
                .collect()
        })
        .await
    }

    async fn break_off(&self, environment: &EnvironmentName) -> Result<Standing, StoreError> {
        let (folder, environment) = (self.files(), environment.clone());
        blocking(self.folder.path(), move || {
            let path = path(&folder, &environment);
            let was = match path.exists() {
                true => standing(&path)?,
                false => Standing::Free,
            };
            match &was {
                Standing::Free => {}
                // Taken and given back, by which its holder's name goes.
                Standing::Abandoned(_) => drop(take(&folder, &environment)?),
                Standing::Held(holder) => {
                    return Err(StoreError::Held {
                        environment,
                        holder: holder.to_string(),
                    });
                }
            }
            Ok(was)
        })
        .await
    }
}

fn path(folder: &Path, environment: &EnvironmentName) -> PathBuf {
    folder.join(format!("{environment}{SUFFIX}"))
}

/// The environments that have a lock file, sorted.
fn environments(folder: &Path) -> Result<BTreeSet<EnvironmentName>, StoreError> {
    let listed = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        other => other.map_err(failed("list", folder))?,
    };
    let mut found = BTreeSet::new();
    for entry in listed {
        let name = entry.map_err(failed("list", folder))?.file_name();
        let stem = name.to_str().and_then(|name| name.strip_suffix(SUFFIX));
        found.extend(stem.and_then(|stem| stem.parse().ok()));
    }
    Ok(found)
}

/// How a lease stands. A shared lock for a moment tells whether somebody has the exclusive one.
fn standing(path: &Path) -> Result<Standing, StoreError> {
    let mut file = File::open(path).map_err(failed("open", path))?;
    let locked = match file.try_lock_shared() {
        Ok(()) => {
            file.unlock().map_err(failed("unlock", path))?;
            false
        }
        Err(TryLockError::WouldBlock) => true,
        Err(TryLockError::Error(error)) => return Err(failed("lock", path)(error)),
    };
    let holder = read(&mut file).and_then(|record| record.holder);
    Ok(match (locked, holder) {
        (true, holder) => Standing::Held(holder.unwrap_or_else(nameless)),
        (false, Some(holder)) => Standing::Abandoned(holder),
        (false, None) => Standing::Free,
    })
}

fn nameless() -> Holder {
    Holder {
        who: "somebody who has not left a name".to_owned(),
        process: 0,
        since: String::new(),
        doing: String::new(),
    }
}

/// Locks the file of an environment, whose number is still the one before.
fn take(folder: &Path, environment: &EnvironmentName) -> Result<LockFile, StoreError> {
    make_folder(folder)?;
    let path = path(folder, environment);
    let mut file = private()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(failed("open", &path))?;
    let mut tries = TRIES;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if tries > 1 => {
                tries -= 1;
                std::thread::sleep(PAUSE);
            }
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Held {
                    environment: environment.clone(),
                    holder: whose(&mut file),
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed("lock", &path)(error)),
        }
    }
    let fence = read(&mut file).map_or(0, |record| record.fence);
    Ok(LockFile { file, fence })
}

/// What a file says; nothing where it cannot be understood.
fn read(file: &mut File) -> Option<Record> {
    let mut bytes = Vec::new();
    file.rewind().ok()?;
    file.read_to_end(&mut bytes).ok()?;
    Record::read(&bytes)
}

fn write(file: &mut File, record: &Record) -> io::Result<()> {
    file.rewind()?;
    file.set_len(0)?;
    file.write_all(&record.to_bytes())
}

/// What a file that somebody else has locked says of its holder. It says nothing for the
/// moment between locking and writing, and another version may say it in another way.
fn whose(file: &mut File) -> String {
    let holder = read(file).and_then(|record| record.holder);
    holder.map_or_else(|| nameless().who, |holder| holder.to_string())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use time::macros::utc_datetime;

    use super::*;
    use crate::control::arbitrary::wait;
    use crate::control::{ManualClock, Store};

    fn names(names: &[&str]) -> Vec<EnvironmentName> {
        let parse = |name: &&str| name.parse().expect("a name");
        names.iter().map(parse).collect()
    }

    #[tokio::test]
    async fn who_is_refused_learns_who_holds_it() {
        let here = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(ManualClock::new(utc_datetime!(2026-07-31 10:15:30)));
        let first = Store::folder_with_clock(here.path(), clock).expect("opens");
        let second = Store::folder(here.path()).expect("opens");
        let held = first
            .acquire(&names(&["prod"]), "apply")
            .await
            .expect("free");
        let refused = second.acquire(&names(&["prod"]), "destroy").await;
        let message = refused.err().expect("held").to_string();
        let process = std::process::id();
        assert!(message.starts_with("prod is locked by "), "{message}");
        assert!(
            message.ends_with(&format!(
                "(process {process}) since 2026-07-31T10:15:30.000Z: apply"
            )),
            "{message}"
        );
        drop(held);
        let lock = here.path().join("lease/prod.lock");
        let left = fs::read(&lock).expect("the file stays");
        assert_eq!(Record::read(&left), Some(Record::new(1, None)));
    }

    #[tokio::test]
    async fn what_a_dead_holder_left_is_no_lock() {
        let here = tempfile::tempdir().expect("a folder");
        fs::create_dir(here.path().join("lease")).expect("makes");
        let lock = here.path().join("lease/prod.lock");
        fs::write(&lock, "{\"version\":9, and a very long rest of something").expect("writes");
        let store = Store::folder(here.path()).expect("opens");
        let _held = store
            .acquire(&names(&["prod"]), "apply")
            .await
            .expect("free");
        let text = fs::read_to_string(&lock).expect("reads");
        let record = Record::read(text.as_bytes()).expect("only the new holder's");
        assert_eq!(record.holder.expect("held").doing, "apply");
    }

    #[tokio::test]
    async fn an_unreadable_name_is_still_a_refusal() {
        let here = tempfile::tempdir().expect("a folder");
        let store = Store::folder(here.path()).expect("opens");
        let _held = store
            .acquire(&names(&["prod"]), "apply")
            .await
            .expect("free");
        fs::write(here.path().join("lease/prod.lock"), "{").expect("writes");
        let refused = store.acquire(&names(&["prod"]), "apply").await.err();
        assert_eq!(
            refused.expect("held").to_string(),
            "prod is locked by somebody who has not left a name"
        );
    }

    #[test]
    fn threads_never_hold_one_lease_together() {
        let here = tempfile::tempdir().expect("a folder");
        let inside = AtomicBool::new(false);
        let taken = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let store = Store::folder(here.path()).expect("opens");
                    for _ in 0..100 {
                        let Ok(held) = wait(store.acquire(&names(&["dev", "prod"]), "apply"))
                        else {
                            continue;
                        };
                        assert!(!inside.swap(true, Ordering::SeqCst), "two holders");
                        std::thread::yield_now();
                        inside.store(false, Ordering::SeqCst);
                        taken.fetch_add(1, Ordering::SeqCst);
                        drop(held);
                    }
                });
            }
        });
        assert!(taken.into_inner() > 0);
    }
}
