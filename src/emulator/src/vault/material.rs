//! Key material: made, imported, and its public half as a JSON Web Key.

use super::curve::Curve;
use super::der;
use aws_lc_rs::encoding::{AsBigEndian as _, AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// A private key, as it is kept. Numbers are base64url.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "family")]
pub enum Material {
    Ec {
        curve: Curve,
        /// The curve's name as the caller wrote it: `P-256K` has two.
        crv: String,
        x: String,
        y: String,
        d: String,
    },
    Rsa {
        n: String,
        e: String,
        pkcs8: String,
    },
}

impl std::fmt::Debug for Material {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ec { .. } => "Material::Ec",
            Self::Rsa { .. } => "Material::Rsa",
        })
    }
}

/// What a key shall be like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    Ec { curve: Curve, crv: String },
    Rsa { bits: i64 },
}

/// Key sizes of RSA keys.
pub const RSA_SIZES: &[i64] = &[2048, 3072, 4096];

impl Material {
    /// A fresh key; `None` where the size is not one of [`RSA_SIZES`].
    pub fn generate(wanted: &Wanted) -> Option<Self> {
        match wanted {
            Wanted::Ec { curve, crv } => {
                let pair = EcdsaKeyPair::generate(curve.signing()).ok()?;
                let d = pair.private_key().as_be_bytes().ok()?;
                Some(Self::ec(
                    *curve,
                    crv,
                    pair.public_key().as_ref(),
                    d.as_ref(),
                ))
            }
            Wanted::Rsa { bits } => {
                let size = match bits {
                    2048 => KeySize::Rsa2048,
                    3072 => KeySize::Rsa3072,
                    4096 => KeySize::Rsa4096,
                    _ => return None,
                };
                Self::rsa(&rsa::KeyPair::generate(size).ok()?)
            }
        }
    }

    /// The key in a JSON Web Key with its private members; `None` where they do not make
    /// one.
    pub fn import(jwk: &Map<String, Value>) -> Option<Self> {
        let bytes = |name: &str| number(jwk.get(name)?.as_str()?);
        if jwk.contains_key("crv") {
            let crv = jwk.get("crv")?.as_str()?;
            let curve = Curve::named(crv)?;
            let size = curve.size();
            let padded = |name: &str| left_padded(&bytes(name)?, size);
            let mut point = vec![4];
            point.extend(padded("x")?);
            point.extend(padded("y")?);
            let d = padded("d")?;
            EcdsaKeyPair::from_private_key_and_public_key(curve.signing(), &d, &point).ok()?;
            return Some(Self::ec(curve, crv, &point, &d));
        }
        let names = ["n", "e", "d", "p", "q", "dp", "dq", "qi"];
        let numbers: Vec<Vec<u8>> = names
            .iter()
            .map(|name| bytes(name))
            .collect::<Option<_>>()?;
        let version: &[u8] = &[0];
        let parts: Vec<&[u8]> = [version]
            .into_iter()
            .chain(numbers.iter().map(Vec::as_slice))
            .collect();
        let pair = rsa::KeyPair::from_der(&der::sequence(&parts)).ok()?;
        Self::rsa(&pair)
    }

    fn ec(curve: Curve, crv: &str, point: &[u8], d: &[u8]) -> Self {
        let (x, y) = point[1..].split_at(curve.size());
        Self::Ec {
            curve,
            crv: crv.to_owned(),
            x: URL_SAFE_NO_PAD.encode(x),
            y: URL_SAFE_NO_PAD.encode(y),
            d: URL_SAFE_NO_PAD.encode(d),
        }
    }

    fn rsa(pair: &rsa::KeyPair) -> Option<Self> {
        let public = pair.public_key();
        let numbers = der::integers(public.as_ref())?;
        let [n, e] = numbers.as_slice() else {
            return None;
        };
        let pkcs8 = AsDer::<Pkcs8V1Der<'static>>::as_der(pair).ok()?;
        Some(Self::Rsa {
            n: URL_SAFE_NO_PAD.encode(n),
            e: URL_SAFE_NO_PAD.encode(e),
            pkcs8: URL_SAFE_NO_PAD.encode(pkcs8.as_ref()),
        })
    }

    /// Another key of the same kind.
    pub fn like(&self) -> Wanted {
        match self {
            Self::Ec { curve, crv, .. } => Wanted::Ec {
                curve: *curve,
                crv: crv.clone(),
            },
            Self::Rsa { .. } => Wanted::Rsa {
                bits: self.bits().unwrap_or(RSA_SIZES[0]),
            },
        }
    }

    /// The size of an RSA key.
    pub fn bits(&self) -> Option<i64> {
        match self {
            Self::Ec { .. } => None,
            Self::Rsa { n, .. } => i64::try_from(number(n)?.len() * 8).ok(),
        }
    }

    /// `EC` or `RSA`.
    pub fn family(&self) -> &'static str {
        match self {
            Self::Ec { .. } => "EC",
            Self::Rsa { .. } => "RSA",
        }
    }

    /// Lays the public members over a JSON Web Key.
    pub fn show(&self, jwk: &mut Map<String, Value>) {
        let mut put = |name: &str, value: &str| jwk.insert(name.to_owned(), json!(value));
        match self {
            Self::Ec { crv, x, y, .. } => {
                put("crv", crv);
                put("x", x);
                put("y", y);
            }
            Self::Rsa { n, e, .. } => {
                put("n", n);
                put("e", e);
            }
        }
    }
}

/// The bytes of a base64url text, padded or not.
pub fn number(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()
}

fn left_padded(number: &[u8], size: usize) -> Option<Vec<u8>> {
    let digits = der::trimmed(number);
    let zeros = size.checked_sub(digits.len())?;
    let mut padded = vec![0; zeros];
    padded.extend(digits);
    Some(padded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(name: &str) -> Wanted {
        Wanted::Ec {
            curve: Curve::named(name).unwrap(),
            crv: name.to_owned(),
        }
    }

    #[test]
    fn elliptic_keys_can_be_imported_again_and_only_whole() {
        for name in ["P-256", "P-384", "P-521", "P-256K"] {
            let made = Material::generate(&wanted(name)).unwrap();
            assert_eq!(made.like(), wanted(name));
            let mut jwk = Map::new();
            made.show(&mut jwk);
            assert_eq!(Material::import(&jwk), None, "{name} without d");
            let Material::Ec { d, .. } = &made else {
                panic!("{name} is not elliptic");
            };
            jwk.insert("d".to_owned(), json!(d));
            assert_eq!(Material::import(&jwk).as_ref(), Some(&made));
            let Material::Ec { d, .. } = Material::generate(&wanted(name)).unwrap() else {
                panic!("{name} is not elliptic");
            };
            jwk.insert("d".to_owned(), json!(d));
            assert_eq!(Material::import(&jwk), None, "{name} with a foreign d");
        }
    }

    #[test]
    fn rsa_keys_have_their_size_and_need_all_their_numbers() {
        let made = Material::generate(&Wanted::Rsa { bits: 2048 }).unwrap();
        assert_eq!((made.bits(), made.family()), (Some(2048), "RSA"));
        let mut jwk = Map::new();
        made.show(&mut jwk);
        assert_eq!(jwk["e"], json!("AQAB"));
        assert_eq!(Material::import(&jwk), None);
        assert_eq!(Material::generate(&Wanted::Rsa { bits: 1024 }), None);
    }
}
