//! `rbac check` and `rbac matrix` beyond their reads: 200 principals, 2,000 assignments.
//!
//! A tenth of the assignments is declared nowhere and has to be explained, some by groups in
//! groups. The check has to stay under half a second; the run fails where it does not.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use criterion::Criterion;
use onestream::kinds::TargetType;
use onestream::rbac::audit::Audit;
use onestream::rbac::cells::Matrix;
use onestream::rbac::check::check;
use onestream::rbac::estate::{Column, Declaration, Estate, Managed, Row, RowSort};
use onestream::rbac::obtain::{Application, Cluster, GroupFacts, Identity, Registry, Vault};
use onestream::rbac::read::Reading;
use onestream::rbac::{Assignment, RoleDefinition, Scope};
use onestream::resource::{Address, Method, Request};
use serde_json::json;
use time::OffsetDateTime;

const PRINCIPALS: usize = 200;
const ASSIGNMENTS: usize = 2_000;
const ENVIRONMENTS: usize = 6;
/// What the check may take.
const LIMIT: Duration = Duration::from_millis(500);

const SUBSCRIPTION: &str = "/subscriptions/22222222-2222-4222-8222-222222222222";
const PULL: &str = "7f951dda-4ed3-4680-a7ca-43fe172d538d";
const PUSH: &str = "8311e382-0749-4cb8-b61a-304f252e45ec";
const USER: &str = "4abbcc35-e782-43d8-92c5-2d3f1bd2253f";
const CRYPTO: &str = "12338af0-0e69-4776-bea7-57ae8d297424";
const CONTRIBUTOR: &str = "b24988ac-6180-42a0-ab88-20f7382dd24c";

fn main() {
    let mut criterion = Criterion::default().configure_from_args().sample_size(10);
    let (estate, reading) = tenant();
    let now = OffsetDateTime::now_utc();
    let mut group = criterion.benchmark_group("200 principals, 2,000 assignments");
    let mut fastest = Duration::MAX;
    group.bench_function("check", |bencher| {
        bencher.iter(|| {
            let started = Instant::now();
            let found = check(&Audit::new(&estate, &reading, now));
            assert!(found.len() >= ASSIGNMENTS / 10, "{} findings", found.len());
            fastest = fastest.min(started.elapsed());
        });
    });
    group.bench_function("matrix", |bencher| {
        bencher.iter(|| {
            let audit = Audit::new(&estate, &reading, now);
            assert!(Matrix::of(&audit).differs());
        });
    });
    group.finish();
    criterion.final_summary();
    assert!(fastest < LIMIT, "the check takes {fastest:?}");
}

fn role(id: &str, name: &str, actions: &[&str], data: &[&str]) -> RoleDefinition {
    let body = json!({"id": id, "name": id, "properties": {"roleName": name,
    "type": "BuiltInRole", "assignableScopes": ["/"],
    "permissions": [{"actions": actions, "dataActions": data,
        "notActions": if name == "Contributor" {
            json!(["Microsoft.Authorization/*/Write", "Microsoft.Authorization/*/Delete"])
        } else {
            json!([])
        }}]}});
    RoleDefinition::read(&body).expect("a role")
}

fn roles() -> Vec<RoleDefinition> {
    let pull = "Microsoft.ContainerRegistry/registries/pull/read";
    let push = "Microsoft.ContainerRegistry/registries/push/write";
    let cluster = "Microsoft.ContainerService/managedClusters/";
    let user = format!("{cluster}listClusterUserCredential/action");
    let keys: Vec<String> = ["read", "encrypt/action", "sign/action", "verify/action"]
        .map(|verb| format!("Microsoft.KeyVault/vaults/keys/{verb}"))
        .to_vec();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    vec![
        role(PULL, "AcrPull", &[pull], &[]),
        role(PUSH, "AcrPush", &[pull, push], &[]),
        role(
            USER,
            "Cluster User",
            &[&user, &format!("{cluster}read")],
            &[],
        ),
        role(CRYPTO, "Crypto User", &[], &keys),
        role(CONTRIBUTOR, "Contributor", &["*"], &[]),
    ]
}

fn address(text: &str) -> Address {
    text.parse().expect("an address")
}

/// Columns, each with the role that is given on it.
fn columns() -> Vec<(Column, &'static str, &'static str)> {
    let mut columns = Vec::new();
    for number in 0..ENVIRONMENTS {
        let group = format!("{SUBSCRIPTION}/resourceGroups/rg-{number}/providers");
        let mut add = |path: &str, id: String, of_type, arm_type, role| {
            let inside = match of_type {
                TargetType::Cluster => ["iam", "auth", "cls"]
                    .map(|name| Scope::new(&format!("{id}/namespaces/{name}")))
                    .to_vec(),
                TargetType::Registry | TargetType::Key => Vec::new(),
            };
            let column = Column {
                address: address(&format!("env{number}.{path}")),
                of_type,
                scope: Scope::new(&id),
                inside,
            };
            columns.push((column, arm_type, role));
        };
        add(
            "registry",
            format!("{group}/Microsoft.ContainerRegistry/registries/r{number}"),
            TargetType::Registry,
            "Microsoft.ContainerRegistry/registries",
            PUSH,
        );
        add(
            "cluster",
            format!("{group}/Microsoft.ContainerService/managedClusters/c{number}"),
            TargetType::Cluster,
            "Microsoft.ContainerService/managedClusters",
            USER,
        );
        add(
            "vault.key.cosign",
            format!("{group}/Microsoft.KeyVault/vaults/v{number}/keys/cosign"),
            TargetType::Key,
            "Microsoft.KeyVault/vaults/keys",
            CRYPTO,
        );
    }
    columns
}

