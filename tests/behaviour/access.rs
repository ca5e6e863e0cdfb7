//! The commands of `rbac`, as people and programs run them.

use serde_json::Value as Json;

use crate::program::{Ran, Root};

fn json(ran: &Ran) -> Json {
    let document: Json = serde_json::from_str(&ran.out).expect("one document");
    assert_eq!(
        (&document["version"], &document["cloud"]),
        (&1.into(), &"emulator".into())
    );
    document
}

/// The rules of what is found, with what they are about.
fn rules(document: &Json) -> Vec<(&str, &str)> {
    let findings = document["findings"].as_array().expect("a list").iter();
    findings
        .map(|one| {
            let text = |key: &str| one[key].as_str().expect("a text");
            (text("rule"), text("subject"))
        })
        .collect()
}

#[test]
fn access_is_as_declared_after_an_apply_and_differs_after_an_edit() {
    let root = Root::unprotected();
    // Nothing stands yet: everything declared is missing, and nobody has anything.
    let before = json(&root.expect(2, &["rbac", "check", "--format", "json"]));
    let found = rules(&before);
    assert!(
        found.contains(&("missing-principal", "dev-pipeline")),
        "{found:?}"
    );
    assert!(
        found.iter().all(|(rule, _)| rule.starts_with("missing-")),
        "{found:?}"
    );
    root.expect(0, &["apply", "--auto-approve"]);

    let clean = root.expect(0, &["rbac", "check"]);
    assert!(
        clean
            .out
            .starts_with("no findings on emulator: access is as declared\n"),
        "{clean:?}"
    );
    let matrix = root.expect(0, &["rbac", "matrix"]);
    for line in [
        "dev-pipeline      ✓ push-pull  ✓ deploy  ✓ sign",
        "promotion-engine  ✓ pull       –         ✓ verify",
        "approvers         –         –         ✓ sign",
    ] {
        assert!(matrix.out.contains(line), "{}", matrix.out);
    }
    let markdown = root.expect(0, &["rbac", "matrix", "--format", "markdown"]);
    assert!(
        markdown
            .out
            .contains("| `dev-pipeline` | ✓ push-pull | ✓ deploy | ✓ sign |")
    );

    // One cell goes, one comes: what stands is more here and missing there.
    root.replace("rbac/matrix.toml", "\"staging.registry\" = \"pull\"\n", "");
    root.replace(
        "rbac/matrix.toml",
        "\"prod.registry\" = \"pull\"\n",
        "\"prod.registry\" = \"pull\"\n\"staging.registry\" = \"pull\"\n",
    );
    let changed = json(&root.expect(2, &["rbac", "check", "--format", "json"]));
    assert_eq!(changed["complete"], true);
    let found = rules(&changed);
    let missing = "staging.grant.prod-pipeline.registry.pull";
    assert_eq!(
        found,
        [
            ("extra-grant", "staging-pipeline"),
            ("missing-grant", missing)
        ]
    );
    let matrix = json(&root.expect(2, &["rbac", "matrix", "--format", "json"]));
    let row = |name: &str| {
        let rows = matrix["rows"].as_array().expect("rows");
        let row = rows.iter().find(|row| row["name"] == name).expect("a row");
        let cells = row["cells"].as_array().expect("cells");
        let cell = cells.iter().find(|cell| cell["on"] == "staging.registry");
        cell.expect("a cell").clone()
    };
    assert_eq!(
        row("staging-pipeline")["marks"],
        serde_json::json!(["more than declared"])
    );
    assert_eq!(row("staging-pipeline")["more"][0]["role_name"], "AcrPull");
    assert_eq!(
        row("prod-pipeline")["marks"],
        serde_json::json!(["missing"])
    );
    let page = root.expect(2, &["rbac", "check", "--format", "markdown"]);
    assert!(
        page.out
            .contains("| medium | `extra-grant` | `staging-pipeline` |"),
        "{}",
        page.out
    );
}

