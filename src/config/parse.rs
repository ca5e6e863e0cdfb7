//! Text to tree: TOML with every syntax error of a file at once.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::decode::Fault;
use super::tree::{Content, Entry, Node, Spot};
use super::wrong::Wrong;

/// What a file's text says.
#[derive(Debug)]
pub(super) struct Parsed {
    /// The tree; `None` after a syntax error, since what follows one may mean anything.
    pub tree: Option<Node>,
    /// What is wrong with the text.
    pub faults: Vec<Fault>,
}

#[cfg(test)]
impl Parsed {
    pub fn expect(self, why: &str) -> Node {
        assert!(self.faults.is_empty(), "{why}: {:?}", self.faults);
        self.tree.expect(why)
    }
}

/// What toml says of a second key of one name. The first stays in the tree, which is sound.
const DUPLICATE: &str = "duplicate key";

/// Parses the text of a file.
pub(super) fn parse(file: usize, text: &str) -> Parsed {
    let (document, errors) = DeTable::parse_recoverable(text);
    let sound = errors.iter().all(|error| error.message() == DUPLICATE);
    let mut faults: Vec<Fault> = errors
        .iter()
        .map(|error| fault(file, text, error))
        .collect();
    let tree = sound.then(|| Node {
        spot: Spot::top_of(file),
        content: table(file, document.into_inner(), &mut faults),
    });
    Parsed { tree, faults }
}

fn fault(file: usize, text: &str, error: &toml::de::Error) -> Fault {
    let span = error.span().unwrap_or(text.len()..text.len());
    let spot = Spot {
        file,
        start: span.start,
        end: span.end,
    };
    if error.message() != DUPLICATE {
        return Fault::new(spot, Wrong::Syntax(error.message().to_owned()));
    }
    let key = text.get(span.clone()).unwrap_or_default();
    let mut fault = Fault::new(spot, Wrong::DuplicateKey(key.to_owned()));
    fault.first =
        first_of_duplicate(text, span.start, key).map(|(start, end)| Spot { file, start, end });
    fault
}

/// The earlier line that begins as the line of a duplicate key does. toml knows the place but
/// does not tell. Below one header, equal beginnings are equal keys.
fn first_of_duplicate(text: &str, at: usize, key: &str) -> Option<(usize, usize)> {
    let line_start = text.get(..at)?.rfind('\n').map_or(0, |newline| newline + 1);
    let prefix = text.get(line_start..at)?.trim_start();
    let beginning = format!("{prefix}{key}");
    let is_header = prefix.starts_with('[');
    let mut offset = line_start;
    for line in text.get(..line_start)?.split_inclusive('\n').rev() {
        offset -= line.len();
        let trimmed = line.trim_start();
        let after = trimmed.strip_prefix(&beginning);
        if after.is_some_and(|rest| {
            !rest.starts_with(|c: char| c.is_alphanumeric() || "_-.".contains(c))
        }) {
            let end = offset + (line.len() - trimmed.len()) + beginning.len();
            return Some((end - key.len(), end));
        }
        if !is_header && trimmed.starts_with('[') {
            return None;
        }
    }
    None
}

fn table(file: usize, table: DeTable<'_>, faults: &mut Vec<Fault>) -> Content {
    let entries = table.into_iter().map(|(key, value)| {
        let span = key.span();
        let key_spot = Spot {
            file,
            start: span.start,
            end: span.end,
        };
        let entry = Entry {
            key: key_spot,
            value: node(file, value, faults),
        };
        (key.into_inner().into_owned(), entry)
    });
    Content::Table(entries.collect())
}

fn node(file: usize, value: Spanned<DeValue<'_>>, faults: &mut Vec<Fault>) -> Node {
    let span = value.span();
    let spot = Spot {
        file,
        start: span.start,
        end: span.end,
    };
    let content = match value.into_inner() {
        DeValue::String(text) => Content::String(text.into_owned()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Content::Integer(number),
            Err(_) => too_large(spot, faults),
        },
        DeValue::Float(number) => match number.as_str().parse() {
            Ok(number) => Content::Float(number),
            Err(_) => too_large(spot, faults),
        },
        DeValue::Boolean(yes) => Content::Boolean(yes),
        DeValue::Datetime(datetime) => Content::Datetime(datetime.to_string()),
        DeValue::Array(items) => Content::Array(
            items
                .into_iter()
                .map(|item| node(file, item, faults))
                .collect(),
        ),
        DeValue::Table(entries) => table(file, entries, faults),
    };
    Node { spot, content }
}

fn too_large(spot: Spot, faults: &mut Vec<Fault>) -> Content {
    let message = "a number beyond what 64 bits hold".to_owned();
    faults.push(Fault::new(spot, Wrong::Value(message)));
    Content::Hole
}
