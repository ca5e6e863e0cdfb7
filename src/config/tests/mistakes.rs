//! What people see who made a mistake.

use super::{COMMON, mistakes};

/// The mistakes of an environment `dev` on top of the least `common.toml`.
fn in_dev(dev: &str) -> String {
    mistakes(&[("common.toml", COMMON), ("dev.toml", dev)])
}

fn in_common(common: &str) -> String {
    mistakes(&[("common.toml", common)])
}

#[test]
fn every_mistake_at_once() {
    let common = COMMON
        .replace("eastus2", "eastus22")
        .replace("22222222-2222-4222-8222-222222222222", "my subscription");
    let dev = "\
[group]
nmae = \"rg-dev\"

[registry]
name = \"a-b\"
sku = \"Premum\"
admin_user = \"no\"
replicate_to = [\"westus2\", 5, \"moon\"]
retain_untagged_days = -1

[envrionment]
protected = true
";
    let prod = "\
[group]
lock = true
[registry]
";
    let files = [
        ("common.toml", &*common),
        ("dev.toml", dev),
        ("prod.toml", prod),
    ];
    insta::assert_snapshot!(mistakes(&files), @r#"
      x the configuration has 13 mistakes

    Error:
      x `my subscription` is not a GUID
       ,-[environments/common.toml:4:16]
     3 | tenant = "11111111-1111-4111-8111-111111111111"
     4 | subscription = "my subscription"
       :                ^^^^^^^^^^^^^^^^^
     5 |
       `----
      help: such as 22222222-2222-4222-8222-222222222222; `az account show` prints
            yours

    Error:
      x `eastus22` is not an Azure region
       ,-[environments/common.toml:7:11]
     6 | [regions]
     7 | primary = "eastus22"
       :           ^^^^^^^^^^
     8 | recovery = "westus2"
       `----
      help: did you mean `eastus2`?

    Error:
      x unknown key `nmae`
       ,-[environments/dev.toml:2:1]
     1 | [group]
     2 | nmae = "rg-dev"
       : ^^^^
     3 |
       `----
      help: did you mean `name`?

    Error:
      x `a-b` is not a registry name
       ,-[environments/dev.toml:5:8]
     4 | [registry]
     5 | name = "a-b"
       :        ^^^^^
     6 | sku = "Premum"
       `----
      help: 5 to 50 letters and digits

    Error:
      x `Premum` is none of Basic, Standard, Premium
       ,-[environments/dev.toml:6:7]
     5 | name = "a-b"
     6 | sku = "Premum"
       :       ^^^^^^^^
     7 | admin_user = "no"
       `----
      help: did you mean `Premium`?

    Error:
      x expected true or false, found a string
       ,-[environments/dev.toml:7:14]
     6 | sku = "Premum"
     7 | admin_user = "no"
       :              ^^^^
     8 | replicate_to = ["westus2", 5, "moon"]
       `----

    Error:
      x expected a string, found an integer
       ,-[environments/dev.toml:8:28]
     7 | admin_user = "no"
     8 | replicate_to = ["westus2", 5, "moon"]
       :                            ^
     9 | retain_untagged_days = -1
       `----

    Error:
      x `moon` is not an Azure region
       ,-[environments/dev.toml:8:31]
     7 | admin_user = "no"
     8 | replicate_to = ["westus2", 5, "moon"]
       :                               ^^^^^^
     9 | retain_untagged_days = -1
       `----
      help: did you mean `eastus`?

    Error:
      x expected a whole number from 0 to 65535, found -1
        ,-[environments/dev.toml:9:24]
      8 | replicate_to = ["westus2", 5, "moon"]
      9 | retain_untagged_days = -1
        :                        ^^
     10 |
        `----

    Error:
      x unknown key `envrionment`
        ,-[environments/dev.toml:11:2]
     10 |
     11 | [envrionment]
        :  ^^^^^^^^^^^
     12 | protected = true
        `----
      help: did you mean `environment`?

    Error:
      x missing key `name`
       ,-[environments/prod.toml:1:2]
     1 | [group]
       :  ^^^^^
     2 | lock = true
       `----

    Error:
      x expected a string, found true
       ,-[environments/prod.toml:2:8]
     1 | [group]
     2 | lock = true
       :        ^^^^
     3 | [registry]
       `----

    Error:
      x missing key `name`
       ,-[environments/prod.toml:3:2]
     2 | lock = true
     3 | [registry]
       :  ^^^^^^^^
       `----
    "#);
}

#[test]
fn a_faulty_value_has_no_consequences() {
    // With sku Basic, the first choice, replication would be refused; with the door shut, the
    // default, a list of guests would be. Neither is said while the value is faulty.
    let dev = "\
[group]
name = 5
[registry]
name = \"onestreamdev\"
sku = \"Gold\"
public_network_access = \"yes\"
allowed_ips = [\"10.0.0.1\", \"10.0.0.300\"]
replicate_to = [\"westus2\"]
";
    insta::assert_snapshot!(in_dev(dev), @r#"
      x the configuration has 4 mistakes

    Error:
      x expected a string, found an integer
       ,-[environments/dev.toml:2:8]
     1 | [group]
     2 | name = 5
       :        ^
     3 | [registry]
       `----

    Error:
      x `Gold` is none of Basic, Standard, Premium
       ,-[environments/dev.toml:5:7]
     4 | name = "onestreamdev"
     5 | sku = "Gold"
       :       ^^^^^^
     6 | public_network_access = "yes"
       `----

    Error:
      x expected true or false, found a string
       ,-[environments/dev.toml:6:25]
     5 | sku = "Gold"
     6 | public_network_access = "yes"
       :                         ^^^^^
     7 | allowed_ips = ["10.0.0.1", "10.0.0.300"]
       `----

    Error:
      x `10.0.0.300` is not an IPv4 address or CIDR range
       ,-[environments/dev.toml:7:28]
     6 | public_network_access = "yes"
     7 | allowed_ips = ["10.0.0.1", "10.0.0.300"]
       :                            ^^^^^^^^^^^^
     8 | replicate_to = ["westus2"]
       `----
    "#);
}

#[test]
fn syntax_errors_of_a_file_at_once() {
    let dev = "\
[group
name = \"rg-dev\"
[registry]
name = onestreamdev
sku =
replicate_to = [\"westus2\"
";
    insta::assert_snapshot!(in_dev(dev), @r#"
      x the configuration has 4 mistakes

    Error:
      x unclosed table, expected `]`
       ,-[environments/dev.toml:1:7]
     1 | [group
       :       ^
     2 | name = "rg-dev"
       `----

    Error:
      x string values must be quoted, expected literal string
       ,-[environments/dev.toml:4:8]
     3 | [registry]
     4 | name = onestreamdev
       :        ^^^^^^^^^^^^
     5 | sku =
       `----

    Error:
      x string values must be quoted, expected literal string
       ,-[environments/dev.toml:5:6]
     4 | name = onestreamdev
     5 | sku =
       :      ^
     6 | replicate_to = ["westus2"
       `----

    Error:
      x unclosed array, expected `]`
       ,-[environments/dev.toml:6:26]
     5 | sku =
     6 | replicate_to = ["westus2"
       :                          ^
       `----
    "#);
}

#[test]
fn a_broken_common_file_leaves_the_others_to_be_checked() {
    let files = [
        ("common.toml", "[azure\n"),
        ("dev.toml", "[registry]\nskuu = \"Premium\"\nname = \"-\"\n"),
    ];
    insta::assert_snapshot!(mistakes(&files), @r#"
      x the configuration has 2 mistakes

    Error:
      x unclosed table, expected `]`
       ,-[environments/common.toml:1:7]
     1 | [azure
       :       ^
       `----

    Error:
      x unknown key `skuu`
       ,-[environments/dev.toml:2:1]
     1 | [registry]
     2 | skuu = "Premium"
       : ^^^^
     3 | name = "-"
       `----
      help: did you mean `sku`?
    "#);
}

#[test]
fn duplicates_show_both_places() {
    let dev = "\
[group]
name = \"rg-dev\"
name = \"rg-dev-2\"
[registry]
name = \"onestreamdev\"
[group]
lock = \"ReadOnly\"
";
    insta::assert_snapshot!(in_dev(dev), @r#"
      x the configuration has 2 mistakes

    Error:
      x `name` is set a second time
       ,-[environments/dev.toml:3:1]
     1 | [group]
     2 | name = "rg-dev"
       : ^^|^
       :   `-- first here
     3 | name = "rg-dev-2"
       : ^^|^
       :   `-- again here
     4 | [registry]
       `----

    Error:
      x `group` is set a second time
       ,-[environments/dev.toml:1:2]
     1 | [group]
       :  ^^|^^
       :    `-- first here
     2 | name = "rg-dev"
       `----
       ,-[environments/dev.toml:6:2]
     5 | name = "onestreamdev"
     6 | [group]
       :  ^^|^^
       :    `-- again here
     7 | lock = "ReadOnly"
       `----
    "#);
}

#[test]
fn names_are_unique_over_environments() {
    let files = [
        ("common.toml", COMMON),
        ("dev.toml", "[group]\nname = \"rg-one\"\n"),
        ("prod.toml", "# prod\n[group]\nname = \"RG-One\"\n"),
    ];
    insta::assert_snapshot!(mistakes(&files), @r#"
      x the configuration has a mistake

    Error:
      x `rg-one` is taken: names of resource groups are unique over all
      | environments
       ,-[environments/prod.toml:3:8]
     2 | [group]
     3 | name = "RG-One"
       :        ^^^^^^^^
       `----

    Advice:
      > it was first used here
       ,-[environments/dev.toml:2:8]
     1 | [group]
     2 | name = "rg-one"
       :        ^^^^^^^^
       `----
    "#);
    let common = format!("{COMMON}[group]\nname = \"rg-one\"\n");
    let files = [
        ("common.toml", &*common),
        ("dev.toml", ""),
        ("prod.toml", ""),
    ];
    insta::assert_snapshot!(mistakes(&files), @r#"
      x the configuration has a mistake

    Error:
      x `rg-one` is taken: names of resource groups are unique over all
      | environments
        ,-[environments/common.toml:10:8]
      9 | [group]
     10 | name = "rg-one"
        :        ^^^^|^^^
        :            `-- in prod
        `----
    "#);
    let common = format!("{COMMON}[shared.group]\nname = \"rg-one\"\n");
    let files = [
        ("common.toml", &*common),
        ("dev.toml", "[group]\nname = \"rg-one\"\n"),
    ];
    insta::assert_snapshot!(mistakes(&files), @r#"
      x the configuration has a mistake

    Error:
      x `rg-one` is taken: names of resource groups are unique over all
      | environments
       ,-[environments/dev.toml:2:8]
     1 | [group]
     2 | name = "rg-one"
       :        ^^^^^^^^
       `----

    Advice:
      > it was first used here
        ,-[environments/common.toml:10:8]
      9 | [shared.group]
     10 | name = "rg-one"
        :        ^^^^^^^^
        `----
    "#);
}

#[test]
fn inherited_mistakes_are_said_once_with_who_inherits_them() {
    let common = format!("{COMMON}[registry]\nreplicate_to = [\"moon\"]\nsku = \"Basic\"\n");
    let files = [
        ("common.toml", &*common),
        (
            "dev.toml",
            "[group]\nname = \"rg-dev\"\n[registry]\nname = \"onestreamdev\"\n",
        ),
        ("prod.toml", "[group]\nname = \"rg-prod\"\n"),
    ];
    insta::assert_snapshot!(mistakes(&files), @r#"
      x the configuration has 4 mistakes

    Error:
      x missing key `name`
        ,-[environments/common.toml:9:2]
      8 | recovery = "westus2"
      9 | [registry]
        :  ^^^^|^^^
        :      `-- in prod
     10 | replicate_to = ["moon"]
        `----

    Error:
      x geo-replication needs sku Premium, not Basic
        ,-[environments/common.toml:10:16]
      9 | [registry]
     10 | replicate_to = ["moon"]
        :                ^^^^|^^^
        :                    `-- in dev, prod
     11 | sku = "Basic"
        `----

    Error:
      x `moon` is not an Azure region
        ,-[environments/common.toml:10:17]
      9 | [registry]
     10 | replicate_to = ["moon"]
        :                 ^^^|^^
        :                    `-- in dev, prod
     11 | sku = "Basic"
        `----
      help: did you mean `eastus`?

    Error:
      x closing public network access needs sku Premium, not Basic
        ,-[environments/common.toml:11:7]
     10 | replicate_to = ["moon"]
     11 | sku = "Basic"
        :       ^^^|^^^
        :          `-- in dev, prod
        `----
    "#);
}

#[test]
fn some_things_are_said_in_common_only() {
    let dev = "\
[azure]
cloud = \"public\"
[control]
store = \"file:elsewhere\"
[shared.group]
name = \"rg-shared\"
";
    insta::assert_snapshot!(in_dev(dev), @r#"
      x the configuration has 3 mistakes

    Error:
      x `azure.cloud` cannot be set here
       ,-[environments/dev.toml:2:1]
     1 | [azure]
     2 | cloud = "public"
       : ^^^^^
     3 | [control]
       `----
      help: it is one for all environments: set it in environments/common.toml

    Error:
      x `control` cannot be set here
       ,-[environments/dev.toml:3:2]
     2 | cloud = "public"
     3 | [control]
       :  ^^^^^^^
     4 | store = "file:elsewhere"
       `----
      help: it is one for all environments: set it in environments/common.toml

    Error:
      x `shared` cannot be set here
       ,-[environments/dev.toml:5:2]
     4 | store = "file:elsewhere"
     5 | [shared.group]
       :  ^^^^^^
     6 | name = "rg-shared"
       `----
      help: `shared` is described in environments/common.toml
    "#);
    let common =
        format!("{COMMON}[shared.azure]\ntenant = \"x\"\n[shared.environment]\norder = 1\n");
    insta::assert_snapshot!(in_common(&common), @r#"
      x the configuration has 2 mistakes

    Error:
      x `azure` cannot be set here
        ,-[environments/common.toml:9:9]
      8 | recovery = "westus2"
      9 | [shared.azure]
        :         ^^^^^
     10 | tenant = "x"
        `----
      help: `shared` lives in the tenant and subscription of `[azure]`

    Error:
      x `environment.order` cannot be set here
        ,-[environments/common.toml:12:1]
     11 | [shared.environment]
     12 | order = 1
        : ^^^^^
        `----
      help: `shared` always comes first

    Warning:
      ! no environment beside `shared`
      help: add one as environments/NAME.toml
    "#);
}

#[test]
fn what_has_to_be_there() {
    insta::assert_snapshot!(in_common(""), @r#"
      x the configuration has 2 mistakes

    Error:
      x missing key `azure`
       ,-[environments/common.toml:1:1]
       `----
      help: add a table `[azure]`

    Error:
      x missing key `regions`
       ,-[environments/common.toml:1:1]
       `----
      help: add a table `[regions]`

    Warning:
      ! no environment beside `shared`
      help: add one as environments/NAME.toml
    "#);
    insta::assert_snapshot!(in_common("[azure]\ncloud = \"emulator\"\n[regions]\n"), @r#"
      x the configuration has 4 mistakes

    Error:
      x missing key `subscription`
       ,-[environments/common.toml:1:2]
     1 | [azure]
       :  ^^^^^
     2 | cloud = "emulator"
       `----

    Error:
      x missing key `tenant`
       ,-[environments/common.toml:1:2]
     1 | [azure]
       :  ^^^^^
     2 | cloud = "emulator"
       `----

    Error:
      x missing key `primary`
       ,-[environments/common.toml:3:2]
     2 | cloud = "emulator"
     3 | [regions]
       :  ^^^^^^^
       `----

    Error:
      x missing key `recovery`
       ,-[environments/common.toml:3:2]
     2 | cloud = "emulator"
     3 | [regions]
       :  ^^^^^^^
       `----

    Warning:
      ! no environment beside `shared`
      help: add one as environments/NAME.toml
    "#);
}

#[test]
fn tables_are_tables() {
    insta::assert_snapshot!(in_dev("group = 5\nregistry = [1]\ntags = { a = 1 }\nregions = 1979-05-27\n"), @r#"
      x the configuration has 4 mistakes

    Error:
      x expected a table, found an integer
       ,-[environments/dev.toml:1:9]
     1 | group = 5
       :         ^
     2 | registry = [1]
       `----

    Error:
      x expected a table, found an array
       ,-[environments/dev.toml:2:12]
     1 | group = 5
     2 | registry = [1]
       :            ^^^
     3 | tags = { a = 1 }
       `----

    Error:
      x expected a string, found an integer
       ,-[environments/dev.toml:3:14]
     2 | registry = [1]
     3 | tags = { a = 1 }
       :              ^
     4 | regions = 1979-05-27
       `----

    Error:
      x expected a table, found a date or time
       ,-[environments/dev.toml:4:11]
     3 | tags = { a = 1 }
     4 | regions = 1979-05-27
       :           ^^^^^^^^^^
       `----
    "#);
    insta::assert_snapshot!(in_common("azure = []\nregions = \"eastus2\"\nshared = 1\n"), @r#"
      x the configuration has 3 mistakes

    Error:
      x expected a table, found an array
       ,-[environments/common.toml:1:9]
     1 | azure = []
       :         ^^
     2 | regions = "eastus2"
       `----

    Error:
      x expected a table, found a string
       ,-[environments/common.toml:2:11]
     1 | azure = []
     2 | regions = "eastus2"
       :           ^^^^^^^^^
     3 | shared = 1
       `----

    Error:
      x expected a table, found an integer
       ,-[environments/common.toml:3:10]
     2 | regions = "eastus2"
     3 | shared = 1
       :          ^
       `----

    Warning:
      ! no environment beside `shared`
      help: add one as environments/NAME.toml
    "#);
}

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
fn regions_and_tags() {
    let dev = "\
[regions]
primary = \"East US 2\"
[tags]
managed-by = \"me\"
\"a/b\" = \"\"
Team = \"a\"
team = \"b\"
";
    insta::assert_snapshot!(in_dev(dev), @r#"
      x the configuration has 4 mistakes

    Error:
      x `East US 2` is not an Azure region
       ,-[environments/dev.toml:2:11]
     1 | [regions]
     2 | primary = "East US 2"
       :           ^^^^^^^^^^^
     3 | [tags]
       `----
      help: did you mean `eastus2`?

    Error:
      x the tag `managed-by` is set by onestream itself
       ,-[environments/dev.toml:4:1]
     3 | [tags]
     4 | managed-by = "me"
       : ^^^^^^^^^^
     5 | "a/b" = ""
       `----

    Error:
      x a tag's name cannot have '/': none of <>%&\?/ and no control characters
       ,-[environments/dev.toml:5:1]
     4 | managed-by = "me"
     5 | "a/b" = ""
       : ^^^^^
     6 | Team = "a"
       `----

    Error:
      x the tag `team` differs from another by case only, which Azure ignores
       ,-[environments/dev.toml:7:1]
     6 | Team = "a"
     7 | team = "b"
       : ^^^^
       `----
    "#);
    insta::assert_snapshot!(in_dev("[regions]\nrecovery = \"eastus2\"\n"), @r#"
      x the configuration has a mistake

    Error:
      x the recovery region is the primary region
       ,-[environments/dev.toml:2:12]
     1 | [regions]
     2 | recovery = "eastus2"
       :            ^^^^^^^^^
       `----
      help: name a region that stands when the primary one fails
    "#);
}

#[test]
fn numbers_have_bounds() {
    let dev =
        "[environment]\norder = 99999999999999999999\n[registry]\nretain_untagged_days = 70000\n";
    insta::assert_snapshot!(in_dev(dev), @r#"
      x the configuration has 4 mistakes

    Error:
      x a number beyond what 64 bits hold
       ,-[environments/dev.toml:2:9]
     1 | [environment]
     2 | order = 99999999999999999999
       :         ^^^^^^^^^^^^^^^^^^^^
     3 | [registry]
       `----

    Error:
      x a registry needs a resource group
       ,-[environments/dev.toml:3:1]
     2 | order = 99999999999999999999
     3 | [registry]
       : ^^^^^^^^^^
     4 | retain_untagged_days = 70000
       `----
      help: add `[group]` with a name

    Error:
      x missing key `name`
       ,-[environments/dev.toml:3:2]
     2 | order = 99999999999999999999
     3 | [registry]
       :  ^^^^^^^^
     4 | retain_untagged_days = 70000
       `----

    Error:
      x expected a whole number from 0 to 65535, found 70000
       ,-[environments/dev.toml:4:24]
     3 | [registry]
     4 | retain_untagged_days = 70000
       :                        ^^^^^
       `----
    "#);
}

#[test]
fn nothing_steers_the_terminal() {
    insta::assert_snapshot!(in_dev("\"\\u001b[31mred\" = 1\n# \u{85}\nname = \"\u{1b}\"\n"), @r#"
      x the configuration has a mistake

    Error:
      x invalid basic string, expected non-double-quote visible characters, `\`
       ,-[environments/dev.toml:3:9]
     2 | #
     3 | name = " "
       :         ^
       `----
    "#);
    insta::assert_snapshot!(in_dev("\"\\u001b[31mred\" = 1\n# \u{85}"), @r#"
      x the configuration has a mistake

    Error:
      x unknown key `\u{1b}[31mred`
       ,-[environments/dev.toml:1:1]
     1 | "\u001b[31mred" = 1
       : ^^^^^^^^^^^^^^^
     2 | #
       `----
      help: known here: azure, regions, tags, environment, group, network,
            registry, vault, cluster, workspace, store, services
    "#);
}

#[test]
fn what_was_meant_is_taken_as_there() {
    let dev = "\
[gruop]
name = \"rg-dev\"
[registry]
nmae = \"onestreamdev\"
public_netwrok_access = true
allowed_ips = [\"10.0.0.1\"]
";
    insta::assert_snapshot!(in_dev(dev), @r#"
      x the configuration has 3 mistakes

    Error:
      x unknown key `gruop`
       ,-[environments/dev.toml:1:2]
     1 | [gruop]
       :  ^^^^^
     2 | name = "rg-dev"
       `----
      help: did you mean `group`?

    Error:
      x unknown key `nmae`
       ,-[environments/dev.toml:4:1]
     3 | [registry]
     4 | nmae = "onestreamdev"
       : ^^^^
     5 | public_netwrok_access = true
       `----
      help: did you mean `name`?

    Error:
      x unknown key `public_netwrok_access`
       ,-[environments/dev.toml:5:1]
     4 | nmae = "onestreamdev"
     5 | public_netwrok_access = true
       : ^^^^^^^^^^^^^^^^^^^^^
     6 | allowed_ips = ["10.0.0.1"]
       `----
      help: did you mean `public_network_access`?
    "#);
}

#[test]
fn ranges_that_clash_are_shown_with_both_places() {
    let dev = "\
[group]
name = \"rg\"
[network]
name = \"vnet\"
address_space = [\"10.0.0.0/16\"]
[network.subnets]
endpoints = \"10.0.1.0/24\"
nodes = \"10.0.0.0/22\"
outside = \"10.1.0.0/24\"
";
    insta::assert_snapshot!(in_dev(dev), @r#"
      x the configuration has 2 mistakes

    Error:
      x `10.0.0.0/22` overlaps `10.0.1.0/24` of subnet `endpoints`
       ,-[environments/dev.toml:8:9]
     6 | [network.subnets]
     7 | endpoints = "10.0.1.0/24"
       :             ^^^^^^|^^^^^^
       :                   `-- because of this
     8 | nodes = "10.0.0.0/22"
       :         ^^^^^^^^^^^^^
     9 | outside = "10.1.0.0/24"
       `----

    Error:
      x `10.1.0.0/24` lies outside the network's 10.0.0.0/16
       ,-[environments/dev.toml:9:11]
     4 | name = "vnet"
     5 | address_space = ["10.0.0.0/16"]
       :                 ^^^^^^^|^^^^^^^
       :                        `-- because of this
     6 | [network.subnets]
     7 | endpoints = "10.0.1.0/24"
     8 | nodes = "10.0.0.0/22"
     9 | outside = "10.1.0.0/24"
       :           ^^^^^^^^^^^^^
       `----
    "#);
}

#[test]
fn a_private_endpoint_needs_a_network_and_the_tier_for_it() {
    let dev = "\
[group]
name = \"rg\"
[registry]
name = \"onestreamdev\"
sku = \"Standard\"
public_network_access = true
private_endpoint = true
";
    insta::assert_snapshot!(in_dev(dev), @r#"
      x the configuration has 2 mistakes

    Error:
      x a private endpoint needs a network to stand in
       ,-[environments/dev.toml:7:20]
     6 | public_network_access = true
     7 | private_endpoint = true
       :                    ^^^^
       `----
      help: add `[network]`

    Error:
      x a private endpoint needs sku Premium, not Standard
       ,-[environments/dev.toml:7:20]
     6 | public_network_access = true
     7 | private_endpoint = true
       :                    ^^^^
       `----
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
