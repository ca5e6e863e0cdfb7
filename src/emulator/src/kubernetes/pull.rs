//! Whether a node could pull an image: from registries that are played here, if it is there
//! and the kubelet's identity may; from all others always.

use crate::azure::Azure;
use crate::registry::{Reference, exists, may_read};
use crate::state::{Object, World};
use crate::types;

/// Why an image cannot be pulled, as kubelets say it.
pub fn check(azure: &Azure, world: &World, cluster: &Object, image: &str) -> Result<(), String> {
    let Some((host, rest)) = image.split_once('/') else {
        return Ok(());
    };
    let host = host.split(':').next().unwrap_or(host).to_ascii_lowercase();
    let suffixes = [".azurecr.io", ".azurecr.localhost"];
    let Some(name) = suffixes.iter().find_map(|suffix| host.strip_suffix(suffix)) else {
        return Ok(());
    };
    let failed = |why: &str| format!("Failed to pull image \"{image}\": {why}");
    let registry = types::registry_named(world, name)
        .ok_or_else(|| failed(&format!("dial tcp: lookup {host}: no such host")))?;
    let kubelet = cluster.text("/properties/identityProfile/kubeletidentity/objectId");
    if !may_read(azure, world, &registry, kubelet) {
        return Err(failed(
            "failed to authorize: failed to fetch anonymous token: unexpected status from GET request: 401 Unauthorized",
        ));
    }
    let reference = Reference::parse(&pinned(rest))
        .ok_or_else(|| failed("couldn't parse image reference: invalid reference format"))?;
    if exists(world, &registry, &reference) {
        Ok(())
    } else {
        Err(failed(&format!("{image}: not found")))
    }
}

/// A reference with both a tag and a digest means the digest.
fn pinned(reference: &str) -> String {
    match reference.split_once('@') {
        Some((front, digest)) => {
            let name = front.split(':').next().unwrap_or(front);
            format!("{name}@{digest}")
        }
        None => reference.to_owned(),
    }
}
