//! Selectors of lists: by labels and by fields.
//! <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#api>

use super::status::Status;
use serde_json::Value;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Term {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
}

/// What objects must be like to be listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    labels: Vec<Term>,
    fields: Vec<Term>,
}

impl Selector {
    pub fn parse(labels: Option<&str>, fields: Option<&str>) -> Result<Self, Status> {
        let read = |text: Option<&str>| {
            parts(text.unwrap_or_default())
                .iter()
                .map(|part| {
                    term(part)
                        .ok_or_else(|| Status::bad(format!("unable to parse requirement: {part}")))
                })
                .collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            labels: read(labels)?,
            fields: read(fields)?,
        })
    }

    pub fn matches(&self, object: &Value) -> bool {
        let label = |name: &str| {
            object["metadata"]["labels"][name]
                .as_str()
                .map(ToOwned::to_owned)
        };
        let field = |path: &str| {
            let pointer = format!("/{}", path.replace('.', "/"));
            match object.pointer(&pointer) {
                Some(Value::String(text)) => Some(text.clone()),
                Some(Value::Null) | None => Some(String::new()),
                Some(other) => Some(other.to_string()),
            }
        };
        self.labels.iter().all(|term| holds(term, label))
            && self.fields.iter().all(|term| holds(term, field))
    }
}

fn holds(term: &Term, value: impl Fn(&str) -> Option<String>) -> bool {
    match term {
        Term::In(key, values) => value(key).is_some_and(|found| values.contains(&found)),
        Term::NotIn(key, values) => value(key).is_none_or(|found| !values.contains(&found)),
        Term::Exists(key) => value(key).is_some(),
        Term::Absent(key) => value(key).is_none(),
    }
}

/// The parts between commas that stand outside parentheses.
fn parts(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_i32, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}

fn term(text: &str) -> Option<Term> {
    let key = |text: &str| {
        let text = text.trim();
        let well = !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte));
        well.then(|| text.to_owned())
    };
    if let Some((name, value)) = text.split_once("!=") {
        return Some(Term::NotIn(key(name)?, vec![value.trim().to_owned()]));
    }
    if let Some((name, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        return Some(Term::In(key(name)?, vec![value.trim().to_owned()]));
    }
    if let Some((front, list)) = text.strip_suffix(')').and_then(|t| t.split_once('(')) {
        let values = list
            .split(',')
            .map(|value| value.trim().to_owned())
            .collect();
        let front = front.trim();
        if let Some(name) = front.strip_suffix(" notin") {
            return Some(Term::NotIn(key(name)?, values));
        }
        return Some(Term::In(key(front.strip_suffix(" in")?)?, values));
    }
    match text.strip_prefix('!') {
        Some(name) => Some(Term::Absent(key(name)?)),
        None => Some(Term::Exists(key(text)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn labels_and_fields_select() {
        let object = json!({"metadata": {"name": "web", "labels": {"app": "web", "tier": "a"}}, "status": {"phase": "Running"}});
        let matches = |labels: &str, fields: &str| {
            Selector::parse(Some(labels), Some(fields))
                .unwrap()
                .matches(&object)
        };
        for labels in [
            "",
            "app=web",
            "app==web,tier!=b",
            "app in (x, web)",
            "tier notin (b)",
            "app,!z",
        ] {
            assert!(
                matches(labels, "metadata.name=web,status.phase!=Failed"),
                "{labels}"
            );
        }
        for labels in ["app=x", "app!=web", "app notin (web)", "!app", "z"] {
            assert!(!matches(labels, ""), "{labels}");
        }
        assert!(!matches("", "metadata.name=x"));
        assert!(Selector::parse(Some("a b"), None).is_err());
    }
}