#[test]
fn an_action_that_no_provider_has_is_warned_of_here_and_found_there() {
    let root = Root::unprotected();
    let capabilities = root.read("rbac/capabilities.toml");
    let misspelt = capabilities.replace(
        "registries/importImage/action",
        "registries/importImages/action",
    );
    root.write("rbac/capabilities.toml", &misspelt);
    // Providers grow, so it is no mistake.
    let said = root.expect(0, &["validate"]);
    for text in [
        "no provider is known to have",
        "rbac/capabilities.toml:",
        "did you mean `Microsoft.ContainerRegistry/registries/importImage/action`?",
    ] {
        assert!(said.err.contains(text), "{text}: {}", said.err);
    }
    let valid: Json = serde_json::from_str(&root.expect(0, &["validate", "--format", "json"]).out)
        .expect("one document");
    let warnings = valid["warnings"].as_array().expect("a list");
    // In the role, and in what the word means.
    assert_eq!(warnings.len(), 2, "{warnings:#?}");
    for warning in warnings {
        assert_eq!(warning["file"], "rbac/capabilities.toml");
        assert!(warning["line"].is_u64() && warning["help"].is_string());
    }
    // Azure takes no role with an action that a type of its providers does not have.
    let refused = root.expect(4, &["apply", "--auto-approve"]);
    assert!(
        refused.err.contains("InvalidActionOrNotAction"),
        "{refused:?}"
    );
    // What it does not know yet, such as a type, is found where it stands.
    let misspelt = capabilities.replace(
        "registries/importImage/action",
        "registrys/importImage/action",
    );
    root.write("rbac/capabilities.toml", &misspelt);
    root.expect(0, &["apply", "--auto-approve"]);
    let checked = json(&root.expect(2, &["rbac", "check", "--format", "json"]));
    let findings = checked["findings"].as_array().expect("a list");
    assert_eq!(
        rules(&checked),
        [("unknown-action", "shared.role.image-importer")]
    );
    assert_eq!(
        findings[0]["instead"],
        "did you mean Microsoft.ContainerRegistry/registries/importImage/action?"
    );
}

#[test]
fn it_is_explained_what_gives_something_and_how_to_take_it_away() {
    let root = Root::unprotected();
    root.expect(64, &["rbac", "explain", "ada", "dev.nowhere"]);
    root.expect(0, &["apply", "--auto-approve"]);
    let sign = "Microsoft.KeyVault/vaults/keys/sign/action";
    let why = root.expect(
        0,
        &["rbac", "explain", "ada", "prod.vault.key.cosign", sign],
    );
    for text in [
        "on prod.vault.key.cosign: allowed",
        "through approvers",
        "prod.grant.approvers.vault.key.cosign.sign",
        "take \"prod.vault.key.cosign\" = \"sign\" out of [approvers]",
        "or take ada out of approvers",
    ] {
        let spaced = why.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(spaced.contains(text), "{text}: {}", why.out);
    }
    let arguments = [
        "rbac",
        "explain",
        "dev-pipeline",
        "prod.registry",
        "--format",
        "json",
    ];
    let nothing = json(&root.expect(0, &arguments));
    assert_eq!(nothing["answers"][0]["by"], serde_json::json!([]));
    assert_eq!(nothing["obtainable"], serde_json::json!([]));
    let push = "Microsoft.ContainerRegistry/registries/push/write";
    let arguments = [
        "rbac",
        "explain",
        "promotion-engine",
        "prod.registry",
        push,
        "--format",
        "json",
    ];
    let answer = json(&root.expect(0, &arguments));
    assert_eq!(answer["answers"][0]["verdict"], "not-given");
    let stranger = root.expect(64, &["rbac", "explain", "nobody", "prod.registry"]);
    assert!(
        stranger
            .err
            .contains("no principal, group or member `nobody`"),
        "{stranger:?}"
    );
    // Of the deployer it is said what it could come to hold.
    let local = root.expect(0, &["rbac", "explain", "local", "prod.vault.key.cosign"]);
    assert!(local.out.contains("could obtain more"), "{}", local.out);
}

