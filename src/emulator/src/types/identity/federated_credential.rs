//! `Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials`: whose
//! tokens may be exchanged for the identity's own.
//! <https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations>

use super::{VERSIONS, bad, printed};
use crate::arm::{
    ApiVersion, ArmError, Context, Deleted, Located, Meta, Placement, ResourceType, Source, Target,
    Written,
};
use crate::server::Answer;
use crate::state::{Object, Txn, World};
use serde_json::{Map, Value, json};
use std::sync::Arc;

pub struct FederatedCredential;

/// The canonical type.
const KIND: &str = "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials";

/// Credentials that an identity can have.
const MOST: usize = 20;

/// Characters of an issuer, a subject or an audience.
const LONGEST: usize = 600;

static META: Meta = Meta {
    kind: KIND,
    api_versions: VERSIONS,
    placement: Placement::Group,
    location: Located::Nowhere,
    tracked: false,
    system_data: None,
    lockable: true,
    members: &[],
};

impl ResourceType for FederatedCredential {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn put(
        &self,
        cx: &Context<'_>,
        world: &World,
        target: &Target,
        old: Option<&Object>,
        sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        let identity = target.parent.as_deref().unwrap_or_default();
        alone(cx, identity)?;
        valid_name(target.name())?;
        let properties = sent.get("properties").unwrap_or(&Value::Null);
        let issuer = text(properties, "issuer")?;
        let subject = text(properties, "subject")?;
        let audiences = audiences(properties)?;
        if !issuer.starts_with("https://") {
            return Err(bad(format!(
                "The issuer '{issuer}' is invalid: it must be an HTTPS URL."
            )));
        }
        let mut others = 0;
        for other in siblings(world, identity).filter(|other| other.key() != target.key) {
            others += 1;
            if other.text("/properties/issuer") == Some(issuer)
                && other.text("/properties/subject") == Some(subject)
            {
                return Err(bad(
                    "Issuer and subject combination already exists for this Managed Identity.",
                ));
            }
        }
        if others >= MOST {
            return Err(bad(format!(
                "Too many Federated Identity Credentials: a Managed Identity can have at most {MOST}."
            )));
        }
        let kept = json!({"issuer": issuer, "subject": subject, "audiences": audiences});
        let mut body = Map::new();
        body.insert("properties".to_owned(), kept);
        Ok(Written {
            status: if old.is_some() { 200 } else { 201 },
            body,
            hidden: Value::Null,
            started: None,
        })
    }

    fn delete(&self, cx: &Context<'_>, _world: &World, old: &Object) -> Result<Deleted, ArmError> {
        alone(cx, &identity_of(old))?;
        Ok(Deleted::Now(200))
    }

    fn deleting(&self, cx: &Context<'_>, _txn: &mut Txn<'_>, object: &Object) {
        cx.azure.recent_writes.note(&identity_of(object));
    }

    fn view(&self, object: &Object, _world: &World, _api: &ApiVersion) -> Value {
        let mut body = object.body.clone();
        body["id"] = json!(printed(&object.id));
        body
    }

    fn answered(&self, _cx: &Context<'_>, _world: &World, object: &Object, answer: &mut Answer) {
        if answer.status == 201 {
            answer.headers.push(("location", printed(&object.id)));
        }
    }

    fn stored(&self, cx: &Context<'_>, _txn: &mut Txn<'_>, object: &Object) {
        cx.azure.recent_writes.note(&identity_of(object));
    }

    fn not_found(&self, target: &Target) -> ArmError {
        ArmError::new(
            Source::Provider,
            404,
            "NotFound",
            format!(
                "The Federated Identity Credential '{}' was not found.",
                target.name()
            ),
        )
    }
}

/// Key of the identity that a credential belongs to.
fn identity_of(credential: &Object) -> String {
    let key = credential.key();
    key.rsplitn(3, '/').nth(2).unwrap_or_default().to_owned()
}

fn siblings<'a>(world: &'a World, identity: &str) -> impl Iterator<Item = &'a Arc<Object>> {
    let prefix = format!("{identity}/federatedidentitycredentials/");
    world.of_kind_under(KIND, &prefix).map(|(_, object)| object)
}

/// Writes below one identity must not overlap in time.
fn alone(cx: &Context<'_>, identity: &str) -> Result<(), ArmError> {
    if !cx.azure.recent_writes.overlaps(identity, cx.call.arrived) {
        return Ok(());
    }
    Err(ArmError::new(
        Source::Provider,
        409,
        "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity",
        format!(
            "Too many Federated Identity Credentials are written concurrently for the managed identity '{identity}'. Concurrent Federated Identity Credentials writes under the same managed identity are not supported."
        ),
    ))
}

fn text<'a>(properties: &'a Value, name: &str) -> Result<&'a str, ArmError> {
    properties[name]
        .as_str()
        .filter(|text| !text.is_empty() && text.chars().count() <= LONGEST)
        .ok_or_else(|| {
            bad(format!(
                "The property '{name}' must be a text of 1 to {LONGEST} characters."
            ))
        })
}

/// One audience, no more.
fn audiences(properties: &Value) -> Result<Value, ArmError> {
    match properties["audiences"].as_array().map(Vec::as_slice) {
        Some([Value::String(one)]) if !one.is_empty() && one.chars().count() <= LONGEST => {
            Ok(json!([one]))
        }
        _ => Err(bad("The property 'audiences' must have exactly one value.")),
    }
}

fn valid_name(name: &str) -> Result<(), ArmError> {
    let plain = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if plain && (3..=120).contains(&name.len()) {
        return Ok(());
    }
    Err(bad(format!(
        "The name '{name}' is invalid: it must have 3 to 120 letters, digits, '-' or '_'."
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_audience_and_short_texts() {
        assert!(audiences(&json!({"audiences": ["a"]})).is_ok());
        for wrong in [json!([]), json!(["a", "b"]), json!("a"), json!([1])] {
            assert!(audiences(&json!({ "audiences": wrong })).is_err());
        }
        assert!(text(&json!({"subject": "x".repeat(LONGEST)}), "subject").is_ok());
        assert!(text(&json!({"subject": "x".repeat(LONGEST + 1)}), "subject").is_err());
        assert!(text(&json!({}), "subject").is_err());
    }
}
