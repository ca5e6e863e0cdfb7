//! The functions that conditions compare by.

use super::expression::Literal;
use crate::rbac::truth::Truth;

/// A function of two values, and how it is spread over lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Operator {
    spread: Option<Spread>,
    relation: Relation,
    negated: bool,
    ignores_case: bool,
}

/// How many of each side have to satisfy it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spread {
    AnyOfAny,
    AllOfAny,
    AnyOfAll,
    AllOfAll,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    Equals,
    StartsWith,
    Like,
    NumberEquals,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    FlagEquals,
    GuidEquals,
}

/// Name in lower case, relation, and whether it is the opposite of it.
const RELATIONS: &[(&str, Relation, bool)] = &[
    ("stringequals", Relation::Equals, false),
    ("stringnotequals", Relation::Equals, true),
    ("stringstartswith", Relation::StartsWith, false),
    ("stringnotstartswith", Relation::StartsWith, true),
    ("stringlike", Relation::Like, false),
    ("stringnotlike", Relation::Like, true),
    ("numericequals", Relation::NumberEquals, false),
    ("numericnotequals", Relation::NumberEquals, true),
    ("numericlessthan", Relation::Less, false),
    ("numericlessthanequals", Relation::LessOrEqual, false),
    ("numericgreaterthan", Relation::Greater, false),
    ("numericgreaterthanequals", Relation::GreaterOrEqual, false),
    ("boolequals", Relation::FlagEquals, false),
    ("boolnotequals", Relation::FlagEquals, true),
    ("guidequals", Relation::GuidEquals, false),
    ("guidnotequals", Relation::GuidEquals, true),
];

impl Operator {
    /// The operator of that name; `None` for one that is not known here.
    pub(super) fn named(word: &str) -> Option<Self> {
        let word = word.to_ascii_lowercase();
        let (spread, name) = match word.split_once(':') {
            Some((spread, name)) => (Some(Spread::named(spread)?), name),
            None => (None, word.as_str()),
        };
        let (name, ignores_case) = match name.strip_suffix("ignorecase") {
            Some(name) if name.starts_with("string") => (name, true),
            Some(_) => return None,
            None => (name, false),
        };
        let (_, relation, negated) = RELATIONS.iter().find(|(known, ..)| *known == name)?;
        Some(Self {
            spread,
            relation: *relation,
            negated: *negated,
            ignores_case,
        })
    }

    /// Whether it holds between two lists.
    pub(super) fn holds(self, left: &[Literal], right: &[Literal]) -> Truth {
        match self.spread {
            None => match (left, right) {
                ([left], [right]) => self.between(left, right),
                // How Azure compares several at once without being told is written nowhere.
                _ => Truth::Unknown,
            },
            Some(Spread::AnyOfAny) => Truth::any(left.iter().flat_map(|one| self.each(one, right))),
            Some(Spread::AllOfAny) => {
                Truth::all(left.iter().map(|one| Truth::any(self.each(one, right))))
            }
            Some(Spread::AnyOfAll) => {
                Truth::any(left.iter().map(|one| Truth::all(self.each(one, right))))
            }
            Some(Spread::AllOfAll) => Truth::all(left.iter().flat_map(|one| self.each(one, right))),
        }
    }

    /// Whether it holds between a value and each of a list.
    fn each<'l>(self, left: &'l Literal, right: &'l [Literal]) -> impl Iterator<Item = Truth> + 'l {
        right.iter().map(move |right| self.between(left, right))
    }

    fn between(self, left: &Literal, right: &Literal) -> Truth {
        let holds = match (left, right) {
            (Literal::Text(left), Literal::Text(right)) => self.texts(left, right),
            (Literal::Number(left), Literal::Number(right)) => match self.relation {
                Relation::NumberEquals => Some(left == right),
                Relation::Less => Some(left < right),
                Relation::LessOrEqual => Some(left <= right),
                Relation::Greater => Some(left > right),
                Relation::GreaterOrEqual => Some(left >= right),
                _ => None,
            },
            (Literal::Flag(left), Literal::Flag(right)) => {
                (self.relation == Relation::FlagEquals).then_some(left == right)
            }
            _ => None,
        };
        holds.map_or(Truth::Unknown, |holds| Truth::from(holds != self.negated))
    }

    fn texts(self, left: &str, right: &str) -> Option<bool> {
        let fold = |text: &str| {
            if self.ignores_case {
                text.to_lowercase()
            } else {
                text.to_owned()
            }
        };
        match self.relation {
            Relation::Equals => Some(fold(left) == fold(right)),
            Relation::StartsWith => Some(fold(left).starts_with(&fold(right))),
            Relation::Like => Some(like(&fold(left), &fold(right))),
            Relation::GuidEquals => Some(left.eq_ignore_ascii_case(right)),
            _ => None,
        }
    }
}

impl Spread {
    fn named(word: &str) -> Option<Self> {
        Some(match word {
            "foranyofanyvalues" => Self::AnyOfAny,
            "forallofanyvalues" => Self::AllOfAny,
            "foranyofallvalues" => Self::AnyOfAll,
            "forallofallvalues" => Self::AllOfAll,
            _ => return None,
        })
    }
}

/// A piece of what `StringLike` compares with.
#[derive(Clone, Copy, PartialEq)]
enum Piece {
    Char(char),
    AnyChar,
    AnyText,
}

/// Whether a text is like a pattern of `*`, `?` and `\`, which takes the two literally.
fn like(text: &str, pattern: &str) -> bool {
    let mut pieces = Vec::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        pieces.push(match c {
            '*' => Piece::AnyText,
            '?' => Piece::AnyChar,
            '\\' => Piece::Char(chars.next_if(|c| "*?".contains(*c)).unwrap_or('\\')),
            c => Piece::Char(c),
        });
    }
    // Which prefixes of the pattern the text so far is like.
    let reach = |mut at: Vec<bool>| {
        for (i, piece) in pieces.iter().enumerate() {
            at[i + 1] |= at[i] && *piece == Piece::AnyText;
        }
        at
    };
    let mut at = vec![false; pieces.len() + 1];
    at[0] = true;
    at = reach(at);
    for c in text.chars() {
        let mut next = vec![false; pieces.len() + 1];
        for (i, piece) in pieces.iter().enumerate().filter(|(i, _)| at[*i]) {
            match piece {
                Piece::AnyText => next[i] = true,
                Piece::AnyChar => next[i + 1] = true,
                Piece::Char(literal) => next[i + 1] |= *literal == c,
            }
        }
        at = reach(next);
    }
    at[pieces.len()]
}
