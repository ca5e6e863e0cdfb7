//! Secrets and certificates of applications and service principals.
//! <https://learn.microsoft.com/graph/api/application-addpassword>

use super::address::Key;
use super::entity::Entity;
use super::error::GraphError;
use super::normal;
use super::request::Request;
use super::rights::Right;
use crate::entra::digest;
use crate::entra::principals::APPLICATION;
use crate::server::Answer;
use crate::state::{Moment, Object};
use serde_json::{Value, json};
use uuid::Uuid;

/// Seconds that a secret lasts unless its end is given: two years.
const LIFETIME: i64 = 2 * 365 * 24 * 3600;

/// `POST …/addPassword`, `removePassword`, `addKey` and `removeKey`
pub fn act(
    request: &Request<'_>,
    entity: &'static Entity,
    key: &Key,
    action: &str,
) -> Result<Answer, GraphError> {
    let sent = Value::Object(request.body()?);
    request.write(|txn| {
        let object = request.find(txn.world(), entity, key, Right::Change)?;
        let mut object = Object::clone(&object);
        let answer = match action {
            "addpassword" => add_password(request, entity, &mut object, &sent)?,
            "removepassword" => {
                remove(&mut object, "passwordCredentials", "password", &sent)?;
                Answer::empty(204)
            }
            "addkey" => add_key(request, &mut object, &sent)?,
            _ => {
                proven(&object, &sent)?;
                remove(&mut object, "keyCredentials", "key", &sent)?;
                Answer::empty(204)
            }
        };
        txn.put(object);
        Ok(answer)
    })
}

fn add_password(
    request: &Request<'_>,
    entity: &Entity,
    object: &mut Object,
    sent: &Value,
) -> Result<Answer, GraphError> {
    let asked = &sent["passwordCredential"];
    let now = request.now;
    let time = |name: &str, default: i64| match asked[name].as_str() {
        Some(text) => json!(text),
        None => json!(normal::second(Moment::from(default))),
    };
    // As long as Entra's secrets are, and told apart by their fourth character.
    let secret = format!("{}8Q~{}", &random()[..3], &random()[..34]);
    let key_id = Uuid::new_v4().to_string();
    let hint = (entity.kind == APPLICATION).then(|| secret[..3].to_owned());
    let mut credential = json!({
        "customKeyIdentifier": null,
        "displayName": asked["displayName"],
        "endDateTime": time("endDateTime", now.seconds() + LIFETIME),
        "hint": hint,
        "keyId": key_id,
        "secretText": null,
        "startDateTime": time("startDateTime", now.seconds()),
    });
    if let Some(held) = object.body["passwordCredentials"].as_array_mut() {
        held.insert(0, credential.clone());
    }
    if !object.hidden.is_object() {
        object.hidden = json!({});
    }
    if !object.hidden["secrets"].is_object() {
        object.hidden["secrets"] = json!({});
    }
    object.hidden["secrets"][&key_id] = json!(digest(&secret));
    credential["secretText"] = json!(secret);
    Ok(request.done("microsoft.graph.passwordCredential", credential))
}

fn random() -> String {
    Uuid::new_v4().simple().to_string() + &Uuid::new_v4().simple().to_string()
}

fn add_key(request: &Request<'_>, object: &mut Object, sent: &Value) -> Result<Answer, GraphError> {
    proven(object, sent)?;
    let mut body = json!({"keyCredentials": [sent["keyCredential"]]});
    normal::settle(&super::entity::SERVICE_PRINCIPALS, &mut body)?;
    let credential = body["keyCredentials"][0].clone();
    if let Some(held) = object.body["keyCredentials"].as_array_mut() {
        held.push(credential.clone());
    }
    Ok(request.done("microsoft.graph.keyCredential", credential))
}

/// Rolling a key takes a proof of having one: a token, from an object that has a
/// certificate.
fn proven(object: &Object, sent: &Value) -> Result<(), GraphError> {
    let has_one = object.body["keyCredentials"]
        .as_array()
        .is_some_and(|keys| !keys.is_empty());
    let proof = sent["proof"].as_str().unwrap_or_default();
    if has_one && proof.split('.').count() == 3 {
        return Ok(());
    }
    Err(GraphError::new(
        401,
        "Authentication_MissingOrMalformed",
        "Access Token missing or malformed.",
    ))
}

fn remove(object: &mut Object, list: &str, word: &str, sent: &Value) -> Result<(), GraphError> {
    let key_id = sent["keyId"].as_str().unwrap_or_default();
    let missing = || GraphError::bad(format!("No {word} credential found with keyId."));
    let held = object.body[list].as_array_mut().ok_or_else(missing)?;
    let before = held.len();
    held.retain(|credential| credential["keyId"].as_str() != Some(key_id));
    if held.len() == before {
        return Err(missing());
    }
    if let Some(secrets) = object
        .hidden
        .get_mut("secrets")
        .and_then(Value::as_object_mut)
    {
        secrets.remove(key_id);
    }
    Ok(())
}
