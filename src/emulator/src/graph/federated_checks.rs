//! What is refused in a federated identity credential.

use super::error::GraphError;
use serde_json::{Map, Value};

/// The longest issuer, subject, audience and description.
const LONGEST: usize = 600;

/// The members of a credential that a caller sends.
pub const MEMBERS: &[&str] = &["name", "issuer", "subject", "description", "audiences"];

pub fn known(sent: &Map<String, Value>) -> Result<(), GraphError> {
    let stranger = sent
        .keys()
        .find(|name| !name.starts_with("@odata") && !MEMBERS.contains(&name.as_str()));
    match stranger {
        None => Ok(()),
        Some(name) => Err(GraphError::bad(format!(
            "Property '{name}' does not exist as a declared property or extension property."
        ))),
    }
}

pub fn check(credential: &Value) -> Result<(), GraphError> {
    let name = credential["name"].as_str().unwrap_or_default();
    let well_named = (3..=120).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if !well_named {
        return Err(invalid(
            "FederatedIdentityCredential.Name",
            name,
            "The name must be 3 to 120 characters long, alphanumeric, dash and underscore only, with an alphanumeric first character.",
        ));
    }
    for (member, parameter) in [("issuer", "Issuer"), ("subject", "Subject")] {
        let text = credential[member].as_str().unwrap_or_default();
        if text.is_empty() || text.chars().count() > LONGEST {
            let parameter = format!("FederatedIdentityCredential.{parameter}");
            return Err(invalid(
                &parameter,
                text,
                "The value is missing or too long.",
            ));
        }
    }
    let audience = credential["audiences"]
        .as_array()
        .filter(|audiences| audiences.len() == 1)
        .and_then(|audiences| audiences[0].as_str())
        .filter(|audience| !audience.is_empty() && audience.chars().count() <= LONGEST);
    if audience.is_none() {
        return Err(invalid(
            "FederatedIdentityCredential.Audiences",
            "",
            "Exactly one audience is needed.",
        ));
    }
    Ok(())
}

/// Names, and pairs of issuer and subject, are unique in an application.
pub fn apart(held: &[Value], credential: &Value) -> Result<(), GraphError> {
    let others = || held.iter().filter(|other| other["id"] != credential["id"]);
    let name = credential["name"].as_str().unwrap_or_default();
    if others().any(|other| other["name"] == credential["name"]) {
        return Err(GraphError::new(
            409,
            "Request_MultipleObjectsWithSameKeyValue",
            format!("FederatedIdentityCredential with name {name} already exists."),
        ));
    }
    let same = |other: &&Value| {
        other["issuer"] == credential["issuer"] && other["subject"] == credential["subject"]
    };
    if others().any(|other| same(&other)) {
        let issuer = credential["issuer"].as_str().unwrap_or_default();
        let subject = credential["subject"].as_str().unwrap_or_default();
        return Err(invalid(
            "FederatedIdentityCredential.Subject",
            subject,
            &format!(
                "The combination of issuer and subject must be unique for the application. Issuer {issuer} and Subject: {subject} already exist."
            ),
        ));
    }
    Ok(())
}

pub fn invalid(parameter: &str, value: &str, why: &str) -> GraphError {
    GraphError::new(
        400,
        "InvalidFederatedIdentityCredentialValue",
        format!(
            "{why} paramName: {parameter}, paramValue: {value}, objectType: Microsoft.Online.DirectoryServices.Application"
        ),
    )
}
