//! The file that outlives the process: one line per transaction, appended before the answer.
//!
//! ## Why
//!
//! A transaction is one `write`, so after `kill -9` at most the last line is torn, and a
//! torn line was never answered: it is dropped. Anything else that cannot be read means
//! that somebody else wrote the file, and it is left as it is.

use super::world::{Change, World};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The version of the format that this program writes and reads.
pub const VERSION: u32 = 1;

/// Ended operations that can still be polled after a restart.
const OPERATIONS_KEPT: usize = 1000;

const FORMAT: &str = "onestream-emulator-state";

#[derive(Serialize, Deserialize)]
struct Header {
    format: String,
    version: u32,
}

/// Why a state file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{}:{line}: not a line of an emulator's state ({source})", path.display())]
    Line {
        path: PathBuf,
        line: usize,
        source: serde_json::Error,
    },
    #[error("{}:1: state of version {found}; this program reads version {VERSION}", path.display())]
    Version { path: PathBuf, found: u32 },
    #[error("{}:1: not an emulator's state", path.display())]
    Format { path: PathBuf },
    #[error("{}: emptied or cut off: what it held is lost", path.display())]
    CutOff { path: PathBuf },
}

/// An open state file.
#[derive(Debug)]
pub struct Log {
    file: File,
    /// Bytes of whole lines.
    good: u64,
    /// What follows them could not be taken back.
    broken: bool,
}

impl Log {
    /// Reads `path`, or starts it, and rewrites it when most of it is history. Where it was
    /// `begun` before, one without a first line is [`LogError::CutOff`].
    pub fn open(path: &Path, begun: bool) -> Result<(Self, World), LogError> {
        let fail = |source| LogError::Io {
            path: path.to_owned(),
            source,
        };
        let (text, found) = match fs::read(path) {
            Ok(text) => (text, true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => (Vec::new(), false),
            Err(error) => return Err(fail(error)),
        };
        let (mut world, lines, whole) = read(path, &text)?;
        if begun && found && lines == 0 {
            return Err(LogError::CutOff {
                path: path.to_owned(),
            });
        }
        world.forget_operations(OPERATIONS_KEPT);
        if lines == 0 || lines > 2 * world.len() + 256 {
            rewrite(path, &world).map_err(fail)?;
        } else if whole < text.len() {
            let file = OpenOptions::new().write(true).open(path).map_err(fail)?;
            file.set_len(whole as u64).map_err(fail)?;
        }
        let file = OpenOptions::new().append(true).open(path).map_err(fail)?;
        let good = file.metadata().map_err(fail)?.len();
        let log = Self {
            file,
            good,
            broken: false,
        };
        Ok((log, world))
    }

    /// Adds one transaction, or nothing.
    ///
    /// # Errors
    /// It could not be written. Where part of it was and cannot be taken back, nothing more is
    /// written: the next line would be glued to that part.
    pub fn append(&mut self, changes: &[Change]) -> io::Result<()> {
        if self.broken {
            return Err(io::Error::other(
                "an earlier write failed and could not be taken back; start the emulator again",
            ));
        }
        let mut line = serde_json::to_vec(changes)?;
        line.push(b'\n');
        match self.file.write_all(&line) {
            Ok(()) => self.good += line.len() as u64,
            Err(error) => {
                self.take_back();
                return Err(error);
            }
        }
        Ok(())
    }

    /// Cuts the file back to its whole lines.
    fn take_back(&mut self) {
        self.broken = self.file.set_len(self.good).is_err();
    }
}

/// The world in `text`, its number of whole lines, and how many bytes those are.
fn read(path: &Path, text: &[u8]) -> Result<(World, usize, usize), LogError> {
    let mut world = World::default();
    let mut lines = 0;
    let mut whole = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if !line.ends_with(b"\n") {
            break;
        }
        lines += 1;
        whole += line.len();
        if lines == 1 {
            check_header(path, line)?;
            continue;
        }
        let changes: Vec<Change> =
            serde_json::from_slice(line).map_err(|source| LogError::Line {
                path: path.to_owned(),
                line: lines,
                source,
            })?;
        for change in changes {
            world.apply(change);
        }
    }
    if lines == 0
        && !text.is_empty()
        && !FIRST_LINE_START.starts_with(&text[..text.len().min(FIRST_LINE_START.len())])
    {
        return Err(LogError::Format {
            path: path.to_owned(),
        });
    }
    Ok((world, lines, whole))
}

/// What a first line that was torn while being written begins with.
const FIRST_LINE_START: &[u8] = br#"{"format":"onestream-emulator-state""#;

fn check_header(path: &Path, line: &[u8]) -> Result<(), LogError> {
    match serde_json::from_slice::<Header>(line) {
        Ok(header) if header.format == FORMAT && header.version == VERSION => Ok(()),
        Ok(header) if header.format == FORMAT => Err(LogError::Version {
            path: path.to_owned(),
            found: header.version,
        }),
        _ => Err(LogError::Format {
            path: path.to_owned(),
        }),
    }
}

