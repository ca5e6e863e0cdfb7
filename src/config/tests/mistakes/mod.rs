//! What people see who made a mistake.

mod clouds;
mod files;
mod values;

use super::{COMMON, mistakes, render, sound};

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
