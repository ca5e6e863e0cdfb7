//! What is wrong with a configuration, and how it is shown: file, line, caret, help.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, NamedSource, Severity, SourceCode};

use super::excerpt::{Excerpt, Location};
use super::wrong::Wrong;
use crate::resource::EnvironmentName;

/// One mistake in a configuration, with the place that shows it.
#[derive(Debug)]
pub struct Mistake {
    wrong: Wrong,
    severity: Severity,
    help: Option<String>,
    place: Option<(Excerpt, NamedSource<Arc<str>>)>,
    seen_by: BTreeSet<EnvironmentName>,
    first: Option<Excerpt>,
    elsewhere: Vec<Elsewhere>,
}

/// The place in another file that a mistake refers to.
#[derive(Debug)]
struct Elsewhere {
    says: &'static str,
    excerpt: Excerpt,
    source: NamedSource<Arc<str>>,
}

impl Mistake {
    /// A mistake that no line of a file shows.
    pub(super) fn new(wrong: Wrong) -> Self {
        Self {
            wrong,
            severity: Severity::Error,
            help: None,
            place: None,
            seen_by: BTreeSet::new(),
            first: None,
            elsewhere: Vec::new(),
        }
    }

    /// With what to do about it.
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// As something that is odd but does not stop anybody.
    pub(super) fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// At a place in a file.
    pub(super) fn at(mut self, excerpt: Excerpt) -> Self {
        let source = named(&excerpt);
        self.place = Some((excerpt, source));
        self
    }

    /// With the earlier place that it clashes with.
    pub(super) fn clashing_with(mut self, earlier: Excerpt) -> Self {
        match &self.place {
            Some((here, _)) if here.file == earlier.file => {
                self.first = (here.span != earlier.span).then_some(earlier);
            }
            _ => self.elsewhere.push(Elsewhere {
                says: if self.is_repetition() {
                    "it was first used here"
                } else {
                    "because of this"
                },
                source: named(&earlier),
                excerpt: earlier,
            }),
        }
        self
    }

    /// Whether the earlier place says the same; else it is what makes this one wrong.
    fn is_repetition(&self) -> bool {
        !matches!(self.wrong, Wrong::Value(_))
    }

    /// With the environment in which a line that several share is wrong.
    pub(super) fn seen_by(mut self, environment: &EnvironmentName) -> Self {
        self.seen_by.insert(environment.clone());
        self
    }

    /// Joins another mistake that says the same of the same place. A mistake that no environment
    /// is named for holds for all of them.
    pub(super) fn absorb(&mut self, other: Self) {
        if !self.seen_by.is_empty() {
            self.seen_by.extend(other.seen_by);
        }
    }

    /// What tells this mistake from others.
    pub(super) fn identity(&self) -> (String, usize, String) {
        let (file, start) = self
            .place
            .as_ref()
            .map_or_else(Default::default, |(place, _)| {
                (place.file.to_string(), place.span.start)
            });
        (file, start, self.wrong.to_string())
    }

    /// What is wrong.
    pub fn wrong(&self) -> &Wrong {
        &self.wrong
    }

    /// What to do about it.
    pub fn advice(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// Where it is; `None` where no line of a file shows it.
    pub fn location(&self) -> Option<Location> {
        self.place.as_ref().map(|(excerpt, _)| excerpt.location())
    }

    /// Whether it is a warning.
    pub fn is_warning(&self) -> bool {
        self.severity == Severity::Warning
    }
}

fn named(excerpt: &Excerpt) -> NamedSource<Arc<str>> {
    NamedSource::new(&*excerpt.file, Arc::clone(&excerpt.text)).with_language("TOML")
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in self.wrong.to_string().chars() {
            match part {
                // A key may hold what would steer a terminal.
                control if control.is_control() => write!(f, "{}", control.escape_default())?,
                plain => write!(f, "{plain}")?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for Mistake {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.wrong.source()
    }
}

impl Diagnostic for Mistake {
    fn severity(&self) -> Option<Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help
            .as_ref()
            .map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.place.as_ref().map(|(_, source)| source as _)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let (here, _) = self.place.as_ref()?;
        let seen_by: Vec<&str> = self.seen_by.iter().map(EnvironmentName::as_str).collect();
        let note = match (seen_by.is_empty(), &self.first) {
            (false, _) => Some(format!("in {}", seen_by.join(", "))),
            (true, Some(_)) if self.is_repetition() => Some("again here".to_owned()),
            (true, _) => None,
        };
        let earlier = if self.is_repetition() {
            "first here"
        } else {
            "because of this"
        };
        let first = self
            .first
            .iter()
            .map(|first| LabeledSpan::new_with_span(Some(earlier.into()), first.span.clone()));
        let here = LabeledSpan::new_primary_with_span(note, here.span.clone());
        Some(Box::new(first.chain([here])))
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        if self.elsewhere.is_empty() {
            return None;
        }
        Some(Box::new(self.elsewhere.iter().map(|place| place as _)))
    }
}

impl fmt::Display for Elsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.says)
    }
}

impl std::error::Error for Elsewhere {}

impl Diagnostic for Elsewhere {
    fn severity(&self) -> Option<Severity> {
        Some(Severity::Advice)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.excerpt.span.clone();
        let label = LabeledSpan::new_primary_with_span(None, span);
        Some(Box::new(std::iter::once(label)))
    }
}

/// Everything that is wrong with a configuration, at once and in the order of its files.
#[derive(Debug)]
pub struct ConfigErrors {
    /// The mistakes; at least one.
    pub mistakes: Vec<Mistake>,
    /// What else is odd.
    pub warnings: Vec<Mistake>,
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mistakes.len() {
            1 => f.write_str("the configuration has a mistake"),
            count => write!(f, "the configuration has {count} mistakes"),
        }
    }
}

impl std::error::Error for ConfigErrors {}

impl Diagnostic for ConfigErrors {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        let all = self.mistakes.iter().chain(&self.warnings);
        Some(Box::new(all.map(|mistake| mistake as _)))
    }
}
