//! Vaults and keys: what is deleted comes back as it was, and what protects is never taken back.

use onestream::provision::plan::{Action, Mode, Plan};
use onestream::remote::azure::KeyVersion;
use onestream::resource::{Address, Method, Plane, Request, Severity};
use serde_json::{Value as Json, json};

use crate::estate::{Estate, sample};
use crate::program::Root;

/// `dev` with its network, its vault and the vault's key.
pub async fn with_a_vault() -> Estate {
    with_vaults(&["dev"]).await
}

/// The same of several environments.
pub async fn with_vaults(names: &[&str]) -> Estate {
    let mut environments = sample();
    environments.retain(|(place, _)| names.contains(&place.environment.as_str()));
    for (_, sections) in &mut environments {
        sections.registry = None;
        sections.workspace = None;
        sections.services.clear();
    }
    Estate::of(environments).await
}

fn address(text: &str) -> Address {
    text.parse().expect("an address")
}

fn actions(plan: &Plan) -> Vec<(&str, Action)> {
    let operations = plan.operations.iter();
    operations
        .map(|operation| (operation.address.as_str(), operation.action))
        .collect()
}

async fn cosign(estate: &Estate) -> KeyVersion {
    let vault = estate.azure.vault("kv-onestream-dev");
    let key = vault.get("cosign").await.expect("a way into the vault");
    key.expect("a key")
}

async fn carry_out(estate: &Estate, plan: Plan) {
    let outcome = estate.carry_out(plan).await;
    assert!(outcome.is_complete(), "{:#?}", outcome.ends);
    estate.is_as_declared().await;
}

#[tokio::test]
async fn a_destroyed_vault_comes_back_with_the_same_key() {
    let estate = with_a_vault().await;
    estate.apply().await;
    let before = cosign(&estate).await;
    let outcome = estate.carry_out(estate.plan(Mode::Destroy).await).await;
    assert!(outcome.is_complete(), "{:#?}", outcome.ends);
    let plan = estate.plan(Mode::Apply).await;
    let planned = actions(&plan);
    assert!(
        planned.contains(&("dev.vault", Action::Recover)),
        "{planned:?}"
    );
    let key = plan
        .operations
        .iter()
        .find(|operation| operation.address.as_str() == "dev.vault.key.cosign");
    assert_eq!(
        key.expect("the key").reason,
        "it comes back with what it lives in, or is made again"
    );
    carry_out(&estate, plan).await;
    let after = cosign(&estate).await;
    // The version, and with it the point on the curve: what was signed is still verified.
    assert_eq!(before.key, after.key);
    assert!(before.key.x.is_some() && before.key.y.is_some());
    assert_eq!(after.attributes.created, before.attributes.created);
}

#[tokio::test]
async fn what_came_back_with_its_vault_is_made_as_declared() {
    let estate = with_a_vault().await;
    estate.apply().await;
    let before = cosign(&estate).await;
    let key = estate.id(&address("dev.vault.key.cosign"));
    let off = json!({"properties": {"attributes": {"enabled": false}}, "tags": {"theirs": "kept"}});
    estate.tamper(&key, off).await;
    let outcome = estate.carry_out(estate.plan(Mode::Destroy).await).await;
    assert!(outcome.is_complete(), "{:#?}", outcome.ends);
    estate.apply().await;
    estate.is_as_declared().await;
    let after = cosign(&estate).await;
    assert!(after.attributes.enabled);
    assert_eq!(after.tags.get("theirs").map(String::as_str), Some("kept"));
    assert_eq!(before.key, after.key);
}

#[tokio::test]
async fn a_vault_takes_its_keys_along_before_its_endpoint_goes() {
    let estate = with_a_vault().await;
    estate.apply().await;
    let plan = estate.plan(Mode::Destroy).await;
    let planned = actions(&plan);
    assert!(
        planned.contains(&("dev.vault", Action::Delete)),
        "{planned:?}"
    );
    let keys = planned.iter().any(|(address, _)| address.contains(".key."));
    assert!(!keys, "{planned:?}");
    let first = estate.observe().await;
    assert!(first.objects.values().any(|o| o.kind.meta().name == "key"));
}

