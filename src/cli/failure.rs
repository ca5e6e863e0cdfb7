//! Errors become text, hint and exit code here, and nowhere else.

use std::fmt;
use std::process::ExitCode;

use miette::Diagnostic;
use onestream::config::{ConfigErrors, Mistake};
use onestream::provision::guard::Objection;
use onestream::provision::plan::StoredError;
use onestream::provision::ports::{Failure as AzureFailure, StoreError};
use onestream::report::checked::{Check, Checked, Issue};
use onestream::report::{self, plain};
use serde_json::{Value, json};

/// What objections come to.
const REFUSED: &str = "refused: nothing was changed";

/// How a command ended, by the exit code that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, or clean.
    Clean = 0,
    /// Failed, or nothing could be read.
    Failed = 1,
    /// Changes are pending.
    Pending = 2,
    /// Refused: guard, stale plan, missing approval.
    Refused = 3,
    /// Some of it unreadable, only part applied, or stopped by Ctrl-C.
    Incomplete = 4,
    /// Usage or configuration.
    Usage = 64,
}

impl Exit {
    /// The one that counts where two hold: refused beats incomplete beats failed beats pending.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let weight = |exit: Self| match exit {
            Self::Clean => 0,
            Self::Pending => 1,
            Self::Failed => 2,
            Self::Incomplete => 3,
            Self::Refused => 4,
            Self::Usage => 5,
        };
        if weight(other) > weight(self) {
            other
        } else {
            self
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command could not do what it was asked.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What went wrong.
    pub what: What,
    /// More about it, a line each.
    pub details: Vec<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

/// What went wrong, in the form in which it is shown.
#[derive(Debug)]
pub enum What {
    /// One message.
    Message(String),
    /// The mistakes of a configuration, with file, line and caret.
    Configuration(Box<ConfigErrors>),
    /// The guard's objections.
    Objections(Vec<Objection>),
}

impl Failure {
    /// A failure with a message of its own.
    pub fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self {
            exit,
            what: What::Message(message.to_string()),
            details: Vec::new(),
            hint: None,
        }
    }

    /// A mistake in how the program was called.
    pub fn usage(message: impl fmt::Display) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// With what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A configuration that does not hold.
    pub fn configuration(errors: ConfigErrors) -> Self {
        Self {
            exit: Exit::Usage,
            what: What::Configuration(Box::new(errors)),
            details: Vec::new(),
            hint: None,
        }
    }

    /// A plan that the guard does not let through.
    pub fn objections(objections: Vec<Objection>) -> Self {
        Self {
            exit: Exit::Refused,
            what: What::Objections(objections),
            details: Vec::new(),
            hint: None,
        }
    }

    /// Any error with its chain of sources, as one line.
    pub fn of(exit: Exit, error: &dyn std::error::Error) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(inner) = source {
            let inner_text = inner.to_string();
            if !text.contains(&inner_text) {
                text.push_str(": ");
                text.push_str(&inner_text);
            }
            source = inner.source();
        }
        Self::new(exit, text)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Held { .. } => Self::of(Exit::Refused, &error).hint(
                "wait until that run has ended, or say --lock-wait 10m; `onestream lock status` \
                 shows who holds what",
            ),
            StoreError::Corrupt { place, .. } if is_witness(place) => {
                Self::of(Exit::Failed, &error).hint(
                    "put it back as it was, from a version or a copy of the store: without it no \
                     later run signs the audit log, and each exits with 4. If there is none, keep \
                     the whole store aside as evidence and begin with an empty one",
                )
            }
            StoreError::Corrupt { .. } => Self::of(Exit::Failed, &error).hint(
                "nothing was changed and nothing was overwritten; move the file aside to go on: \
                 Azure is the state, the control store only tells who changed what",
            ),
            StoreError::Service { failure, .. } => Self {
                hint: failure.hint.clone(),
                ..Self::of(Exit::Failed, &error)
            },
            StoreError::LeaseLost { .. } => Self::of(Exit::Refused, &error)
                .hint("nothing more was sent; run again: what was begun is looked at first"),
            StoreError::Moved { .. } | StoreError::Leased { .. } => {
                Self::of(Exit::Failed, &error).hint("another run is at work; try again")
            }
            StoreError::Io { .. } => Self::of(Exit::Failed, &error),
        }
    }
}

