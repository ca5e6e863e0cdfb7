//! The `$filter` of role definitions and assignments: a few functions and comparisons,
//! joined by `and`.

use crate::arm::{ArmError, Source};

/// A filter, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleFilter {
    /// `atScope()`: at the scope and above it, not below.
    pub at_scope: bool,
    /// `atScopeAndBelow()`
    pub at_scope_and_below: bool,
    /// `assignedTo('id')`: to somebody or a group that it is in.
    pub assigned_to: Option<String>,
    /// `field eq 'value'`, fields in lower case.
    pub equals: Vec<(String, String)>,
}

impl RoleFilter {
    /// Reads the parameter; `fields` are those that may be compared, in lower case.
    pub fn read(parameter: Option<&str>, fields: &[&str]) -> Result<Self, ArmError> {
        let mut filter = Self::default();
        let Some(text) = parameter.map(str::trim).filter(|text| !text.is_empty()) else {
            return Ok(filter);
        };
        for term in text.split(" and ") {
            filter.add(term.trim(), fields).ok_or_else(|| {
                ArmError::new(
                    Source::Provider,
                    400,
                    "UnsupportedQuery",
                    format!("The filter '{text}' is not supported."),
                )
            })?;
        }
        Ok(filter)
    }

    fn add(&mut self, term: &str, fields: &[&str]) -> Option<()> {
        let folded: String = term
            .chars()
            .filter(|c| !c.is_whitespace())
            .collect::<String>()
            .to_ascii_lowercase();
        match folded.as_str() {
            "atscope()" => self.at_scope = true,
            "atscopeandbelow()" => self.at_scope_and_below = true,
            _ if folded.starts_with("assignedto(") => {
                let inner = folded.strip_prefix("assignedto(")?.strip_suffix(')')?;
                self.assigned_to = Some(quoted(inner)?);
            }
            _ => {
                let mut words = term.splitn(3, char::is_whitespace);
                let field = words.next()?.to_ascii_lowercase();
                let operator = words.next()?;
                if !operator.eq_ignore_ascii_case("eq") || !fields.contains(&field.as_str()) {
                    return None;
                }
                self.equals.push((field, quoted(words.next()?)?));
            }
        }
        Some(())
    }
}

fn quoted(text: &str) -> Option<String> {
    let inner = text.trim().strip_prefix('\'')?.strip_suffix('\'')?;
    Some(inner.replace("''", "'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters() {
        let read = |text| RoleFilter::read(Some(text), &["principalid"]);
        assert!(read("atScope()").unwrap().at_scope);
        let both = read("atScope() and principalId eq 'A b'").unwrap();
        assert_eq!(both.equals, [("principalid".to_owned(), "A b".to_owned())]);
        let to = read("assignedTo('X')").unwrap().assigned_to;
        assert_eq!(to.as_deref(), Some("x"));
        for bad in [
            "principalId ne 'x'",
            "scope eq 'x'",
            "principalId eq x",
            "what()",
        ] {
            assert_eq!(read(bad).unwrap_err().code, "UnsupportedQuery", "{bad}");
        }
    }
}
