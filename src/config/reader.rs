//! Serde over the tree, with what it objects to kept as data instead of text.
//!
//! ## Why
//! A hole stands where something faulty was reported, or where something missing would stand. It
//! reads as whatever type is asked for, so that one fault does not hide those after it. Any value
//! in it is made up, hence the two [`Fill`]s: what holds for both does not hang on the made-up
//! values, and only that is reported.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{Deserializer, Error as _, Expected, IntoDeserializer, Unexpected, Visitor};

use super::tree::{Content, Node};

/// What holes read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fill {
    /// The first choice, false, 0, nothing.
    Low,
    /// The last choice, true, 1, something.
    High,
}

/// Why a tree is not of the type that was asked for.
#[derive(Debug)]
pub(super) enum Refusal {
    UnknownKey {
        key: String,
        known: &'static [&'static str],
    },
    MissingKey(&'static str),
    Type {
        wanted: String,
        found: String,
    },
    Choice {
        value: String,
        choices: &'static [&'static str],
    },
    Other(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKey { key, .. } => write!(f, "unknown key `{key}`"),
            Self::MissingKey(key) => write!(f, "missing key `{key}`"),
            Self::Type { wanted, found } => write!(f, "expected {wanted}, found {found}"),
            Self::Choice { value, .. } => write!(f, "`{value}` is not a choice"),
            Self::Other(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Refusal {}

impl serde::de::Error for Refusal {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Other(message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::Type {
            wanted: wanted_in_words(&wanted.to_string()),
            found: found_in_words(&found),
        }
    }

    fn invalid_value(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        let found = match found {
            Unexpected::Signed(number) => number.to_string(),
            Unexpected::Unsigned(number) => number.to_string(),
            other => found_in_words(&other),
        };
        let wanted = wanted_in_words(&wanted.to_string());
        Self::Type { wanted, found }
    }

    fn unknown_variant(value: &str, choices: &'static [&'static str]) -> Self {
        let value = value.to_owned();
        Self::Choice { value, choices }
    }

    fn unknown_field(key: &str, known: &'static [&'static str]) -> Self {
        let key = key.to_owned();
        Self::UnknownKey { key, known }
    }

    fn missing_field(key: &'static str) -> Self {
        Self::MissingKey(key)
    }
}

fn wanted_in_words(wanted: &str) -> String {
    let words = match wanted {
        "a boolean" => "true or false",
        "a sequence" => "an array",
        "a map" => "a table",
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" | "u64" | "usize" => "a whole number from 0 up",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        struct_name if struct_name.starts_with("struct ") => "a table",
        other => other,
    };
    words.to_owned()
}

fn found_in_words(found: &Unexpected<'_>) -> String {
    let words = match found {
        Unexpected::Bool(yes) => return yes.to_string(),
        Unexpected::Str(_) | Unexpected::Char(_) => "a string",
        Unexpected::Signed(_) | Unexpected::Unsigned(_) => "an integer",
        Unexpected::Float(_) => "a float",
        Unexpected::Seq => "an array",
        Unexpected::Map => "a table",
        other => return other.to_string(),
    };
    words.to_owned()
}

/// A node as serde reads it.
#[derive(Clone, Copy)]
pub(super) struct Reader<'n> {
    pub node: &'n Node,
    pub fill: Fill,
}

impl<'n> Reader<'n> {
    fn is_hole(&self) -> bool {
        matches!(self.node.content, Content::Hole)
    }

    fn at(self, node: &'n Node) -> Self {
        Self { node, ..self }
    }

    fn items(self, items: &'n [Node]) -> impl Iterator<Item = Self> {
        items.iter().map(move |item| self.at(item))
    }

    fn unexpected(&self) -> Unexpected<'n> {
        match &self.node.content {
            Content::String(text) => Unexpected::Str(text),
            Content::Integer(number) => Unexpected::Signed(*number),
            Content::Float(number) => Unexpected::Float(*number),
            Content::Boolean(yes) => Unexpected::Bool(*yes),
            Content::Datetime(_) => Unexpected::Other("a date or time"),
            Content::Array(_) => Unexpected::Seq,
            Content::Table(_) => Unexpected::Map,
            Content::Hole => Unexpected::Unit,
        }
    }
}