/// Whether an object shows that the audit log is as it was signed: its head, or the record of a key.
fn is_witness(place: &str) -> bool {
    let mut folders = place.rsplit('/').skip(1);
    place.ends_with("/audit/head.json") || folders.nth(1) == Some("keys")
}

impl From<StoredError> for Failure {
    fn from(error: StoredError) -> Self {
        match &error {
            StoredError::Tampered { .. } => Self::of(Exit::Refused, &error)
                .hint("nothing was changed; make the plan anew: onestream plan --out FILE"),
            StoredError::Io { .. }
            | StoredError::NotAPlan { .. }
            | StoredError::Newer { .. }
            | StoredError::UnknownKind(_) => Self::of(Exit::Failed, &error),
        }
    }
}

impl From<AzureFailure> for Failure {
    fn from(failure: AzureFailure) -> Self {
        let status = failure
            .status
            .map(|status| format!(" ({status})"))
            .unwrap_or_default();
        let mut lines = match failure.status {
            // Of an answer's line breaks none is ours.
            Some(_) => vec![failure.message],
            None => failure.message.lines().map(str::to_owned).collect(),
        }
        .into_iter();
        let first = lines.next().unwrap_or_default();
        let mut details: Vec<String> = lines.collect();
        details.extend(failure.request_id.map(|id| format!("request id: {id}")));
        Self {
            details,
            hint: failure.hint,
            ..Self::new(Exit::Failed, format!("{}{status}: {first}", failure.code))
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::of(Exit::Failed, &error)
    }
}

/// Writes a remark about a configuration that holds all the same.
pub fn print_warning(
    warning: &dyn Diagnostic,
    colour: bool,
    mut out: impl std::io::Write,
) -> std::io::Result<()> {
    diagnose(warning, colour, &mut out)
}

/// Writes a diagnostic with its source lines and carets.
fn diagnose(
    diagnostic: &dyn Diagnostic,
    colour: bool,
    out: &mut impl std::io::Write,
) -> std::io::Result<()> {
    let theme = if colour {
        miette::GraphicalTheme::unicode()
    } else {
        miette::GraphicalTheme::unicode_nocolor()
    };
    let mut text = String::new();
    let handler = miette::GraphicalReportHandler::new_themed(theme).with_links(false);
    match handler.render_report(&mut text, diagnostic) {
        Ok(()) => write!(out, "{text}"),
        Err(_) => writeln!(out, "error: {}", plain(&diagnostic.to_string())),
    }
}

/// Writes a failure for people. What it quotes cannot steer the terminal nor begin a line.
pub fn print(failure: &Failure, colour: bool, mut out: impl std::io::Write) -> std::io::Result<()> {
    let (red, bold, off) = if colour {
        ("\x1b[31m", "\x1b[1m", "\x1b[0m")
    } else {
        ("", "", "")
    };
    match &failure.what {
        What::Message(text) => writeln!(out, "{red}error{off}: {}", plain(text))?,
        What::Configuration(errors) => diagnose(errors.as_ref(), colour, &mut out)?,
        What::Objections(objections) => {
            writeln!(out, "{red}refused{off}: nothing was changed")?;
            for row in objections.chunk_by(|one, next| one.instead == next.instead) {
                for objection in row {
                    let address = objection.address.as_ref();
                    let address = address
                        .map(|address| format!("{bold}{address}{off}: "))
                        .unwrap_or_default();
                    writeln!(out, "  {red}!{off} {address}{}", plain(&objection.problem))?;
                }
                writeln!(out, "    instead: {}", plain(&row[0].instead))?;
            }
        }
    }
    for detail in &failure.details {
        writeln!(out, "  {}", plain(detail))?;
    }
    if let Some(hint) = &failure.hint {
        writeln!(out, "  hint: {}", plain(hint))?;
    }
    Ok(())
}

/// A failure for programs: the one document of a command that has no result.
pub fn document(failure: &Failure, cloud: Option<&str>) -> String {
    let (objections, mistakes): (Vec<Value>, Vec<Value>) = match &failure.what {
        What::Message(_) => Default::default(),
        What::Configuration(errors) => {
            let mistakes = errors.mistakes.iter().map(mistake);
            (Vec::new(), mistakes.collect())
        }
        What::Objections(objections) => {
            let told = objections.iter().map(|objection| json!(objection));
            (told.collect(), Vec::new())
        }
    };
    let message = match &failure.what {
        What::Message(text) => text.clone(),
        What::Configuration(errors) => errors.to_string(),
        What::Objections(_) => REFUSED.to_owned(),
    };
    let document = json!({
        "version": 1,
        "cloud": cloud,
        "kind": "error",
        "exit": failure.exit as u8,
        "message": message,
        "details": failure.details,
        "hint": failure.hint,
        "objections": objections,
        "mistakes": mistakes,
    });
    format!("{document:#}")
}

/// A failure as other programs take it: mistakes at their places, or what could not be checked.
pub fn checked(failure: &Failure) -> Checked {
    let message = match &failure.what {
        What::Configuration(errors) => return report::configuration::checked(&errors.mistakes),
        What::Message(text) => text.clone(),
        What::Objections(_) => REFUSED.to_owned(),
    };
    let told = std::iter::once(message).chain(failure.details.iter().cloned());
    let issue = Issue {
        instead: failure.hint.clone(),
        ..Issue::unknown("failure", told.collect::<Vec<_>>().join(": "))
    };
    Checked {
        title: "failure".to_owned(),
        cloud: None,
        rules: Vec::new(),
        checks: vec![Check::new("onestream", "failure").found([issue])],
    }
}

/// A mistake or warning of a configuration, for programs.
pub fn mistake(mistake: &Mistake) -> Value {
    let location = mistake.location();
    let place = location.as_ref();
    json!({
        "file": place.map(|place| &place.file),
        "line": place.map(|place| place.line),
        "column": place.map(|place| place.column),
        "message": mistake.to_string(),
        "help": mistake.advice(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_and_their_precedence_are_the_documented_ones() {
        let codes = [
            (Exit::Clean, 0),
            (Exit::Failed, 1),
            (Exit::Pending, 2),
            (Exit::Refused, 3),
            (Exit::Incomplete, 4),
            (Exit::Usage, 64),
        ];
        for (exit, code) in codes {
            assert_eq!(exit as u8, code);
        }
        let rising = [
            Exit::Clean,
            Exit::Pending,
            Exit::Failed,
            Exit::Incomplete,
            Exit::Refused,
        ];
        for pair in rising.windows(2) {
            assert_eq!(pair[0].and(pair[1]), pair[1]);
            assert_eq!(pair[1].and(pair[0]), pair[1]);
        }
    }

    #[test]
    fn what_a_failure_quotes_neither_steers_the_terminal_nor_begins_a_line() {
        let denied = AzureFailure {
            verdict: onestream::provision::ports::Verdict::Denied,
            status: Some(403),
            code: "Forbidden\u{7}".to_owned(),
            message: "no\r\n\u{1b}]0;x\u{7}  hint: run this".to_owned(),
            hint: Some("look\nat it".to_owned()),
            request_id: Some("7\n8".to_owned()),
        };
        let objection = Objection {
            rule: onestream::provision::guard::Rule::Subscription,
            address: None,
            problem: "one\n\u{1b}[2Jtwo".to_owned(),
            instead: "three\rfour".to_owned(),
        };
        let shown = |failure: &Failure| {
            let mut out = Vec::new();
            print(failure, false, &mut out).expect("memory");
            String::from_utf8(out).expect("text")
        };
        assert_eq!(
            shown(&denied.into()),
            "error: Forbidden (403): no ]0;x hint: run this\n  request id: 7 8\n  hint: look at it\n"
        );
        assert_eq!(
            shown(&Failure::objections(vec![objection])),
            "refused: nothing was changed\n  ! one [2Jtwo\n    instead: three four\n"
        );
    }

    #[test]
    fn our_own_lines_stay_lines() {
        let none = AzureFailure {
            verdict: onestream::provision::ports::Verdict::Denied,
            status: None,
            code: "NoCredential".to_owned(),
            message: "no credential works:\none: a;\ntwo: b".to_owned(),
            hint: None,
            request_id: None,
        };
        let failure = Failure::from(none);
        assert_eq!(failure.details, ["one: a;", "two: b"]);
    }
}
