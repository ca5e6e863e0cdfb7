//! The log of what was asked: the last requests, and how many there were.

use crate::server::Call;
use crate::state::Moment;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Requests that are remembered one by one.
const KEPT: usize = 10_000;

#[derive(Debug, Default)]
pub struct Requests(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Number of the oldest one kept.
    first: u64,
    kept: VecDeque<Entry>,
    by_method: BTreeMap<String, u64>,
}

#[derive(Debug)]
struct Entry {
    number: u64,
    method: String,
    target: String,
    host: String,
    at: String,
    authorized: bool,
    body_bytes: usize,
    body_sha256: Option<String>,
    /// Absent while it is being answered; 0 where the connection was dropped.
    status: Option<u16>,
    /// The status that carrying it out came to, though the answer may be lost; absent where a fault
    /// was in the way.
    carried_out: Option<u16>,
}

impl Requests {
    /// Notes a request; the number is for [`Self::end`].
    pub fn begin(&self, call: &Call, now: Moment) -> u64 {
        let mut inner = self.lock();
        let number = inner.first + inner.kept.len() as u64;
        *inner.by_method.entry(call.method.to_string()).or_default() += 1;
        inner.kept.push_back(Entry {
            number,
            method: call.method.to_string(),
            target: call.target.clone(),
            host: call.host.clone(),
            at: now.zulu(),
            authorized: call.header("authorization").is_some(),
            body_bytes: call.body.len(),
            body_sha256: (!call.body.is_empty()).then(|| hex(&call.body)),
            status: None,
            carried_out: None,
        });
        if inner.kept.len() > KEPT {
            inner.kept.pop_front();
            inner.first += 1;
        }
        number
    }

    /// Notes how a request was answered, and what carrying it out came to.
    pub fn end(&self, number: u64, status: u16, carried_out: Option<u16>) {
        let mut inner = self.lock();
        let at = number.checked_sub(inner.first);
        if let Some(entry) = at.and_then(|at| inner.kept.get_mut(usize::try_from(at).ok()?)) {
            entry.status = Some(status);
            entry.carried_out = carried_out;
        }
    }

    pub fn clear(&self) {
        let mut inner = self.lock();
        inner.first += inner.kept.len() as u64;
        inner.kept.clear();
        inner.by_method.clear();
    }

    /// The log, filtered by `method`, `path` (part of it), `host`, `status` and `since`
    /// (a number).
    pub fn shown(&self, call: &Call) -> Value {
        let inner = self.lock();
        let part = |name: &str| call.parameter(name).map(str::to_ascii_lowercase);
        let (method, path, host) = (part("method"), part("path"), part("host"));
        let status = call.parameter("status").and_then(|text| text.parse().ok());
        let since: u64 = call
            .parameter("since")
            .and_then(|text| text.parse().ok())
            .unwrap_or_default();
        let value: Vec<Value> = inner
            .kept
            .iter()
            .filter(|entry| entry.number >= since)
            .filter(|entry| {
                method
                    .as_ref()
                    .is_none_or(|m| entry.method.eq_ignore_ascii_case(m))
            })
            .filter(|entry| {
                path.as_ref()
                    .is_none_or(|p| entry.target.to_ascii_lowercase().contains(p))
            })
            .filter(|entry| host.as_ref().is_none_or(|h| entry.host.contains(h)))
            .filter(|entry| status.is_none_or(|s: u16| entry.status == Some(s)))
            .map(Entry::shown)
            .collect();
        json!({
            "total": inner.by_method.values().sum::<u64>(),
            "by_method": inner.by_method,
            "next": inner.first + inner.kept.len() as u64,
            "value": value,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn shown(&self) -> Value {
        json!({
            "number": self.number,
            "method": self.method,
            "target": self.target,
            "host": self.host,
            "at": self.at,
            "authorized": self.authorized,
            "body_bytes": self.body_bytes,
            "body_sha256": self.body_sha256,
            "status": self.status,
            "carried_out": self.carried_out,
        })
    }
}

fn hex(body: &[u8]) -> String {
    Sha256::digest(body)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
