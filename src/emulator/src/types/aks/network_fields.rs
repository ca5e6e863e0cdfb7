//! A cluster's `networkProfile`: defaults, and what never changes.

use super::errors::{immutable, invalid, unreadable};
use crate::arm::ArmError;
use crate::types::checks;
use serde_json::{Map, Value, json};

/// Members that stay as they were made.
const IMMUTABLE: &[&str] = &[
    "dnsServiceIP",
    "ipFamilies",
    "loadBalancerSku",
    "serviceCidr",
];

/// The profile that a write leads to.
pub fn lay(sent: Option<&Value>, old: Option<&Value>) -> Result<Value, ArmError> {
    let mut sent = match sent {
        Some(Value::Object(sent)) => sent.clone(),
        _ => Map::new(),
    };
    sent.retain(|_, value| !value.is_null());
    for (name, words) in [
        ("networkPlugin", &["azure", "kubenet", "none"][..]),
        ("networkPluginMode", &["overlay"]),
        ("networkPolicy", &["azure", "calico", "cilium", "none"]),
        ("networkDataplane", &["azure", "cilium"]),
        (
            "outboundType",
            &[
                "loadBalancer",
                "userDefinedRouting",
                "managedNATGateway",
                "userAssignedNATGateway",
                "none",
                "block",
            ],
        ),
        ("loadBalancerSku", &["standard", "basic"]),
    ] {
        if let Some(word) = checks::word(&sent, name, words).map_err(|e| unreadable(&e))? {
            sent.insert(name.to_owned(), json!(word));
        }
    }
    let mut profile = match old.and_then(Value::as_object) {
        Some(old) => {
            stays(old, &sent)?;
            old.clone()
        }
        None => defaults(&sent),
    };
    for (name, value) in sent {
        match name.as_str() {
            // What the provider works out itself.
            "podCidrs" | "serviceCidrs" | "loadBalancerProfile" => {}
            _ => {
                profile.insert(name, value);
            }
        }
    }
    for (single, list) in [("podCidr", "podCidrs"), ("serviceCidr", "serviceCidrs")] {
        if let Some(range) = profile.get(single).cloned() {
            cidr(single, &range)?;
            profile.insert(list.to_owned(), json!([range]));
        }
    }
    Ok(Value::Object(profile))
}

/// Lays the balancer's settings that were sent over the profile.
pub fn balance(profile: &mut Value, sent: Option<&Value>) {
    let Some(balancer) = profile.get_mut("loadBalancerProfile") else {
        return;
    };
    let Some(sent) = sent.and_then(|sent| sent["loadBalancerProfile"].as_object()) else {
        return;
    };
    for (name, value) in sent {
        if name != "effectiveOutboundIPs" && !value.is_null() {
            balancer[name] = value.clone();
        }
    }
}

fn defaults(sent: &Map<String, Value>) -> Map<String, Value> {
    let text = |name: &str| sent.get(name).and_then(Value::as_str);
    let plugin = text("networkPlugin").unwrap_or("kubenet");
    let mut profile = json!({
        "networkPlugin": plugin,
        "networkPolicy": "none",
        "loadBalancerSku": "standard",
        "serviceCidr": "10.0.0.0/16",
        "dnsServiceIP": "10.0.0.10",
        "outboundType": "loadBalancer",
        "ipFamilies": ["IPv4"],
    });
    if plugin == "kubenet" || text("networkPluginMode") == Some("overlay") {
        profile["podCidr"] = json!("10.244.0.0/16");
    }
    if plugin == "azure" {
        profile["networkDataplane"] = json!("azure");
    }
    if text("outboundType").is_none_or(|kind| kind == "loadBalancer") {
        profile["loadBalancerProfile"] = json!({
            "managedOutboundIPs": {"count": 1},
            "backendPoolType": "nodeIPConfiguration",
        });
    }
    profile.as_object().cloned().unwrap_or_default()
}

