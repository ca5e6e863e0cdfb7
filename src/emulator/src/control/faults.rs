//! Rules that make requests fail on purpose.

use crate::arm::for_status;
use crate::server::{Answer, Call};
use crate::state::{Failure, Outcome};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// All rules, in the order in which they are tried; the first that matches strikes.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Vec<Armed>>);

#[derive(Debug)]
struct Armed {
    rule: Rule,
    /// Matching requests so far.
    seen: u64,
    /// Times that it struck.
    struck: u64,
}

/// A rule as `PUT /emulator/faults` takes it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// HTTP method; absent means any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    /// Path, as a part of it or as a pattern with `*`, without case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// Answer with this status instead of doing anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// The error's code; by default Azure's for the status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// The whole body, instead of an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<Value>,
    /// Seconds in `Retry-After`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    /// Milliseconds to wait first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    latency: Option<u64>,
    /// Close the connection before or after the request took effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    drop: Option<Drop>,
    /// What becomes of the operation that the request starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    operation: Option<Fate>,
    /// How often it strikes; absent means for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    /// Matching requests that it lets pass first.
    #[serde(default)]
    after: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Drop {
    Before,
    After,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Fate {
    Stuck,
    Failed { code: String, message: String },
}

/// What the rules do to one request.
#[derive(Debug, Default)]
pub struct Disturbance {
    pub latency: Duration,
    /// Answer this and do nothing.
    pub answer: Option<Answer>,
    pub drop_after: bool,
    pub fate: Option<Outcome>,
}

impl Faults {
    pub fn replace(&self, rules: Vec<Rule>) {
        *self.lock() = rules
            .into_iter()
            .map(|rule| Armed {
                rule,
                seen: 0,
                struck: 0,
            })
            .collect();
    }

    pub fn clear(&self) {
        self.lock().clear();
    }

    /// The rules with what they have done.
    pub fn shown(&self) -> Value {
        let rules: Vec<Value> = self
            .lock()
            .iter()
            .map(|armed| json!({"rule": armed.rule, "seen": armed.seen, "struck": armed.struck}))
            .collect();
        json!({ "value": rules })
    }

    /// What happens to a request on its way.
    pub fn strike(&self, call: &Call) -> Disturbance {
        let mut rules = self.lock();
        for armed in rules.iter_mut() {
            if !armed.rule.matches(call) {
                continue;
            }
            armed.seen += 1;
            let spent = armed.rule.count.is_some_and(|count| armed.struck >= count);
            if armed.seen > armed.rule.after && !spent {
                armed.struck += 1;
                return armed.rule.disturbance();
            }
        }
        Disturbance::default()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Armed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rule {
    fn matches(&self, call: &Call) -> bool {
        let method = self.method.as_ref().is_none_or(|method| {
            method == "*" || method.eq_ignore_ascii_case(call.method.as_str())
        });
        let path = self
            .path
            .as_ref()
            .is_none_or(|path| glob(&path.to_ascii_lowercase(), &call.path.to_ascii_lowercase()));
        method && path
    }

    fn disturbance(&self) -> Disturbance {
        let answer = match (self.drop, self.status) {
            (Some(Drop::Before), _) => Some(Answer::drop()),
            (_, Some(status)) => Some(self.answer(status)),
            (_, None) => None,
        };
        Disturbance {
            latency: Duration::from_millis(self.latency.unwrap_or_default()),
            answer,
            drop_after: self.drop == Some(Drop::After),
            fate: self.operation.as_ref().map(|fate| match fate {
                Fate::Stuck => Outcome::Stuck,
                Fate::Failed { code, message } => Outcome::Failing(Failure {
                    code: code.clone(),
                    message: message.clone(),
                }),
            }),
        }
    }

    fn answer(&self, status: u16) -> Answer {
        let mut answer = match &self.body {
            Some(body) => Answer::json(status, body.clone()),
            None if status < 400 => Answer::empty(status),
            None => {
                let mut error = for_status(status);
                if let Some(code) = &self.code {
                    error.code.clone_from(code);
                }
                if let Some(message) = &self.message {
                    error.message.clone_from(message);
                }
                error.into()
            }
        };
        if let Some(seconds) = self.retry_after {
            answer = answer.with("retry-after", seconds.to_string());
        }
        answer
    }
}

/// Whether `pattern` is part of `text`, or matches all of it where it has stars.
fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(last) = parts.next_back() else {
        return text.contains(first);
    };
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        for (pattern, yes) in [
            ("registries", true),
            ("*/registries/*", true),
            ("/subscriptions/*/registries/x", true),
            ("/subscriptions/*", true),
            ("*/registries", false),
            ("registries/*", false),
            ("vaults", false),
        ] {
            assert_eq!(
                glob(pattern, "/subscriptions/s/p/registries/x"),
                yes,
                "{pattern}"
            );
        }
    }
}
