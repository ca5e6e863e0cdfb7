//! Signatures on P-256 (ES256), verified on this machine with the public half that was recorded.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

use crate::provision::signed::{Bytes, RecordedKey};

/// The first byte of a point that is given by both its coordinates (SEC 1, 2.3.3).
const UNCOMPRESSED: u8 = 4;
/// How long a coordinate is.
const COORDINATE: usize = 32;

/// Whether `signature` (`r` and `s` side by side) is this key's own of `statement`.
pub fn verifies(key: &RecordedKey, statement: &str, signature: &Bytes) -> bool {
    let coordinates = [&key.x.0, &key.y.0];
    if coordinates.iter().any(|it| it.len() != COORDINATE) {
        return false;
    }
    let mut point = vec![UNCOMPRESSED];
    coordinates
        .iter()
        .for_each(|it| point.extend_from_slice(it));
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
        .verify(statement.as_bytes(), &signature.0)
        .is_ok()
}

#[cfg(test)]
pub(super) mod testing {
    //! Keys as a vault has them, for tests.

    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};

    use super::*;
    use crate::provision::signed::SigningKey;

    /// A key with both its halves.
    pub struct Pair {
        /// The public half.
        pub recorded: RecordedKey,
        pair: EcdsaKeyPair,
    }

    impl Pair {
        /// A new key of this name.
        pub fn new(name: &str) -> Self {
            let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
            let point = pair.public_key().as_ref();
            let recorded = RecordedKey {
                key: SigningKey {
                    vault: "kv".to_owned(),
                    name: name.to_owned(),
                    version: "0a".to_owned(),
                },
                x: Bytes(point[1..=COORDINATE].to_vec()),
                y: Bytes(point[1 + COORDINATE..].to_vec()),
                at: "2026-07-31T10:15:30.000Z".to_owned(),
            };
            Self { recorded, pair }
        }

        /// Its signature.
        pub fn sign(&self, statement: &str) -> Bytes {
            let random = SystemRandom::new();
            let signature = self.pair.sign(&random, statement.as_bytes());
            Bytes(signature.expect("signs").as_ref().to_vec())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::Pair;
    use super::*;

    #[test]
    fn only_the_keys_own_signature_of_the_statement_verifies() {
        let (one, other) = (Pair::new("a"), Pair::new("a"));
        let signature = one.sign("yes");
        assert!(verifies(&one.recorded, "yes", &signature));
        assert!(!verifies(&one.recorded, "no", &signature));
        assert!(!verifies(&other.recorded, "yes", &signature));
        assert!(!verifies(&one.recorded, "yes", &Bytes(vec![0; 64])));
        assert!(!verifies(&one.recorded, "yes", &Bytes::default()));
        let mut short = one.recorded.clone();
        short.x.0.pop();
        assert!(!verifies(&short, "yes", &signature));
    }
}
