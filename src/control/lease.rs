//! Leases on a folder: one locked file per environment, which says who holds it.
//!
//! ## Why
//! The lock is the system's own advisory one: it falls when its holder dies, without a
//! time-out that could let a slow holder and a new one write at once. The file stays for
//! ever: removing a lock file lets two processes lock two files of the same name.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::chain::VERSION;
use super::clock::rfc3339;
use super::disk::{blocking, failed, make_folder, private};
use super::{Clock, Folder};
use crate::provision::ports::{Held, Lease, StoreError};
use crate::resource::EnvironmentName;

/// Who holds a lease, since when, doing what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Holder {
    version: u64,
    who: String,
    process: u32,
    since: String,
    doing: String,
}

impl Holder {
    /// This process, now.
    pub(super) fn here(clock: &dyn Clock, doing: &str) -> Self {
        let unknown = |_| "unknown".to_owned();
        let user = whoami::username().unwrap_or_else(unknown);
        let host = whoami::hostname().unwrap_or_else(unknown);
        Self {
            version: VERSION,
            who: format!("{user}@{host}"),
            process: std::process::id(),
            since: rfc3339(clock.now()),
            doing: doing.to_owned(),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            who,
            process,
            since,
            doing,
            ..
        } = self;
        write!(f, "{who} (process {process}) since {since}: {doing}")
    }
}

/// A locked file, until dropped.
struct LockFile(File);

impl Drop for LockFile {
    fn drop(&mut self) {
        // Only politeness: who finds an old holder's name in a free file writes over it.
        let _ = self.0.set_len(0);
        // Closing alone would wait for a process that was just forked and has its copy.
        let _ = self.0.unlock();
    }
}

struct Locks(#[expect(dead_code, reason = "held for its drop")] Vec<LockFile>);

impl Held for Locks {}

#[async_trait]
impl Lease for Folder {
    async fn acquire(
        &self,
        environments: &[EnvironmentName],
        doing: &str,
    ) -> Result<Box<dyn Held>, StoreError> {
        let folder = self.path().join("lease");
        let environments: BTreeSet<_> = environments.iter().cloned().collect();
        let clock = Arc::clone(&self.clock);
        let doing = doing.to_owned();
        blocking(self.path(), move || {
            let holder = Holder::here(&*clock, &doing);
            let take = |environment| take(&folder, environment, &holder);
            // Whatever was taken before a failure is dropped, and so given back.
            let locks = environments.iter().map(take).collect::<Result<_, _>>()?;
            let held: Box<dyn Held> = Box::new(Locks(locks));
            Ok(held)
        })
        .await
    }
}

fn take(
    folder: &Path,
    environment: &EnvironmentName,
    holder: &Holder,
) -> Result<LockFile, StoreError> {
    make_folder(folder)?;
    let path = folder.join(format!("{environment}.lock"));
    let mut file = private()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(failed("open", &path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(StoreError::Held {
                environment: environment.clone(),
                holder: whose(&mut file),
            });
        }
        Err(TryLockError::Error(error)) => return Err(failed("lock", &path)(error)),
    }
    let mut lock = LockFile(file);
    lock.sign(holder).map_err(failed("write", &path))?;
    Ok(lock)
}

impl LockFile {
    fn sign(&mut self, holder: &Holder) -> io::Result<()> {
        let text = serde_json::to_string(holder)? + "\n";
        self.0.set_len(0)?;
        self.0.write_all(text.as_bytes())
    }
}

/// What a file that somebody else has locked says of its holder. It says nothing for the
/// moment between locking and writing, and another version may say it in another way.
fn whose(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.read_to_string(&mut text);
    read.ok()
        .and_then(|_| serde_json::from_str::<Holder>(&text).ok())
        .map_or_else(
            || "somebody who has not left a name".to_owned(),
            |holder| holder.to_string(),
        )
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use time::macros::utc_datetime;

    use super::*;
    use crate::control::ManualClock;
    use crate::control::arbitrary::wait;

    fn names(names: &[&str]) -> Vec<EnvironmentName> {
        let parse = |name: &&str| name.parse().expect("a name");
        names.iter().map(parse).collect()
    }

    #[tokio::test]
    async fn who_is_refused_learns_who_holds_it() {
        let here = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(ManualClock::new(utc_datetime!(2026-07-31 10:15:30)));
        let first = Folder::with_clock(here.path(), clock).expect("opens");
        let second = Folder::open(here.path()).expect("opens");
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
        assert_eq!(fs::read(&lock).expect("the file stays"), b"");
    }

    #[tokio::test]
    async fn what_a_dead_holder_left_is_no_lock() {
        let here = tempfile::tempdir().expect("a folder");
        fs::create_dir(here.path().join("lease")).expect("makes");
        let lock = here.path().join("lease/prod.lock");
        fs::write(&lock, "{\"version\":9, and a very long rest of something").expect("writes");
        let store = Folder::open(here.path()).expect("opens");
        let _held = store
            .acquire(&names(&["prod"]), "apply")
            .await
            .expect("free");
        let text = fs::read_to_string(&lock).expect("reads");
        let holder: Holder = serde_json::from_str(&text).expect("only the new holder's");
        assert_eq!(holder.doing, "apply");
    }

    #[tokio::test]
    async fn an_unreadable_name_is_still_a_refusal() {
        let here = tempfile::tempdir().expect("a folder");
        let store = Folder::open(here.path()).expect("opens");
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
                    let store = Folder::open(here.path()).expect("opens");
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
