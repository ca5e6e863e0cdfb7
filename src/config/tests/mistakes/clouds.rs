//! Clouds, tenants and control stores that cannot be.

use super::*;

#[test]
fn clouds_that_nobody_knows() {
    let nowhere = COMMON
        .replace("\"emulator\"", "\"custom\"")
        .replace("11111111-1111", "33333333-3333")
        .replace("22222222-2222", "44444444-4444");
    insta::assert_snapshot!(in_common(&nowhere), @r#"
      x the configuration has a mistake

    Error:
      x the custom cloud needs `[azure.endpoints]`
       ,-[environments/common.toml:2:9]
     1 | [azure]
     2 | cloud = "custom"
       :         ^^^^^^^^
     3 | tenant = "33333333-3333-4111-8111-111111111111"
       `----
      help: with resource_manager, authority, graph, vault_suffix and
            registry_suffix

    Warning:
      ! no environment beside `shared`
      help: add one as environments/NAME.toml
    "#);
    let endpoints = "\
[azure.endpoints]
resource_manager = \"http://management.example.com\"
authority = \"login.example.com\"
graph = \"https://me:secret@graph.example.com\"
vault_suffix = \"vault.example.com/x\"
";
    insta::assert_snapshot!(in_common(&format!("{nowhere}{endpoints}")), @r#"
      x the configuration has 5 mistakes

    Error:
      x missing key `registry_suffix`
        ,-[environments/common.toml:9:8]
      8 | recovery = "westus2"
      9 | [azure.endpoints]
        :        ^^^^^^^^^
     10 | resource_manager = "http://management.example.com"
        `----

    Error:
      x `http://management.example.com` is not https, and not on this machine
        ,-[environments/common.toml:10:20]
      9 | [azure.endpoints]
     10 | resource_manager = "http://management.example.com"
        :                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
     11 | authority = "login.example.com"
        `----

    Error:
      x `login.example.com` is not a URL: relative URL without a base
        ,-[environments/common.toml:11:13]
     10 | resource_manager = "http://management.example.com"
     11 | authority = "login.example.com"
        :             ^^^^^^^^^^^^^^^^^^^
     12 | graph = "https://me:secret@graph.example.com"
        `----

    Error:
      x a URL here holds no user and no password
        ,-[environments/common.toml:12:9]
     11 | authority = "login.example.com"
     12 | graph = "https://me:secret@graph.example.com"
        :         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
     13 | vault_suffix = "vault.example.com/x"
        `----

    Error:
      x `vault.example.com/x` is not the end of a host's name, such as
      | vault.azure.net
        ,-[environments/common.toml:13:16]
     12 | graph = "https://me:secret@graph.example.com"
     13 | vault_suffix = "vault.example.com/x"
        :                ^^^^^^^^^^^^^^^^^^^^^
        `----

    Warning:
      ! no environment beside `shared`
      help: add one as environments/NAME.toml
    "#);
    let cloud = COMMON.replace("\"emulator\"", "\"Public \"\ncredential = \"az-cli\"");
    insta::assert_snapshot!(in_common(&cloud), @r#"
      x the configuration has 2 mistakes

    Error:
      x `Public ` is none of emulator, public, usgov, china, custom
       ,-[environments/common.toml:2:9]
     1 | [azure]
     2 | cloud = "Public "
       :         ^^^^^^^^^
     3 | credential = "az-cli"
       `----
      help: did you mean `public`?

    Error:
      x `az-cli` is none of auto, environment, workload-identity, azure-pipelines,
      | managed-identity, azure-cli
       ,-[environments/common.toml:3:14]
     2 | cloud = "Public "
     3 | credential = "az-cli"
       :              ^^^^^^^^
     4 | tenant = "11111111-1111-4111-8111-111111111111"
       `----
      help: did you mean `azure-cli`?

    Warning:
      ! no environment beside `shared`
      help: add one as environments/NAME.toml
    "#);
}

#[test]
fn the_samples_tenant_in_a_real_cloud() {
    let real = COMMON
        .replace("\"emulator\"", "\"public\"")
        .replace("22222222-2222", "44444444-4444");
    insta::assert_snapshot!(in_common(&real), @r#"
      x the configuration has a mistake

    Error:
      x `11111111-1111-4111-8111-111111111111` is the sample's placeholder: no
      | cloud but the emulator knows it
       ,-[environments/common.toml:3:10]
     2 | cloud = "public"
     3 | tenant = "11111111-1111-4111-8111-111111111111"
       :          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
     4 | subscription = "44444444-4444-4222-8222-222222222222"
       `----
      help: `az account show --query '{tenant: tenantId, subscription: id}'`
            prints yours

    Warning:
      ! no environment beside `shared`
      help: add one as environments/NAME.toml
    "#);
}

#[test]
fn stores_that_cannot_be() {
    let store = |text: &str| in_common(&format!("{COMMON}[control]\n{text}\n"));
    insta::assert_snapshot!(store("store = \"file:../elsewhere\"\nendpoint = \"https://x\""), @r#"
      x the configuration has 2 mistakes

    Error:
      x `../elsewhere` is not a folder inside the root folder
        ,-[environments/common.toml:10:9]
      9 | [control]
     10 | store = "file:../elsewhere"
        :         ^^^^^^^^^^^^^^^^^^^
     11 | endpoint = "https://x"
        `----

    Error:
      x only a store `azblob://ACCOUNT/CONTAINER` has an endpoint
        ,-[environments/common.toml:11:12]
     10 | store = "file:../elsewhere"
     11 | endpoint = "https://x"
        :            ^^^^^^^^^^^
        `----

    Warning:
      ! no environment beside `shared`
      help: add one as environments/NAME.toml
    "#);
    insta::assert_snapshot!(store("store = \"azblob://x\""), @r#"
      x the configuration has a mistake

    Error:
      x `azblob://x` has no container: `azblob://ACCOUNT/CONTAINER`
        ,-[environments/common.toml:10:9]
      9 | [control]
     10 | store = "azblob://x"
        :         ^^^^^^^^^^^^
        `----

    Warning:
      ! no environment beside `shared`
      help: add one as environments/NAME.toml
    "#);
}

#[test]
fn places_that_take_no_audit_log() {
    let export = "\
[control.export]
endpoint = \"https://logs.example.org\"
rule = \"dcr-1234\"
steam = \"Custom-Audit_CL\"
";
    insta::assert_snapshot!(in_common(&format!("{COMMON}{export}")), @r#"
      x the configuration has 3 mistakes

    Error:
      x `https://logs.example.org` takes no logs for Azure Monitor
        ,-[environments/common.toml:10:12]
      9 | [control.export]
     10 | endpoint = "https://logs.example.org"
        :            ^^^^^^^^^^^^^^^^^^^^^^^^^^
     11 | rule = "dcr-1234"
        `----
      help: such as https://NAME-1a2b-eastus2.logs.z1.ingest.monitor.azure.com:
            `az monitor data-collection rule show --query endpoints.logsIngestion`

    Error:
      x `dcr-1234` is no immutable id of a rule
        ,-[environments/common.toml:11:8]
     10 | endpoint = "https://logs.example.org"
     11 | rule = "dcr-1234"
        :        ^^^^^^^^^^
     12 | steam = "Custom-Audit_CL"
        `----
      help: `dcr-` and 32 hexadecimal digits: `az monitor data-collection rule
            show --query immutableId`

    Error:
      x unknown key `steam`
        ,-[environments/common.toml:12:1]
     11 | rule = "dcr-1234"
     12 | steam = "Custom-Audit_CL"
        : ^^^^^
        `----
      help: did you mean `stream`?

    Warning:
      ! no environment beside `shared`
      help: add one as environments/NAME.toml
    "#);
}

#[test]
fn a_store_that_cannot_be() {
    let store = |text: &str| {
        let network = "[shared.group]\nname = \"rg\"\n[shared.store]\n";
        in_common(&format!("{COMMON}{network}{text}\n"))
    };
    insta::assert_snapshot!(
        store(
            "account = \"Stone-Stream\"\nsku = \"Standard_LRS\"\nsoft_delete_days = 400\n\
             public_network_access = true\n[shared.store.containers.Audit]\nappend_only_days = 0",
        ),
        @r#"
      x the configuration has 5 mistakes

    Error:
      x `Stone-Stream` is not a storage account's name
        ,-[environments/common.toml:12:11]
     11 | [shared.store]
     12 | account = "Stone-Stream"
        :           ^^^^^^^^^^^^^^
     13 | sku = "Standard_LRS"
        `----
      help: 3 to 24 lower-case letters and digits

    Error:
      x `Standard_LRS` is none of Standard_GRS, Standard_RAGRS, Standard_GZRS,
      | Standard_RAGZRS
        ,-[environments/common.toml:13:7]
     12 | account = "Stone-Stream"
     13 | sku = "Standard_LRS"
        :       ^^^^^^^^^^^^^^
     14 | soft_delete_days = 400
        `----
      help: did you mean `Standard_GRS`?

    Error:
      x 400 days is not a retention
        ,-[environments/common.toml:14:20]
     13 | sku = "Standard_LRS"
     14 | soft_delete_days = 400
        :                    ^^^
     15 | public_network_access = true
        `----
      help: 1 to 365 days

    Error:
      x `Audit` is not a container's name
        ,-[environments/common.toml:16:1]
     15 | public_network_access = true
     16 | [shared.store.containers.Audit]
        : ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
     17 | append_only_days = 0
        `----
      help: 3 to 63 lower-case letters, digits and single hyphens between them

    Error:
      x 0 days is not a retention
        ,-[environments/common.toml:17:20]
     16 | [shared.store.containers.Audit]
     17 | append_only_days = 0
        :                    ^
        `----
      help: 1 to 146000 days

    Warning:
      ! no environment beside `shared`
      help: add one as environments/NAME.toml
    "#
    );
    let control = |name: &str, container: &str| {
        store(&format!(
            "account = \"stonestream\"\npublic_network_access = true\n\
             [shared.store.containers.{container}]\n\
             [control]\nstore = \"azblob://stonestream/{name}\""
        ))
    };
    insta::assert_snapshot!(control("contrl", "control"), @r#"
      x the configuration has a mistake

    Error:
      x `[shared.store]` declares no container `contrl`
        ,-[environments/common.toml:16:9]
     15 | [control]
     16 | store = "azblob://stonestream/contrl"
        :         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        `----
      help: did you mean `control`?

    Warning:
      ! no environment beside `shared`
      help: add one as environments/NAME.toml
    "#);
    let audit = "control]\nappend_only_days = 7\n[shared.store.containers.other";
    insta::assert_snapshot!(control("control", audit), @r#"
      x the configuration has a mistake

    Error:
      x `control` is append-only, and leases are overwritten
        ,-[environments/common.toml:18:9]
     17 | [control]
     18 | store = "azblob://stonestream/control"
        :         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        `----
      help: name a container without append_only_days; the audit log may be in
            another one, as [control] audit

    Warning:
      ! no environment beside `shared`
      help: add one as environments/NAME.toml
    "#);
}
