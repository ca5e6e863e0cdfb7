//! The ground: where each declared registry, cluster and key answers, read with the rights of
//! whoever runs the proof.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value as Json;
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::api_server::ApiServer;
use super::attempt::credential_file;
use crate::kinds::{Sections, Target};
use crate::provision::desired::Desired;
use crate::provision::ports::{Begun, Cloud, Failure};
use crate::resource::{Address, AddressError};

/// What is signed where somebody may sign: it vouches for no image.
const SENTENCE: &[u8] = b"onestream rbac prove: this sentence was signed, and nothing else";

/// Something that capabilities are given on.
#[derive(Debug, Clone, PartialEq)]
pub struct Ground {
    /// How people name it.
    pub address: Address,
    /// What it is.
    pub target: Target,
    /// Where it answers, or why nobody knows.
    pub place: Result<Place, String>,
}

/// Where something answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Place {
    /// A registry.
    Registry(RegistryPlace),
    /// A cluster.
    Cluster(ClusterPlace),
    /// A key.
    Key(KeyPlace),
}

/// A registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryPlace {
    /// Its ARM id.
    pub(super) id: String,
    /// Its login server.
    pub(super) server: String,
}

/// A cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterPlace {
    /// Its ARM id.
    pub(super) id: String,
    pub(super) server: ApiServer,
    /// The namespaces of services.
    pub(super) namespaces: BTreeSet<String>,
}

/// A key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPlace {
    pub(super) vault: String,
    pub(super) name: String,
    /// The current version.
    pub(super) version: String,
    /// How it signs.
    pub(super) algorithm: &'static str,
    /// How many bytes a signature of it has.
    signature: usize,
}

impl KeyPlace {
    /// The digest of a fixed sentence, as long as the algorithm wants it.
    pub(super) fn digest(&self) -> String {
        URL_SAFE_NO_PAD.encode(match self.algorithm {
            "ES384" => Sha384::digest(SENTENCE).to_vec(),
            "ES512" => Sha512::digest(SENTENCE).to_vec(),
            _ => Sha256::digest(SENTENCE).to_vec(),
        })
    }

    /// Something as long as a signature that is none.
    pub(super) fn nobodys_signature(&self) -> String {
        URL_SAFE_NO_PAD.encode(vec![1_u8; self.signature])
    }
}

/// Reads where everything is that capabilities can be given on in these environments.
///
/// # Errors
/// [`AddressError`] for a declared name that does not fit an address.
pub async fn read(
    cloud: &dyn Cloud,
    desired: &Desired,
    environments: &[(&crate::resource::Place, &Sections)],
) -> Result<Vec<Ground>, AddressError> {
    let mut grounds = Vec::new();
    for (place, sections) in environments {
        let Some(group) = &sections.group else {
            continue;
        };
        let group = place.group_id(&group.name);
        for target in sections.targets() {
            let address = place.address(&target.to_string())?;
            let Some(id) = sections.target_id(&target, &group) else {
                continue;
            };
            let found = locate(cloud, desired, &address, &target, &id, sections).await;
            grounds.push(Ground {
                address,
                target,
                place: found,
            });
        }
    }
    Ok(grounds)
}

async fn locate(
    cloud: &dyn Cloud,
    desired: &Desired,
    address: &Address,
    target: &Target,
    id: &str,
    sections: &Sections,
) -> Result<Place, String> {
    let resource = desired.resources.get(address);
    let resource = resource.ok_or_else(|| format!("{address} is not declared"))?;
    let said = |failure: Failure| format!("{address} could not be read: {failure}");
    let body = cloud.get(&resource.kind.get(id)).await.map_err(said)?;
    let body = body.ok_or_else(|| format!("{address} does not stand"))?;
    let place = match target {
        Target::Registry => registry(id, &body).map(Place::Registry),
        Target::Key(_) => key(id, &body).map(Place::Key),
        Target::Cluster => {
            let services = sections.services.values();
            let namespaces = services.map(|service| service.namespace.clone()).collect();
            let file = match cloud.begin(&credential_file(id)).await.map_err(said)? {
                Begun::Done(body) => body.unwrap_or_default(),
                Begun::Accepted(pending) => {
                    let end = cloud.finish(&pending).await.map_err(said)?;
                    end.unwrap_or_default()
                }
            };
            ApiServer::of(&body, &file).map(|server| {
                Place::Cluster(ClusterPlace {
                    id: id.to_owned(),
                    server,
                    namespaces,
                })
            })
        }
    };
    place.ok_or_else(|| format!("what Azure says of {address} is not understood"))
}

fn text<'b>(body: &'b Json, pointer: &str) -> Option<&'b str> {
    body.pointer(pointer)?.as_str()
}

fn registry(id: &str, body: &Json) -> Option<RegistryPlace> {
    Some(RegistryPlace {
        id: id.to_owned(),
        server: text(body, "/properties/loginServer")?.to_owned(),
    })
}

fn key(id: &str, body: &Json) -> Option<KeyPlace> {
    let (vault, name) = id.rsplit_once("/keys/")?;
    let version = text(body, "/properties/keyUriWithVersion")?;
    let bits = body.pointer("/properties/keySize").and_then(Json::as_u64);
    let (algorithm, signature) = match text(body, "/properties/kty")?.trim_end_matches("-HSM") {
        "RSA" => ("RS256", usize::try_from(bits.unwrap_or(2048) / 8).ok()?),
        "EC" => match text(body, "/properties/curveName")? {
            "P-256" => ("ES256", 64),
            "P-384" => ("ES384", 96),
            "P-521" => ("ES512", 132),
            "P-256K" => ("ES256K", 64),
            _ => return None,
        },
        _ => return None,
    };
    Some(KeyPlace {
        vault: vault.rsplit('/').next()?.to_owned(),
        name: name.to_owned(),
        version: version.rsplit('/').next()?.to_owned(),
        algorithm,
        signature,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_signs_as_its_curve_wants() {
        let id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/kv/keys/k";
        let of = |kty: &str, curve: &str| {
            let uri = "https://kv.vault.azure.net/keys/k/0a1b";
            key(
                id,
                &json!({"properties": {
                    "kty": kty, "curveName": curve, "keySize": 3072, "keyUriWithVersion": uri,
                }}),
            )
        };
        for (kty, curve, algorithm, digest, signature) in [
            ("EC-HSM", "P-256", "ES256", 32, 64),
            ("EC", "P-384", "ES384", 48, 96),
            ("EC-HSM", "P-521", "ES512", 64, 132),
            ("RSA-HSM", "", "RS256", 32, 384),
        ] {
            let key = of(kty, curve).expect("a key");
            assert_eq!((key.vault.as_str(), key.version.as_str()), ("kv", "0a1b"));
            assert_eq!(key.algorithm, algorithm);
            let long = |text: String| URL_SAFE_NO_PAD.decode(text).expect("base64url").len();
            assert_eq!(long(key.digest()), digest);
            assert_eq!(long(key.nobodys_signature()), signature);
        }
        assert_eq!(of("oct-HSM", ""), None);
    }
}