/// A tenant in which nine of ten assignments are declared.
fn tenant() -> (Estate, Reading) {
    let mut estate = Estate {
        subscriptions: vec![
            SUBSCRIPTION
                .rsplit('/')
                .next()
                .unwrap_or_default()
                .to_owned(),
        ],
        ..Estate::default()
    };
    let mut reading = Reading::default();
    reading.tenant.roles = roles().into_iter().collect();
    let columns = columns();
    for (column, arm_type, _) in &columns {
        estate.objects.push(Managed {
            address: column.address.clone(),
            scope: column.scope.clone(),
            arm_type,
            get: Request::arm(Method::Get, column.scope.id(), "2022-04-01"),
        });
        estate.columns.push(column.clone());
    }
    facts(&mut reading, &columns);
    for number in 0..PRINCIPALS {
        let id = principal(number);
        estate.rows.push(Row {
            name: format!("row-{number}"),
            sort: RowSort::Principal,
            id: Some(id.clone()),
            address: Some(address(&format!("shared.principal.row-{number}"))),
            members: None,
        });
        let tenant = &mut reading.tenant;
        tenant
            .memberships
            .put(&id, &format!("group-{}", number % 20));
        tenant
            .memberships
            .put(&format!("group-{}", number % 20), "everybody");
        reading.directory.applications.push(Application {
            name: format!("app-{number}"),
            service_principal: id,
            owners: Vec::new(),
        });
    }
    let mut given = BTreeSet::new();
    for number in 0.. {
        if reading.tenant.assignments.len() == ASSIGNMENTS {
            break;
        }
        let who = number % PRINCIPALS;
        let (column, _, role) = &columns[(number / PRINCIPALS + number) % columns.len()];
        let (scope, role, who, declared) = match number % 10 {
            0 if number % 20 == 0 => (
                Scope::new(SUBSCRIPTION),
                CONTRIBUTOR,
                principal(number / 20),
                false,
            ),
            0 => (
                column.scope.clone(),
                PULL,
                format!("group-{}", number % 7),
                false,
            ),
            _ => (column.scope.clone(), *role, principal(who), true),
        };
        let scope = match (
            declared,
            given.contains(&(scope.clone(), role, who.clone())),
        ) {
            (_, false) => scope,
            (_, true) => Scope::new(&format!("{scope}/part/{number}")),
        };
        given.insert((scope.clone(), role, who.clone()));
        assign(
            &mut estate,
            &mut reading,
            number,
            &scope,
            role,
            &who,
            declared,
        );
    }
    (estate, reading)
}

fn assign(
    estate: &mut Estate,
    reading: &mut Reading,
    number: usize,
    scope: &Scope,
    role: &str,
    who: &str,
    declared: bool,
) {
    let id = format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{number}");
    let body = json!({"id": id, "properties": {"scope": scope.id(), "principalId": who,
        "roleDefinitionId": format!("/providers/Microsoft.Authorization/roleDefinitions/{role}")}});
    let assignment = Assignment::read(&body).expect("an assignment");
    reading.tenant.assignments.push(assignment);
    if declared {
        estate.grants.push(Declaration {
            address: address(&format!("env0.grant.g{number}")),
            scope: scope.clone(),
            role: role.to_owned(),
            principal: Some(who.to_owned()),
            cell: None,
        });
    }
}

fn principal(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// What obtaining is judged by: as much as such an estate has.
fn facts(reading: &mut Reading, columns: &[(Column, &str, &str)]) {
    for (column, ..) in columns {
        let scope = column.scope.clone();
        let resources = &mut reading.resources;
        match column.of_type {
            TargetType::Registry => resources.registries.push(Registry {
                scope,
                admin_user: Some(false),
                tokens: Vec::new(),
                task_identities: Vec::new(),
            }),
            TargetType::Cluster => resources.clusters.push(Cluster {
                node_group: Some(Scope::new(&format!("{SUBSCRIPTION}/resourceGroups/nodes"))),
                scope,
                local_accounts: Some(false),
                admin_groups: Vec::new(),
                kubelet: None,
                issuer: None,
            }),
            TargetType::Key => {
                let vault = scope
                    .id()
                    .rsplit_once("/keys/")
                    .map_or("", |(vault, _)| vault);
                resources.vaults.push(Vault {
                    scope: Scope::new(vault),
                    by_policies: Some(false),
                    policies: Vec::new(),
                });
            }
        }
    }
    for number in 0..5 * ENVIRONMENTS {
        let id = format!(
            "{SUBSCRIPTION}/resourceGroups/rg-0/providers/Microsoft.ManagedIdentity/\
             userAssignedIdentities/i{number}"
        );
        reading.resources.identities.push(Identity {
            scope: Scope::new(&id),
            principal: format!("identity-{number}"),
            issuers: Vec::new(),
        });
    }
    for number in 0..20 {
        reading.directory.groups.push(GroupFacts {
            id: format!("group-{number}"),
            owners: Vec::new(),
            role_assignable: false,
        });
    }
}
