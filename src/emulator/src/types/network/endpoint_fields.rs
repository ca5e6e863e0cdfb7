//! A private endpoint's members: its one connection and the addresses that it asks for.

use super::provider::{self, read, refuse};
use crate::arm::{ArmError, kind_of};
use crate::state::Object;
use crate::types::checks;
use serde_json::{Map, Value, json};

pub const MEMBERS: &[&str] = &[
    "subnet",
    "networkInterfaces",
    "provisioningState",
    "privateLinkServiceConnections",
    "manualPrivateLinkServiceConnections",
    "customDnsConfigs",
    "applicationSecurityGroups",
    "ipConfigurations",
    "customNetworkInterfaceName",
    "resourceGuid",
    "ipVersionType",
];

const AUTOMATIC: &str = "privateLinkServiceConnections";
const MANUAL: &str = "manualPrivateLinkServiceConnections";

/// What an endpoint leads to.
#[derive(Clone, Debug, PartialEq)]
pub struct Connection {
    pub name: String,
    /// Whether somebody has to approve it.
    pub manual: bool,
    /// Id of the target.
    pub to: String,
    groups: Option<Value>,
    message: Option<String>,
}

impl Connection {
    /// The connection of a stored endpoint.
    pub fn of(endpoint: &Object) -> Option<Self> {
        let properties = endpoint.body["properties"].as_object()?;
        connection(properties).ok()
    }

    /// The target's type.
    pub fn kind(&self) -> String {
        kind_of(&self.to)
    }

    /// The target's part that is meant.
    pub fn group(&self) -> String {
        let first = self.groups.as_ref().and_then(|groups| groups[0].as_str());
        first.unwrap_or_default().to_owned()
    }

    /// The list that it stands in.
    pub fn list(&self) -> &'static str {
        if self.manual { MANUAL } else { AUTOMATIC }
    }

    pub fn to_value(&self) -> Value {
        let mut properties = json!({"privateLinkServiceId": self.to});
        if let Some(groups) = &self.groups {
            properties["groupIds"] = groups.clone();
        }
        if let Some(message) = &self.message {
            properties["requestMessage"] = json!(message);
        }
        json!({"name": self.name, "properties": properties})
    }
}

/// The one connection of an endpoint, automatic or manual.
pub fn connection(properties: &Map<String, Value>) -> Result<Connection, ArmError> {
    let list = |name| read(checks::list(properties, name)).map(Option::unwrap_or_default);
    let (automatic, manual) = (list(AUTOMATIC)?, list(MANUAL)?);
    let (one, manual) = match (automatic.as_slice(), manual.as_slice()) {
        ([one], []) => (one, false),
        ([], [one]) => (one, true),
        _ => {
            return Err(refuse(
                400,
                "InvalidRequestFormat",
                "A private endpoint must have exactly one private link service connection.",
            ));
        }
    };
    let text = |value: &Value| {
        value
            .as_str()
            .filter(|text| !text.is_empty())
            .map(ToOwned::to_owned)
    };
    let required = |value: Option<String>, name: &str| {
        value.ok_or_else(|| {
            provider::unreadable(format!(
                "Required property '{name}' not found in JSON. Path 'properties.{AUTOMATIC}', line 1, position 1."
            ))
        })
    };
    let details = &one["properties"];
    Ok(Connection {
        name: required(text(&one["name"]), "name")?,
        manual,
        to: required(
            text(&details["privateLinkServiceId"]),
            "privateLinkServiceId",
        )?,
        groups: details
            .get("groupIds")
            .filter(|groups| groups.is_array())
            .cloned(),
        message: text(&details["requestMessage"]),
    })
}

/// Addresses that the endpoint asks for.
pub fn ip_configurations(properties: &Map<String, Value>) -> Result<Vec<Value>, ArmError> {
    let list = read(checks::list(properties, "ipConfigurations"))?.unwrap_or_default();
    let mut kept = Vec::new();
    for item in list {
        let (Some(name), Some(address)) = (
            item["name"].as_str(),
            item["properties"]["privateIPAddress"].as_str(),
        ) else {
            return Err(provider::unreadable(
                "Required property 'privateIPAddress' not found in JSON. Path 'properties.ipConfigurations', line 1, position 1.",
            ));
        };
        let mut one = json!({"privateIPAddress": address});
        for member in ["groupId", "memberName"] {
            if let Some(text) = item["properties"][member].as_str() {
                one[member] = json!(text);
            }
        }
        kept.push(json!({"name": name, "properties": one}));
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_from(value: Value) -> Result<Connection, ArmError> {
        connection(value.as_object().unwrap())
    }

    #[test]
    fn exactly_one_connection() {
        let one = json!({"name": "c", "properties": {"privateLinkServiceId": "/p/providers/A.B/xs/x", "groupIds": ["g"]}});
        let automatic = read_from(json!({ AUTOMATIC: [one] })).unwrap();
        assert_eq!((automatic.manual, automatic.group().as_str()), (false, "g"));
        assert_eq!(automatic.kind(), "A.B/xs");
        assert_eq!(automatic.to_value(), one);
        assert!(
            read_from(json!({ MANUAL: [one], AUTOMATIC: [] }))
                .unwrap()
                .manual
        );
        for wrong in [
            json!({}),
            json!({AUTOMATIC: [one], MANUAL: [one]}),
            json!({AUTOMATIC: [{}]}),
        ] {
            assert!(read_from(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
