//! What people see of the live state, at 80 columns without colour.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use serde_json::{Value as Json, json};

use super::super::testing::{STYLE, address, declared, denied};
use super::super::{Format, Style};
use super::{Live, list, show};
use crate::kinds::KINDS;
use crate::provision::desired::Desired;
use crate::provision::graph::Dag;
use crate::provision::observe::{Object, Observed, Unreadable};
use crate::provision::plan::Applied;
use crate::resource::{Condition, Outputs, Ownership, Value};

/// Everything as declared but for: a registry with an admin account and its lock gone in dev,
/// replications of prod unreadable, and a registry of ours that nothing declares.
struct World {
    desired: Desired,
    dag: Dag,
    observed: Observed,
    applied: Applied,
}

impl World {
    fn new() -> Self {
        let (desired, dag) = declared();
        let mut observed = Observed::default();
        for resource in desired.resources.values() {
            let known = resource
                .properties
                .resolve(&Outputs::default())
                .expect("known");
            let environment = resource.address.environment();
            let id = resource.id.known().expect("known");
            let object = object(
                resource.kind.meta().name,
                id,
                environment.as_str(),
                known.into(),
            );
            observed.objects.insert(id.to_lowercase(), object);
        }
        let mut world = Self {
            desired,
            dag,
            observed,
            applied: BTreeMap::new(),
        };
        world.disturb();
        world
    }

    fn disturb(&mut self) {
        let id_of = |at: &str| {
            let resource = &self.desired.resources[&address(at)];
            resource.id.known().expect("known").to_lowercase()
        };
        let (registry, lock) = (id_of("dev.registry"), id_of("dev.registry.lock"));
        let replication = id_of("prod.registry.replication.westus2");
        let objects = &mut self.observed.objects;
        objects.remove(&lock);
        objects.remove(&replication);
        let registry = objects.get_mut(&registry).expect("it stands");
        registry
            .projection
            .set("properties.adminUserEnabled", Value::Bool(true));
        let id = "/subscriptions/s/resourceGroups/rg-dev/providers/Microsoft.ContainerRegistry/registries/left";
        let left = object("registry", id, "dev", json!({"location": "westus3"}).into());
        objects.insert(id.to_lowercase(), left);
        let scope = id_of_scope(&replication);
        let blind = Unreadable {
            kind: KINDS.named("replication").expect("a known kind"),
            scope: scope.clone(),
            failure: denied(),
        };
        self.observed
            .unreadable
            .insert(("replication", scope), blind);
    }

    fn live(&self) -> Live<'_> {
        Live {
            cloud: "emulator",
            desired: &self.desired,
            dag: &self.dag,
            observed: &self.observed,
            applied: &self.applied,
        }
    }
}

fn id_of_scope(id: &str) -> String {
    id.split("/replications").next().unwrap_or(id).to_owned()
}

fn object(kind: &str, id: &str, owner: &str, projection: Value) -> Object {
    Object {
        id: id.to_owned(),
        kind: KINDS.named(kind).expect("a known kind"),
        projection,
        outputs: BTreeMap::from([
            ("id".to_owned(), id.to_owned()),
            ("loginServer".to_owned(), "x.azurecr.io".to_owned()),
        ]),
        ownership: Ownership::Ours(owner.parse().expect("a name")),
        in_managed_scope: true,
        not_for_us: None,
        condition: Condition::Settled,
        guard: None,
        forbids_delete: None,
        takes_along: Vec::new(),
    }
}

