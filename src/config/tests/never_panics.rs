//! Whatever the files hold: an answer, and one that can be shown.

use proptest::prelude::*;

use super::super::{SAMPLES, load};
use super::{COMMON, folder, render, write};

/// Pieces that TOML is made of, and some that it is not.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("[group]\n".to_owned()),
        Just("[registry]\n".to_owned()),
        Just("[shared.registry]\n".to_owned()),
        Just("[[registry.replicate_to]]\n".to_owned()),
        Just("[azure.endpoints]\n".to_owned()),
        Just("name = \"x\"\n".to_owned()),
        Just("[principals.dev-pipeline]\n".to_owned()),
        Just("[groups.approvers.members]\n".to_owned()),
        Just("[capabilities.pull]\ntarget = \"registry\"\n".to_owned()),
        Just("grants = [{ role = \"x\", on = \"namespaces\" }]\n".to_owned()),
        Just("[dev-pipeline]\ndev.registry = \"pull\"\n".to_owned()),
        Just("\"dev.registry\" = \"pull\"\n".to_owned()),
        Just("sku = 'Premium'\n".to_owned()),
        Just("replicate_to = [\n\"a\", {b = 1},\n]\n".to_owned()),
        Just("text = \"\"\"\r\nä\n\"\"\"\n".to_owned()),
        Just("when = 1979-05-27T07:32:00Z\n".to_owned()),
        Just("n = [nan, -inf, 1e400, 0xffffffffffffffff]\n".to_owned()),
        "[a-z.\\[\\]={}\"', \\n\\t\\r#0-9]{0,12}",
        "\\PC{0,6}",
        any::<char>().prop_map(String::from),
    ]
}

fn toml_ish() -> impl Strategy<Value = String> {
    prop::collection::vec(piece(), 0..12).prop_map(|pieces| pieces.concat())
}

/// A sample file with some of its bytes cut out and others put in.
fn mutated() -> impl Strategy<Value = (usize, Vec<u8>)> {
    let cuts = prop::collection::vec((any::<prop::sample::Index>(), 0..9_usize, piece()), 1..4);
    (0..SAMPLES.len(), cuts).prop_map(|(sample, cuts)| {
        let mut bytes = SAMPLES[sample].1.as_bytes().to_vec();
        for (at, length, piece) in cuts {
            let start = at.index(bytes.len() + 1);
            let end = (start + length).min(bytes.len());
            bytes.splice(start..end, piece.bytes());
        }
        (sample, bytes)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn on_any_text(common in toml_ish(), dev in toml_ish(), sound in any::<bool>()) {
        let common = if sound { format!("{COMMON}{common}") } else { common };
        let root = folder(&[("common.toml", &common), ("dev.toml", &dev)]);
        if let Err(errors) = load(root.path(), &[]) {
            prop_assert!(!errors.mistakes.is_empty());
            render(&errors);
        }
    }

    #[test]
    fn on_any_rbac(
        principals in toml_ish(),
        capabilities in toml_ish(),
        matrix in toml_ish(),
        sound in any::<bool>(),
    ) {
        let root = folder(&[("common.toml", COMMON), ("dev.toml", "[group]\nname = 'rg'\n")]);
        for ((path, text), other) in SAMPLES[4..].iter().zip([principals, capabilities, matrix]) {
            let text = if sound { format!("{text}{other}") } else { other };
            write(root.path(), path, text.as_bytes());
        }
        if let Err(errors) = load(root.path(), &[]) {
            prop_assert!(!errors.mistakes.is_empty());
            render(&errors);
        }
    }

    #[test]
    fn on_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let root = folder(&[("common.toml", COMMON)]);
        write(root.path(), "dev.toml", &bytes);
        write(root.path(), "rbac/matrix.toml", &bytes);
        if let Err(errors) = load(root.path(), &[]) {
            render(&errors);
        }
    }

    #[test]
    fn on_mutated_samples((sample, bytes) in mutated()) {
        let root = folder(&[]);
        for (at, (path, text)) in SAMPLES.iter().enumerate() {
            let file = path.trim_start_matches("environments/");
            write(root.path(), file, if at == sample { &bytes } else { text.as_bytes() });
        }
        if let Err(errors) = load(root.path(), &[]) {
            prop_assert!(!errors.mistakes.is_empty());
            render(&errors);
        }
    }
}
