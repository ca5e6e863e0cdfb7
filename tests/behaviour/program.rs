//! Running the real program on a folder of its own, with the local Azure in its own process.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A root folder with the sample.
pub struct Root {
    folder: TempDir,
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub struct Ran {
    /// The exit code.
    pub code: i32,
    /// What it printed as its result.
    pub out: String,
    /// What it printed besides.
    pub err: String,
}

impl Root {
    /// The sample as `init` writes it.
    pub fn sample() -> Self {
        let root = Self::empty();
        for (name, text) in onestream::config::SAMPLES {
            root.write(name, text);
        }
        root
    }

    /// The sample with `protected = false` in prod.
    pub fn unprotected() -> Self {
        let root = Self::sample();
        root.replace(
            "environments/prod.toml",
            "protected = true",
            "protected = false",
        );
        root
    }

    /// A folder with nothing in it.
    pub fn empty() -> Self {
        Self {
            folder: TempDir::new().expect("a temporary folder"),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A file below it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// What a file says.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).expect("a readable file")
    }

    /// Writes a file.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.file(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a writable file");
    }

    /// Replaces the one place where a file says `old`.
    pub fn replace(&self, name: &str, old: &str, new: &str) {
        let text = self.read(name);
        assert_eq!(
            text.matches(old).count(),
            1,
            "`{old}` stands once in {name}"
        );
        self.write(name, &text.replace(old, new));
    }

    /// The program with these arguments, on this root.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_onestream"));
        command
            .arg("--root")
            .arg(self.path())
            .args(arguments)
            .current_dir(self.path())
            .env_remove("CI")
            .env_remove("NO_COLOR")
            .env_remove("ONESTREAM_LOG")
            .env_remove("ONESTREAM_AS")
            .env("ONESTREAM_CLOUD", "emulator")
            .stdin(Stdio::null());
        command
    }

    /// Runs the program.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.command(arguments)
            .output()
            .expect("the program starts")
            .into()
    }

    /// Runs the program as a person and expects an exit code.
    #[track_caller]
    pub fn expect_as(&self, person: &str, code: i32, arguments: &[&str]) -> Ran {
        let mut command = self.command(arguments);
        let ran = command.env("ONESTREAM_AS", person).output();
        let ran: Ran = ran.expect("the program starts").into();
        assert_eq!(ran.code, code, "as {person}: {}\n{}", ran.out, ran.err);
        ran
    }

    /// Has a person approve a saved plan.
    #[track_caller]
    pub fn approve(&self, person: &str, file: &str) {
        self.expect_as(person, 0, &["approve", file, "--yes"]);
    }

    /// Runs the program and expects an exit code.
    #[track_caller]
    pub fn expect(&self, code: i32, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(
            ran.code,
            code,
            "onestream {}\n{}\n{}",
            arguments.join(" "),
            ran.out,
            ran.err
        );
        ran
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).expect("UTF-8"),
            err: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }
}
