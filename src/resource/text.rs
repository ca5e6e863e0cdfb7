//! Texts that may be late, that is, known only after another operation, and what makes them known.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use super::Address;

/// A text that is known now or after other operations have run: names, ids, parts of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Text {
    /// Known while planning.
    Known(String),
    /// Known after the operations that it names.
    Late(Late),
}

/// A value that only the outputs of other operations make known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Late {
    /// An output of the operation at an address, such as a principal's object id.
    Output {
        /// Whose output it is.
        address: Address,
        /// The output's name, one of the kind's [`super::Meta::outputs`].
        output: String,
    },
    /// The parts, one after the other.
    Concat(Vec<Text>),
    /// The `UUIDv5` of the parts, lower-cased and joined by `|`.
    NameUuid(Vec<Text>),
}

/// An output that a late value needs and that no predecessor has given.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the output `{output}` of {address} is not known")]
pub struct MissingOutput {
    /// Whose output is missing.
    pub address: Address,
    /// The output's name.
    pub output: String,
}

/// The outputs of operations that have run, by address and name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outputs(BTreeMap<Address, BTreeMap<String, String>>);

impl Outputs {
    /// Records the outputs of the object at `address`.
    pub fn insert(&mut self, address: Address, outputs: BTreeMap<String, String>) {
        self.0.insert(address, outputs);
    }

    /// Records all that `later` holds.
    pub fn extend(&mut self, later: Self) {
        self.0.extend(later.0);
    }

    /// One output, if it is known.
    pub fn get(&self, address: &Address, output: &str) -> Option<&str> {
        self.0.get(address)?.get(output).map(String::as_str)
    }

    /// Every output of an object; `None` where none is known.
    pub fn of(&self, address: &Address) -> Option<&BTreeMap<String, String>> {
        self.0.get(address)
    }
}

impl Text {
    /// The text of an output of `address`.
    pub fn output(address: &Address, output: &str) -> Self {
        Self::Late(Late::Output {
            address: address.clone(),
            output: output.to_owned(),
        })
    }

    /// The parts one after the other; known when every part is.
    pub fn concat(parts: Vec<Text>) -> Self {
        let mut known = String::new();
        for part in &parts {
            match part {
                Self::Known(text) => known.push_str(text),
                Self::Late(_) => return Self::Late(Late::Concat(parts)),
            }
        }
        Self::Known(known)
    }

    /// The `UUIDv5` (RFC 9562, namespace OID) of the parts; known when every part is.
    pub fn name_uuid(parts: Vec<Text>) -> Self {
        match Outputs::default().resolve_all(&parts) {
            Ok(texts) => Self::Known(name_uuid(&texts)),
            Err(_) => Self::Late(Late::NameUuid(parts)),
        }
    }

    /// The text, where it is known.
    pub fn known(&self) -> Option<&str> {
        match self {
            Self::Known(text) => Some(text),
            Self::Late(_) => None,
        }
    }

    /// The part before the first late one: of a late id, the scope that it will lie in.
    pub fn known_start(&self) -> String {
        match self {
            Self::Known(text) => text.clone(),
            Self::Late(Late::Concat(parts)) => parts.iter().map_while(Self::known).collect(),
            Self::Late(_) => String::new(),
        }
    }

    /// The text with every late part taken from `outputs`.
    ///
    /// # Errors
    /// [`MissingOutput`] for the first output that is not there.
    pub fn resolve(&self, outputs: &Outputs) -> Result<String, MissingOutput> {
        match self {
            Self::Known(text) => Ok(text.clone()),
            Self::Late(late) => late.resolve(outputs),
        }
    }

    /// The text with what `outputs` knows filled in; late still where something is missing.
    pub fn settle(&self, outputs: &Outputs) -> Self {
        self.resolve(outputs)
            .map_or_else(|_| self.clone(), Self::Known)
    }

    /// Adds the addresses whose outputs the text needs.
    pub fn references(&self, into: &mut BTreeSet<Address>) {
        if let Self::Late(late) = self {
            late.references(into);
        }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::Known(text.to_owned())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::Known(text)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(text) => f.pad(text),
            Self::Late(late) => late.fmt(f),
        }
    }
}

impl Outputs {
    fn resolve_all(&self, parts: &[Text]) -> Result<Vec<String>, MissingOutput> {
        parts.iter().map(|part| part.resolve(self)).collect()
    }
}

/// The `UUIDv5` of parts, lower-cased and joined by `|`, in the OID namespace.
fn name_uuid(parts: &[String]) -> String {
    let name = parts.join("|").to_lowercase();
    Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).to_string()
}

impl Late {
    /// The value, from the outputs that it names.
    ///
    /// # Errors
    /// [`MissingOutput`] for the first output that is not there.
    pub fn resolve(&self, outputs: &Outputs) -> Result<String, MissingOutput> {
        match self {
            Self::Output { address, output } => outputs
                .get(address, output)
                .map(str::to_owned)
                .ok_or_else(|| MissingOutput {
                    address: address.clone(),
                    output: output.clone(),
                }),
            Self::Concat(parts) => Ok(outputs.resolve_all(parts)?.concat()),
            Self::NameUuid(parts) => Ok(name_uuid(&outputs.resolve_all(parts)?)),
        }
    }

    /// The text that it begins with, where that is known.
    pub fn known_start(&self) -> Option<&str> {
        match self {
            Self::Concat(parts) => parts.first()?.known(),
            Self::Output { .. } | Self::NameUuid(_) => None,
        }
    }

    /// Adds the addresses whose outputs the value needs.
    pub fn references(&self, into: &mut BTreeSet<Address>) {
        match self {
            Self::Output { address, .. } => {
                into.insert(address.clone());
            }
            Self::Concat(parts) | Self::NameUuid(parts) => {
                for part in parts {
                    part.references(into);
                }
            }
        }
    }
}

impl fmt::Display for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut needs = BTreeSet::new();
        self.references(&mut needs);
        let needs: Vec<&str> = needs.iter().map(Address::as_str).collect();
        write!(f, "(known after {})", needs.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal() -> Address {
        "shared.principal.promotion-engine"
            .parse()
            .expect("well formed")
    }

    #[test]
    fn resolving_is_a_function_of_the_outputs() {
        let id = Text::concat(vec![
            "/x/".into(),
            Text::name_uuid(vec!["A".into(), Text::output(&principal(), "objectId")]),
        ]);
        let mut outputs = Outputs::default();
        assert!(id.resolve(&outputs).is_err());
        outputs.insert(
            principal(),
            [("objectId".to_owned(), "B".to_owned())].into(),
        );
        let known = Text::concat(vec![
            "/x/".into(),
            Text::name_uuid(vec!["a".into(), "b".into()]),
        ]);
        assert_eq!(
            Some(id.resolve(&outputs).expect("known").as_str()),
            known.known()
        );
    }
}
