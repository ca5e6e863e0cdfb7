//! Signing, verifying and encrypting with key material.

use super::curve::Curve;
use super::material::{Material, number};
use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::rsa::{
    KeyPair, OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm, OaepPrivateDecryptingKey,
    OaepPublicEncryptingKey, Pkcs1PrivateDecryptingKey, Pkcs1PublicEncryptingKey,
    PrivateDecryptingKey,
};
use aws_lc_rs::signature::{
    EcdsaKeyPair, KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RSA_PSS_SHA256,
    RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, UnparsedPublicKey, VerificationAlgorithm,
};

/// Why nothing came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CryptoError {
    /// No algorithm has that name.
    Unknown,
    /// The algorithm is for another type of key.
    Incompatible { needs: &'static str },
    /// The digest is not as long as the algorithm's.
    Length { bits: usize, bytes: usize },
    /// The text is too long for the key.
    TooLong,
    /// It cannot be decrypted.
    Undecipherable,
    /// The stored key does not make a key.
    Broken,
}

/// A signature algorithm.
enum Signing {
    Ec(Curve),
    Rsa {
        digest: &'static digest::Algorithm,
        signing: &'static dyn RsaEncoding,
        verifying: &'static dyn VerificationAlgorithm,
    },
}

impl Signing {
    fn named(name: &str) -> Option<Self> {
        let rsa = |digest, signing, verifying| Self::Rsa {
            digest,
            signing,
            verifying,
        };
        Some(match name {
            "ES256" => Self::Ec(Curve::P256),
            "ES384" => Self::Ec(Curve::P384),
            "ES512" => Self::Ec(Curve::P521),
            // ECDSA256 is its name in api-version 2016-10-01.
            "ES256K" | "ECDSA256" => Self::Ec(Curve::P256K),
            "RS256" => rsa(
                &digest::SHA256,
                &RSA_PKCS1_SHA256,
                &RSA_PKCS1_2048_8192_SHA256,
            ),
            "RS384" => rsa(
                &digest::SHA384,
                &RSA_PKCS1_SHA384,
                &RSA_PKCS1_2048_8192_SHA384,
            ),
            "RS512" => rsa(
                &digest::SHA512,
                &RSA_PKCS1_SHA512,
                &RSA_PKCS1_2048_8192_SHA512,
            ),
            "PS256" => rsa(&digest::SHA256, &RSA_PSS_SHA256, &RSA_PSS_2048_8192_SHA256),
            "PS384" => rsa(&digest::SHA384, &RSA_PSS_SHA384, &RSA_PSS_2048_8192_SHA384),
            "PS512" => rsa(&digest::SHA512, &RSA_PSS_SHA512, &RSA_PSS_2048_8192_SHA512),
            _ => return None,
        })
    }

    /// The digest, if the algorithm takes it and the key takes the algorithm.
    fn digest(&self, material: &Material, bytes: &[u8]) -> Result<Digest, CryptoError> {
        let algorithm = match (self, material) {
            (Self::Ec(wanted), Material::Ec { curve, .. }) if wanted == curve => curve.digest(),
            (Self::Rsa { digest, .. }, Material::Rsa { .. }) => *digest,
            (Self::Ec(_), _) => return Err(CryptoError::Incompatible { needs: "EC" }),
            (Self::Rsa { .. }, _) => return Err(CryptoError::Incompatible { needs: "RSA" }),
        };
        Digest::import_less_safe(bytes, algorithm).map_err(|_| CryptoError::Length {
            bits: algorithm.output_len() * 8,
            bytes: bytes.len(),
        })
    }
}

