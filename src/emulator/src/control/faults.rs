//! Rules that make requests fail on purpose.

use crate::arm::for_status;
use crate::server::{Answer, Call};
use crate::state::{Failure, Outcome};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::num::NonZeroU64;
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
    /// How often each request was seen, where that decides.
    asked: HashMap<String, u64>,
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
    /// Seconds in `Retry-After`: a number, or the least and the most of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after: Option<Seconds>,
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
    /// It strikes every so many of the requests that match, counted from `after`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    every: Option<NonZeroU64>,
    /// It strikes so many in a hundred, chosen by `seed`, method, target and how often that was
    /// asked for: the same ones again, in whatever order the requests come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    percent: Option<f64>,
    /// What `percent` and a range of `retry_after` choose by.
    #[serde(default)]
    seed: u64,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Seconds {
    Exactly(u64),
    Between(u64, u64),
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
                asked: HashMap::new(),
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
            if armed.strikes(call) {
                armed.struck += 1;
                return armed.rule.disturbance(armed.seen);
            }
        }
        Disturbance::default()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Armed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Armed {
    /// Whether the rule strikes a request that matches and was counted.
    fn strikes(&mut self, call: &Call) -> bool {
        let Rule {
            count,
            after,
            every,
            percent,
            seed,
            ..
        } = self.rule;
        let chosen = percent.is_none_or(|percent| {
            let asked = format!("{} {}", call.method, call.target);
            let times = self.asked.entry(asked.clone()).or_default();
            *times += 1;
            percent_of(&[&seed.to_string(), &asked, &times.to_string()]) < percent
        });
        let later = self.seen.checked_sub(after).filter(|later| *later > 0);
        let due = later.is_some_and(|later| every.is_none_or(|every| later % every == 0));
        let spent = count.is_some_and(|count| self.struck >= count);
        chosen && due && !spent
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

    /// What happens to the request that is the `seen`th to match.
    fn disturbance(&self, seen: u64) -> Disturbance {
        let answer = match (self.drop, self.status) {
            (Some(Drop::Before), _) => Some(Answer::drop()),
            (_, Some(status)) => Some(self.answer(status, seen)),
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

    fn answer(&self, status: u16, seen: u64) -> Answer {
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
            let seconds = match seconds {
                Seconds::Exactly(seconds) => seconds,
                Seconds::Between(least, most) => {
                    let drawn = drawn(&[&self.seed.to_string(), &seen.to_string()]);
                    least + drawn % (most.saturating_sub(least) + 1)
                }
            };
            answer = answer.with("retry-after", seconds.to_string());
        }
        answer
    }
}

/// A number that looks random and is always the same for the same parts.
fn drawn(parts: &[&str]) -> u64 {
    let digest = Sha256::digest(parts.join("\n").as_bytes());
    digest
        .iter()
        .take(6)
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The same, from 0 up to but not 100.
fn percent_of(parts: &[&str]) -> f64 {
    const STEPS: u32 = 1_000_000;
    let step = u32::try_from(drawn(parts) % u64::from(STEPS)).unwrap_or_default();
    f64::from(step) / f64::from(STEPS) * 100.0
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