#[test]
fn the_list_tells_how_everything_stands() {
    let world = World::new();
    assert_snapshot!(list(&world.live(), Format::Table, &STYLE), @r#"
    9 resources on emulator: 5 present, 1 differing, 1 absent, 1 unreadable,
      1 undeclared

    address                            kind            region   state
    ──────────────────────────────────────────────────────────────────────
    dev.group                          resource group  eastus2  present
    dev.registry                       registry        eastus2  differs
    dev.registry.left                  registry        westus3  undeclared
    dev.registry.lock                  lock            -        absent
    dev.registry.replication.westus2   replication     westus2  present
    prod.group                         resource group  eastus2  present
    prod.registry                      registry        eastus2  present
    prod.registry.lock                 lock            -        present
    prod.registry.replication.westus2  replication     westus2  unreadable

    ? prod.registry.replication.westus2
      AuthorizationFailed (403): The client 'a' with object id 'b' does not have
        authorization to perform action
        'Microsoft.ContainerRegistry/registries/read' over scope
        '/subscriptions/7d3bd5ea-1b2f-4b1c-9f5e-2c4d6a8b0e11'. [2J
      hint: ask for the Reader role on the subscription
      request id: 2c1f0a55-7c1e-4f6c-9d53-0a8b63f3e7a4
    "#);
}

#[test]
fn the_list_gives_up_columns_before_it_breaks_lines() {
    let world = World::new();
    for (width, header) in [
        (120, "address kind name region state"),
        (75, "address kind region state"),
        (64, "address kind state"),
        (48, "address state"),
    ] {
        let style = Style { width, ..STYLE };
        let listed = list(&world.live(), Format::Table, &style);
        let lines: Vec<&str> = listed
            .lines()
            .skip_while(|line| !line.starts_with("addr"))
            .collect();
        let words: Vec<&str> = lines[0].split_whitespace().collect();
        assert_eq!(words.join(" "), header, "{listed}");
        let rows = lines[1..].iter().take_while(|line| !line.is_empty());
        for row in rows {
            assert!(row.chars().count() <= usize::from(width), "{width}: {row}");
        }
        assert!(
            listed.contains("prod.registry.replication.westus2  "),
            "{listed}"
        );
    }
}

#[test]
fn one_object_is_shown_in_full() {
    let world = World::new();
    let shown = show(
        &world.live(),
        &address("dev.registry"),
        Format::Table,
        &STYLE,
    );
    assert_snapshot!(shown.expect("declared"), @r#"
    dev.registry
      kind:    registry (Microsoft.ContainerRegistry/registries)
      id:
        /subscriptions/s/resourceGroups/rg-dev/providers/Microsoft.ContainerRegistry/registries/onestreamdev
      state:   differs
      region:  eastus2
      marker:  onestream/dev

    Managed fields, live
      location                                     "eastus2"
      sku.name                                     "Premium"
      tags.managed-by                              "onestream/dev"
      tags.onestream-id
          "d32033d4-c282-5874-b3c3-5dd0f471947d"
      properties.adminUserEnabled                  true
      properties.anonymousPullEnabled              false
      properties.roleAssignmentMode                "LegacyRegistryPermissions"
      properties.publicNetworkAccess               "Disabled"
      properties.networkRuleSet.defaultAction      "Allow"
      properties.networkRuleSet.ipRules            []
      properties.networkRuleBypassOptions          "AzureServices"
      properties.dataEndpointEnabled               false
      properties.policies.retentionPolicy.status   "disabled"
      properties.policies.retentionPolicy.days     7
      properties.policies.exportPolicy.status      "enabled"
      properties.policies.quarantinePolicy.status  "disabled"

    Not as declared
      properties.adminUserEnabled:  true → false

    Outputs
      loginServer: x.azurecr.io
    "#);
}

#[test]
fn what_could_not_be_read_is_shown_as_such() {
    let world = World::new();
    let at = address("prod.registry.replication.westus2");
    let shown = show(&world.live(), &at, Format::Table, &STYLE);
    assert_snapshot!(shown.expect("declared"), @r#"
    prod.registry.replication.westus2
      kind:    replication (Microsoft.ContainerRegistry/registries/replications)
      id:
        /subscriptions/s/resourceGroups/rg-prod/providers/Microsoft.ContainerRegistry/registries/onestreamprod/replications/westus2
      state:   unreadable
      region:  westus2
      AuthorizationFailed (403): The client 'a' with object id 'b' does not have
        authorization to perform action
        'Microsoft.ContainerRegistry/registries/read' over scope
        '/subscriptions/7d3bd5ea-1b2f-4b1c-9f5e-2c4d6a8b0e11'. [2J
      hint: ask for the Reader role on the subscription
      request id: 2c1f0a55-7c1e-4f6c-9d53-0a8b63f3e7a4

    Managed fields, as declared
      location                          "westus2"
      tags.managed-by                   "onestream/prod"
      tags.onestream-id                 "71589767-bbdd-51cc-8492-da952a59038f"
      properties.regionEndpointEnabled  true
    "#);
}

#[test]
fn an_address_of_nothing_shows_nothing() {
    let world = World::new();
    for format in Format::ALL {
        assert_eq!(
            show(&world.live(), &address("dev.none"), format, &STYLE),
            None
        );
    }
}

#[test]
fn json_documents_have_version_and_cloud() {
    let world = World::new();
    let live = world.live();
    let documents = [
        list(&live, Format::Json, &STYLE),
        show(&live, &address("dev.registry"), Format::Json, &STYLE).expect("declared"),
    ];
    for text in documents {
        let document: Json = serde_json::from_str(&text).expect("JSON");
        assert_eq!(document["version"], 1);
        assert_eq!(document["cloud"], "emulator");
    }
    let document: Json = serde_json::from_str(&list(&live, Format::Json, &STYLE)).expect("JSON");
    insta::assert_json_snapshot!(document["resources"][1], @r#"
    {
      "address": "dev.registry",
      "arm_type": "Microsoft.ContainerRegistry/registries",
      "differing": [
        "properties.adminUserEnabled"
      ],
      "failure": null,
      "id": "/subscriptions/s/resourceGroups/rg-dev/providers/Microsoft.ContainerRegistry/registries/onestreamdev",
      "kind": "registry",
      "name": "onestreamdev",
      "ownership": "onestream/dev",
      "region": "eastus2",
      "state": "differs"
    }
    "#);
}

#[test]
fn markdown_lists_and_shows() {
    let world = World::new();
    let listed = list(&world.live(), Format::Markdown, &STYLE);
    assert!(
        listed.contains("| `dev.registry.lock` | lock | `onestream` | `-` | absent |"),
        "{listed}"
    );
    let shown = show(
        &world.live(),
        &address("dev.registry"),
        Format::Markdown,
        &STYLE,
    );
    let shown = shown.expect("declared");
    let row = "| `properties.adminUserEnabled` | `true` | `false` |";
    assert!(shown.contains(row), "{shown}");
}