#[tokio::test]
async fn a_key_waits_for_the_way_in_and_goes_before_it() {
    let estate = with_a_vault().await;
    let plan = estate.plan(Mode::Apply).await;
    let at = |text: &str| {
        let mut operations = plan.operations.iter();
        operations.position(|operation| operation.address.as_str() == text)
    };
    let (way, key) = (at("dev.vault.endpoint.dns"), at("dev.vault.key.cosign"));
    let waits = plan
        .edges
        .iter()
        .any(|edge| Some(edge.before) == way && Some(edge.after) == key);
    assert!(waits, "{:#?}", plan.edges);
}

#[tokio::test]
async fn a_deleted_key_of_a_living_vault_is_recovered() {
    let estate = with_a_vault().await;
    estate.apply().await;
    let before = cosign(&estate).await;
    let vault = estate.azure.vault("kv-onestream-dev");
    vault.delete("cosign").await.expect("deleted");
    let plan = estate.plan(Mode::Apply).await;
    assert_eq!(actions(&plan), [("dev.vault.key.cosign", Action::Recover)]);
    carry_out(&estate, plan).await;
    assert_eq!(before.key, cosign(&estate).await.key);
}

#[tokio::test]
async fn a_missing_key_of_a_vault_that_cannot_be_entered_is_left_alone() {
    let estate = with_a_vault().await;
    estate.apply().await;
    let vault = estate.azure.vault("kv-onestream-dev");
    vault.delete("cosign").await.expect("deleted");
    estate
        .faults(
            json!([{"method": "GET", "path": "/deletedkeys", "status": 403, "code": "Forbidden"}]),
        )
        .await;
    let plan = estate.plan(Mode::Apply).await;
    assert_eq!(actions(&plan), []);
    let unread = plan.unreadable.iter().map(|unread| unread.address.as_str());
    assert_eq!(unread.collect::<Vec<_>>(), ["dev.vault.key.cosign"]);
    estate.faults(json!([])).await;
    estate.apply().await;
    estate.is_as_declared().await;
}

#[tokio::test]
async fn a_rotated_key_is_as_declared_and_stays_rotated() {
    let estate = with_a_vault().await;
    estate.apply().await;
    let vault = estate.azure.vault("kv-onestream-dev");
    let rotated = vault.rotate("cosign").await.expect("rotated");
    estate.is_as_declared().await;
    let key = estate.id(&address("dev.vault.key.cosign"));
    let off = json!({"properties": {"attributes": {"enabled": false}}});
    estate.tamper(&key, off).await;
    estate.apply().await;
    let current = cosign(&estate).await;
    assert_eq!(current.key, rotated.key);
    assert!(current.attributes.enabled);
}

#[tokio::test]
async fn a_key_that_no_toml_declares_is_deleted_alone() {
    let mut environments = sample();
    environments.retain(|(place, _)| place.environment.as_str() == "dev");
    let estate = Estate::of(environments.clone()).await;
    estate.apply().await;
    // Ours by its marker, which names the environment and the key's own id.
    let declared = estate.id(&address("dev.vault.key.cosign"));
    let id = declared.replace("/keys/cosign", "/keys/older");
    let marker = onestream::resource::Marker::of(
        onestream::resource::DEFAULT_ESTATE,
        &"dev".parse().expect("a name"),
        &id.clone().into(),
    );
    let tags = json!({
        "managed-by": "onestream/dev",
        "onestream-id": marker.id.known().expect("known"),
    });
    let body = json!({"tags": tags, "properties": {"kty": "EC-HSM", "curveName": "P-256"}});
    estate
        .send(&Request::arm(Method::Put, id, "2023-07-01").body(body))
        .await;
    let plan = estate.plan(Mode::Apply).await;
    let planned: Vec<_> = plan
        .operations
        .iter()
        .map(|o| (o.action, o.stateful))
        .collect();
    assert_eq!(planned, [(Action::Delete, true)]);
    carry_out(&estate, plan).await;
    let vault = estate.azure.vault("kv-onestream-dev");
    assert_eq!(vault.get("older").await.expect("readable"), None);
    assert!(vault.deleted("older").await.expect("readable").is_some());
}