/// Writes `world` beside `path` and puts it in place in one step.
fn rewrite(path: &Path, world: &World) -> io::Result<()> {
    let beside = path.with_extension("new");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)?;
    let mut out = BufWriter::new(file);
    let header = Header {
        format: FORMAT.to_owned(),
        version: VERSION,
    };
    serde_json::to_writer(&mut out, &header)?;
    out.write_all(b"\n")?;
    for change in world.since(&World::default()) {
        serde_json::to_writer(&mut out, &[change])?;
        out.write_all(b"\n")?;
    }
    out.into_inner()
        .map_err(io::IntoInnerError::into_error)?
        .sync_all()?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::world::Object;
    use serde_json::json;
    use std::sync::Arc;

    fn change(name: &str) -> Change {
        let object = Object {
            id: format!("/X/{name}"),
            kind: "A/b".to_owned(),
            body: json!({"name": name}),
            hidden: json!(null),
            pending: None,
        };
        Change::Object(object.key(), Some(Arc::new(object)))
    }

    fn file() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.jsonl");
        (folder, path)
    }

    #[test]
    fn what_was_written_is_read_and_a_torn_line_is_dropped() {
        let (_folder, path) = file();
        let (mut log, _) = Log::open(&path, true).unwrap();
        log.append(&[change("one")]).unwrap();
        log.append(&[change("two")]).unwrap();
        let mut text = fs::read(&path).unwrap();
        text.truncate(text.len() - 5);
        fs::write(&path, &text).unwrap();
        let (mut log, world) = Log::open(&path, true).unwrap();
        assert!(world.object("/x/one").is_some() && world.object("/x/two").is_none());
        log.append(&[change("three")]).unwrap();
        let (_, world) = Log::open(&path, true).unwrap();
        assert_eq!(world.objects().count(), 2);
    }

    #[test]
    fn a_foreign_line_is_named_and_left_alone() {
        let (_folder, path) = file();
        let (mut log, _) = Log::open(&path, true).unwrap();
        log.append(&[change("one")]).unwrap();
        let mut text = fs::read_to_string(&path).unwrap();
        text.push_str("not json\n");
        fs::write(&path, &text).unwrap();
        let error = Log::open(&path, true).unwrap_err();
        assert!(error.to_string().contains("state.jsonl:3:"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }

    #[test]
    fn another_version_and_another_file_are_refused() {
        let (_folder, path) = file();
        fs::write(
            &path,
            "{\"format\":\"onestream-emulator-state\",\"version\":9}\n",
        )
        .unwrap();
        assert!(matches!(
            Log::open(&path, true).unwrap_err(),
            LogError::Version { found: 9, .. }
        ));
        for foreign in ["hello\n", "hello"] {
            fs::write(&path, foreign).unwrap();
            assert!(matches!(
                Log::open(&path, true).unwrap_err(),
                LogError::Format { .. }
            ));
            assert_eq!(fs::read_to_string(&path).unwrap(), foreign);
        }
    }

    #[test]
    fn history_is_dropped_at_the_next_start() {
        let (_folder, path) = file();
        let (mut log, _) = Log::open(&path, true).unwrap();
        for _ in 0..300 {
            log.append(&[change("same")]).unwrap();
        }
        let long = fs::metadata(&path).unwrap().len();
        Log::open(&path, true).unwrap();
        assert!(fs::metadata(&path).unwrap().len() < long / 100);
    }

    #[test]
    fn a_state_that_lost_its_beginning_is_not_started_over() {
        let (_folder, path) = file();
        Log::open(&path, true).unwrap();
        let whole = fs::read(&path).unwrap();
        for cut in [0, 1, whole.len() - 1] {
            fs::write(&path, &whole[..cut]).unwrap();
            let error = Log::open(&path, true).unwrap_err();
            assert!(matches!(error, LogError::CutOff { .. }), "{error}");
            assert_eq!(fs::read(&path).unwrap(), whole[..cut]);
            // Torn while it was made: nothing had been answered.
            Log::open(&path, false).unwrap();
        }
    }

    #[test]
    fn a_failed_append_leaves_nothing_behind() {
        let (_folder, path) = file();
        let (mut log, _) = Log::open(&path, true).unwrap();
        log.append(&[change("one")]).unwrap();
        log.file.write_all(b"[{\"torn").unwrap();
        log.take_back();
        log.append(&[change("two")]).unwrap();
        let (mut log, world) = Log::open(&path, true).unwrap();
        assert_eq!(world.objects().count(), 2);

        // Neither written nor cut: from then on nothing is.
        log.file = File::open(&path).unwrap();
        log.append(&[change("three")]).unwrap_err();
        log.file = OpenOptions::new().append(true).open(&path).unwrap();
        let error = log.append(&[change("four")]).unwrap_err();
        assert!(error.to_string().contains("taken back"), "{error}");
        assert_eq!(Log::open(&path, true).unwrap().1.objects().count(), 2);
    }
}
