//! The text of a condition, read.

use super::comparison::Function;
use super::condition::{Source, Value};
use super::pattern::Pattern;

/// A condition, or a part of one.
#[derive(Clone, Debug)]
pub enum Expression {
    Not(Box<Self>),
    Both(Vec<Self>),
    Either(Vec<Self>),
    Action(Vec<Pattern>),
    SubOperation,
    Exists(Source, String),
    Compare(Operand, Function, Operand),
}

/// One side of a comparison.
#[derive(Clone, Debug)]
pub enum Operand {
    Attribute(Source, String),
    Values(Vec<Value>),
}

/// How deep an expression may nest.
const DEEPEST: usize = 48;

/// Reads a condition; nothing where it is none.
pub fn parse(text: &str) -> Option<Expression> {
    let mut reader = Reader {
        words: words(text)?,
        at: 0,
    };
    let expression = reader.expression(0)?;
    (reader.at == reader.words.len()).then_some(expression)
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Word {
    /// One of `( ) { } ,`.
    Mark(char),
    Not,
    And,
    Or,
    Quoted(String),
    Attribute(Source, String),
    Plain(String),
}

fn words(text: &str) -> Option<Vec<Word>> {
    let mut found = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            _ if c.is_whitespace() => {}
            '(' | ')' | '{' | '}' | ',' => found.push(Word::Mark(c)),
            '!' => found.push(Word::Not),
            '&' if chars.next() == Some('&') => found.push(Word::And),
            '|' if chars.next() == Some('|') => found.push(Word::Or),
            '\'' => {
                let mut quoted = String::new();
                loop {
                    match chars.next()? {
                        // Two quotes stand for one.
                        '\'' if chars.peek() == Some(&'\'') => {
                            chars.next();
                            quoted.push('\'');
                        }
                        '\'' => break,
                        other => quoted.push(other),
                    }
                }
                found.push(Word::Quoted(quoted));
            }
            '@' => {
                let mut until = |end: char| {
                    let mut part = String::new();
                    loop {
                        match chars.next()? {
                            c if c == end => return Some(part),
                            c => part.push(c),
                        }
                    }
                };
                let (source, name) = (until('[')?, until(']')?);
                found.push(Word::Attribute(named(&source)?, name.to_ascii_lowercase()));
            }
            _ if is_plain(c) => {
                let mut plain = c.to_string();
                while let Some(c) = chars.next_if(|c| is_plain(*c)) {
                    plain.push(c);
                }
                found.push(match plain.to_ascii_lowercase().as_str() {
                    "and" => Word::And,
                    "or" => Word::Or,
                    "not" => Word::Not,
                    _ => Word::Plain(plain),
                });
            }
            _ => return None,
        }
    }
    Some(found)
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '-' | '_')
}

fn named(source: &str) -> Option<Source> {
    match source.trim().to_ascii_lowercase().as_str() {
        "resource" => Some(Source::Resource),
        "request" => Some(Source::Request),
        "principal" => Some(Source::Principal),
        "environment" => Some(Source::Environment),
        _ => None,
    }
}

struct Reader {
    words: Vec<Word>,
    at: usize,
}

impl Reader {
    fn next(&mut self) -> Option<Word> {
        let word = self.words.get(self.at).cloned();
        self.at += 1;
        word
    }

    fn skip(&mut self, word: &Word) -> bool {
        let there = self.words.get(self.at) == Some(word);
        self.at += usize::from(there);
        there
    }

    /// Parts joined by one and the same word: the other one needs parentheses.
    fn expression(&mut self, depth: usize) -> Option<Expression> {
        let first = self.part(depth)?;
        let join = match self.words.get(self.at) {
            Some(word @ (Word::And | Word::Or)) => word.clone(),
            _ => return Some(first),
        };
        let mut parts = vec![first];
        while self.skip(&join) {
            parts.push(self.part(depth)?);
        }
        if matches!(self.words.get(self.at), Some(Word::And | Word::Or)) {
            return None;
        }
        Some(match join {
            Word::And => Expression::Both(parts),
            _ => Expression::Either(parts),
        })
    }

    fn part(&mut self, depth: usize) -> Option<Expression> {
        if depth > DEEPEST {
            return None;
        }
        if self.skip(&Word::Not) {
            let inner = self.part(depth + 1)?;
            return Some(Expression::Not(Box::new(inner)));
        }
        if self.skip(&Word::Mark('(')) {
            let inner = self.expression(depth + 1)?;
            return self.skip(&Word::Mark(')')).then_some(inner);
        }
        let function = match self.words.get(self.at) {
            Some(Word::Plain(word)) => word.to_ascii_lowercase(),
            _ => String::new(),
        };
        match function.as_str() {
            "actionmatches" => {
                let names = self.names()?;
                let patterns = names.iter().map(|name| Pattern::new(name));
                Some(Expression::Action(patterns.collect()))
            }
            "suboperationmatches" => self.names().map(|_| Expression::SubOperation),
            "exists" => {
                self.at += 1;
                match self.next()? {
                    Word::Attribute(source, name) => Some(Expression::Exists(source, name)),
                    _ => None,
                }
            }
            _ => {
                let left = self.operand()?;
                let Word::Plain(name) = self.next()? else {
                    return None;
                };
                let right = self.operand()?;
                Some(Expression::Compare(left, Function::named(&name), right))
            }
        }
    }

    /// `Word{'a', 'b'}`
    fn names(&mut self) -> Option<Vec<String>> {
        self.at += 1;
        let Operand::Values(values) = self.operand()? else {
            return None;
        };
        values
            .into_iter()
            .map(|value| match value {
                Value::Text(text) => Some(text),
                Value::Number(_) | Value::Flag(_) => None,
            })
            .collect()
    }

    fn operand(&mut self) -> Option<Operand> {
        match self.next()? {
            Word::Attribute(source, name) => Some(Operand::Attribute(source, name)),
            Word::Mark('{') => {
                let mut values = Vec::new();
                loop {
                    let word = self.next()?;
                    values.push(value(word)?);
                    match self.next()? {
                        Word::Mark(',') => {}
                        Word::Mark('}') => return Some(Operand::Values(values)),
                        _ => return None,
                    }
                }
            }
            word => value(word).map(|value| Operand::Values(vec![value])),
        }
    }
}

/// A text in quotes, a number, a truth value, or a bare GUID.
fn value(word: Word) -> Option<Value> {
    match word {
        Word::Quoted(text) => Some(Value::Text(text)),
        Word::Plain(plain) => match plain.to_ascii_lowercase().as_str() {
            "true" => Some(Value::Flag(true)),
            "false" => Some(Value::Flag(false)),
            _ if uuid::Uuid::try_parse(&plain).is_ok() => Some(Value::Text(plain)),
            _ => plain.parse().ok().map(Value::Number),
        },
        _ => None,
    }
}