/// The signature of a digest: `r` and `s` side by side on curves.
pub fn sign(material: &Material, algorithm: &str, bytes: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let signing = Signing::named(algorithm).ok_or(CryptoError::Unknown)?;
    let digest = signing.digest(material, bytes)?;
    match signing {
        Signing::Ec(curve) => {
            let signature = elliptic(material, curve)
                .and_then(|pair| pair.sign_digest(&digest).ok())
                .ok_or(CryptoError::Broken)?;
            Ok(signature.as_ref().to_vec())
        }
        Signing::Rsa { signing, .. } => {
            let pair = rsa_pair(material).ok_or(CryptoError::Broken)?;
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign_digest(signing, &digest, &mut signature)
                .map_err(|_| CryptoError::Broken)?;
            Ok(signature)
        }
    }
}

/// Whether a signature is one of the digest.
pub fn verify(
    material: &Material,
    algorithm: &str,
    bytes: &[u8],
    signature: &[u8],
) -> Result<bool, CryptoError> {
    let signing = Signing::named(algorithm).ok_or(CryptoError::Unknown)?;
    let digest = signing.digest(material, bytes)?;
    let (verifying, public): (&'static dyn VerificationAlgorithm, Vec<u8>) = match signing {
        Signing::Ec(curve) => {
            let pair = elliptic(material, curve).ok_or(CryptoError::Broken)?;
            (curve.verifying(), pair.public_key().as_ref().to_vec())
        }
        Signing::Rsa { verifying, .. } => {
            let pair = rsa_pair(material).ok_or(CryptoError::Broken)?;
            (verifying, pair.public_key().as_ref().to_vec())
        }
    };
    Ok(UnparsedPublicKey::new(verifying, public)
        .verify_digest(&digest, signature)
        .is_ok())
}

/// An encryption algorithm.
enum Padding {
    Pkcs1,
    Oaep(&'static OaepAlgorithm),
}

impl Padding {
    fn named(name: &str) -> Option<Self> {
        match name {
            "RSA1_5" => Some(Self::Pkcs1),
            "RSA-OAEP" => Some(Self::Oaep(&OAEP_SHA1_MGF1SHA1)),
            "RSA-OAEP-256" => Some(Self::Oaep(&OAEP_SHA256_MGF1SHA256)),
            _ => None,
        }
    }
}

/// Encrypts or wraps.
pub fn encrypt(material: &Material, algorithm: &str, plain: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let (padding, key) = prepared(material, algorithm)?;
    let public = key.public_key();
    let mut out = vec![0; public.key_size_bytes()];
    let encrypted = match padding {
        Padding::Pkcs1 => Pkcs1PublicEncryptingKey::new(public)
            .and_then(|key| key.encrypt(plain, &mut out).map(|text| text.to_vec())),
        Padding::Oaep(algorithm) => OaepPublicEncryptingKey::new(public).and_then(|key| {
            key.encrypt(algorithm, plain, &mut out, None)
                .map(|text| text.to_vec())
        }),
    };
    encrypted.map_err(|_| CryptoError::TooLong)
}

/// Decrypts or unwraps.
pub fn decrypt(material: &Material, algorithm: &str, text: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let (padding, key) = prepared(material, algorithm)?;
    let mut out = vec![0; key.key_size_bytes()];
    let decrypted = match padding {
        Padding::Pkcs1 => Pkcs1PrivateDecryptingKey::new(key)
            .and_then(|key| key.decrypt(text, &mut out).map(|plain| plain.to_vec())),
        Padding::Oaep(algorithm) => OaepPrivateDecryptingKey::new(key).and_then(|key| {
            key.decrypt(algorithm, text, &mut out, None)
                .map(|plain| plain.to_vec())
        }),
    };
    decrypted.map_err(|_| CryptoError::Undecipherable)
}

fn prepared(
    material: &Material,
    algorithm: &str,
) -> Result<(Padding, PrivateDecryptingKey), CryptoError> {
    let padding = Padding::named(algorithm).ok_or(CryptoError::Unknown)?;
    let Material::Rsa { pkcs8, .. } = material else {
        return Err(CryptoError::Incompatible { needs: "RSA" });
    };
    let key = number(pkcs8).and_then(|der| PrivateDecryptingKey::from_pkcs8(&der).ok());
    Ok((padding, key.ok_or(CryptoError::Broken)?))
}

fn rsa_pair(material: &Material) -> Option<KeyPair> {
    let Material::Rsa { pkcs8, .. } = material else {
        return None;
    };
    KeyPair::from_pkcs8(&number(pkcs8)?).ok()
}

fn elliptic(material: &Material, curve: Curve) -> Option<EcdsaKeyPair> {
    let Material::Ec { x, y, d, .. } = material else {
        return None;
    };
    let mut point = vec![4];
    point.extend(number(x)?);
    point.extend(number(y)?);
    EcdsaKeyPair::from_private_key_and_public_key(curve.signing(), &number(d)?, &point).ok()
}

#[cfg(test)]
mod tests {
    use super::super::material::Wanted;
    use super::*;