impl<'de> IntoDeserializer<'de, Refusal> for Reader<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Methods that fill a hole with a value, and read anything else as it is.
macro_rules! filled {
    ($($method:ident => $visit:ident($low:expr, $high:expr);)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
            match (self.is_hole(), self.fill) {
                (false, _) => self.deserialize_any(visitor),
                (true, Fill::Low) => visitor.$visit($low),
                (true, Fill::High) => visitor.$visit($high),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Refusal;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match &self.node.content {
            Content::String(text) => visitor.visit_borrowed_str(text),
            Content::Integer(number) => visitor.visit_i64(*number),
            Content::Float(number) => visitor.visit_f64(*number),
            Content::Boolean(yes) => visitor.visit_bool(*yes),
            Content::Datetime(_) => Err(Refusal::invalid_type(self.unexpected(), &visitor)),
            Content::Array(items) => {
                let mut items = SeqDeserializer::new(self.items(items));
                let value = visitor.visit_seq(&mut items)?;
                items.end()?;
                Ok(value)
            }
            Content::Table(entries) => {
                let mut entries = MapDeserializer::new(
                    entries
                        .iter()
                        .map(|(key, entry)| (key.as_str(), self.at(&entry.value))),
                );
                let value = visitor.visit_map(&mut entries)?;
                entries.end()?;
                Ok(value)
            }
            Content::Hole => visitor.visit_borrowed_str(""),
        }
    }

    filled! {
        deserialize_bool => visit_bool(false, true);
        deserialize_i8 => visit_i64(0, 1);
        deserialize_i16 => visit_i64(0, 1);
        deserialize_i32 => visit_i64(0, 1);
        deserialize_i64 => visit_i64(0, 1);
        deserialize_u8 => visit_u64(0, 1);
        deserialize_u16 => visit_u64(0, 1);
        deserialize_u32 => visit_u64(0, 1);
        deserialize_u64 => visit_u64(0, 1);
        deserialize_f32 => visit_f64(0.0, 1.0);
        deserialize_f64 => visit_f64(0.0, 1.0);
        deserialize_seq => visit_seq(nothing(), nothing());
        deserialize_map => visit_map(nowhere(), nowhere());
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match (self.is_hole(), self.fill) {
            (true, Fill::Low) => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        match &self.node.content {
            Content::Hole => visitor.visit_map(nowhere()),
            // Serde would take an array for the fields in order, which TOML never means.
            Content::Array(_) => Err(Refusal::invalid_type(self.unexpected(), &visitor)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        let choice = match (&self.node.content, self.fill) {
            (Content::String(text), _) => text,
            (Content::Hole, Fill::Low) => variants.first().copied().unwrap_or_default(),
            (Content::Hole, Fill::High) => variants.last().copied().unwrap_or_default(),
            (Content::Table(entries), _) if entries.len() == 1 => {
                let entries = entries
                    .iter()
                    .map(|(key, entry)| (key.as_str(), self.at(&entry.value)));
                let map = MapAccessDeserializer::new(MapDeserializer::new(entries));
                return map.deserialize_enum("", variants, visitor);
            }
            _ => return Err(Refusal::invalid_type(self.unexpected(), &"a string")),
        };
        let choice: serde::de::value::StrDeserializer<'_, Refusal> = choice.into_deserializer();
        visitor.visit_enum(choice)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct tuple tuple_struct identifier
        ignored_any
    }
}

fn nothing<'n>() -> SeqDeserializer<std::iter::Empty<Reader<'n>>, Refusal> {
    SeqDeserializer::new(std::iter::empty())
}

fn nowhere<'n>() -> MapDeserializer<'n, std::iter::Empty<(&'n str, Reader<'n>)>, Refusal> {
    MapDeserializer::new(std::iter::empty())
}
