//! A cluster's members besides its pools, identity and network: defaults and rules.
//! <https://learn.microsoft.com/rest/api/aks/managed-clusters/create-or-update>

use super::errors::{immutable, invalid, missing, refuse, unreadable};
use super::versions::{self, Chosen};
use super::{addons, members, network_fields};
use crate::arm::{ArmError, Context, Target};
use crate::state::Object;
use crate::types::checks;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A cluster's properties as a write leaves them, its version among them.
pub fn lay(
    cx: &Context<'_>,
    target: &Target,
    location: &str,
    sent: &Map<String, Value>,
    old: Option<&Object>,
) -> Result<(Map<String, Value>, Chosen), ArmError> {
    let wanted = checks::text(sent, "kubernetesVersion")
        .map_err(|error| unreadable(&error))?
        .filter(|wanted| !wanted.is_empty())
        .map(ToOwned::to_owned);
    let mut sent = members::known(sent, members::CLUSTER);
    typed(&sent).map_err(|error| unreadable(&error))?;
    let before = old.and_then(|old| old.body["properties"].as_object());
    let network = network_fields::lay(
        sent.get("networkProfile"),
        before.and_then(|before| before.get("networkProfile")),
    )?;
    let given_network = sent.remove("networkProfile");
    let mut cluster = match before {
        Some(before) => {
            stays(before, &sent)?;
            before.clone()
        }
        None => fresh(cx, target, location, &sent)?,
    };
    for name in [
        "identityProfile",
        "privateLinkResources",
        "nodeResourceGroup",
    ] {
        sent.remove(name);
    }
    entra(cx, &mut cluster, sent.remove("aadProfile"))?;
    issuer(cx, &mut cluster, location, sent.remove("oidcIssuerProfile"))?;
    storage(&mut cluster, sent.remove("storageProfile"));
    for (name, value) in [
        ("linuxProfile", None),
        ("windowsProfile", Some("adminPassword")),
        ("servicePrincipalProfile", Some("secret")),
    ] {
        if let Some(Value::Object(mut profile)) = sent.remove(name) {
            if let Some(secret) = value {
                profile.remove(secret);
            }
            cluster.insert(name.to_owned(), Value::Object(profile));
        }
    }
    addons::lay(&mut sent, before);
    cluster.extend(sent);
    if before.is_none() {
        windows(&mut cluster, &network);
    }
    cluster.insert("networkProfile".to_owned(), network);
    if let Some(network) = cluster.get_mut("networkProfile") {
        network_fields::balance(network, given_network.as_ref());
    }
    private(cx, target, location, &mut cluster);
    rules(&cluster)?;
    version(cx, cluster, before, wanted)
}

fn version(
    cx: &Context<'_>,
    mut cluster: Map<String, Value>,
    before: Option<&Map<String, Value>>,
    wanted: Option<String>,
) -> Result<(Map<String, Value>, Chosen), ArmError> {
    let text = |name: &str| before.and_then(|before| before.get(name)?.as_str());
    let runs = text("currentKubernetesVersion").and_then(versions::exact);
    let chosen = match (wanted, runs, text("kubernetesVersion")) {
        (Some(wanted), _, _) => versions::choose(cx, &wanted, runs, "K8sVersionNotSupported")?,
        (None, Some(runs), Some(shown)) => Chosen {
            shown: shown.to_owned(),
            runs,
        },
        _ => versions::default(),
    };
    if let Some(from) = runs {
        versions::step(cx, from, chosen.runs, "managed cluster")?;
    }
    cluster.insert("kubernetesVersion".to_owned(), json!(chosen.shown));
    let runs = json!(chosen.runs.to_string());
    cluster.insert("currentKubernetesVersion".to_owned(), runs);
    Ok((cluster, chosen))
}

fn typed(sent: &Map<String, Value>) -> Result<(), ArmError> {
    for name in ["disableLocalAccounts", "enableRBAC"] {
        checks::flag(sent, name)?;
    }
    for name in [
        "dnsPrefix",
        "fqdnSubdomain",
        "nodeResourceGroup",
        "supportPlan",
    ] {
        checks::text(sent, name)?;
    }
    for name in sent.keys().filter(|name| name.ends_with("Profile")) {
        checks::object(sent, name)?;
    }
    Ok(())
}

