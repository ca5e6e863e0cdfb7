//! Whether an assertion fits a client's federated credentials.
//! <https://learn.microsoft.com/entra/workload-id/workload-identity-federation>

use super::assertions::Assertion;
use super::token_endpoint::Refusal;
use crate::state::Moment;
use serde_json::Value;

/// Says which part of an assertion no credential has, as Entra does: issuer, then subject,
/// then audience.
pub fn matching(credentials: &[Value], assertion: &Assertion) -> Result<(), Refusal> {
    let claims = &assertion.claims;
    let text = |credential: &Value, name: &str| {
        credential
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let by_issuer: Vec<&Value> = credentials
        .iter()
        .filter(|credential| text(credential, "issuer") == claims.iss)
        .collect();
    if by_issuer.is_empty() {
        return Err(no_match(700_211, "issuer", &claims.iss, ""));
    }
    let by_subject: Vec<&Value> = by_issuer
        .iter()
        .copied()
        .filter(|credential| text(credential, "subject") == claims.sub)
        .collect();
    if by_subject.is_empty() {
        let folded = by_issuer
            .iter()
            .any(|credential| text(credential, "subject").eq_ignore_ascii_case(&claims.sub));
        return Err(if folded {
            let why = " The subject matches with case-insensitive comparison, but not with case-sensitive comparison.";
            no_match(7_002_138, "subject", &claims.sub, why)
        } else {
            no_match(700_213, "subject", &claims.sub, "")
        });
    }
    let heard = by_subject.iter().any(|credential| {
        credential
            .get("audiences")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .any(|audience| audience.as_str() == Some(&claims.aud))
    });
    if heard {
        Ok(())
    } else {
        Err(no_match(700_212, "audience", &claims.aud, ""))
    }
}

/// Whether an assertion is neither too young nor too old.
pub fn in_time(now: Moment, assertion: &Assertion) -> Result<(), Refusal> {
    let claims = &assertion.claims;
    if claims.nbf <= now.seconds() && now.seconds() < claims.exp {
        return Ok(());
    }
    let print = |seconds: i64| Moment::from(seconds).zulu();
    Err(Refusal::new(
        401,
        "invalid_client",
        700_024,
        format!(
            "Client assertion is not within its valid time range. Current time: {}, assertion valid from {}, expiry time of assertion {}. Review the documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials .",
            now.zulu(),
            print(claims.nbf),
            print(claims.exp)
        ),
    ))
}

fn no_match(number: u32, part: &str, value: &str, why: &str) -> Refusal {
    Refusal::new(
        401,
        "invalid_client",
        number,
        format!(
            "No matching federated identity record found for presented assertion {part} '{value}'.{why} Check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation"
        ),
    )
}
