//! The `$filter` expressions of resource and resource-group lists: conjunctions and
//! disjunctions of comparisons.
//! <https://learn.microsoft.com/rest/api/resources/resources/list>

use super::error::ArmError;
use serde_json::Value;

/// A filter in disjunctive form: one of these conjunctions must hold.
#[derive(Debug, PartialEq, Eq)]
pub struct Filter(Vec<Vec<Term>>);

#[derive(Debug, PartialEq, Eq)]
enum Term {
    Equal(String, String),
    Differs(String, String),
    /// `substringof('text', field)`
    Contains(String, String),
    /// `startswith(tagname, 'text')`
    Starts(String, String),
}

impl Filter {
    /// Reads the parameter; no parameter lets everything through.
    pub fn read(parameter: Option<&str>) -> Result<Self, ArmError> {
        let Some(text) = parameter.map(str::trim).filter(|text| !text.is_empty()) else {
            return Ok(Self(vec![Vec::new()]));
        };
        split(text, " or ")
            .into_iter()
            .map(|all| split(all, " and ").into_iter().map(term).collect())
            .collect::<Option<Vec<Vec<Term>>>>()
            .map(Self)
            .ok_or_else(|| {
                ArmError::gateway(
                    400,
                    "InvalidFilterInQueryString",
                    format!("Invalid $filter '{text}' specified in the query string."),
                )
            })
    }

    pub fn holds(&self, body: &Value) -> bool {
        self.0.iter().any(|all| conjunction(all, body))
    }
}

fn conjunction(all: &[Term], body: &Value) -> bool {
    let name = all.iter().find_map(|term| match term {
        Term::Equal(field, value) if field == "tagname" => Some(value.as_str()),
        _ => None,
    });
    all.iter().all(|term| match term {
        // A tag's value alone is looked for under the name that stands beside it.
        Term::Equal(field, value) if field == "tagvalue" => tags(body).any(|(tag, has)| {
            name.is_none_or(|name| tag.eq_ignore_ascii_case(name)) && has == value.as_str()
        }),
        Term::Equal(field, value) if field == "tagname" => {
            tags(body).any(|(tag, _)| tag.eq_ignore_ascii_case(value))
        }
        Term::Starts(field, value) if field == "tagname" => tags(body).any(|(tag, _)| {
            tag.to_ascii_lowercase()
                .starts_with(&value.to_ascii_lowercase())
        }),
        Term::Equal(field, value) => field_text(body, field).eq_ignore_ascii_case(value),
        Term::Differs(field, value) => !field_text(body, field).eq_ignore_ascii_case(value),
        Term::Contains(field, value) => field_text(body, field)
            .to_ascii_lowercase()
            .contains(&value.to_ascii_lowercase()),
        Term::Starts(field, value) => field_text(body, field)
            .to_ascii_lowercase()
            .starts_with(&value.to_ascii_lowercase()),
    })
}

fn tags(body: &Value) -> impl Iterator<Item = (&str, &str)> {
    body.get("tags")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default()))
}

fn field_text<'a>(body: &'a Value, field: &str) -> &'a str {
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    match field {
        "resourcetype" => text("type"),
        "name" => text("name"),
        "location" => text("location"),
        "resourcegroup" => text("id").split('/').nth(4).unwrap_or_default(),
        "plan/publisher" | "identity/principalid" => "",
        _ => "",
    }
}

/// Splits at `word` outside quotes, in any case.
fn split<'a>(text: &'a str, word: &str) -> Vec<&'a str> {
    let lower = text.to_ascii_lowercase();
    let mut parts = Vec::new();
    let (mut from, mut at, mut quoted) = (0, 0, false);
    while at < lower.len() {
        if lower.as_bytes()[at] == b'\'' {
            quoted = !quoted;
        }
        if !quoted && lower.is_char_boundary(at) && lower[at..].starts_with(word) {
            parts.push(text[from..at].trim());
            at += word.len();
            from = at;
        } else {
            at += 1;
        }
    }
    parts.push(text[from..].trim());
    parts
}

const FIELDS: &[&str] = &[
    "tagname",
    "tagvalue",
    "resourcetype",
    "name",
    "location",
    "resourcegroup",
    "plan/publisher",
    "identity/principalid",
];

fn term(text: &str) -> Option<Term> {
    let text = text.trim().trim_start_matches('(');
    if let Some(inner) = call(text, "substringof") {
        let (value, field) = inner.rsplit_once(',')?;
        return Some(Term::Contains(field_name(field)?, quoted(value)?));
    }
    if let Some(inner) = call(text, "startswith") {
        let (field, value) = inner.split_once(',')?;
        return Some(Term::Starts(field_name(field)?, quoted(value)?));
    }
    let text = text.trim_end_matches(')');
    let mut words = text.splitn(3, ' ');
    let field = field_name(words.next()?)?;
    let operator = words.next()?.to_ascii_lowercase();
    let value = quoted(words.next()?)?;
    match operator.as_str() {
        "eq" => Some(Term::Equal(field, value)),
        "ne" => Some(Term::Differs(field, value)),
        _ => None,
    }
}

fn call<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (head, rest) = text.split_once('(')?;
    head.trim()
        .eq_ignore_ascii_case(name)
        .then(|| rest.trim_end_matches(')'))
}

fn field_name(text: &str) -> Option<String> {
    let field = text.trim().to_ascii_lowercase();
    FIELDS.contains(&field.as_str()).then_some(field)
}

fn quoted(text: &str) -> Option<String> {
    let inner = text.trim().strip_prefix('\'')?.strip_suffix('\'')?;
    Some(inner.replace("''", "'"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn holds(filter: &str) -> bool {
        let body = json!({
            "id": "/subscriptions/S/resourceGroups/G/providers/A.B/xs/One",
            "name": "One", "type": "A.B/xs", "location": "eastus",
            "tags": {"managed-by": "someone and else", "b": "it's"},
        });
        Filter::read(Some(filter)).unwrap().holds(&body)
    }

    #[test]
    fn comparisons() {
        for yes in [
            "tagName eq 'managed-by' and tagValue eq 'someone and else'",
            "tagname eq 'B'",
            "tagName eq 'b' and tagValue eq 'it''s'",
            "resourceType eq 'a.b/XS'",
            "resourceType eq 'no' or resourceType eq 'A.B/xs'",
            "substringof('ne', name)",
            "startswith(tagname, 'managed')",
            "resourceGroup eq 'g' and name eq 'one'",
        ] {
            assert!(holds(yes), "{yes}");
        }
        for no in [
            "tagName eq 'managed-by' and tagValue eq 'it''s'",
            "resourceType eq 'A.B/xs' and location eq 'westus'",
            "name ne 'one'",
        ] {
            assert!(!holds(no), "{no}");
        }
        for bad in ["colour eq 'red'", "name", "name eq one", "name lt 'x'"] {
            assert_eq!(
                Filter::read(Some(bad)).unwrap_err().code,
                "InvalidFilterInQueryString"
            );
        }
    }
}
