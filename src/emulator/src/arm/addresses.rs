//! Addresses of vaults in answers: kept without a port, shown with the caller's.

use crate::server::{Answer, Call};
use serde_json::Value;

/// How addresses of vaults are kept.
const SCHEME: &str = "https://";

const SUFFIX: &str = ".vault.localhost";

/// Puts the scheme and port that the caller used into the addresses of an answer.
pub fn complete(answer: &mut Answer, call: &Call) {
    if let Some(body) = &mut answer.body {
        let scheme = call.origin.split("://").next().unwrap_or("http");
        let port = call
            .origin
            .rsplit_once(':')
            .map(|(_, port)| port)
            .filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
        visit(body, scheme, port.unwrap_or_default());
    }
}

fn visit(value: &mut Value, scheme: &str, port: &str) {
    match value {
        Value::String(text) => {
            if let Some(address) = addressed(text, scheme, port) {
                *text = address;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| visit(item, scheme, port)),
        Value::Object(members) => members
            .values_mut()
            .for_each(|member| visit(member, scheme, port)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn addressed(text: &str, scheme: &str, port: &str) -> Option<String> {
    let rest = text.strip_prefix(SCHEME)?;
    let end = rest.find('/').unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    let name = host.strip_suffix(SUFFIX)?;
    let colon = if port.is_empty() { "" } else { ":" };
    Some(format!("{scheme}://{name}{SUFFIX}{colon}{port}{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_vaults_are_completed() {
        let shown = |text: &str| addressed(text, "http", "81");
        assert_eq!(
            shown("https://kv.vault.localhost/keys/k").as_deref(),
            Some("http://kv.vault.localhost:81/keys/k")
        );
        assert_eq!(
            shown("https://kv.vault.localhost").as_deref(),
            Some("http://kv.vault.localhost:81")
        );
        for other in [
            "https://kv.vault.azure.net/",
            "kv.vault.localhost",
            "https://example.org/.vault.localhost",
        ] {
            assert_eq!(shown(other), None, "{other}");
        }
    }
}
