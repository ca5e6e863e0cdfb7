//! `Microsoft.Authorization/providerOperations`: what providers can do, as roles name it.
//! <https://learn.microsoft.com/rest/api/authorization/provider-operations-metadata>

use crate::arm::{
    ArmError, Context, Deleted, Located, Meta, Placement, ResourceType, Source, Target, page,
};
use crate::server::Answer;
use crate::state::{Object, World};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

pub struct ProviderOperations;

static TABLE: &str = include_str!("operations.txt");

static PROVIDERS: LazyLock<Vec<Arc<Object>>> = LazyLock::new(|| parse(TABLE));

const KIND: &str = "Microsoft.Authorization/providerOperations";

/// Items on a page.
const PAGE: usize = 100;

static META: Meta = Meta {
    kind: KIND,
    api_versions: &["2022-04-01", "2018-01-01-preview", "2015-07-01"],
    placement: Placement::Extension,
    location: Located::Nowhere,
    tracked: false,
    system_data: None,
    lockable: false,
    members: &[],
};

impl ResourceType for ProviderOperations {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn find(&self, _world: &World, target: &Target) -> Option<Arc<Object>> {
        let mut known = PROVIDERS.iter();
        known
            .find(|one| one.name().eq_ignore_ascii_case(target.name()))
            .cloned()
    }

    fn hangs_on(&self, _cx: &Context<'_>, _world: &World, scope: &str) -> Result<(), ArmError> {
        match scope {
            "" => Ok(()),
            _ => Err(refuse(404, "NotFound", "Operations are the tenant's.")),
        }
    }

    fn delete(
        &self,
        _cx: &Context<'_>,
        _world: &World,
        _old: &Object,
    ) -> Result<Deleted, ArmError> {
        Err(ArmError::method_not_allowed("DELETE", KIND))
    }

    /// Resource types come only where they are asked for.
    fn show(&self, cx: &Context<'_>, object: &Object, _world: &World) -> Value {
        let mut body = object.body.clone();
        let asked = cx.call.parameter("$expand");
        if !asked.is_some_and(|asked| asked.eq_ignore_ascii_case("resourceTypes")) {
            body["resourceTypes"] = json!([]);
        }
        body
    }

    fn list(
        &self,
        cx: &Context<'_>,
        world: &World,
        _scope: &str,
    ) -> Option<Result<Answer, ArmError>> {
        let all = PROVIDERS.iter().map(|one| (one.id.as_str(), one));
        Some(page(cx, all, PAGE, |one| self.show(cx, one, world)))
    }

    fn not_found(&self, target: &Target) -> ArmError {
        let text = format!("The resource provider '{}' is not found.", target.name());
        refuse(404, "ProviderNotFound", &text)
    }
}

fn refuse(status: u16, code: &str, message: &str) -> ArmError {
    ArmError::new(Source::Provider, status, code, message.to_owned())
}

/// Reads the table: providers with their operations, by resource types.
fn parse(table: &str) -> Vec<Arc<Object>> {
    let mut providers: Vec<(&str, BTreeMap<String, Vec<Value>>)> = Vec::new();
    let mut is_data = false;
    let lines = table.lines().filter(|line| !line.starts_with('#'));
    for line in lines.filter(|line| !line.trim().is_empty()) {
        if !line.starts_with(' ') {
            providers.push((line.trim(), BTreeMap::new()));
            is_data = false;
            continue;
        }
        let mut words = line.split_whitespace();
        let path = words.next().unwrap_or_default();
        let Some((provider, types)) = providers.last_mut() else {
            continue;
        };
        if path == "data" {
            is_data = true;
            continue;
        }
        // What lies below a path is too much to be told here.
        if path.ends_with('*') {
            continue;
        }
        for word in words {
            let name = match word {
                "r" => format!("{path}/read"),
                "w" => format!("{path}/write"),
                "d" => format!("{path}/delete"),
                "-" => path.to_owned(),
                action => format!("{path}/{action}/action"),
            };
            let of_type = match name.split('/').collect::<Vec<_>>()[..] {
                [_, "action"] => String::new(),
                _ => path.to_owned(),
            };
            types.entry(of_type).or_default().push(json!({
                "name": format!("{provider}/{name}"),
                "displayName": name,
                "description": name,
                "isDataAction": is_data,
            }));
        }
    }
    let shown = providers
        .into_iter()
        .map(|(provider, types)| Arc::new(object(provider, types)));
    shown.collect()
}

fn object(provider: &str, mut types: BTreeMap<String, Vec<Value>>) -> Object {
    let own = types.remove("").unwrap_or_default();
    let id = format!("/providers/{KIND}/{provider}");
    let types: Vec<Value> = types
        .into_iter()
        .map(|(name, operations)| json!({"name": name, "displayName": name, "operations": operations}))
        .collect();
    Object {
        body: json!({
            "id": id,
            "name": provider,
            "type": KIND,
            "displayName": provider,
            "operations": own,
            "resourceTypes": types,
        }),
        id,
        kind: KIND.to_owned(),
        hidden: Value::Null,
        pending: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_named_as_roles_name_them() {
        let vault = PROVIDERS
            .iter()
            .find(|one| one.name() == "Microsoft.KeyVault")
            .unwrap();
        let text = vault.body.to_string();
        for name in [
            "\"Microsoft.KeyVault/register/action\"",
            "\"Microsoft.KeyVault/vaults/keys/sign/action\"",
            "\"Microsoft.KeyVault/vaults/read\"",
        ] {
            assert!(text.contains(name), "{name}");
        }
        let own = vault.body["operations"].as_array().unwrap();
        assert!(own.iter().all(|one| one["isDataAction"] == false));
    }
}
