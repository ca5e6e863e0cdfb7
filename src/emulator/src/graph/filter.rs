//! The `$filter` language of directory objects.
//! <https://learn.microsoft.com/graph/filter-query-parameter>

use super::lexer::{Token, tokens};
use serde_json::Value;

/// Properties that Graph looks up in the store itself; everything else is asked of an index
/// that lags behind.
const KEYS: &[&str] = &[
    "id",
    "appId",
    "displayName",
    "uniqueName",
    "identifierUris",
    "servicePrincipalNames",
    "mailNickname",
    "userPrincipalName",
    "mail",
];

/// A filter, read.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    All(Vec<Filter>),
    Any(Vec<Filter>),
    Not(Box<Filter>),
    Compare(String, Operator, Value),
    Starts(String, String),
    Ends(String, String),
    Among(String, Vec<Value>),
    /// `path/any(name:inner)`
    Element(String, String, Box<Filter>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Equal,
    Differs,
    Before,
    AtMost,
    After,
    AtLeast,
}

impl Filter {
    /// Reads a filter; `None` where it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parser = Parser {
            tokens: tokens(text)?,
            at: 0,
        };
        let filter = parser.any_of()?;
        (parser.at == parser.tokens.len()).then_some(filter)
    }

    /// Whether an object passes.
    pub fn holds(&self, object: &Value) -> bool {
        self.test(&|path| lookup(object, path))
    }

    /// Whether it only compares properties that are looked up in the store itself.
    pub fn by_key(&self) -> bool {
        match self {
            Self::All(inner) | Self::Any(inner) => inner.iter().all(Self::by_key),
            Self::Not(_) | Self::Ends(..) => false,
            Self::Compare(path, _, _)
            | Self::Starts(path, _)
            | Self::Among(path, _)
            | Self::Element(path, _, _) => KEYS.iter().any(|key| key.eq_ignore_ascii_case(path)),
        }
    }

    /// Whether Graph answers it only with `ConsistencyLevel: eventual`.
    pub fn advanced(&self) -> bool {
        match self {
            Self::All(inner) | Self::Any(inner) => inner.iter().any(Self::advanced),
            Self::Not(_) | Self::Ends(..) => true,
            Self::Compare(_, operator, _) => *operator == Operator::Differs,
            Self::Starts(..) | Self::Among(..) => false,
            Self::Element(_, _, inner) => inner.advanced(),
        }
    }

    fn test<'a>(&self, value: &dyn Fn(&str) -> Option<&'a Value>) -> bool {
        let text = |path: &str| value(path).and_then(Value::as_str);
        match self {
            Self::All(inner) => inner.iter().all(|filter| filter.test(value)),
            Self::Any(inner) => inner.iter().any(|filter| filter.test(value)),
            Self::Not(inner) => !inner.test(value),
            Self::Compare(path, operator, wanted) => operator.holds(value(path), wanted),
            Self::Starts(path, start) => text(path)
                .is_some_and(|text| text.to_lowercase().starts_with(&start.to_lowercase())),
            Self::Ends(path, end) => {
                text(path).is_some_and(|text| text.to_lowercase().ends_with(&end.to_lowercase()))
            }
            Self::Among(path, wanted) => wanted
                .iter()
                .any(|wanted| Operator::Equal.holds(value(path), wanted)),
            Self::Element(path, name, inner) => value(path)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .any(|element| {
                    inner.test(&|path| match path.split_once('/') {
                        Some((first, rest)) if first == name => lookup(element, rest),
                        _ if path == name => Some(element),
                        _ => None,
                    })
                }),
        }
    }
}

impl Operator {
    fn named(word: &str) -> Option<Self> {
        Some(match word {
            "eq" => Self::Equal,
            "ne" => Self::Differs,
            "lt" => Self::Before,
            "le" => Self::AtMost,
            "gt" => Self::After,
            "ge" => Self::AtLeast,
            _ => return None,
        })
    }

    fn holds(self, found: Option<&Value>, wanted: &Value) -> bool {
        let found = found.unwrap_or(&Value::Null);
        let order = match (found, wanted) {
            (Value::String(found), Value::String(wanted)) => {
                Some(found.to_lowercase().cmp(&wanted.to_lowercase()))
            }
            (Value::Number(found), Value::Number(wanted)) => found
                .as_f64()
                .zip(wanted.as_f64())
                .and_then(|(found, wanted)| found.partial_cmp(&wanted)),
            _ => None,
        };
        let equal = order.map_or(found == wanted, std::cmp::Ordering::is_eq);
        match self {
            Self::Equal => equal,
            Self::Differs => !equal,
            Self::Before => order.is_some_and(std::cmp::Ordering::is_lt),
            Self::AtMost => order.is_some_and(std::cmp::Ordering::is_le),
            Self::After => order.is_some_and(std::cmp::Ordering::is_gt),
            Self::AtLeast => order.is_some_and(std::cmp::Ordering::is_ge),
        }
    }
}

