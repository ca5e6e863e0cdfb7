//! Failures as lines: Azure's code and message, what to do, what a support case needs.

use serde::Serialize;

use super::layout::{plain, wrap};
use super::style::{Style, Tone};
use crate::provision::apply::OperationError;
use crate::provision::ports::Failure;

/// What went wrong, in a form that every format can show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    /// Azure's error code, or ours.
    pub code: String,
    /// What happened.
    pub message: String,
    /// What a person can do about it.
    pub hint: Option<String>,
    /// The HTTP status, where there was an answer.
    pub status: Option<u16>,
    /// Azure's request id.
    pub request_id: Option<String>,
}

impl Diagnosis {
    fn ours(code: &str, error: &OperationError, hint: Option<&str>) -> Self {
        let message = match error {
            OperationError::Stale(what) => what.clone(),
            OperationError::Store(store) => match std::error::Error::source(store.as_ref()) {
                Some(source) => format!("{store}: {source}"),
                None => store.to_string(),
            },
            other => other.to_string(),
        };
        Self {
            code: code.to_owned(),
            message,
            hint: hint.map(str::to_owned),
            status: None,
            request_id: None,
        }
    }
}

impl From<&Failure> for Diagnosis {
    fn from(failure: &Failure) -> Self {
        Self {
            code: failure.code.clone(),
            message: failure.message.clone(),
            hint: failure.hint.clone(),
            status: failure.status,
            request_id: failure.request_id.clone(),
        }
    }
}

impl From<&OperationError> for Diagnosis {
    fn from(error: &OperationError) -> Self {
        match error {
            OperationError::Azure(failure) => Self::from(failure),
            OperationError::Stale(_) => {
                Self::ours("Stale", error, Some("plan again and review what moved"))
            }
            OperationError::NotAsDeclared(_) => Self::ours(
                "NotAsDeclared",
                error,
                Some("something beside us may be changing it, such as a policy; plan again"),
            ),
            OperationError::NotEmpty(_) => {
                Self::ours("NotEmpty", error, Some("move or delete that first"))
            }
            OperationError::Missing(_) => Self::ours(
                "MissingOutput",
                error,
                Some("apply the same plan again: what came before it did not end well"),
            ),
            OperationError::UnknownKind(_) => Self::ours(
                "UnknownKind",
                error,
                Some("apply the plan with the version that made it"),
            ),
            OperationError::Store(_) => Self::ours(
                "JournalUnwritable",
                error,
                Some("make the control store writable, then apply the same plan again"),
            ),
        }
    }
}

/// A failure as lines, `indent` columns in: code and message, hint, request id.
pub fn lines(failure: &Failure, style: &Style, indent: usize) -> String {
    of(&failure.into(), style, indent)
}

/// A diagnosis as lines, `indent` columns in.
pub(super) fn of(diagnosis: &Diagnosis, style: &Style, indent: usize) -> String {
    let hang = indent + 2;
    let status = diagnosis
        .status
        .map(|status| format!(" ({status})"))
        .unwrap_or_default();
    let code = style.paint(Tone::Bad, &plain(&diagnosis.code));
    let message = plain(&diagnosis.message);
    let mut text = wrap(&format!("{code}{status}: {message}"), style, indent, hang);
    if let Some(hint) = &diagnosis.hint {
        text.push_str(&wrap(
            &format!("hint: {}", plain(hint)),
            style,
            indent,
            hang,
        ));
    }
    if let Some(id) = &diagnosis.request_id {
        let line = style.paint(Tone::Dim, &format!("request id: {}", plain(id)));
        text.push_str(&wrap(&line, style, indent, hang));
    }
    text
}