#[tokio::test]
async fn access_policies_are_taken_away() {
    let estate = with_a_vault().await;
    estate.apply().await;
    let vault = estate.id(&address("dev.vault"));
    let policy = json!({"properties": {"accessPolicies": [{
        "tenantId": "11111111-1111-4111-8111-111111111111",
        "objectId": estate.deployer(),
        "permissions": {"keys": ["all"]},
    }]}});
    estate
        .send(&Request::arm(Method::Patch, &vault, "2023-07-01").body(policy))
        .await;
    let plan = estate.plan(Mode::Apply).await;
    assert_eq!(actions(&plan), [("dev.vault", Action::Update)]);
    carry_out(&estate, plan).await;
    let live = estate.object(&vault).await;
    assert_eq!(live["properties"]["accessPolicies"], json!([]));
}

#[tokio::test]
async fn a_key_that_rotates_by_itself_is_drift_and_does_so_no_longer() {
    let estate = with_a_vault().await;
    estate.apply().await;
    let notice = json!({"trigger": {"timeBeforeExpiry": "P20D"}, "action": {"type": "Notify"}});
    let policy = |actions: Json| {
        let body = json!({"lifetimeActions": actions, "attributes": {"expiryTime": "P90D"}});
        let vault = Plane::Vault("kv-onestream-dev".to_owned());
        let put = Request::arm(Method::Put, "/keys/cosign/rotationpolicy", "7.5").body(body);
        Request {
            plane: vault,
            ..put
        }
    };
    // To be told before it expires is nobody's harm.
    estate.send(&policy(json!([notice]))).await;
    estate.is_as_declared().await;
    let rotate = json!({"trigger": {"timeAfterCreate": "P30D"}, "action": {"type": "Rotate"}});
    estate.send(&policy(json!([rotate, notice]))).await;
    let plan = estate.plan(Mode::Apply).await;
    let [operation] = &plan.operations[..] else {
        panic!("one operation: {:#?}", plan.operations)
    };
    assert_eq!(operation.address.as_str(), "dev.vault.key.cosign");
    let told: Vec<_> = operation
        .changes
        .iter()
        .map(|change| (change.path.as_str(), change.severity))
        .collect();
    let path = "properties.rotationPolicy.lifetimeActions";
    assert_eq!(told, [(path, Severity::Critical)]);
    carry_out(&estate, plan).await;
    estate.is_as_declared().await;
    let key = estate
        .object(&estate.id(&address("dev.vault.key.cosign")))
        .await;
    let left = &key["properties"]["rotationPolicy"];
    assert_eq!(left["lifetimeActions"], json!([notice]));
    assert_eq!(left["attributes"]["expiryTime"], "P90D");
}

#[tokio::test]
async fn requests_to_a_vault_go_to_that_vault() {
    let estate = with_a_vault().await;
    let key = &estate.desired.resources[&address("dev.vault.key.cosign")];
    let id = key.id.known().expect("known");
    for request in [
        key.kind.delete(id),
        key.kind
            .deleted_list(id.rsplit_once("/keys/").expect("a key").0),
    ] {
        assert_eq!(request.plane, Plane::Vault("kv-onestream-dev".to_owned()));
    }
}

/// What is refused after a change of one line, and what is said about it.
#[test]
fn what_cannot_be_taken_back_is_refused_with_what_to_do_instead() {
    let name = "name = \"kv-onestream-dev\"\n";
    for (line, address, instead) in [
        (
            "purge_protection = false\n",
            "dev.vault",
            "purge protection cannot be switched off",
        ),
        (
            "retention_days = 30\n",
            "dev.vault",
            "Azure takes the retention on create only",
        ),
        (
            "[vault.keys.cosign]\ncurve = \"P-384\"\n",
            "dev.vault.key.cosign",
            "declare a key of another name",
        ),
        (
            "[vault.keys.cosign]\ntype = \"EC\"\n",
            "dev.vault.key.cosign",
            "declare a key of another name",
        ),
    ] {
        let root = Root::sample();
        root.expect(
            0,
            &["--env", "dev", "--env", "shared", "apply", "--auto-approve"],
        );
        root.replace("environments/dev.toml", name, &format!("{name}{line}"));
        let ran = root.expect(3, &["--env", "dev", "apply", "--auto-approve"]);
        let said = ran.err.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            said.contains(address) && said.contains(instead),
            "{line}: {}",
            ran.err
        );
    }
}