/// The value at `a/b`, names in any case.
fn lookup<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('/').try_fold(object, |value, name| {
        value
            .as_object()?
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    })
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned()?;
        self.at += 1;
        Some(token)
    }

    fn takes(&mut self, token: &Token) -> bool {
        let found = self.tokens.get(self.at) == Some(token);
        self.at += usize::from(found);
        found
    }

    fn takes_word(&mut self, word: &str) -> bool {
        self.takes(&Token::Word(word.to_owned()))
    }

    fn any_of(&mut self) -> Option<Filter> {
        let mut all = vec![self.all_of()?];
        while self.takes_word("or") {
            all.push(self.all_of()?);
        }
        Some(if all.len() == 1 {
            all.remove(0)
        } else {
            Filter::Any(all)
        })
    }

    fn all_of(&mut self) -> Option<Filter> {
        let mut all = vec![self.one()?];
        while self.takes_word("and") {
            all.push(self.one()?);
        }
        Some(if all.len() == 1 {
            all.remove(0)
        } else {
            Filter::All(all)
        })
    }

    fn one(&mut self) -> Option<Filter> {
        if self.takes_word("not") {
            return Some(Filter::Not(Box::new(self.one()?)));
        }
        if self.takes(&Token::Open) {
            let inner = self.any_of()?;
            return self.takes(&Token::Close).then_some(inner);
        }
        let Token::Word(word) = self.next()? else {
            return None;
        };
        if self.takes(&Token::Open) {
            return self.function(&word);
        }
        let Token::Word(operator) = self.next()? else {
            return None;
        };
        if operator == "in" {
            return self.among(word);
        }
        let operator = Operator::named(&operator)?;
        let Token::Value(value) = self.next()? else {
            return None;
        };
        Some(Filter::Compare(word, operator, value))
    }

    /// What follows `startswith(`, `endswith(` or `path/any(`.
    fn function(&mut self, name: &str) -> Option<Filter> {
        if let Some(path) = name.strip_suffix("/any") {
            let Token::Word(variable) = self.next()? else {
                return None;
            };
            if !self.takes(&Token::Colon) {
                return None;
            }
            let inner = self.any_of()?;
            let element = Filter::Element(path.to_owned(), variable, Box::new(inner));
            return self.takes(&Token::Close).then_some(element);
        }
        let Token::Word(path) = self.next()? else {
            return None;
        };
        if !self.takes(&Token::Comma) {
            return None;
        }
        let Token::Value(Value::String(text)) = self.next()? else {
            return None;
        };
        if !self.takes(&Token::Close) {
            return None;
        }
        match name.to_ascii_lowercase().as_str() {
            "startswith" => Some(Filter::Starts(path, text)),
            "endswith" => Some(Filter::Ends(path, text)),
            _ => None,
        }
    }

    fn among(&mut self, path: String) -> Option<Filter> {
        if !self.takes(&Token::Open) {
            return None;
        }
        let mut values = Vec::new();
        loop {
            let Token::Value(value) = self.next()? else {
                return None;
            };
            values.push(value);
            if self.takes(&Token::Close) {
                return Some(Filter::Among(path, values));
            }
            if !self.takes(&Token::Comma) {
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn filters() {
        let object = json!({
            "displayName": "It's + one", "appId": "A", "accountEnabled": true, "notes": null,
            "tags": ["a=b", "c"], "web": {"homePageUrl": "https://x"},
            "createdDateTime": "2026-01-02T00:00:00Z",
        });
        let holds = |text: &str| {
            Filter::parse(text)
                .unwrap_or_else(|| panic!("{text}"))
                .holds(&object)
        };
        for yes in [
            "displayName eq 'it''s + one'",
            "startswith(displayName,'IT')",
            "tags/any(t:t eq 'a=b')",
            "tags/any(t: startswith(t, 'a='))",
            "appId in ('x', 'a')",
            "accountEnabled eq true and (notes eq null or appId eq 'z')",
            "not(appId eq 'b')",
            "web/homePageUrl eq 'https://x'",
            "createdDateTime ge 2026-01-01T00:00:00Z",
            "appId ne 'b' and not endswith(displayName,'two')",
        ] {
            assert!(holds(yes), "{yes}");
        }
        for no in ["tags/any(t:t eq 'b')", "appId eq 'b' or notes eq 'x'"] {
            assert!(!holds(no), "{no}");
        }
        for bad in [
            "",
            "displayName",
            "displayName eq x y",
            "a eq 'b' and",
            "(a eq 'b'",
            "a like 'b'",
        ] {
            assert!(Filter::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn keys_are_looked_up_and_the_rest_is_asked_of_an_index() {
        let by_key = |text: &str| Filter::parse(text).unwrap().by_key();
        assert!(by_key("appId eq 'a'") && by_key("startswith(displayName,'a')"));
        assert!(by_key("servicePrincipalNames/any(c:c eq 'a')"));
        assert!(!by_key("tags/any(t:t eq 'a')") && !by_key("appId eq 'a' and notes eq 'b'"));
        assert!(Filter::parse("appId ne 'a'").unwrap().advanced());
        assert!(!Filter::parse("appId eq 'a'").unwrap().advanced());
    }
}