#[test]
fn what_is_no_action_is_refused_and_a_word_stands_for_its_actions() {
    let root = Root::unprotected();
    root.expect(0, &["apply", "--auto-approve"]);
    let explain =
        |code, who, address, what| root.expect(code, &["rbac", "explain", who, address, what]);
    let acr = "Microsoft.ContainerRegistry/registries";
    let misspelt = format!("{acr}/push/writ");
    let key = "dev.vault.key.cosign";
    for (who, address, what, said) in [
        (
            "ada",
            "dev.registry",
            misspelt.as_str(),
            "did you mean Microsoft.ContainerRegistry/registries/push/write?",
        ),
        (
            "ada",
            "dev.registry",
            "Microsoft.ContainerRegistry/nothing/of/that",
            "has no action",
        ),
        ("ada", "dev.registry", "pus", "did you mean push?"),
        (
            "ada",
            "dev.registry",
            "xyzzy",
            "no action, no capability and no probe",
        ),
        ("ada", "dev.registry", "*", "is a pattern"),
        (
            "ada",
            "dev.registry",
            "sign",
            "nobody does on Microsoft.ContainerRegistry/registries",
        ),
        ("dev-pipeline", key, "singn", "did you mean sign?"),
    ] {
        let told = explain(64, who, address, what);
        let told = told.err.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains(said), "{what}: {said}: {told}");
    }
    for (who, address, what, said) in [
        (
            "ada",
            "dev.registry",
            "push",
            &[
                "`push` stands for Microsoft.ContainerRegistry/registries/push/write",
                "push/write on dev.registry: allowed",
            ][..],
        ),
        (
            "ada",
            "dev.registry",
            "push-pull",
            &[
                "push/write on dev.registry: allowed",
                "pull/read on dev.registry: allowed",
            ],
        ),
        (
            "dev-pipeline",
            key,
            "sign",
            &[
                "data action Microsoft.KeyVault/vaults/keys/sign/action on dev.vault.key.cosign: allowed",
            ],
        ),
        (
            "dev-pipeline",
            "dev.cluster",
            "secrets",
            &["secrets/read on dev.cluster: not given"],
        ),
        (
            "dev-pipeline",
            "dev.cluster",
            "Microsoft.Compute/virtualMachines/read",
            &["not given by anything"],
        ),
    ] {
        let told = explain(0, who, address, what);
        let told = told.out.split_whitespace().collect::<Vec<_>>().join(" ");
        for said in said {
            assert!(told.contains(said), "{what}: {said}: {told}");
        }
    }
    let arguments = [
        "rbac",
        "explain",
        "ada",
        "dev.registry",
        "push",
        "--format",
        "json",
    ];
    let told = json(&root.expect(0, &arguments));
    assert_eq!(told["asked"]["word"], "push");
    assert_eq!(
        told["asked"]["actions"][0]["action"],
        format!("{acr}/push/write")
    );
}

#[test]
fn a_role_of_azures_that_gives_more_than_the_word_is_not_assigned() {
    let root = Root::unprotected();
    // Key Vault Crypto User, for a word that means to verify.
    root.replace(
        "rbac/capabilities.toml",
        "grants = [{ role = \"key-verifier\" }]",
        "grants = [{ built_in = \"12338af0-0e69-4776-bea7-57ae8d297424\", name = \"Crypto User\" }]",
    );
    let refused = root.expect(3, &["apply", "--auto-approve"]);
    let told = refused.err.split_whitespace().collect::<Vec<_>>().join(" ");
    for text in [
        "dev.grant.promotion-engine.vault.key.cosign.verify: Key Vault Crypto User gives",
        "Microsoft.KeyVault/vaults/keys/encrypt/action",
        "which `verify` does not mean",
    ] {
        assert!(told.contains(text), "{text}: {told}");
    }
    let plan = json(&root.expect(3, &["plan", "--format", "json"]));
    assert!(plan.to_string().contains("\"meaning\""), "{plan:#}");
}