fn stays(old: &Map<String, Value>, sent: &Map<String, Value>) -> Result<(), ArmError> {
    let text = |value: Option<&Value>| value.map(|value| value.to_string().to_ascii_lowercase());
    let changes =
        |name: &str| sent.contains_key(name) && text(old.get(name)) != text(sent.get(name));
    if let Some(name) = IMMUTABLE.iter().find(|name| changes(name)) {
        return Err(immutable(&format!("networkProfile.{name}")));
    }
    // From kubenet there is a way to the overlay, and to nothing else.
    let overlay = sent.get("networkPluginMode") == Some(&json!("overlay"));
    if changes("networkPlugin") && !overlay {
        return Err(immutable("networkProfile.networkPlugin"));
    }
    if changes("podCidr") && old.contains_key("podCidr") && !overlay {
        return Err(immutable("networkProfile.podCidr"));
    }
    Ok(())
}

/// What no range of a cluster may overlap.
/// <https://learn.microsoft.com/azure/aks/configure-azure-cni#prerequisites>
const RESERVED: &[&str] = &[
    "169.254.0.0/16",
    "172.30.0.0/16",
    "172.31.0.0/16",
    "192.0.2.0/24",
];

/// The reserved range that an IPv4 range overlaps.
fn reserved(range: &str) -> Option<&'static str> {
    let (start, length) = ipv4(range)?;
    let overlaps = |other: &&&str| {
        ipv4(other).is_some_and(|(other, others)| {
            let apart = 32 - length.min(others);
            (u64::from(start) >> apart) == (u64::from(other) >> apart)
        })
    };
    RESERVED.iter().find(overlaps).copied()
}

/// The address and the length of an IPv4 range.
fn ipv4(range: &str) -> Option<(u32, u32)> {
    let (address, length) = range.split_once('/')?;
    let address: std::net::Ipv4Addr = address.parse().ok()?;
    let length = length.parse().ok().filter(|length| *length <= 32)?;
    Some((address.into(), length))
}

fn cidr(name: &str, range: &Value) -> Result<(), ArmError> {
    let well = range
        .as_str()
        .and_then(|range| range.split_once('/'))
        .is_some_and(|(address, length)| {
            address.parse::<std::net::IpAddr>().is_ok()
                && length.parse::<u8>().is_ok_and(|length| length <= 128)
        });
    if let Some(reserved) = range.as_str().and_then(reserved) {
        return Err(invalid(
            &format!("networkProfile.{name}"),
            &format!("{range} overlaps {reserved}, which AKS keeps for itself."),
        ));
    }
    if well {
        return Ok(());
    }
    Err(invalid(
        &format!("networkProfile.{name}"),
        &format!("{range} is no range of addresses."),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_listed_and_stay() {
        let made = lay(
            Some(&json!({"networkPlugin": "azure", "networkPluginMode": "overlay"})),
            None,
        );
        let made = made.unwrap();
        assert_eq!(made["podCidrs"], json!(["10.244.0.0/16"]));
        assert_eq!(
            made["loadBalancerProfile"]["managedOutboundIPs"]["count"],
            1
        );
        let moved = lay(Some(&json!({"serviceCidr": "10.9.0.0/16"})), Some(&made));
        assert_eq!(moved.unwrap_err().code, "PropertyChangeNotAllowed");
        assert!(lay(Some(&json!({"podCidr": "everywhere"})), None).is_err());
        for range in [
            "192.0.2.0/24",
            "172.30.8.0/24",
            "172.28.0.0/14",
            "169.254.0.0/17",
        ] {
            for name in ["serviceCidr", "podCidr"] {
                let refused = lay(Some(&json!({name: range})), None);
                assert!(refused.is_err(), "{name} {range}");
            }
        }
        assert!(lay(Some(&json!({"serviceCidr": "172.29.0.0/16"})), None).is_ok());
    }
}
