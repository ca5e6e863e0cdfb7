//! One emulator per data folder: the lock, the announcement to other processes, and waiting.

use crate::emulator::Emulator;
use crate::endpoint::Endpoint;
use crate::entra::{ASSERTIONS, CREDENTIALS, DirectoryError};
use crate::registry::BLOBS;
use crate::settings::Settings;
use crate::state::{LogError, STATE};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often a waiting process looks whether the folder is free.
const LOOK_EVERY: Duration = Duration::from_millis(100);

const VERSION: u32 = 1;

/// The file that whoever has the folder locks, and writes the number of its process into.
const LOCK: &str = "lock";

/// An emulator to work with.
#[derive(Debug)]
pub enum Access {
    /// One in this process, which had the data folder to itself.
    Started(Emulator),
    /// One that another process serves on this data.
    Running(Endpoint),
}

impl Access {
    /// How to reach it and sign in.
    pub fn endpoint(&self) -> &Endpoint {
        match self {
            Self::Started(emulator) => emulator.endpoint(),
            Self::Running(endpoint) => endpoint,
        }
    }
}

/// A data folder that another process has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Busy {
    /// The data folder.
    pub folder: PathBuf,
    /// The process, where it says who it is.
    pub process: Option<u32>,
}

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.process {
            Some(process) => write!(f, "process {process} is using ")?,
            None => f.write_str("another process is using ")?,
        }
        write!(f, "{}", self.folder.display())
    }
}

/// Why an emulator does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A file or folder cannot be used.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process has the data folder.
    #[error("{0}")]
    InUse(Busy),
    /// The stored state is not one that this program can read; it was left as it is.
    #[error("the emulator's state is unreadable: {0}")]
    State(String),
    /// The port cannot be listened on.
    #[error("cannot listen on 127.0.0.1:{port}: {source}")]
    Port {
        /// The port asked for.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
}

impl From<LogError> for StartError {
    fn from(error: LogError) -> Self {
        Self::State(error.to_string())
    }
}

impl From<DirectoryError> for StartError {
    fn from(error: DirectoryError) -> Self {
        Self::State(error.to_string())
    }
}

/// The emulator for a data folder: one in this process, or the one that already serves it.
/// Where another command has the folder, `waiting` is called once with it and then this
/// waits, for `patience` at most.
///
/// # Errors
/// As [`Emulator::start`]; [`StartError::InUse`] once the patience is over.
pub async fn open(
    settings: Settings,
    patience: Duration,
    waiting: impl Fn(&Busy),
) -> Result<Access, StartError> {
    let Some(folder) = settings.data.clone() else {
        return Ok(Access::Started(Emulator::start(settings).await?));
    };
    let mut since = None;
    loop {
        if let Some(claim) = Claim::take(&folder)? {
            let emulator = Emulator::start_with(settings, Some(claim)).await?;
            return Ok(Access::Started(emulator));
        }
        if let Some(endpoint) = announced(&folder) {
            return Ok(Access::Running(endpoint));
        }
        let since = *since.get_or_insert_with(|| {
            waiting(&busy(&folder));
            Instant::now()
        });
        if since.elapsed() >= patience {
            return Err(StartError::InUse(busy(&folder)));
        }
        tokio::time::sleep(LOOK_EVERY.min(patience)).await;
    }
}

/// Removes what a data folder holds, readable or not; the next start makes a new tenant.
///
/// # Errors
/// Another process has the folder, or a file cannot be removed.
pub fn discard(folder: &Path) -> Result<(), StartError> {
    let _claim = Claim::take(folder)?.ok_or_else(|| StartError::InUse(busy(folder)))?;
    let blobs = folder.join(BLOBS);
    match fs::remove_dir_all(&blobs) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            return Err(fault(&blobs, source));
        }
        _ => {}
    }
    // The credentials last: while they are there, an empty state is not taken for a new one.
    for name in ["state.new", STATE, ASSERTIONS, CREDENTIALS] {
        let path = folder.join(name);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(fault(&path, source));
            }
            _ => {}
        }
    }
    Ok(())
}

/// What `server.json` tells other processes.
#[derive(Serialize, Deserialize)]
struct Announcement {
    version: u32,
    pid: u32,
    #[serde(flatten)]
    endpoint: Endpoint,
}

/// The right to a data folder; given back when dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    folder: PathBuf,
    announced: bool,
    lock: File,
}

impl Claim {
    /// Takes the folder, making it first; `None` where another process has it.
    pub(crate) fn take(folder: &Path) -> Result<Option<Self>, StartError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|source| fault(folder, source))?;
        let path = folder.join(LOCK);
        let mut lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(|source| fault(&path, source))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(source)) => return Err(fault(&path, source)),
        }
        // The lock was free, so whoever wrote an announcement is gone.
        withdraw(folder);
        let named = lock
            .set_len(0)
            .and_then(|()| write!(lock, "{}", std::process::id()));
        named.map_err(|source| fault(&path, source))?;
        Ok(Some(Self {
            folder: folder.to_owned(),
            announced: false,
            lock,
        }))
    }

    /// Tells other processes where the emulator on this folder is.
    pub(crate) fn announce(&mut self, endpoint: &Endpoint) -> Result<(), StartError> {
        let path = self.folder.join("server.json");
        let announcement = Announcement {
            version: VERSION,
            pid: std::process::id(),
            endpoint: endpoint.clone(),
        };
        let beside = path.with_extension("new");
        let written = serde_json::to_vec_pretty(&announcement)
            .map_err(io::Error::other)
            .and_then(|text| {
                let mut file = OpenOptions::new()
                    .write(true)
                    .create(true)
                    .truncate(true)
                    .mode(0o600)
                    .open(&beside)?;
                file.write_all(&text)?;
                fs::rename(&beside, &path)
            });
        written.map_err(|source| fault(&path, source))?;
        self.announced = true;
        Ok(())
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if self.announced {
            withdraw(&self.folder);
        }
        // Only politeness: whoever takes the folder next writes its own name.
        let _ = self.lock.set_len(0);
    }
}

/// Who has a folder.
pub(crate) fn busy(folder: &Path) -> Busy {
    let text = fs::read_to_string(folder.join(LOCK)).ok();
    Busy {
        folder: folder.to_owned(),
        process: text.and_then(|text| text.trim().parse().ok()),
    }
}

fn withdraw(folder: &Path) {
    // Nobody announced anything where there is no file.
    let _ = fs::remove_file(folder.join("server.json"));
}

fn announced(folder: &Path) -> Option<Endpoint> {
    let text = fs::read(folder.join("server.json")).ok()?;
    let announcement: Announcement = serde_json::from_slice(&text).ok()?;
    (announcement.version == VERSION).then_some(announcement.endpoint)
}

fn fault(path: &Path, source: io::Error) -> StartError {
    StartError::Io {
        path: path.to_owned(),
        source,
    }
}
