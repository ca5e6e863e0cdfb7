//! `Microsoft.ContainerRegistry/registries/tokens`: names with passwords that get what a
//! scope map gives.
//! <https://learn.microsoft.com/azure/container-registry/container-registry-token-based-repository-permissions>

use super::registry_actions::{body, password};
use super::{checks, registry, scope_map};
use crate::arm::{
    Address, ArmError, Context, Located, Meta, Pattern, Placement, ResourceType, Started, Target,
    Written,
};
use crate::server::Answer;
use crate::state::{Moment, Object, Polling, Txn, World};
use serde_json::{Map, Value, json};

pub struct Token;

/// The canonical type.
pub const KIND: &str = "Microsoft.ContainerRegistry/registries/tokens";

static META: Meta = Meta {
    kind: KIND,
    api_versions: registry::VERSIONS,
    placement: Placement::Group,
    location: Located::Nowhere,
    tracked: false,
    system_data: Some(scope_map::SYSTEM_DATA),
    lockable: true,
    members: &[],
};

static WRITE: Pattern = Pattern {
    address: Address::UnderResource {
        segment: "operationStatuses",
        prefix: "token-",
    },
    polling: Polling::Status {
        running: 200,
        named: false,
    },
    retry_after: Some(10),
    seconds: 10,
};

const PASSWORDS: &[&str] = &["password1", "password2"];

impl ResourceType for Token {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn put(
        &self,
        cx: &Context<'_>,
        world: &World,
        _target: &Target,
        old: Option<&Object>,
        sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        let created = old
            .and_then(|old| old.text("/properties/creationDate"))
            .map_or_else(|| cx.now.offset_form(), ToOwned::to_owned);
        let fresh = json!({"creationDate": created, "status": "enabled"});
        let word = if old.is_some() {
            "Updating"
        } else {
            "Creating"
        };
        let sent = checks::object(sent, "properties")?;
        if !sent.contains_key("scopeMapId") {
            return Err(checks::invalid(
                "The scope map ID of the token must be provided.",
            ));
        }
        lay(world, fresh, old, &sent, word)
    }

    fn patch(
        &self,
        _cx: &Context<'_>,
        world: &World,
        _target: &Target,
        old: &Object,
        sent: &Map<String, Value>,
    ) -> Result<Written, ArmError> {
        let sent = checks::object(sent, "properties")?;
        let before = old.body["properties"].clone();
        lay(world, before, Some(old), &sent, "Updating")
    }

    fn view(&self, object: &Object, _world: &World, _api: &crate::arm::ApiVersion) -> Value {
        let mut shown = object.body.clone();
        shown["properties"]["credentials"] = json!({ "passwords": without_values(object) });
        shown
    }

    fn not_found(&self, target: &Target) -> ArmError {
        checks::refuse(
            404,
            "ResourceNotFound",
            format!("The resource {} could not be found.", target.name()),
        )
    }
}

fn lay(
    world: &World,
    mut properties: Value,
    old: Option<&Object>,
    sent: &Map<String, Value>,
    word: &'static str,
) -> Result<Written, ArmError> {
    if let Some(map) = checks::text(sent, "scopeMapId")? {
        if scope_map::actions(world, map).is_empty() {
            return Err(checks::invalid(format!(
                "The scope map '{map}' could not be found."
            )));
        }
        properties["scopeMapId"] = json!(map);
    }
    if let Some(status) = checks::word(sent, "status", &["enabled", "disabled"])? {
        properties["status"] = json!(status);
    }
    properties["provisioningState"] = json!(word);
    Ok(Written {
        status: 201,
        body: Map::from_iter([("properties".to_owned(), properties)]),
        hidden: old.map_or_else(|| json!({"passwords": []}), |old| old.hidden.clone()),
        started: Some(Started {
            pattern: &WRITE,
            word,
        }),
    })
}

fn passwords(token: &Object) -> Vec<Value> {
    let list = token.hidden["passwords"].as_array();
    list.cloned().unwrap_or_default()
}

fn without_values(token: &Object) -> Vec<Value> {
    let mut list = passwords(token);
    for password in list.iter_mut().filter_map(Value::as_object_mut) {
        password.remove("value");
    }
    list
}

