//! Files as the store needs them: private, durable, and never on the async threads.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use crate::provision::ports::StoreError;

/// Wraps a system's error with what was tried on which file.
pub(super) fn failed(doing: &'static str, place: &Path) -> impl Fn(io::Error) -> StoreError {
    move |source| StoreError::Io {
        doing,
        place: place.display().to_string(),
        source,
    }
}

/// What is not written, because it could not be read again.
pub(super) fn refused(
    place: &str,
    problem: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StoreError {
    failed("write", Path::new(place))(io::Error::new(io::ErrorKind::InvalidData, problem))
}

/// An object that says something that we did not write.
pub(super) fn corrupt(
    place: &str,
    line: Option<usize>,
    problem: impl std::fmt::Display,
) -> StoreError {
    StoreError::Corrupt {
        place: place.to_owned(),
        line,
        problem: problem.to_string(),
    }
}

/// Runs `work` on a thread that may block.
pub(super) async fn blocking<T: Send + 'static>(
    place: &Path,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(cancelled) => Err(failed("use", place)(io::Error::other(cancelled))),
        },
    }
}

/// The file's bytes; `None` where there is no file, or no folder for it.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path)(error)),
    }
}

/// Makes a folder that only its owner can enter, and those above it, so that they last.
pub(super) fn make_folder(folder: &Path) -> Result<(), StoreError> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = folder.parent();
    if let Some(above) = above {
        make_folder(above)?;
    }
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
        other => other.map_err(failed("make", folder))?,
    }
    above.map_or(Ok(()), sync_folder)
}

/// Makes the names in a folder last: a new or renamed file is lost in a crash without it.
pub(super) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    // Elsewhere a folder cannot be opened as a file, and the file system orders its names.
    if cfg!(unix) {
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(failed("sync", folder))?;
    }
    Ok(())
}

/// Options for files that only their owner can read.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Puts `bytes` in the place of the file at `path`, all of it or nothing, so that it lasts.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    make_folder(folder)?;
    // 0600, and removed again unless it is renamed.
    let mut draft = tempfile::Builder::new()
        .prefix(".draft-")
        .tempfile_in(folder)
        .map_err(failed("write", path))?;
    draft
        .write_all(bytes)
        .and_then(|()| draft.as_file().sync_all())
        .map_err(failed("write", path))?;
    draft
        .persist(path)
        .map_err(|error| failed("replace", path)(error.error))?;
    sync_folder(folder)
}
