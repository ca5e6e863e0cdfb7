//! `Microsoft.Authorization/providerOperations`: what providers can do, as roles name it.
//! <https://learn.microsoft.com/rest/api/authorization/provider-operations-metadata>

use crate::arm::{
    ArmError, Context, Deleted, Located, Meta, Placement, ResourceType, Source, Target, page,
};
use crate::server::Answer;
use crate::state::{Object, World};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
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

/// What the table has, in lower case.
#[derive(Default)]
struct Known {
    /// Operations of the control plane and of the data plane.
    planes: [BTreeSet<String>; 2],
    /// The beginnings of those of the data plane that are not told one by one, with what they end in.
    below: Vec<(String, String)>,
    /// Providers with a type: each is told whole.
    types: BTreeSet<String>,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let mut known = Known::default();
    for (provider, is_data, path, word) in told(TABLE) {
        let name = format!("{provider}/{}", named(path, word)).to_ascii_lowercase();
        known.types.extend(of_type(&name).map(str::to_owned));
        match name.split_once('*') {
            Some((start, end)) => known.below.push((start.to_owned(), end.to_owned())),
            None => drop(known.planes[usize::from(is_data)].insert(name)),
        }
    }
    known
});

/// The provider and the first type of an operation.
fn of_type(name: &str) -> Option<&str> {
    let first = name.find('/')?;
    let second = name[first + 1..].find('/')? + first + 1;
    Some(&name[..second])
}

/// Whether an action of a role, stars and all, fits something that a provider can do; `None` where
/// the table does not tell of that type.
pub fn supports(action: &str, is_data: bool) -> Option<bool> {
    let action = action.to_ascii_lowercase();
    let known = &*KNOWN;
    if !known.types.contains(of_type(&action)?) {
        return None;
    }
    let is_below = |(start, end): &(String, String)| {
        is_data
            && match action.contains('*') {
                true => true,
                false => action.starts_with(start.as_str()) && action.ends_with(end.as_str()),
            }
    };
    let mut operations = known.planes[usize::from(is_data)].iter();
    Some(
        operations.any(|one| fits(&action, one))
            || known.below.iter().any(|one| {
                one.0.starts_with(of_type(&action).unwrap_or_default()) && is_below(one)
            }),
    )
}

/// Whether a text fits a pattern, each star of which stands for any text.
fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

fn refuse(status: u16, code: &str, message: &str) -> ArmError {
    ArmError::new(Source::Provider, status, code, message.to_owned())
}

/// What the table tells: provider, whether it is of the data plane, path, and word.
fn told(table: &str) -> Vec<(&str, bool, &str, &str)> {
    let (mut provider, mut is_data) = ("", false);
    let mut told = Vec::new();
    let lines = table.lines().filter(|line| !line.starts_with('#'));
    for line in lines.filter(|line| !line.trim().is_empty()) {
        let mut words = line.split_whitespace();
        let path = words.next().unwrap_or_default();
        match (line.starts_with(' '), path) {
            (false, name) => (provider, is_data) = (name, false),
            (true, "data") => is_data = true,
            (true, path) => told.extend(words.map(|word| (provider, is_data, path, word))),
        }
    }
    told
}

/// The operation that a word of the table names.
fn named(path: &str, word: &str) -> String {
    match word {
        "r" => format!("{path}/read"),
        "w" => format!("{path}/write"),
        "d" => format!("{path}/delete"),
        "-" => path.to_owned(),
        action => format!("{path}/{action}/action"),
    }
}

/// Reads the table: providers with their operations, by resource types.
fn parse(table: &str) -> Vec<Arc<Object>> {
    let mut providers: Vec<(&str, BTreeMap<String, Vec<Value>>)> = Vec::new();
    for (provider, is_data, path, word) in told(table) {
        // What lies below a path is too much to be told here.
        if path.ends_with('*') {
            continue;
        }
        if providers.last().is_none_or(|(last, _)| *last != provider) {
            providers.push((provider, BTreeMap::new()));
        }
        let Some((_, types)) = providers.last_mut() else {
            continue;
        };
        let name = named(path, word);
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

    #[test]
    fn what_a_listed_type_cannot_do_is_known_and_of_others_nothing_is() {
        let acr = |rest: &str| format!("Microsoft.ContainerRegistry/registries/{rest}");
        for (action, is_data, supported) in [
            (acr("pull/read"), false, Some(true)),
            (acr("PULL/Read"), false, Some(true)),
            (acr("*/read"), false, Some(true)),
            (acr("*"), false, Some(true)),
            (acr("importImage/*"), false, Some(true)),
            (acr("nosuch/write"), false, Some(false)),
            (acr("nosuch/*"), false, Some(false)),
            (acr("pull/read"), true, Some(false)),
            (
                "Microsoft.KeyVault/vaults/keys/sgn/action".to_owned(),
                true,
                Some(false),
            ),
            (
                "Microsoft.KeyVault/vaults/keys/sign/action".to_owned(),
                true,
                Some(true),
            ),
            (
                "Microsoft.ContainerService/managedClusters/healthz/ping/read".to_owned(),
                true,
                Some(true),
            ),
            (
                "Microsoft.ContainerRegistry/nosuch/write".to_owned(),
                false,
                None,
            ),
            (
                "Microsoft.Network/virtualNetworks/read".to_owned(),
                false,
                None,
            ),
            ("Contoso.Custom/things/*".to_owned(), false, None),
            ("Microsoft.KeyVault/*".to_owned(), false, None),
            ("*/read".to_owned(), false, None),
            ("*".to_owned(), false, None),
        ] {
            assert_eq!(supports(&action, is_data), supported, "{action}");
        }
    }
}
