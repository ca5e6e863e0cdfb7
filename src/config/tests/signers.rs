//! Who approves has a key of their own, and whoever cannot have one is told why.

use super::{COMMON, mistakes, name, sound};
use crate::kinds::{Grantee, KeyType, Target};

const SHARED: &str = "\
[shared.group]
name = \"rg-shared\"
[shared.vault]
name = \"kv-shared\"
public_network_access = true
allowed_ips = [\"203.0.113.7\"]
[shared.vault.keys.audit]
";
const PROD: &str = "\
[environment]
protected = true
approvals = 2
[group]
name = \"rg-prod\"
";
const PRINCIPALS: &str = "\
[groups.approvers]
approves = true
[groups.approvers.members]
ada = \"66666666-6666-4666-8666-00000000000A\"
grace = \"66666666-6666-4666-8666-000000000002\"
[groups.readers.members]
eve = \"66666666-6666-4666-8666-000000000003\"
[deployers.ci]
object_id = \"66666666-6666-4666-8666-000000000009\"
";
const CAPABILITIES: &str = "\
[capabilities.sign]
target = \"key\"
grants = [{ role = \"signer\" }]
[roles.signer]
data_actions = [\"Microsoft.KeyVault/vaults/keys/sign/action\"]
";

fn files<'t>(
    common: &'t str,
    prod: &'t str,
    principals: &'t str,
    capabilities: &'t str,
) -> [(&'static str, &'t str); 4] {
    [
        ("common.toml", common),
        ("prod.toml", prod),
        ("rbac/principals.toml", principals),
        ("rbac/capabilities.toml", capabilities),
    ]
}

#[test]
fn each_approver_gets_a_key_and_what_deploys_signs_with_the_audit_key() {
    let common = format!("{COMMON}{SHARED}");
    let configuration = sound(&files(&common, PROD, PRINCIPALS, CAPABILITIES));
    let shared = configuration.environment(&name("shared")).expect("there");
    let vault = shared.sections.vault.as_ref().expect("a vault");
    let keys: Vec<(&str, KeyType)> = vault
        .keys
        .iter()
        .map(|(name, key)| (name.as_str(), key.key_type))
        .collect();
    let hardware = |name| (name, KeyType::EcHsm);
    assert_eq!(
        keys,
        ["approver-ada", "approver-grace", "audit"].map(hardware)
    );
    let grants = shared.sections.access.grants.iter().map(|grant| {
        let Grantee::Known {
            name,
            object_id,
            principal_type,
        } = &grant.to
        else {
            panic!("{grant:?}")
        };
        let Target::Key(key) = &grant.target else {
            panic!("{grant:?}")
        };
        format!(
            "{name} {} {principal_type} {key} {}",
            &object_id[34..],
            grant.capability
        )
    });
    assert_eq!(
        grants.collect::<Vec<_>>(),
        [
            "ada 0a User approver-ada sign",
            "grace 02 User approver-grace sign",
            "ci 09 ServicePrincipal audit sign",
        ]
    );
    assert_eq!(
        configuration.approvers.keys().collect::<Vec<_>>(),
        ["ada", "grace"]
    );
    // What asks for most counts for `shared`, which is protected with it.
    assert!(shared.place.protected);
    assert_eq!(shared.approvals, 2);
    assert!(configuration.warnings.is_empty());
}

#[test]
fn more_approvals_than_people_are_warned_of() {
    let common = format!("{COMMON}{SHARED}");
    let prod = PROD.replace("approvals = 2", "approvals = 3");
    let configuration = sound(&files(&common, &prod, PRINCIPALS, CAPABILITIES));
    let warnings: Vec<String> = configuration
        .warnings
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        warnings,
        [
            "shared asks for 3 approvals, and 2 approve",
            "prod asks for 3 approvals, and 2 approve",
        ]
    );
}

#[test]
fn who_cannot_have_a_key_is_told_why() {
    let common = format!("{COMMON}{SHARED}");
    let elsewhere = "[groups.approvers]\napproves = true\nobject_id = \
                     \"66666666-6666-4666-8666-000000000001\"\n";
    let twice = format!(
        "{PRINCIPALS}[groups.more]\napproves = true\n[groups.more.members]\nada = \
         \"66666666-6666-4666-8666-000000000004\"\n"
    );
    let software = common.replace("kv-shared\"\n", "kv-shared\"\nsku = \"standard\"\n");
    let software = software.replace("keys.audit]\n", "keys.audit]\ntype = \"EC\"\n");
    let taken = format!("{common}[shared.vault.keys.approver-ada]\n");
    let none = PROD.replace("approvals = 2", "approvals = 0");
    let cases = [
        (
            files(&common, PROD, elsewhere, CAPABILITIES),
            "somebody else keeps this group",
        ),
        (
            files(&common, PROD, &twice, CAPABILITIES),
            "has another ada who approves",
        ),
        (
            files(&common, PROD, PRINCIPALS, ""),
            "no capability `sign` on keys",
        ),
        (
            files(COMMON, PROD, PRINCIPALS, CAPABILITIES),
            "in the shared vault, and there is none",
        ),
        (
            files(&software, PROD, PRINCIPALS, CAPABILITIES),
            "the shared vault has none",
        ),
        (
            files(&taken, PROD, PRINCIPALS, CAPABILITIES),
            "is declared, too",
        ),
        (
            files(&common, &none, PRINCIPALS, CAPABILITIES),
            "without approvals is not protected",
        ),
    ];
    for (files, told) in cases {
        let said = mistakes(&files)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        assert!(said.contains(told), "{told}: {said}");
    }
}

#[test]
fn nobody_is_given_the_audit_key_to_sign_with() {
    let common = format!("{COMMON}{SHARED}[shared.vault.keys.other]\n");
    let capabilities = format!(
        "{CAPABILITIES}\
[capabilities.attest]
target = \"key\"
grants = [{{ built_in = \"12338af0-0e69-4776-bea7-57ae8d297424\", name = \"Key Vault Crypto User\" }}]
means.data_actions = [\"microsoft.keyvault/vaults/keys/SIGN/action\"]
[capabilities.verify]
target = \"key\"
grants = [{{ role = \"verifier\" }}]
[roles.verifier]
data_actions = [\"Microsoft.KeyVault/vaults/keys/verify/action\"]
"
    );
    let told = |cell: &str| {
        let matrix = format!("[readers]\n{cell}\n");
        let mut files = files(&common, PROD, PRINCIPALS, &capabilities).to_vec();
        files.push(("rbac/matrix.toml", &matrix));
        mistakes(&files)
    };
    insta::assert_snapshot!(told("\"shared.vault.key.audit\" = \"sign\""), @r#"
      x the configuration has a mistake

    Error:
      x `sign` signs, and with shared.vault.key.audit only what runs `apply` may
       ,-[rbac/matrix.toml:2:28]
     1 | [readers]
     2 | "shared.vault.key.audit" = "sign"
       :                            ^^^^^^
       `----
      help: take the cell out: whoever signs with it can write an audit log of
            their own. Those of `[deployers]` are given it without one
    "#);
    assert!(told("shared.vault.key.audit = \"attest\"").contains("`attest` signs"));
    for cell in ["audit\" = \"verify\"", "other\" = \"sign\""] {
        let matrix = format!("[readers]\n\"shared.vault.key.{cell}\n");
        let mut files = files(&common, PROD, PRINCIPALS, &capabilities).to_vec();
        files.push(("rbac/matrix.toml", &matrix));
        sound(&files);
    }
}