fn fresh(
    cx: &Context<'_>,
    target: &Target,
    location: &str,
    sent: &Map<String, Value>,
) -> Result<Map<String, Value>, ArmError> {
    let text = |name: &str| sent.get(name).and_then(Value::as_str);
    let prefix = text("dnsPrefix")
        .or_else(|| text("fqdnSubdomain"))
        .filter(|prefix| !prefix.is_empty())
        .ok_or_else(|| missing("dnsPrefix"))?;
    let host = format!("{prefix}-{}", mark(&target.key, 8));
    let group = cx.path.group.as_deref().unwrap_or_default();
    let node_group = text("nodeResourceGroup")
        .filter(|name| !name.is_empty())
        .map_or_else(
            || {
                let name = format!("MC_{group}_{}_{location}", target.name());
                name.chars().take(80).collect()
            },
            ToOwned::to_owned,
        );
    let fresh = json!({
        "powerState": {"code": "Running"},
        "fqdn": format!("{host}.hcp.{location}.azmk8s.io"),
        "azurePortalFQDN": format!("{host}.portal.hcp.{location}.azmk8s.io"),
        "nodeResourceGroup": node_group,
        "enableRBAC": true,
        "supportPlan": "KubernetesOfficial",
        "maxAgentPools": 100,
        "disableLocalAccounts": false,
        "securityProfile": {},
        "storageProfile": {
            "diskCSIDriver": {"enabled": true},
            "fileCSIDriver": {"enabled": true},
            "snapshotController": {"enabled": true},
        },
        "oidcIssuerProfile": {"enabled": false},
        "workloadAutoScalerProfile": {},
        "autoUpgradeProfile": {"nodeOSUpgradeChannel": "NodeImage"},
        "metricsProfile": {"costAnalysis": {"enabled": false}},
        "resourceUID": mark(&format!("{}{}", target.key, Uuid::new_v4()), 24),
        "servicePrincipalProfile": {"clientId": "msi"},
    });
    Ok(fresh.as_object().cloned().unwrap_or_default())
}

/// Hexadecimal digits that belong to a text.
pub fn mark(text: &str, digits: usize) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let mut hex = String::new();
    for byte in digest {
        hex.push_str(&format!("{byte:02x}"));
    }
    hex.truncate(digits);
    hex
}

fn stays(before: &Map<String, Value>, sent: &Map<String, Value>) -> Result<(), ArmError> {
    for name in [
        "dnsPrefix",
        "fqdnSubdomain",
        "nodeResourceGroup",
        "enableRBAC",
    ] {
        let text = |value: &Value| value.to_string().to_ascii_lowercase();
        if let Some(now) = sent.get(name)
            && before.get(name).map(text) != Some(text(now))
        {
            return Err(immutable(&format!("properties.{name}")));
        }
    }
    let private = |properties: &Map<String, Value>| {
        properties.get("apiServerAccessProfile")?["enablePrivateCluster"].as_bool()
    };
    if private(sent).is_some_and(|now| now != private(before).unwrap_or(false)) {
        return Err(immutable("apiServerAccessProfile.enablePrivateCluster"));
    }
    Ok(())
}

/// Entra integration cannot be taken back.
fn entra(
    cx: &Context<'_>,
    cluster: &mut Map<String, Value>,
    sent: Option<Value>,
) -> Result<(), ArmError> {
    let Some(Value::Object(mut sent)) = sent else {
        return Ok(());
    };
    sent.retain(|_, value| !value.is_null());
    for name in ["managed", "enableAzureRBAC"] {
        checks::flag(&sent, name).map_err(|e| unreadable(&e))?;
    }
    if cluster.get("enableRBAC") == Some(&json!(false)) {
        return Err(invalid("aadProfile", "It needs enableRBAC to be true."));
    }
    let mut profile = json!({
        "managed": true,
        "adminGroupObjectIDs": null,
        "adminUsers": null,
        "enableAzureRBAC": false,
        "tenantID": cx.azure.directory.tenant(),
    });
    if let Some(before) = cluster
        .get("aadProfile")
        .filter(|before| before.is_object())
    {
        profile = before.clone();
    }
    for (name, value) in sent {
        if !name.ends_with("Secret") {
            profile[name] = value;
        }
    }
    cluster.insert("aadProfile".to_owned(), profile);
    Ok(())
}

