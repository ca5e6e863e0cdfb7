//! The files in `environments/` and `rbac/`: which there are, and their texts.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::excerpt::{Excerpt, printable};
use super::mistake::Mistake;
use super::near;
use super::wrong::Wrong;
use crate::resource::EnvironmentName;

/// The folder that environments are described in, below the root.
pub(super) const FOLDER: &str = "environments";
/// The file that all environments inherit from.
pub(super) const COMMON: &str = "common";

/// The folder that says who may do what, below the root.
const RBAC_FOLDER: &str = "rbac";
/// The files in it.
const RBAC_FILES: [&str; 3] = ["principals", "capabilities", "matrix"];

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
            None => {
                let help = "an environment is a file NAME.toml";
                found.warnings.extend(stray(FOLDER, &name, help));
            }
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

/// What was found in `rbac/`.
#[derive(Debug, Default)]
pub(super) struct FoundRbac {
    /// The files that are there, by what they are of: their names from the root and their texts,
    /// `None` where one cannot be read.
    pub files: Vec<(&'static str, Option<(String, String)>)>,
    pub mistakes: Vec<Mistake>,
    pub warnings: Vec<Mistake>,
}

/// Reads `rbac/*.toml` below a root folder. There need be none.
pub(super) fn find_rbac(root: &Path) -> FoundRbac {
    let mut found = FoundRbac::default();
    let folder = root.join(RBAC_FOLDER);
    let listed = fs::canonicalize(root).and_then(|canonical| Ok((canonical, list(&folder)?)));
    let (canonical_root, names) = match listed {
        Ok(listed) => listed,
        Err(error) if error.kind() == io::ErrorKind::NotFound && !folder.is_symlink() => {
            return found;
        }
        Err(source) => {
            let path = RBAC_FOLDER.to_owned();
            let unreadable = Mistake::new(Wrong::Unreadable { path, source });
            found.mistakes.push(unreadable);
            return found;
        }
    };
    for name in names {
        let of = RBAC_FILES.iter().find(|of| stem(&name) == Some(**of));
        let Some(of) = of else {
            found
                .warnings
                .extend(stray(RBAC_FOLDER, &name, &rbac_help(&name)));
            continue;
        };
        let path = folder.join(&name);
        let name = format!("{RBAC_FOLDER}/{name}");
        let text = match read(&canonical_root, &path, &name) {
            Ok(text) => Some((name, text)),
            Err(mistake) => {
                found.mistakes.push(*mistake);
                None
            }
        };
        found.files.push((*of, text));
    }
    found
}

fn rbac_help(name: &str) -> String {
    let names = RBAC_FILES.map(|of| format!("{of}.toml"));
    match near::name(name, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the files here are {}", names.join(", ")),
    }
}

/// A file that nobody reads.
fn stray(folder: &str, name: &str, help: &str) -> Option<Mistake> {
    if name.starts_with('.') || name.ends_with(".md") {
        return None;
    }
    let stray = Mistake::new(Wrong::Stray(format!("{folder}/{name}")));
    Some(stray.help(help).warning())
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
