//! What people see who made a mistake about a cluster.

use super::{COMMON, mistakes};

/// The mistakes of an environment `dev` with a group, a network and this.
fn in_dev(rest: &str) -> String {
    let dev = format!(
        "[group]\nname = \"rg\"\n\
         [network]\nname = \"vnet\"\naddress_space = [\"10.10.0.0/16\"]\n\
         [network.subnets]\nnodes = \"10.10.0.0/20\"\n{rest}"
    );
    mistakes(&[("common.toml", COMMON), ("dev.toml", &dev)])
}

#[test]
fn ranges_that_clash_are_shown_with_both_places() {
    let cluster = "\
[cluster]
name = \"aks\"
kubernetes = \"1.36\"
pod_cidr = \"10.10.128.0/17\"
service_cidr = \"10.10.200.0/24\"
[cluster.pools.system]
mode = \"System\"
count = 3
";
    insta::assert_snapshot!(in_dev(cluster), @r#"
      x the configuration has 3 mistakes

    Error:
      x `10.10.128.0/17` overlaps `10.10.0.0/16` of the network
        ,-[environments/dev.toml:11:12]
      4 | name = "vnet"
      5 | address_space = ["10.10.0.0/16"]
        :                  ^^^^^^^|^^^^^^
        :                         `-- because of this
      6 | [network.subnets]
      7 | nodes = "10.10.0.0/20"
      8 | [cluster]
      9 | name = "aks"
     10 | kubernetes = "1.36"
     11 | pod_cidr = "10.10.128.0/17"
        :            ^^^^^^^^^^^^^^^^
     12 | service_cidr = "10.10.200.0/24"
        `----

    Error:
      x `10.10.200.0/24` overlaps `10.10.0.0/16` of the network
       ,-[environments/dev.toml:5:18]
     4 | name = "vnet"
     5 | address_space = ["10.10.0.0/16"]
       :                  ^^^^^^^|^^^^^^
       :                         `-- because of this
     6 | [network.subnets]
       `----
        ,-[environments/dev.toml:12:16]
     11 | pod_cidr = "10.10.128.0/17"
     12 | service_cidr = "10.10.200.0/24"
        :                ^^^^^^^^^^^^^^^^
     13 | [cluster.pools.system]
        `----

    Error:
      x `10.10.200.0/24` overlaps `10.10.128.0/17` of pod_cidr
        ,-[environments/dev.toml:12:16]
     10 | kubernetes = "1.36"
     11 | pod_cidr = "10.10.128.0/17"
        :            ^^^^^^^^|^^^^^^^
        :                    `-- because of this
     12 | service_cidr = "10.10.200.0/24"
        :                ^^^^^^^^^^^^^^^^
     13 | [cluster.pools.system]
        `----
    "#);
}

#[test]
fn a_cluster_has_what_it_needs() {
    let cluster = "\
[cluster]
name = \"aks_\"
kubernetes = \"1.36.4\"
subnet = \"nodez\"
private = false
defender = true
tier = \"Standart\"
[cluster.pools.Apps]
count = 3
min = 1
zones = [\"4\"]
taints = [\"dedicated=apps\"]
";
    insta::assert_snapshot!(in_dev(cluster), @r#"
      x the configuration has 11 mistakes

    Error:
      x `aks_` is not a cluster name
        ,-[environments/dev.toml:9:8]
      8 | [cluster]
      9 | name = "aks_"
        :        ^^^^^^
     10 | kubernetes = "1.36.4"
        `----
      help: 1 to 63 letters, digits, `_` and `-`, a letter or digit at both ends

    Error:
      x `1.36.4` is exact, and Azure would raise its patch
        ,-[environments/dev.toml:10:14]
      7 | nodes = "10.10.0.0/20"
      8 | [cluster]
        : ^^^^|^^^^
        :     `-- because of this
      9 | name = "aks_"
     10 | kubernetes = "1.36.4"
        :              ^^^^^^^^
     11 | subnet = "nodez"
        `----
      help: declare the minor version only, or auto_upgrade = "none"

    Error:
      x no subnet `nodez` for nodes to stand in
        ,-[environments/dev.toml:11:10]
     10 | kubernetes = "1.36.4"
     11 | subnet = "nodez"
        :          ^^^^^^^
     12 | private = false
        `----
      help: add it to `[network.subnets]`, or name another one as cluster.subnet

    Error:
      x the API server would be open to the whole internet
        ,-[environments/dev.toml:12:11]
     11 | subnet = "nodez"
     12 | private = false
        :           ^^^^^
     13 | defender = true
        `----
      help: list who may reach it in authorized_ips

    Error:
      x there is no workspace for Defender to report to
        ,-[environments/dev.toml:13:12]
     12 | private = false
     13 | defender = true
        :            ^^^^
     14 | tier = "Standart"
        `----
      help: add `[workspace]` with a name

    Error:
      x `Standart` is none of Free, Standard, Premium
        ,-[environments/dev.toml:14:8]
     13 | defender = true
     14 | tier = "Standart"
        :        ^^^^^^^^^^
     15 | [cluster.pools.Apps]
        `----
      help: did you mean `Standard`?

    Error:
      x `Apps` is not the name of a pool
        ,-[environments/dev.toml:15:1]
     14 | tier = "Standart"
     15 | [cluster.pools.Apps]
        : ^^^^^^^^^^^^^^^^^^^^
     16 | count = 3
        `----
      help: 1 to 12 lower-case letters and digits, a letter first

    Error:
      x a cluster needs a pool for its own pods
        ,-[environments/dev.toml:15:10]
     14 | tier = "Standart"
     15 | [cluster.pools.Apps]
        :          ^^^^^
     16 | count = 3
        `----
      help: a `[cluster.pools.system]` with mode = "System" and a count

    Error:
      x how many is the autoscaler's to say where there is a min or max
        ,-[environments/dev.toml:16:9]
     15 | [cluster.pools.Apps]
     16 | count = 3
        :         ^
     17 | min = 1
        `----
      help: drop count, or min and max

    Error:
      x `4` is not an availability zone
        ,-[environments/dev.toml:18:10]
     17 | min = 1
     18 | zones = ["4"]
        :          ^^^
     19 | taints = ["dedicated=apps"]
        `----
      help: "1", "2" or "3"

    Error:
      x `dedicated=apps` is not a taint of Kubernetes
        ,-[environments/dev.toml:19:11]
     18 | zones = ["4"]
     19 | taints = ["dedicated=apps"]
        :           ^^^^^^^^^^^^^^^^
        `----
      help: key=value:Effect, the effect one of NoSchedule, PreferNoSchedule,
            NoExecute
    "#);
}

#[test]
fn an_identity_takes_so_many_service_accounts() {
    let accounts: Vec<String> = (0..20).map(|n| format!("\"a{n}\"")).collect();
    let services = format!(
        "[services.iam]\nnamespace = \"iam\"\naccounts = [\"iam\", {}]\n\
         [cluster]\nname = \"aks\"\nkubernetes = \"1.36\"\n\
         [cluster.pools.system]\nmode = \"System\"\ncount = 1\n",
        accounts.join(", ")
    );
    insta::assert_snapshot!(in_dev(&services), @r#"
      x the configuration has 2 mistakes

    Error:
      x 22 service accounts, its own among them
        ,-[environments/dev.toml:10:12]
      9 | namespace = "iam"
     10 | accounts = ["iam", "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9", "a10", "a11", "a12", "a13", "a14", "a15", "a16", "a17", "a18", "a19"]
        :            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
     11 | [cluster]
        `----
      help: an identity takes 20 federated credentials

    Error:
      x `iam` acts as `iam` already
        ,-[environments/dev.toml:10:13]
      9 | namespace = "iam"
     10 | accounts = ["iam", "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9", "a10", "a11", "a12", "a13", "a14", "a15", "a16", "a17", "a18", "a19"]
        :             ^^^^^
     11 | [cluster]
        `----
    "#);
}