    fn elliptic(name: &str) -> Material {
        Material::generate(&Wanted::Ec {
            curve: Curve::named(name).unwrap(),
            crv: name.to_owned(),
        })
        .unwrap()
    }

    #[test]
    fn signatures_hold_for_their_digest_and_key_only() {
        for (curve, algorithm, bytes) in [
            ("P-256", "ES256", 32),
            ("P-384", "ES384", 48),
            ("P-521", "ES512", 64),
            ("P-256K", "ES256K", 32),
        ] {
            let (key, other) = (elliptic(curve), elliptic(curve));
            let digest = vec![7; bytes];
            let signature = sign(&key, algorithm, &digest).unwrap();
            assert_eq!(signature.len(), 2 * Curve::named(curve).unwrap().size());
            assert_eq!(verify(&key, algorithm, &digest, &signature), Ok(true));
            assert_eq!(
                verify(&key, algorithm, &vec![8; bytes], &signature),
                Ok(false)
            );
            assert_eq!(verify(&other, algorithm, &digest, &signature), Ok(false));
        }
    }

    #[test]
    fn rsa_signs_and_encrypts() {
        let key = Material::generate(&Wanted::Rsa { bits: 2048 }).unwrap();
        for (algorithm, bytes) in [
            ("RS256", 32),
            ("RS384", 48),
            ("RS512", 64),
            ("PS256", 32),
            ("PS512", 64),
        ] {
            let digest = vec![1; bytes];
            let signature = sign(&key, algorithm, &digest).unwrap();
            assert_eq!(verify(&key, algorithm, &digest, &signature), Ok(true));
            assert_eq!(
                verify(&key, algorithm, &vec![2; bytes], &signature),
                Ok(false)
            );
        }
        for algorithm in ["RSA1_5", "RSA-OAEP", "RSA-OAEP-256"] {
            let text = encrypt(&key, algorithm, b"secret").unwrap();
            assert_eq!(decrypt(&key, algorithm, &text).unwrap(), b"secret");
            assert_eq!(
                encrypt(&key, algorithm, &[0; 300]),
                Err(CryptoError::TooLong)
            );
        }
        let text = encrypt(&key, "RSA-OAEP", b"secret").unwrap();
        assert_eq!(
            decrypt(&key, "RSA-OAEP-256", &text),
            Err(CryptoError::Undecipherable)
        );
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let key = elliptic("P-256");
        assert_eq!(sign(&key, "none", &[0; 32]), Err(CryptoError::Unknown));
        assert_eq!(
            sign(&key, "RS256", &[0; 32]),
            Err(CryptoError::Incompatible { needs: "RSA" })
        );
        assert_eq!(
            sign(&key, "ES384", &[0; 48]),
            Err(CryptoError::Incompatible { needs: "EC" })
        );
        assert_eq!(
            sign(&key, "ES256", &[0; 31]),
            Err(CryptoError::Length {
                bits: 256,
                bytes: 31
            })
        );
        assert_eq!(
            encrypt(&key, "RSA-OAEP", b"x"),
            Err(CryptoError::Incompatible { needs: "RSA" })
        );
    }
}