/// `POST registries/R/generateCredentials`: new passwords, one or both; their values are
/// shown this once.
pub fn generate(
    cx: &Context<'_>,
    txn: &mut Txn<'_>,
    registry: &Object,
) -> Result<Answer, ArmError> {
    let sent = body(cx)?;
    let id = checks::text(&sent, "tokenId")?
        .ok_or_else(|| checks::invalid("The token ID must be provided."))?;
    let key = id.to_ascii_lowercase();
    let token = txn.world().object(&key).filter(|token| {
        token.kind == KIND && key.starts_with(&format!("{}/tokens/", registry.key()))
    });
    let mut token = token
        .map(|token| Object::clone(token))
        .ok_or_else(|| checks::invalid(format!("The token '{id}' could not be found.")))?;
    let expiry = checks::text(&sent, "expiry")?.map(expiry).transpose()?;
    let wanted: Vec<&str> = match checks::word(&sent, "name", PASSWORDS)? {
        Some(one) => vec![one],
        None => PASSWORDS.to_vec(),
    };
    let mut all = passwords(&token);
    all.retain(|known| !wanted.iter().any(|name| known["name"] == *name));
    for name in &wanted {
        let mut fresh = json!({
            "creationTime": cx.now.offset_form(),
            "name": name,
            "value": password(),
        });
        if let Some(expiry) = &expiry {
            fresh["expiry"] = json!(expiry);
        }
        all.push(fresh);
    }
    all.sort_by_key(|password| password["name"].as_str().map(ToOwned::to_owned));
    let mut shown = all.clone();
    for password in shown.iter_mut().filter_map(Value::as_object_mut) {
        let name = password.get("name").and_then(Value::as_str);
        if !name.is_some_and(|name| wanted.contains(&name)) {
            password.remove("value");
        }
    }
    token.hidden["passwords"] = json!(all);
    let answer = json!({"username": token.name(), "passwords": shown});
    txn.put(token);
    Ok(Answer::json(200, answer))
}

/// A time in the future's spelling, `2024-01-20T07:05:07.951901+00:00`.
fn expiry(text: &str) -> Result<String, ArmError> {
    let zulu = text.strip_suffix('Z').or(text.strip_suffix("+00:00"));
    let well = zulu.filter(|text| {
        text.len() >= 19
            && text.bytes().enumerate().all(|(at, byte)| match at {
                4 | 7 => byte == b'-',
                10 => byte == b'T',
                13 | 16 => byte == b':',
                19 => byte == b'.',
                _ => byte.is_ascii_digit(),
            })
    });
    let text = well.ok_or_else(|| checks::wrong("expiry", &json!(text)))?;
    let text = match text.split_once('.') {
        Some((seconds, fraction)) if fraction.trim_end_matches('0').is_empty() => seconds,
        Some(_) => text.trim_end_matches('0'),
        None => text,
    };
    Ok(format!("{text}+00:00"))
}

/// A registry's token, by name.
fn named<'a>(world: &'a World, registry: &Object, name: &str) -> Option<&'a Object> {
    let key = format!("{}/tokens/{name}", registry.key()).to_ascii_lowercase();
    world.object(&key).map(AsRef::as_ref).filter(|token| {
        token.kind == KIND && token.body["properties"]["status"] == json!("enabled")
    })
}

/// The name of the enabled token that has that password, if it is not too old.
pub fn signed_in(
    world: &World,
    registry: &Object,
    name: &str,
    password: &str,
    now: Moment,
) -> Option<String> {
    let token = named(world, registry, name)?;
    let stamp = now.zulu();
    let in_time = |known: &Value| {
        let end = known["expiry"].as_str().and_then(|end| end.get(..19));
        end.is_none_or(|end| stamp.get(..19).is_some_and(|now| now < end))
    };
    passwords(token)
        .iter()
        .any(|known| known["value"] == json!(password) && in_time(known))
        .then(|| token.name().to_owned())
}

/// What an enabled token may do, in the words of scope maps.
pub fn actions(world: &World, registry: &Object, name: &str) -> Vec<String> {
    named(world, registry, name)
        .and_then(|token| token.text("/properties/scopeMapId"))
        .map(|map| scope_map::actions(world, map))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiries_are_printed_as_azure_does() {
        for (sent, shown) in [
            (
                "2024-01-20T07:05:07.951901Z",
                "2024-01-20T07:05:07.951901+00:00",
            ),
            ("2100-12-31T12:59:59.000Z", "2100-12-31T12:59:59+00:00"),
            ("2100-12-31T12:59:59+00:00", "2100-12-31T12:59:59+00:00"),
        ] {
            assert_eq!(expiry(sent).unwrap(), shown);
        }
        for bad in ["", "tomorrow", "2100-12-31", "2100-12-31T12:59:59"] {
            assert!(expiry(bad).is_err(), "{bad}");
        }
    }
}
