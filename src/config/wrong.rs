//! Every kind of mistake, in the user's words.

use std::io;

use thiserror::Error;

/// One thing that is wrong, in the user's words.
#[derive(Debug, Error)]
pub enum Wrong {
    /// The operating system does not let us read it.
    #[error("cannot read `{path}`")]
    Unreadable {
        /// The path, from the root folder where it lies in it.
        path: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// A symbolic link leads out of the root folder.
    #[error("`{0}` leads out of the root folder")]
    Outside(String),
    /// A folder, device or the like is named as an environment's file.
    #[error("`{0}` is not a file")]
    NotAFile(String),
    /// There is no folder `environments`.
    #[error("no folder `environments` in `{0}`")]
    NoFolder(String),
    /// There is no TOML file in `environments`.
    #[error("`environments` holds no TOML file")]
    Empty,
    /// There is no `common.toml`.
    #[error("no `environments/common.toml`")]
    NoCommon,
    /// There is no environment beside `shared`.
    #[error("no environment beside `shared`")]
    NoEnvironments,
    /// A file's name is not the name of an environment.
    #[error("`{0}` is not named as an environment is")]
    FileName(String),
    /// A file is named `shared.toml`.
    #[error("`environments/shared.toml` cannot be")]
    SharedFile,
    /// Something in `environments` is no TOML file.
    #[error("`{0}` is not read")]
    Stray(String),
    /// The file is not UTF-8.
    #[error("this is not UTF-8 text")]
    NotUtf8,
    /// An environment was asked for that does not exist.
    #[error("no environment `{0}`")]
    UnknownEnvironment(String),
    /// The file is not TOML.
    #[error("{0}")]
    Syntax(String),
    /// A key is set twice in one file.
    #[error("`{0}` is set a second time")]
    DuplicateKey(String),
    /// A key that means nothing.
    #[error("unknown key `{0}`")]
    UnknownKey(String),
    /// A key that means nothing here, but does elsewhere.
    #[error("`{0}` cannot be set here")]
    Misplaced(String),
    /// A key that has to be there.
    #[error("missing key `{0}`")]
    MissingKey(String),
    /// A value of another type.
    #[error("expected {wanted}, found {found}")]
    Type {
        /// What the key takes.
        wanted: String,
        /// What stands there.
        found: String,
    },
    /// A text that is none of those that may stand here.
    #[error("`{value}` is none of {choices}")]
    Choice {
        /// What stands there.
        value: String,
        /// What may stand there, joined by commas.
        choices: String,
    },
    /// A value of the right type that cannot be.
    #[error("{0}")]
    Value(String),
    /// A name that another environment has.
    #[error("`{name}` is taken: names of {among} are unique over all environments")]
    Taken {
        /// The name.
        name: String,
        /// Among what it has to be unique.
        among: &'static str,
    },
}