/// The OIDC issuer gets its address when it is enabled, and stays.
fn issuer(
    cx: &Context<'_>,
    cluster: &mut Map<String, Value>,
    location: &str,
    sent: Option<Value>,
) -> Result<(), ArmError> {
    let Some(sent) = sent.as_ref().and_then(Value::as_object) else {
        return Ok(());
    };
    let wanted = checks::flag(sent, "enabled").map_err(|e| unreadable(&e))?;
    let enabled = cluster
        .get("oidcIssuerProfile")
        .is_some_and(|profile| profile["enabled"] == json!(true));
    match (enabled, wanted) {
        (true, Some(false)) => Err(refuse(
            400,
            "OIDCIssuerFeatureCannotBeDisabled",
            "OIDC issuer feature cannot be disabled.",
        )),
        (false, Some(true)) => {
            let had = cluster.get("oidcIssuerProfile");
            let had = had.and_then(|profile| profile["issuerURL"].as_str());
            let tenant = cx.azure.directory.tenant();
            let url = had.map_or_else(
                || {
                    let id = Uuid::new_v4();
                    format!("https://{location}.oic.prod-aks.azure.com/{tenant}/{id}/")
                },
                ToOwned::to_owned,
            );
            let profile = json!({"enabled": true, "issuerURL": url});
            cluster.insert("oidcIssuerProfile".to_owned(), profile);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Drivers that are not mentioned stay as they are.
fn storage(cluster: &mut Map<String, Value>, sent: Option<Value>) {
    let (Some(Value::Object(sent)), Some(profile)) = (sent, cluster.get_mut("storageProfile"))
    else {
        return;
    };
    for (name, value) in sent {
        if !value.is_null() {
            profile[name] = value;
        }
    }
}

/// Azure's own network can take Windows nodes: their administrator is named from the start.
fn windows(cluster: &mut Map<String, Value>, network: &Value) {
    if network["networkPlugin"] != "azure" {
        return;
    }
    let profile = cluster
        .entry("windowsProfile")
        .or_insert_with(|| json!({"adminUsername": "azureuser"}));
    if profile["enableCSIProxy"].is_null() {
        profile["enableCSIProxy"] = json!(true);
    }
}

/// What a private cluster has beside the others.
fn private(cx: &Context<'_>, target: &Target, location: &str, cluster: &mut Map<String, Value>) {
    let Some(profile) = cluster
        .get_mut("apiServerAccessProfile")
        .and_then(Value::as_object_mut)
    else {
        return;
    };
    profile.retain(|_, value| value.as_array().is_none_or(|list| !list.is_empty()));
    if profile.get("enablePrivateCluster") != Some(&json!(true)) {
        return;
    }
    profile.entry("privateDNSZone").or_insert(json!("system"));
    profile
        .entry("enablePrivateClusterPublicFQDN")
        .or_insert(json!(true));
    let prefix = cluster.get("dnsPrefix").and_then(Value::as_str);
    let host = format!("{}-{}", prefix.unwrap_or_default(), mark(&target.id, 8));
    let zone = Uuid::new_v5(&Uuid::NAMESPACE_URL, target.key.as_bytes());
    let fqdn = format!("{host}.{zone}.privatelink.{location}.azmk8s.io");
    cluster.entry("privateFQDN").or_insert(json!(fqdn));
    let resource = json!([{
        "id": format!("{}/privateLinkResources/management", super::cluster_view::printed(&cx.path_of(target))),
        "name": "management",
        "type": "Microsoft.ContainerService/managedClusters/privateLinkResources",
        "groupId": "management",
        "requiredMembers": ["management"],
    }]);
    cluster.entry("privateLinkResources").or_insert(resource);
}

/// What must hold between members.
fn rules(cluster: &Map<String, Value>) -> Result<(), ArmError> {
    let on = |pointer: &str| {
        let (first, rest) = pointer.split_once('/').unwrap_or((pointer, ""));
        let value = cluster.get(first);
        let value = match rest {
            "" => value,
            rest => value.and_then(|value| value.pointer(&format!("/{rest}"))),
        };
        value == Some(&json!(true))
    };
    if on("disableLocalAccounts") && !cluster.contains_key("aadProfile") {
        return Err(invalid(
            "disableLocalAccounts",
            "Local accounts can only be disabled on clusters with Microsoft Entra integration.",
        ));
    }
    if on("securityProfile/workloadIdentity/enabled") && !on("oidcIssuerProfile/enabled") {
        return Err(invalid(
            "securityProfile.workloadIdentity",
            "Workload identity requires the OIDC issuer to be enabled.",
        ));
    }
    Ok(())
}

/// The SKU that a write leads to.
pub fn sku(
    cx: &Context<'_>,
    sent: &Map<String, Value>,
    old: Option<&Object>,
) -> Result<Value, ArmError> {
    let sku = checks::object(sent, "sku").map_err(|e| unreadable(&e))?;
    let tier = checks::word(&sku, "tier", &["Free", "Standard", "Premium", "Paid"])
        .map_err(|e| unreadable(&e))?;
    let name =
        checks::word(&sku, "name", &["Base", "Automatic", "Basic"]).map_err(|e| unreadable(&e))?;
    let before = |member: &str| old.and_then(|old| old.text(&format!("/sku/{member}")));
    let usual = if cx.api.date() < "2023-02-01" {
        "Basic"
    } else {
        "Base"
    };
    Ok(json!({
        "name": name.or(before("name")).unwrap_or(usual),
        "tier": tier.or(before("tier")).unwrap_or("Free"),
    }))
}

/// Refuses a name that no cluster can have.
pub fn name(name: &str) -> Result<(), ArmError> {
    let plain = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    let ends = |at: Option<u8>| at.is_some_and(|byte| byte.is_ascii_alphanumeric());
    if plain && name.len() <= 63 && ends(name.bytes().next()) && ends(name.bytes().last()) {
        return Ok(());
    }
    Err(invalid(
        "resourceName",
        "The name must have 1 to 63 letters, digits, underscores or hyphens, and start and end with a letter or digit.",
    ))
}
