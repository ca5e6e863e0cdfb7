//! Comparisons in conditions.

use super::condition::Value;
use std::cmp::Ordering;

/// The function of a comparison.
#[derive(Clone, Debug)]
pub enum Function {
    Known(Comparison),
    /// One that is not played: nobody knows what it comes to.
    Strange,
}

/// A comparison of single values, and how several are taken together.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// Whether all values on the left have to fit, and all on the right; nothing where there may
    /// be one only.
    several: Option<(bool, bool)>,
    of: Of,
    /// Whether it holds where the values do not compare so.
    negated: bool,
}

#[derive(Clone, Copy, Debug)]
enum Of {
    /// Texts, perhaps without regard to case.
    Equal {
        any_case: bool,
    },
    Start {
        any_case: bool,
    },
    Like {
        any_case: bool,
    },
    /// Numbers whose order is one of these.
    Number(&'static [Ordering]),
    Flag,
}

const KINDS: &[(&str, Of)] = &[
    ("stringequals", Of::Equal { any_case: false }),
    ("stringequalsignorecase", Of::Equal { any_case: true }),
    ("stringstartswith", Of::Start { any_case: false }),
    ("stringstartswithignorecase", Of::Start { any_case: true }),
    ("stringlike", Of::Like { any_case: false }),
    ("stringlikeignorecase", Of::Like { any_case: true }),
    ("guidequals", Of::Equal { any_case: true }),
    ("numericequals", Of::Number(&[Ordering::Equal])),
    ("numericlessthan", Of::Number(&[Ordering::Less])),
    (
        "numericlessthanequals",
        Of::Number(&[Ordering::Less, Ordering::Equal]),
    ),
    ("numericgreaterthan", Of::Number(&[Ordering::Greater])),
    (
        "numericgreaterthanequals",
        Of::Number(&[Ordering::Greater, Ordering::Equal]),
    ),
    ("boolequals", Of::Flag),
];

impl Function {
    /// The function of that name, in any case: `ForAnyOfAnyValues:StringNotEquals`.
    pub fn named(name: &str) -> Self {
        let lower = name.to_ascii_lowercase();
        let (several, rest) = match lower.split_once(':') {
            Some(("foranyofanyvalues", rest)) => (Some((false, false)), rest),
            Some(("forallofanyvalues", rest)) => (Some((true, false)), rest),
            Some(("foranyofallvalues", rest)) => (Some((false, true)), rest),
            Some(("forallofallvalues", rest)) => (Some((true, true)), rest),
            Some(_) => return Self::Strange,
            None => (None, lower.as_str()),
        };
        let of = |name: &str| KINDS.iter().find(|(known, _)| *known == name);
        // `StringNotLike` is `StringLike`, negated.
        let plain = ["string", "guid", "numeric", "bool"]
            .iter()
            .find_map(|kind| {
                let rest = rest.strip_prefix(kind)?.strip_prefix("not")?;
                Some(format!("{kind}{rest}"))
            });
        let known = match (of(rest), plain.as_deref().and_then(of)) {
            (Some((_, of)), _) => Some((*of, false)),
            (None, Some((_, of))) => Some((*of, true)),
            (None, None) => None,
        };
        known.map_or(Self::Strange, |(of, negated)| {
            Self::Known(Comparison {
                several,
                of,
                negated,
            })
        })
    }
}

/// Whether values compare so; nothing where they are not of the sort that is compared.
pub fn holds(comparison: &Comparison, left: &[Value], right: &[Value]) -> Option<bool> {
    let (all_left, all_right) = match (comparison.several, left, right) {
        (None, [_], [_]) => (true, true),
        (None, ..) => return None,
        (Some(both), ..) => both,
    };
    let mut rows = Vec::new();
    for left in left {
        let mut row = Vec::new();
        for right in right {
            let same = compares(comparison.of, left, right)?;
            row.push(same != comparison.negated);
        }
        rows.push(match all_right {
            true => row.iter().all(|fits| *fits),
            false => row.iter().any(|fits| *fits),
        });
    }
    Some(match all_left {
        true => rows.iter().all(|fits| *fits),
        false => rows.iter().any(|fits| *fits),
    })
}

fn compares(of: Of, left: &Value, right: &Value) -> Option<bool> {
    match (of, left, right) {
        (Of::Equal { any_case }, Value::Text(left), Value::Text(right)) => {
            Some(cased(left, any_case) == cased(right, any_case))
        }
        (Of::Start { any_case }, Value::Text(left), Value::Text(right)) => {
            Some(cased(left, any_case).starts_with(&cased(right, any_case)))
        }
        (Of::Like { any_case }, Value::Text(left), Value::Text(right)) => {
            let text: Vec<char> = cased(left, any_case).chars().collect();
            let pattern: Vec<char> = cased(right, any_case).chars().collect();
            Some(like(&text, &pattern))
        }
        (Of::Number(orders), Value::Number(left), Value::Number(right)) => {
            Some(orders.contains(&left.cmp(right)))
        }
        (Of::Flag, Value::Flag(left), Value::Flag(right)) => Some(left == right),
        _ => None,
    }
}

fn cased(text: &str, any_case: bool) -> String {
    if any_case {
        text.to_lowercase()
    } else {
        text.to_owned()
    }
}

/// `*` is any text, `?` any character, and a backslash takes that from what follows.
fn like(text: &[char], pattern: &[char]) -> bool {
    // Which beginnings of the text the pattern has fitted so far.
    let mut fits: Vec<bool> = (0..=text.len()).map(|at| at == 0).collect();
    let mut pattern = pattern.iter();
    while let Some(c) = pattern.next() {
        let mut next = vec![false; text.len() + 1];
        if *c == '*' {
            let mut open = false;
            for (at, fitted) in fits.iter().enumerate() {
                open |= fitted;
                next[at] = open;
            }
        } else {
            let wanted = match c {
                '?' => None,
                '\\' => Some(pattern.next().unwrap_or(c)),
                c => Some(c),
            };
            for (at, found) in text.iter().enumerate() {
                next[at + 1] = fits[at] && wanted.is_none_or(|wanted| wanted == found);
            }
        }
        fits = next;
    }
    fits.last() == Some(&true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(values: &[&str]) -> Vec<Value> {
        let all = values.iter();
        all.map(|value| Value::Text((*value).to_owned())).collect()
    }

    fn compared(name: &str, left: &[Value], right: &[Value]) -> Option<bool> {
        match Function::named(name) {
            Function::Known(comparison) => holds(&comparison, left, right),
            Function::Strange => None,
        }
    }

    #[test]
    fn as_the_documentation_says() {
        let numbers = |all: &[i64]| all.iter().copied().map(Value::Number).collect::<Vec<_>>();
        let any = "ForAnyOfAnyValues:StringEquals";
        let all = "ForAllOfAnyValues:StringEquals";
        for (name, left, right, expected) in [
            (
                any,
                text(&["red", "blue"]),
                text(&["blue", "green"]),
                Some(true),
            ),
            (any, text(&["red", "blue"]), text(&["orange"]), Some(false)),
            (
                all,
                text(&["red", "blue"]),
                text(&["orange", "red", "blue"]),
                Some(true),
            ),
            (
                all,
                text(&["red", "blue"]),
                text(&["red", "green"]),
                Some(false),
            ),
            (
                "ForAnyOfAllValues:NumericLessThan",
                numbers(&[10, 20]),
                numbers(&[15, 18]),
                Some(true),
            ),
            (
                "ForAllOfAllValues:NumericLessThan",
                numbers(&[10, 20]),
                numbers(&[5, 15]),
                Some(false),
            ),
            ("StringLike", text(&["abcd"]), text(&["a*c?"]), Some(true)),
            ("StringNotLike", text(&["abcd"]), text(&["a*"]), Some(false)),
            ("StringLike", text(&["a*c"]), text(&["a\\*c"]), Some(true)),
            ("StringLike", text(&["abc"]), text(&["a\\*c"]), Some(false)),
            (
                "StringNotStartsWithIgnoreCase",
                text(&["abc"]),
                text(&["AB"]),
                Some(false),
            ),
            ("GuidNotEquals", text(&["A"]), text(&["a"]), Some(false)),
            (
                "NumericNotEquals",
                numbers(&[5]),
                numbers(&[5]),
                Some(false),
            ),
            ("StringEquals", text(&["a", "b"]), text(&["a"]), None),
            ("StringEquals", numbers(&[1]), text(&["1"]), None),
            (
                "DateTimeLessThan",
                text(&["2022-01-01"]),
                text(&["2023-01-01"]),
                None,
            ),
            ("StringResembles", text(&["a"]), text(&["a"]), None),
        ] {
            assert_eq!(compared(name, &left, &right), expected, "{name} {left:?}");
        }
    }
}
