//! What a condition says, read.

use super::operator::Operator;
use crate::rbac::pattern::Pattern;

/// A condition or a part of one.
#[derive(Debug, Clone)]
pub(super) enum Expression {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    /// The action fits one of these.
    Action(Vec<Pattern>),
    /// The sub-operation is one of these.
    SubOperation(Vec<String>),
    Exists(Attribute),
    Compare(Operand, Operator, Operand),
    /// A comparison by a function that is not known here.
    Strange,
}

/// One side of a comparison.
#[derive(Debug, Clone)]
pub(super) enum Operand {
    Attribute(Attribute),
    Literals(Vec<Literal>),
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Literal {
    /// A text, or a GUID.
    Text(String),
    /// An integer; Azure has no others.
    Number(i64),
    /// `true` or `false`.
    Flag(bool),
}

/// A property that conditions may speak of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attribute {
    source: Source,
    /// In lower case.
    name: String,
}

/// Whose property it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Of what the request is about.
    Resource,
    /// Of the request.
    Request,
    /// Of who asks.
    Principal,
    /// Of the way and the time that the request comes.
    Environment,
}

impl Attribute {
    /// The attribute of that name, e.g.
    /// `Microsoft.Storage/storageAccounts/blobServices/containers:name`, in any case.
    pub fn new(source: Source, name: &str) -> Self {
        Self {
            source,
            name: name.trim().to_ascii_lowercase(),
        }
    }

    /// Whether it is the older way to speak of the sub-operation.
    pub(super) fn is_sub_operation(&self) -> bool {
        self.source == Source::Request && self.name == "suboperation"
    }
}

impl Source {
    pub(super) fn named(word: &str) -> Option<Self> {
        let known = [
            ("resource", Self::Resource),
            ("request", Self::Request),
            ("principal", Self::Principal),
            ("environment", Self::Environment),
        ];
        let word = word.to_ascii_lowercase();
        known
            .into_iter()
            .find_map(|(name, source)| (name == word).then_some(source))
    }
}

impl Expression {
    /// Adds the patterns of actions that it names.
    pub(super) fn patterns<'e>(&'e self, found: &mut Vec<&'e Pattern>) {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                for part in parts {
                    part.patterns(found);
                }
            }
            Self::Not(inner) => inner.patterns(found),
            Self::Action(patterns) => found.extend(patterns),
            Self::SubOperation(_) | Self::Exists(_) | Self::Compare(..) | Self::Strange => {}
        }
    }
}
