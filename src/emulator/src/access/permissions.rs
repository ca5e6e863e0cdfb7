//! The four lists of a role definition.

use super::decision::Plane;
use super::pattern::Pattern;
use serde_json::{Value, json};

/// What a role permits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permissions {
    pub actions: Vec<String>,
    pub not_actions: Vec<String>,
    pub data_actions: Vec<String>,
    pub not_data_actions: Vec<String>,
}

impl Permissions {
    /// Reads one element of a role definition's `permissions`.
    pub fn read(value: &Value) -> Self {
        let list = |name: &str| {
            value
                .get(name)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(ToOwned::to_owned)
                .collect()
        };
        Self {
            actions: list("actions"),
            not_actions: list("notActions"),
            data_actions: list("dataActions"),
            not_data_actions: list("notDataActions"),
        }
    }

    /// As role definitions print them.
    pub fn shown(&self) -> Value {
        json!({
            "actions": self.actions,
            "notActions": self.not_actions,
            "dataActions": self.data_actions,
            "notDataActions": self.not_data_actions,
        })
    }
}

/// Permissions made ready for many questions.
#[derive(Clone, Debug)]
pub struct Compiled {
    control: (Vec<Pattern>, Vec<Pattern>),
    data: (Vec<Pattern>, Vec<Pattern>),
}

impl Compiled {
    pub fn new(permissions: &Permissions) -> Self {
        let patterns = |texts: &[String]| texts.iter().map(|text| Pattern::new(text)).collect();
        Self {
            control: (
                patterns(&permissions.actions),
                patterns(&permissions.not_actions),
            ),
            data: (
                patterns(&permissions.data_actions),
                patterns(&permissions.not_data_actions),
            ),
        }
    }

    /// Whether an action, in lower case, is given and not taken back.
    pub fn permits(&self, plane: Plane, action: &str) -> bool {
        let (given, taken) = match plane {
            Plane::Control => &self.control,
            Plane::Data => &self.data,
        };
        let covers = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.covers(action));
        covers(given) && !covers(taken)
    }
}
