//! In which format and how richly a result is written.

use std::fmt;
use std::str::FromStr;

use anstyle::AnsiColor;
use thiserror::Error;

/// The format of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// Text and tables for people.
    Table,
    /// One document for programs, with its version.
    Json,
    /// For a pull request's comment.
    Markdown,
}

/// A format that there is not.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is none of table, json, markdown")]
pub struct UnknownFormat(String);

impl Format {
    /// Every format, the one for people first.
    pub const ALL: [Self; 3] = [Self::Table, Self::Json, Self::Markdown];

    /// The name on a command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::Markdown => "markdown",
        }
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        let named = Self::ALL.into_iter().find(|format| format.as_str() == text);
        named.ok_or_else(|| UnknownFormat(text.to_owned()))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How richly text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether to colour. Who sets it honours `NO_COLOR` and `--color`.
    pub colour: bool,
    /// Columns that a line may take; below 40 counts as 40.
    pub width: u16,
    /// Whether more than ASCII may be written.
    pub unicode: bool,
}

/// What a colour says; a sign or a word beside it says the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// Something comes, or is done.
    Good,
    /// Something changes.
    Change,
    /// Something goes, fails or is refused.
    Bad,
    /// Something changes hands.
    Hand,
    /// A heading.
    Strong,
    /// What the eye may pass over.
    Dim,
}

impl Style {
    /// The columns that there are.
    pub(super) fn columns(&self) -> usize {
        usize::from(self.width.max(40))
    }

    /// `text` in the colour of `tone`, where colours are wanted.
    pub(super) fn paint(&self, tone: Tone, text: &str) -> String {
        if !self.colour || text.is_empty() {
            return text.to_owned();
        }
        let style = match tone {
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Change => AnsiColor::Yellow.on_default(),
            Tone::Bad => AnsiColor::Red.on_default(),
            Tone::Hand => AnsiColor::Cyan.on_default(),
            Tone::Strong => anstyle::Style::new().bold(),
            Tone::Dim => anstyle::Style::new().dimmed(),
        };
        format!("{style}{text}{style:#}")
    }

    /// What stands between before and after.
    pub(super) fn arrow(&self) -> &'static str {
        if self.unicode { "→" } else { "->" }
    }

    /// What stands where something was left out.
    pub(super) fn ellipsis(&self) -> &'static str {
        if self.unicode { "…" } else { "..." }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_is_read_by_its_own_name() {
        for format in Format::ALL {
            assert_eq!(format.to_string().parse(), Ok(format));
        }
        assert!("xml".parse::<Format>().is_err());
    }

    #[test]
    fn colour_is_put_around_text_and_taken_off_again() {
        let mut style = Style {
            colour: true,
            width: 80,
            unicode: true,
        };
        assert_eq!(style.paint(Tone::Bad, "x"), "\u{1b}[31mx\u{1b}[0m");
        assert_eq!(style.paint(Tone::Bad, ""), "");
        style.colour = false;
        assert_eq!(style.paint(Tone::Bad, "x"), "x");
    }
}