#[test]
fn purge_protection_can_be_switched_on_and_an_expiry_moved() {
    let root = Root::sample();
    let name = "name = \"kv-onestream-dev\"\n";
    let weak = format!("{name}purge_protection = false\n");
    root.replace("environments/dev.toml", name, &weak);
    root.expect(
        0,
        &["--env", "dev", "--env", "shared", "apply", "--auto-approve"],
    );
    root.expect(0, &["--env", "dev", "plan", "--detailed-exitcode"]);
    let key = |day: &str| format!("{name}[vault.keys.cosign]\nexpires = \"{day}\"\n");
    let mut stands = weak;
    for next in [key("2030-12-31"), key("2031-12-31")] {
        root.replace("environments/dev.toml", &stands, &next);
        root.expect(0, &["--env", "dev", "apply", "--auto-approve"]);
        root.expect(0, &["--env", "dev", "plan", "--detailed-exitcode"]);
        stands = next;
    }
    root.replace("environments/dev.toml", &stands, name);
    let ran = root.expect(3, &["--env", "dev", "apply", "--auto-approve"]);
    assert!(ran.err.contains("an expiry can be moved"), "{}", ran.err);
}

/// A deleted vault holds its name for as long as its keys can be recovered: nothing of it may go
/// for the sake of one of the same name in another group.
#[test]
fn a_vault_is_not_moved_to_another_group() {
    const ALL: [&str; 4] = ["apply", "--auto-approve", "--allow-destroy", "*"];
    const GROUP: &str = "/resourceGroups/rg-a/";
    let root = Root::sample();
    let common = root.read("environments/common.toml");
    let azure = common.find("[azure]").expect("it says where");
    let azure = common[azure..].split("\n\n").next().expect("a table");
    let root = Root::empty();
    let alone = "[regions]\nprimary = \"eastus2\"\nrecovery = \"westus2\"\n[control]\n\
                 store = \"file:.onestream/control\"\n";
    root.write("environments/common.toml", &format!("{azure}\n{alone}"));
    let dev = "[environment]\norder = 1\ndescription = \"d\"\n[group]\nname = \"rg-a\"\n\
               [vault]\nname = \"kv-move-me\"\nsku = \"premium\"\npurge_protection = true\n\
               public_network_access = true\nallowed_ips = [\"203.0.113.0/24\"]\n\
               [vault.keys.cosign]\ntype = \"EC-HSM\"\ncurve = \"P-256\"\nops = [\"sign\", \"verify\"]\n";
    root.write("environments/dev.toml", dev);
    root.expect(0, &ALL);
    root.replace("environments/dev.toml", "rg-a", "rg-b");
    for arguments in [
        &["plan"][..],
        &["--env", "dev", "plan", "--exclude", "dev.group"],
    ] {
        let told = root.run(arguments);
        let said = format!("{}{}", told.out, told.err);
        assert!(said.contains(GROUP), "{said}");
        assert!(said.contains("has its name, and would hold it"), "{said}");
        assert!(said.contains("declare it where it stands"), "{said}");
    }
    root.expect(3, &ALL);
    let state = root.expect(0, &["state", "show", "dev.vault"]);
    root.replace("environments/dev.toml", "rg-b", "rg-a");
    let clean = root.expect(0, &["plan", "--detailed-exitcode"]);
    assert!(
        clean.out.contains("No changes"),
        "{}\n{}",
        clean.out,
        state.out
    );
    // What was deleted by hand holds it as well, and comes back where it stood.
    root.expect(0, &["destroy", "--auto-approve", "--allow-destroy", "*"]);
    root.replace("environments/dev.toml", "rg-a", "rg-b");
    let refused = root.expect(3, &ALL);
    let said = "was deleted and still holds its name";
    assert!(
        refused.err.contains(said) || refused.out.contains(said),
        "{}{}",
        refused.out,
        refused.err
    );
    root.replace("environments/dev.toml", "rg-b", "rg-a");
    root.expect(0, &ALL);
}
