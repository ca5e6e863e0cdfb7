//! What could not be read, and what there was not to read: said below every result.

use serde::Serialize;

use super::super::diagnostics::{self, Diagnosis};
use super::super::layout::{plain, wrap};
use super::super::markdown::{code, prose};
use super::super::sign::UNREADABLE;
use super::super::style::{Style, Tone};
use crate::rbac::read::Reading;

/// Something that could not be read, for programs.
#[derive(Serialize)]
pub(super) struct Unread<'a> {
    what: &'a str,
    failure: Diagnosis,
}

pub(super) fn json(reading: &Reading) -> Vec<Unread<'_>> {
    let unread = reading.unknown.iter().map(|one| Unread {
        what: &one.what,
        failure: (&one.failure).into(),
    });
    unread.collect()
}

pub(super) fn text(reading: &Reading, remarks: &[String], style: &Style) -> String {
    let mut text = String::new();
    for one in &reading.unknown {
        let sign = style.paint(Tone::Bad, UNREADABLE);
        let line = format!("{sign} cannot be read: {}", plain(&one.what));
        text.push('\n');
        text.push_str(&wrap(&line, style, 0, 2));
        text.push_str(&diagnostics::lines(&one.failure, style, 2));
    }
    if !remarks.is_empty() {
        text.push('\n');
    }
    for remark in remarks {
        let line = style.paint(Tone::Dim, &plain(remark));
        text.push_str(&wrap(&line, style, 0, 2));
    }
    text
}

pub(super) fn markdown(reading: &Reading, remarks: &[String]) -> String {
    let mut text = String::new();
    for one in &reading.unknown {
        let (what, failure) = (prose(&one.what), &one.failure);
        let (id, message) = (code(&failure.code), prose(&failure.message));
        text.push_str(&format!("- **?** cannot be read: {what}: {id} {message}\n"));
    }
    for remark in remarks {
        text.push_str(&format!("- {}\n", prose(remark)));
    }
    match text.is_empty() {
        true => text,
        false => format!("\n{text}"),
    }
}
