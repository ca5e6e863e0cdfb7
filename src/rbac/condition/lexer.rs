//! A condition's text in words.

/// A word of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Open,
    Close,
    OpenBrace,
    CloseBrace,
    Comma,
    And,
    Or,
    Not,
    /// A name, a number or a bare GUID.
    Word(String),
    /// What stands in quotes.
    Text(String),
    /// `@Source[name]`.
    Attribute(String, String),
}

/// The words of a condition, or what is wrong with it.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(c) = rest.chars().next() {
        let (token, after) = match c {
            '(' => (Token::Open, &rest[1..]),
            ')' => (Token::Close, &rest[1..]),
            '{' => (Token::OpenBrace, &rest[1..]),
            '}' => (Token::CloseBrace, &rest[1..]),
            ',' => (Token::Comma, &rest[1..]),
            '!' => (Token::Not, &rest[1..]),
            '\'' => quoted(&rest[1..])?,
            '@' => attribute(&rest[1..])?,
            '&' => (Token::And, rest.strip_prefix("&&").ok_or("a single &")?),
            '|' => (Token::Or, rest.strip_prefix("||").ok_or("a single |")?),
            _ => word(rest)?,
        };
        tokens.push(token);
        rest = after.trim_start();
    }
    Ok(tokens)
}

/// Reads on after a quote; two quotes stand for one.
fn quoted(rest: &str) -> Result<(Token, &str), String> {
    let mut text = String::new();
    let mut rest = rest;
    loop {
        let (part, after) = rest
            .split_once('\'')
            .ok_or("a quote that is never closed")?;
        text.push_str(part);
        match after.strip_prefix('\'') {
            Some(after) => {
                text.push('\'');
                rest = after;
            }
            None => return Ok((Token::Text(text), after)),
        }
    }
}

fn attribute(rest: &str) -> Result<(Token, &str), String> {
    let read = rest.split_once('[').and_then(|(source, rest)| {
        let (name, after) = rest.split_once(']')?;
        let token = Token::Attribute(source.trim().to_owned(), name.to_owned());
        Some((token, after))
    });
    read.ok_or_else(|| "an attribute that is not @Source[name]".to_owned())
}

fn word(rest: &str) -> Result<(Token, &str), String> {
    let ends = |c: char| !c.is_ascii_alphanumeric() && !".:-_".contains(c);
    let end = rest.find(ends).unwrap_or(rest.len());
    let (word, after) = rest.split_at(end);
    if word.is_empty() {
        let stray: String = rest.chars().take(1).collect();
        return Err(format!("a stray {stray:?}"));
    }
    let token = match word.to_ascii_lowercase().as_str() {
        "and" => Token::And,
        "or" => Token::Or,
        "not" => Token::Not,
        _ => Token::Word(word.to_owned()),
    };
    Ok((token, after))
}
