//! A condition's words as an expression.

use super::expression::{Attribute, Expression, Literal, Operand, Source};
use super::lexer::{Token, tokens};
use super::operator::Operator;
use crate::rbac::pattern::Pattern;

/// How deep parentheses and negations may nest.
const DEEPEST: usize = 64;

/// Reads a condition; the error says why it cannot be read.
pub(super) fn parse(text: &str) -> Result<Expression, String> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
        depth: 0,
    };
    let expression = parser.joined()?;
    match parser.peek() {
        None => Ok(expression),
        Some(token) => Err(format!("more than one expression, from {token:?} on")),
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Result<Token, String> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token.ok_or_else(|| "an end too early".to_owned())
    }

    fn takes(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, token: &Token) -> Result<(), String> {
        let found = self.next()?;
        if found == *token {
            return Ok(());
        }
        Err(format!("{found:?} where {token:?} is due"))
    }

    /// Parts joined by `AND` only or by `OR` only: Azure asks for parentheses between the two.
    fn joined(&mut self) -> Result<Expression, String> {
        let first = self.negated()?;
        let join = match self.peek() {
            Some(token @ (Token::And | Token::Or)) => token.clone(),
            _ => return Ok(first),
        };
        let mut parts = vec![first];
        while self.takes(&join) {
            parts.push(self.negated()?);
        }
        if matches!(self.peek(), Some(Token::And | Token::Or)) {
            return Err("AND and OR without parentheses".to_owned());
        }
        Ok(match join {
            Token::And => Expression::All(parts),
            _ => Expression::Any(parts),
        })
    }

    fn negated(&mut self) -> Result<Expression, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(format!("more than {DEEPEST} levels"));
        }
        let expression = if self.takes(&Token::Not) {
            Expression::Not(Box::new(self.negated()?))
        } else {
            self.simple()?
        };
        self.depth -= 1;
        Ok(expression)
    }

    fn simple(&mut self) -> Result<Expression, String> {
        if self.takes(&Token::Open) {
            let inner = self.joined()?;
            self.expect(&Token::Close)?;
            return Ok(inner);
        }
        if let Some(Token::Word(word)) = self.peek() {
            match word.to_ascii_lowercase().as_str() {
                "actionmatches" => {
                    self.at += 1;
                    let names = self.names()?;
                    let patterns = names.iter().map(|name| Pattern::new(name));
                    return Ok(Expression::Action(patterns.collect()));
                }
                "suboperationmatches" => {
                    self.at += 1;
                    return Ok(Expression::SubOperation(self.names()?));
                }
                "exists" => {
                    self.at += 1;
                    return match self.operand()? {
                        Operand::Attribute(attribute) => Ok(Expression::Exists(attribute)),
                        Operand::Literals(_) => Err("Exists without an attribute".to_owned()),
                    };
                }
                _ => {}
            }
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Expression, String> {
        let left = self.operand()?;
        let Token::Word(word) = self.next()? else {
            return Err("a value without an operator".to_owned());
        };
        let right = self.operand()?;
        Ok(match Operator::named(&word) {
            Some(operator) => Expression::Compare(left, operator, right),
            None => Expression::Strange,
        })
    }

    fn operand(&mut self) -> Result<Operand, String> {
        match self.next()? {
            Token::Attribute(source, name) => {
                let source =
                    Source::named(&source).ok_or_else(|| format!("an attribute of @{source}"))?;
                Ok(Operand::Attribute(Attribute::new(source, &name)))
            }
            Token::OpenBrace => {
                let mut literals = Vec::new();
                loop {
                    let token = self.next()?;
                    literals.push(literal(token)?);
                    if !self.takes(&Token::Comma) {
                        break;
                    }
                }
                self.expect(&Token::CloseBrace)?;
                Ok(Operand::Literals(literals))
            }
            token => Ok(Operand::Literals(vec![literal(token)?])),
        }
    }

    /// What a function is given in braces.
    fn names(&mut self) -> Result<Vec<String>, String> {
        self.expect(&Token::OpenBrace)?;
        let mut names = Vec::new();
        loop {
            match self.next()? {
                Token::Text(name) => names.push(name),
                token => return Err(format!("{token:?} where a name in quotes is due")),
            }
            if !self.takes(&Token::Comma) {
                break;
            }
        }
        self.expect(&Token::CloseBrace)?;
        Ok(names)
    }
}

fn literal(token: Token) -> Result<Literal, String> {
    let word = match token {
        Token::Text(text) => return Ok(Literal::Text(text)),
        Token::Word(word) => word,
        token => return Err(format!("{token:?} where a value is due")),
    };
    if let Ok(flag) = word.to_ascii_lowercase().parse() {
        return Ok(Literal::Flag(flag));
    }
    if let Ok(number) = word.parse() {
        return Ok(Literal::Number(number));
    }
    if uuid::Uuid::try_parse(&word).is_ok() {
        return Ok(Literal::Text(word));
    }
    Err(format!("{word:?} where a value is due"))
}
