//! Conditions of role assignments, decided as far as the service in question knows what they
//! speak of.
//!
//! ## Why
//!
//! A condition gives only where it holds for sure: what cannot be read, and what hangs on an
//! attribute that nobody here knows, gives nothing. Azure may give more there, never less.
//! <https://learn.microsoft.com/azure/role-based-access-control/conditions-format>

use super::comparison::{Function, holds};
use super::condition_text::{self, Expression, Operand};
use std::collections::BTreeMap;

/// Whose property an attribute is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    Resource,
    Request,
    Principal,
    Environment,
}

/// A value of an attribute, or in a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Text(String),
    Number(i64),
    Flag(bool),
}

/// What a service knows of a request: values by source and lower-cased name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes(BTreeMap<(Source, String), Vec<Value>>);

/// What is known where nothing is.
static NONE: Attributes = Attributes(BTreeMap::new());

impl Attributes {
    /// Nothing.
    pub fn none() -> &'static Self {
        &NONE
    }

    /// With an attribute, e.g. `Microsoft.Authorization/roleAssignments:PrincipalId`.
    #[must_use]
    pub fn with(mut self, source: Source, name: &str, values: Vec<Value>) -> Self {
        self.0.insert((source, name.to_ascii_lowercase()), values);
        self
    }

    fn get(&self, source: Source, name: &str) -> Option<&[Value]> {
        self.0.get(&(source, name.to_owned())).map(Vec::as_slice)
    }
}

/// A condition.
#[derive(Clone, Debug)]
pub struct Condition(Option<Expression>);

impl Condition {
    /// Reads a condition; one that cannot be read never holds.
    pub fn read(text: &str) -> Self {
        Self(condition_text::parse(text))
    }

    /// Whether it can be read: Azure takes no other.
    pub fn is_readable(&self) -> bool {
        self.0.is_some()
    }

    /// Whether it holds for sure for `action`, in lower case.
    pub fn holds(&self, action: &str, attributes: &Attributes) -> bool {
        let decided = self.0.as_ref();
        decided.and_then(|it| decide(it, action, attributes)) == Some(true)
    }
}

/// The value of an expression; nothing where nobody knows.
fn decide(expression: &Expression, action: &str, known: &Attributes) -> Option<bool> {
    match expression {
        Expression::Not(inner) => decide(inner, action, known).map(|value| !value),
        Expression::Both(parts) => joined(parts, false, action, known),
        Expression::Either(parts) => joined(parts, true, action, known),
        Expression::Action(patterns) => Some(patterns.iter().any(|it| it.covers(action))),
        // No service that is played here has any.
        Expression::SubOperation => None,
        Expression::Exists(source, name) => known.get(*source, name).map(|_| true),
        Expression::Compare(left, function, right) => {
            let side = |operand: &Operand| match operand {
                Operand::Attribute(source, name) => known.get(*source, name).map(<[_]>::to_vec),
                Operand::Values(values) => Some(values.clone()),
            };
            match (function, side(left), side(right)) {
                (Function::Known(comparison), Some(left), Some(right)) => {
                    holds(comparison, &left, &right)
                }
                _ => None,
            }
        }
    }
}

/// Parts of which one that is `enough` decides, and otherwise all of them have to be known.
fn joined(parts: &[Expression], enough: bool, action: &str, known: &Attributes) -> Option<bool> {
    let mut all_known = true;
    for part in parts {
        match decide(part, action, known) {
            Some(value) if value == enough => return Some(enough),
            Some(_) => {}
            None => all_known = false,
        }
    }
    all_known.then_some(!enough)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "A.B/cs:name";

    fn holds(text: &str, action: &str, attributes: &Attributes) -> bool {
        Condition::read(text).holds(action, attributes)
    }

    #[test]
    fn an_action_that_it_does_not_name_is_left_alone() {
        let text =
            "((!(ActionMatches{'A.B/blobs/read'})) OR (@Resource[A.B/cs:Name] StringEquals 'dev'))";
        let none = Attributes::none();
        assert!(holds(text, "a.b/blobs/write", none));
        assert!(!holds(text, "a.b/blobs/read", none));
        let of = |value: &str| {
            let value = vec![Value::Text(value.to_owned())];
            Attributes::default().with(Source::Resource, NAME, value)
        };
        assert!(holds(text, "a.b/blobs/read", &of("dev")));
        assert!(!holds(text, "a.b/blobs/read", &of("Dev")));
        // The same name of something else is another attribute.
        let other =
            Attributes::default().with(Source::Request, NAME, vec![Value::Text("dev".to_owned())]);
        assert!(!holds(text, "a.b/blobs/read", &other));
    }

    #[test]
    fn what_nobody_knows_gives_nothing() {
        for text in [
            "@Resource[A.B/cs:name] StringEquals 'x'",
            "@Resource[A.B/cs:name] StringNotEquals 'x'",
            "!(@Resource[A.B/cs:name] StringEquals 'x')",
            "Exists @Resource[A.B/cs:name]",
            "NOT Exists @Resource[A.B/cs:name]",
            "SubOperationMatches{'Blob.List'}",
            "'a' StringResembles 'a'",
            "(a",
            "'a' StringEquals 'a' AND 'b' StringEquals 'b' OR 'c' StringEquals 'c'",
            "",
        ] {
            assert!(!holds(text, "a.b/cs/read", Attributes::none()), "{text}");
        }
        let known = "'a' StringEquals 'a' || @Resource[A.B/cs:name] StringEquals 'x'";
        assert!(holds(known, "a.b/cs/read", Attributes::none()));
    }
}
