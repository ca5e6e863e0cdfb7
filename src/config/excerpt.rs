//! Places in files, and the text that shows them.

use std::ops::Range;
use std::sync::Arc;

/// Where in a file something is wrong. Lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The file, from the root folder, with `/`.
    pub file: String,
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// A part of a file's text that can be pointed at.
#[derive(Debug, Clone)]
pub(super) struct Excerpt {
    pub file: Arc<str>,
    pub text: Arc<str>,
    /// In bytes, on character boundaries, within one line.
    pub span: Range<usize>,
}

impl Excerpt {
    /// A span of a text, cut to what can be shown with one caret: whole characters of one line.
    pub fn new(file: Arc<str>, text: Arc<str>, span: Range<usize>) -> Self {
        let start = text.floor_char_boundary(span.start);
        let line_end = text[start..]
            .find(['\r', '\n'])
            .map_or(text.len(), |length| start + length);
        let end = text.floor_char_boundary(span.end).clamp(start, line_end);
        Self {
            file,
            text,
            span: start..end,
        }
    }

    /// Where it begins.
    pub fn location(&self) -> Location {
        let before = &self.text[..self.span.start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Location {
            file: self.file.to_string(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

/// A text as it is shown: what would steer a terminal is blank, of the same length.
pub(super) fn printable(text: &str) -> Arc<str> {
    let steers = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    let shown: String = text
        .chars()
        .flat_map(|c| match steers(c) {
            true => std::iter::repeat_n(' ', c.len_utf8()),
            false => std::iter::repeat_n(c, 1),
        })
        .collect();
    shown.into()
}
