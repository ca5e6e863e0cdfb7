//! What a PUT of a whole network does to its subnets: checked first, carried out with it.

use super::prefix::Prefix;
use super::{provider, subnet, subnet_fields};
use crate::arm::{self, ArmError, Context};
use crate::state::{Moment, Object, Txn, World};
use serde_json::{Value, json};

/// Subnets that are to stand, and keys of those that are to go.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    wanted: Vec<Value>,
    gone: Vec<String>,
}

impl Plan {
    /// Checks `subnets` of a network's body: what is not in it goes.
    pub fn read(
        cx: &Context<'_>,
        world: &World,
        network: &str,
        list: &[Value],
        space: &[Prefix],
    ) -> Result<Self, ArmError> {
        let mut plan = Self::default();
        let mut seen: Vec<(String, Vec<Prefix>)> = Vec::new();
        for item in list {
            let sent = item.as_object().cloned().unwrap_or_default();
            let name = sent
                .get("name")
                .and_then(Value::as_str)
                .filter(|name| !name.is_empty())
                .ok_or_else(|| {
                    provider::refuse(
                        400,
                        "InvalidRequestFormat",
                        format!("A subnet of resource {network} has no name."),
                    )
                })?;
            let id = format!("{network}/subnets/{name}");
            let properties = subnet_fields::read_sent(cx, world, &id, &sent)?;
            let ranges = subnet_fields::ranges(&properties);
            subnet::fits(name, network, &ranges, space)?;
            for (_, other) in &seen {
                subnet::apart(name, network, &ranges, other)?;
            }
            if let Some(old) = world.object(&id.to_ascii_lowercase()) {
                subnet::keeps_used_ranges(world, old, &ranges)?;
            }
            seen.push((id.to_ascii_lowercase(), ranges));
            plan.wanted
                .push(json!({"name": name, "properties": properties}));
        }
        for old in subnet::of(world, &network.to_ascii_lowercase()) {
            if seen.iter().all(|(key, _)| *key != old.key()) {
                subnet::not_used(world, old)?;
                plan.gone.push(old.key());
            }
        }
        Ok(plan)
    }

    /// Does what was checked.
    pub fn carry_out(&self, txn: &mut Txn<'_>, network: &Object, now: Moment) {
        for key in &self.gone {
            arm::remove(txn, key, now);
        }
        for item in &self.wanted {
            let name = item["name"].as_str().unwrap_or_default();
            let id = format!("{}/subnets/{name}", network.id);
            let old = txn.world().object(&id.to_ascii_lowercase()).cloned();
            let id = old.as_ref().map_or(id, |old| old.id.clone());
            let mut properties = item["properties"].as_object().cloned().unwrap_or_default();
            let before = old.as_ref().map_or(Value::Null, |old| old.hidden.clone());
            let same = old
                .as_ref()
                .is_some_and(|old| subnet_fields::same(&old.body, &properties));
            let mut hidden = if same {
                before
            } else {
                provider::changed(&before)
            };
            hidden["location"] = json!(network.location());
            properties.insert("provisioningState".to_owned(), json!("Succeeded"));
            txn.put(Object {
                body: json!({
                    "id": id,
                    "name": id.rsplit('/').next(),
                    "type": subnet::KIND,
                    "properties": properties,
                }),
                id,
                kind: subnet::KIND.to_owned(),
                hidden,
                pending: None,
            });
        }
    }

    /// As it is stored with the network in between.
    pub fn to_value(&self) -> Value {
        json!({"wanted": self.wanted, "gone": self.gone})
    }

    pub fn from_value(value: &Value) -> Self {
        let list = |name: &str| value[name].as_array().cloned().unwrap_or_default();
        Self {
            wanted: list("wanted"),
            gone: list("gone")
                .iter()
                .filter_map(|key| key.as_str().map(ToOwned::to_owned))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_survives_being_stored() {
        let plan = Plan {
            wanted: vec![json!({"name": "a", "properties": {}})],
            gone: vec!["/x".to_owned()],
        };
        assert_eq!(Plan::from_value(&plan.to_value()), plan);
        assert_eq!(Plan::from_value(&Value::Null), Plan::default());
    }
}
