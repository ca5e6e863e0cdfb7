//! The files in `environments/`: which there are, and their texts.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::excerpt::{Excerpt, printable};
use super::mistake::Mistake;
use super::wrong::Wrong;
use crate::resource::EnvironmentName;

/// The folder that environments are described in, below the root.
pub(super) const FOLDER: &str = "environments";
/// The file that all environments inherit from.
pub(super) const COMMON: &str = "common";

/// A file that was read.
#[derive(Debug)]
pub(super) struct InputFile {
    /// The environment that it describes; `None` for `common.toml`.
    pub environment: Option<EnvironmentName>,
    /// Its path from the root, with `/`.
    pub name: String,
    /// Its path on disk.
    pub path: PathBuf,
    /// Its text, without a byte-order mark.
    pub text: String,
}

/// What was found in a root folder.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// `common.toml` first, then environments by name.
    pub files: Vec<InputFile>,
    /// Environments whose files are there but cannot be read.
    pub unread: Vec<EnvironmentName>,
    pub mistakes: Vec<Mistake>,
    pub warnings: Vec<Mistake>,
}

/// Reads `environments/*.toml` below a root folder.
pub(super) fn find(root: &Path) -> Found {
    let mut found = Found::default();
    let listed = fs::canonicalize(root).and_then(|canonical| {
        let names = list(&root.join(FOLDER))?;
        Ok((canonical, names))
    });
    let (canonical_root, names) = match listed {
        Ok(listed) => listed,
        Err(error) => {
            found.mistakes.push(no_folder(root, error));
            return found;
        }
    };
    let mut has_common = false;
    for name in names {
        match stem(&name) {
            Some(stem) => {
                has_common |= stem == COMMON;
                found.take(root, &canonical_root, stem);
            }
            None => found.warn_of_stray(&name),
        }
    }
    if !has_common && found.files.is_empty() && found.mistakes.is_empty() {
        let empty = Mistake::new(Wrong::Empty);
        found.mistakes.push(empty.help(START));
    } else if !has_common {
        found
            .mistakes
            .insert(0, Mistake::new(Wrong::NoCommon).help(START));
    }
    found
        .files
        .sort_by(|a, b| a.environment.cmp(&b.environment));
    found
}

const START: &str = "`onestream init` writes sample files to begin with";

fn no_folder(root: &Path, error: io::Error) -> Mistake {
    let folder = root.join(FOLDER);
    if error.kind() == io::ErrorKind::NotFound {
        let root = root.display().to_string();
        return Mistake::new(Wrong::NoFolder(root))
            .help(format!("{START}; --root names another folder"));
    }
    Mistake::new(Wrong::Unreadable {
        path: folder.display().to_string(),
        source: error,
    })
}

fn list(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

fn stem(name: &str) -> Option<&str> {
    name.strip_suffix(".toml")
        .filter(|_| !name.starts_with('.'))
}

impl Found {
    fn warn_of_stray(&mut self, name: &str) {
        if name.starts_with('.') || name.ends_with(".md") {
            return;
        }
        let stray = Mistake::new(Wrong::Stray(format!("{FOLDER}/{name}")));
        self.warnings
            .push(stray.help("an environment is a file NAME.toml").warning());
    }

    fn take(&mut self, root: &Path, canonical_root: &Path, stem: &str) {
        let name = format!("{FOLDER}/{stem}.toml");
        let environment = match environment(&name, stem) {
            Ok(environment) => environment,
            Err(mistake) => return self.mistakes.push(*mistake),
        };
        let path = root.join(FOLDER).join(format!("{stem}.toml"));
        match read(canonical_root, &path, &name) {
            Ok(text) => self.files.push(InputFile {
                environment,
                name,
                path,
                text,
            }),
            Err(mistake) => {
                self.mistakes.push(*mistake);
                self.unread.extend(environment);
            }
        }
    }
}

fn environment(name: &str, stem: &str) -> Result<Option<EnvironmentName>, Box<Mistake>> {
    if stem == COMMON {
        return Ok(None);
    }
    let environment: EnvironmentName = stem.parse().map_err(|_| {
        let misnamed = Mistake::new(Wrong::FileName(name.to_owned()));
        Box::new(misnamed.help("lower-case letters, digits and hyphens, such as dev.toml"))
    })?;
    if environment.is_shared() {
        return Err(Box::new(Mistake::new(Wrong::SharedFile).help(
            "what belongs to no single environment is described in common.toml, under `[shared]`",
        )));
    }
    Ok(Some(environment))
}

fn read(canonical_root: &Path, path: &Path, name: &str) -> Result<String, Box<Mistake>> {
    let unreadable = |source| {
        let path = name.to_owned();
        Box::new(Mistake::new(Wrong::Unreadable { path, source }))
    };
    let canonical = fs::canonicalize(path).map_err(unreadable)?;
    if !canonical.starts_with(canonical_root) {
        let outside = Mistake::new(Wrong::Outside(name.to_owned()));
        return Err(Box::new(outside.help("keep the file itself in the folder")));
    }
    // Before it is opened: opening a pipe waits for a writer.
    if !fs::metadata(&canonical).map_err(unreadable)?.is_file() {
        return Err(Box::new(Mistake::new(Wrong::NotAFile(name.to_owned()))));
    }
    let bytes = fs::read(&canonical).map_err(unreadable)?;
    text(&bytes).map_err(|(text, at)| {
        let end = at + char::REPLACEMENT_CHARACTER.len_utf8();
        let excerpt = Excerpt::new(name.into(), printable(&text), at..end);
        let mistake = Mistake::new(Wrong::NotUtf8).at(excerpt);
        Box::new(mistake.help("save the file as UTF-8"))
    })
}

/// The text of a file, or what can be read of it and the place of the first bad byte in that.
fn text(bytes: &[u8]) -> Result<String, (String, usize)> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    match str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => Err((
            String::from_utf8_lossy(bytes).into_owned(),
            error.valid_up_to(),
        )),
    }
}
