//! Where results and diagnostics go: stdout and stderr, with or without colour.

use std::io::{IsTerminal, Write};

use miette::Diagnostic;
use onestream::report::checked::Exchange;
use onestream::report::{Format, Style};

use super::arguments::{Colour, OutputFormat};
use super::failure::{self, Failure};

/// The width that is assumed where there is no terminal to ask.
const WIDTH_WITHOUT_TERMINAL: u16 = 100;

/// In which form checks tell their result.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    /// As every command does.
    Own(Format),
    /// As other programs take it.
    Exchange(Exchange),
}

/// How this run prints.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    format: OutputFormat,
    colour: Colour,
    is_silent: bool,
}

impl Output {
    /// As asked for.
    pub fn new(format: OutputFormat, colour: Colour) -> Self {
        Self {
            format,
            colour,
            is_silent: false,
        }
    }

    /// The same, without results.
    pub fn without_results(&self) -> Self {
        Self {
            is_silent: true,
            ..*self
        }
    }

    /// The format as asked for.
    pub fn asked(&self) -> OutputFormat {
        self.format
    }

    /// The format of a result.
    ///
    /// # Errors
    /// A usage failure for a format that only some commands have.
    pub fn format(&self) -> Result<Format, Failure> {
        match self.format {
            OutputFormat::Table => Ok(Format::Table),
            OutputFormat::Json => Ok(Format::Json),
            OutputFormat::Markdown => Ok(Format::Markdown),
            OutputFormat::Sarif | OutputFormat::Junit => Err(Failure::usage(
                "sarif and junit are formats of `validate`, `rbac check` and `rbac prove`",
            )
            .hint("this command has --format table, json and markdown")),
            OutputFormat::Dot | OutputFormat::Mermaid | OutputFormat::Svg => Err(Failure::usage(
                "dot, mermaid and svg are formats of `graph`",
            )
            .hint("this command has --format table, json and markdown")),
        }
    }

    /// The format of a result of checks, which other programs take, too.
    ///
    /// # Errors
    /// As of [`Output::format`].
    pub fn form(&self) -> Result<Form, Failure> {
        match self.format {
            OutputFormat::Sarif => Ok(Form::Exchange(Exchange::Sarif)),
            OutputFormat::Junit => Ok(Form::Exchange(Exchange::Junit)),
            _ => self.format().map(Form::Own),
        }
    }

    /// Whether results are for a program to read.
    pub fn is_for_programs(&self) -> bool {
        self.format != OutputFormat::Table
    }

    /// How stdout is written to.
    pub fn style(&self) -> Style {
        self.style_of(std::io::stdout().is_terminal())
    }

    /// How stderr is written to.
    pub fn error_style(&self) -> Style {
        self.style_of(std::io::stderr().is_terminal())
    }

    fn style_of(&self, terminal: bool) -> Style {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colour = match self.colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => terminal && !plain,
        };
        let width = if terminal {
            console_width()
        } else {
            WIDTH_WITHOUT_TERMINAL
        };
        Style {
            colour,
            width,
            unicode: true,
        }
    }

    /// Writes a result to stdout. A closed pipe is not an error: `| head` has seen enough.
    ///
    /// # Errors
    /// When stdout cannot be written for any other reason.
    pub fn result(&self, text: &str) -> Result<(), Failure> {
        if self.is_silent {
            return Ok(());
        }
        let mut out = std::io::stdout().lock();
        let end = if text.ends_with('\n') { "" } else { "\n" };
        match write!(out, "{text}{end}").and_then(|()| out.flush()) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            other => Ok(other?),
        }
    }

    /// Writes a remark to stderr. That nobody listens there must not end a run.
    pub fn remark(&self, text: impl std::fmt::Display) {
        let _lost = writeln!(std::io::stderr(), "{text}");
    }

    /// Writes a failure to stderr, as far as anybody listens there.
    pub fn tell(&self, failure: &Failure) {
        let colour = self.error_style().colour;
        let _lost = failure::print(failure, colour, std::io::stderr());
    }

    /// Writes a warning about the configuration to stderr, as far as anybody listens there.
    pub fn warn(&self, warning: &dyn Diagnostic) {
        let colour = self.error_style().colour;
        let _lost = failure::print_warning(warning, colour, std::io::stderr());
    }
}

fn console_width() -> u16 {
    indicatif::TermLike::width(&console::Term::stdout()).max(40)
}
