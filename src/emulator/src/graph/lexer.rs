//! Taking a `$filter` apart into words, values and punctuation.

use serde_json::Value;

/// A piece of a filter.
#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    /// A property path, an operator, a function or a variable.
    Word(String),
    /// A text, number, date, truth value or null.
    Value(Value),
    Open,
    Close,
    Comma,
    Colon,
}

/// All tokens of a filter; `None` where a quote does not close or a character is strange.
pub fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, after) = match first {
            '(' => (Token::Open, &rest[1..]),
            ')' => (Token::Close, &rest[1..]),
            ',' => (Token::Comma, &rest[1..]),
            ':' => (Token::Colon, &rest[1..]),
            '\'' => quoted(&rest[1..])?,
            c if c.is_ascii_digit() => literal(rest),
            _ => word(rest)?,
        };
        tokens.push(token);
        rest = after.trim_start();
    }
    Some(tokens)
}

/// A text up to its closing quote; two quotes are one.
fn quoted(text: &str) -> Option<(Token, &str)> {
    let mut value = String::new();
    let mut rest = text;
    loop {
        let (part, after) = rest.split_once('\'')?;
        value.push_str(part);
        match after.strip_prefix('\'') {
            Some(more) => {
                value.push('\'');
                rest = more;
            }
            None => return Some((Token::Value(Value::String(value)), after)),
        }
    }
}

/// A number, or a date or GUID without quotes.
fn literal(text: &str) -> (Token, &str) {
    let end = text
        .find(|c: char| c.is_whitespace() || "(),".contains(c))
        .unwrap_or(text.len());
    let (literal, rest) = text.split_at(end);
    let value = serde_json::from_str(literal)
        .ok()
        .filter(Value::is_number)
        .unwrap_or_else(|| Value::String(literal.to_owned()));
    (Token::Value(value), rest)
}

fn word(text: &str) -> Option<(Token, &str)> {
    let inside = |c: char| c.is_alphanumeric() || "_/@.-$".contains(c);
    let end = text.find(|c| !inside(c)).unwrap_or(text.len());
    if end == 0 {
        return None;
    }
    let (word, rest) = text.split_at(end);
    let token = match word {
        "true" => Token::Value(Value::Bool(true)),
        "false" => Token::Value(Value::Bool(false)),
        "null" => Token::Value(Value::Null),
        _ => Token::Word(word.to_owned()),
    };
    Some((token, rest))
}
