//! What registries, clusters, vaults, keys and identities of ours say of access.
//!
//! References: Microsoft.ContainerRegistry `registries`, `tokens`, `scopeMaps` and `tasks`;
//! Microsoft.ContainerService `managedClusters`; Microsoft.KeyVault `vaults` and keys 7.5;
//! Microsoft.ManagedIdentity `federatedIdentityCredentials`.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::clusters::Asked;
use super::connections::{self, Connection};
use super::facts::{
    ClusterFacts, Federated, Hides, KeyFacts, OwnIdentity, Reading, RegistryFacts, Unknown,
    VaultFacts,
};
use super::fetch::{Listed, arm, id, lists, text};
use super::own;
use crate::kinds::LEGACY_MODE;
use crate::provision::ports::{Failure, Reader};
use crate::rbac::denial::Denial;
use crate::rbac::estate::{Estate, Managed};
use crate::rbac::obtain::{Cluster, Identity, Registry, RegistryToken, Resources, Vault};
use crate::rbac::scope::Scope;
use crate::resource::{Address, Plane, Request};

const REGISTRY: &str = "Microsoft.ContainerRegistry/registries";
const CLUSTER: &str = "Microsoft.ContainerService/managedClusters";
const VAULT: &str = "Microsoft.KeyVault/vaults";
const KEY: &str = "Microsoft.KeyVault/vaults/keys";
const STORE: &str = "Microsoft.Storage/storageAccounts";
const IDENTITY: &str = "Microsoft.ManagedIdentity/userAssignedIdentities";

const REGISTRY_API_VERSION: &str = "2025-11-01";
const TASKS_API_VERSION: &str = "2019-06-01-preview";
const IDENTITY_API_VERSION: &str = "2023-01-31";
/// The first stable one that tells the generation of an HSM.
const KEYS_API_VERSION: &str = "7.5";

/// What was read of our resources.
#[derive(Default)]
pub(super) struct Facts {
    resources: Resources,
    registries: Vec<RegistryFacts>,
    clusters: Vec<ClusterFacts>,
    vaults: Vec<VaultFacts>,
    keys: Vec<KeyFacts>,
    connections: Vec<Connection>,
    stores: Vec<(Address, bool)>,
    identities: Vec<(Address, Federated)>,
    own: BTreeMap<String, OwnIdentity>,
    /// What settings take back, as deny assignments do.
    denials: Vec<Denial>,
    /// The clusters that stand, whose bindings are read next.
    pub(super) asked: Vec<Asked>,
    unknown: Vec<Unknown>,
    remarks: Vec<String>,
}

impl Facts {
    pub(super) fn put(self, reading: &mut Reading) {
        reading.resources = self.resources;
        reading.registries = self.registries;
        reading.clusters = self.clusters;
        reading.vaults = self.vaults;
        reading.keys = self.keys;
        reading.connections = self.connections;
        reading.stores = self.stores;
        reading.identities = self.identities;
        reading.own = self.own;
        reading.tenant.denials.extend(self.denials);
        reading.unknown.extend(self.unknown);
        reading.remarks.extend(self.remarks);
    }
}

/// Reads each object of ours, and then what lies below it.
pub(super) async fn read(reader: &dyn Reader, estate: &Estate) -> Facts {
    let mut facts = Facts::default();
    let registries = facts.standing(reader, estate, REGISTRY).await;
    facts.read_registries(reader, registries).await;
    for (one, body) in facts.standing(reader, estate, CLUSTER).await {
        facts.cluster(one, &body);
    }
    for (one, body) in facts.standing(reader, estate, VAULT).await {
        facts.connected(one, &body);
        facts.vault(one, &body);
    }
    for (one, body) in facts.standing(reader, estate, STORE).await {
        facts.connected(one, &body);
        // An account that does not say takes them.
        let keys = body.pointer("/properties/allowSharedKeyAccess");
        let takes = keys.and_then(Json::as_bool) != Some(false);
        facts.stores.push((one.address.clone(), takes));
    }
    facts.read_keys(reader, estate).await;
    let identities = facts.standing(reader, estate, IDENTITY).await;
    facts.read_identities(reader, identities).await;
    facts
}

impl Facts {
    /// The objects of a type that stand, with their bodies.
    async fn standing<'e>(
        &mut self,
        reader: &dyn Reader,
        estate: &'e Estate,
        arm_type: &str,
    ) -> Vec<(&'e Managed, Json)> {
        let all: Vec<&Managed> = estate.objects_of(arm_type).collect();
        let requests: Vec<Request> = all.iter().map(|one| one.get.clone()).collect();
        let answers = reader.get_many(&requests).await;
        let mut standing = Vec::new();
        for (one, answer) in all.into_iter().zip(answers) {
            match answer {
                Ok(Some(body)) => standing.push((one, body)),
                Ok(None) => {}
                Err(failure) => {
                    self.unread(one, "", failure);
                    self.could_be_anything(one, arm_type);
                }
            }
        }
        standing
    }

    fn unread(&mut self, one: &Managed, of: &str, failure: Failure) {
        self.unknown.push(Unknown {
            what: format!("{of}{}", one.address),
            hides: Hides::Facts,
            failure,
        });
    }

    fn connected(&mut self, one: &Managed, body: &Json) {
        let all = connections::of(&one.address, &one.scope, body);
        self.connections.extend(all);
    }

    /// What cannot be read stands for steps that may be open.
    fn could_be_anything(&mut self, one: &Managed, arm_type: &str) {
        let scope = one.scope.clone();
        match arm_type {
            REGISTRY => self.resources.registries.push(Registry {
                scope,
                admin_user: None,
                tokens: Vec::new(),
                task_identities: Vec::new(),
            }),
            CLUSTER => self.resources.clusters.push(Cluster {
                scope,
                local_accounts: None,
                admin_groups: Vec::new(),
                node_group: None,
                kubelet: None,
                issuer: None,
            }),
            VAULT => self.resources.vaults.push(Vault {
                scope,
                by_policies: None,
                policies: Vec::new(),
            }),
            _ => {}
        }
    }

    async fn read_registries(&mut self, reader: &dyn Reader, all: Vec<(&Managed, Json)>) {
        let below = |(one, _): &(&Managed, Json)| {
            let at = one.scope.id();
            [
                arm(format!("{at}/scopeMaps"), REGISTRY_API_VERSION),
                arm(format!("{at}/tokens"), REGISTRY_API_VERSION),
                arm(format!("{at}/tasks"), TASKS_API_VERSION),
            ]
        };
        let requests: Vec<Request> = all.iter().flat_map(below).collect();
        let mut answers = lists(reader, &requests).await.into_iter();
        for (one, body) in all {
            let mut next = |what: &str| {
                let listed = answers.next().unwrap_or(Listed::Absent);
                self.below(one, what, listed)
            };
            let (maps, tokens, tasks) = (next("scope maps"), next("tokens"), next("tasks"));
            let setting = |name: &str| {
                body.pointer(&format!("/properties/{name}"))
                    .and_then(Json::as_bool)
            };
            let writing: BTreeMap<String, bool> = maps
                .iter()
                .filter_map(|map| Some((id(map, "/id")?, writes(map))))
                .collect();
            let tokens: Vec<RegistryToken> = tokens
                .iter()
                .map(|body| RegistryToken {
                    name: text(body, "/name").unwrap_or_default().to_owned(),
                    enabled: text(body, "/properties/status") != Some("disabled"),
                    writes: id(body, "/properties/scopeMapId")
                        .is_none_or(|map| *writing.get(&map).unwrap_or(&true)),
                })
                .collect();
            let names = tokens
                .iter()
                .map(|token| (token.name.clone(), token.enabled));
            self.connected(one, &body);
            let mode = text(&body, "/properties/roleAssignmentMode");
            let mode = mode.filter(|mode| !mode.eq_ignore_ascii_case(LEGACY_MODE));
            self.denials
                .extend(mode.map(|mode| Denial::of_registry(&one.scope, mode)));
            self.registries.push(RegistryFacts {
                address: one.address.clone(),
                admin_user: setting("adminUserEnabled") == Some(true),
                anonymous_pull: setting("anonymousPullEnabled") == Some(true),
                tokens: names.collect(),
                tasks: tasks.iter().map(task).collect(),
                by_repository: mode.is_some(),
            });
            self.resources.registries.push(Registry {
                scope: one.scope.clone(),
                admin_user: setting("adminUserEnabled"),
                tokens,
                task_identities: tasks.iter().flat_map(identities_of).collect(),
            });
        }
    }

    /// The members of a list below an object that stands.
    fn below(&mut self, one: &Managed, what: &str, listed: Listed) -> Vec<Json> {
        match listed {
            Listed::All(members) => members,
            // The object stands, so it is the type that this cloud does not have.
            Listed::Absent => {
                let remark = format!("{what} are not applicable: the cloud has none");
                if !self.remarks.contains(&remark) {
                    self.remarks.push(remark);
                }
                Vec::new()
            }
            Listed::Failed(failure) => {
                self.unread(one, &format!("{what} of "), failure);
                Vec::new()
            }
        }
    }

    fn cluster(&mut self, one: &Managed, body: &Json) {
        let flag = |path: &str| body.pointer(path).and_then(Json::as_bool);
        let disabled = flag("/properties/disableLocalAccounts").unwrap_or(false);
        let groups = body.pointer("/properties/aadProfile/adminGroupObjectIDs");
        let groups = groups.and_then(Json::as_array).into_iter().flatten();
        let admins: Vec<String> = groups
            .filter_map(Json::as_str)
            .map(str::to_ascii_lowercase)
            .collect();
        let node_group = text(body, "/properties/nodeResourceGroup").and_then(|name| {
            let subscription = one.scope.subscription()?;
            Some(Scope::new(&format!(
                "/subscriptions/{subscription}/resourceGroups/{name}"
            )))
        });
        let own = own::identities(&one.address, &one.scope, node_group.as_ref(), body);
        self.own.extend(own);
        self.clusters.push(ClusterFacts {
            address: one.address.clone(),
            local_accounts: !disabled,
            azure_rbac: flag("/properties/aadProfile/enableAzureRBAC") == Some(true),
        });
        self.resources.clusters.push(Cluster {
            scope: one.scope.clone(),
            local_accounts: Some(!disabled),
            admin_groups: admins.clone(),
            node_group,
            kubelet: id(body, "/properties/identityProfile/kubeletidentity/objectId"),
            issuer: text(body, "/properties/oidcIssuerProfile/issuerURL").map(str::to_owned),
        });
        self.asked.push(Asked {
            address: one.address.clone(),
            scope: one.scope.clone(),
            admins,
            runs: text(body, "/properties/powerState/code") != Some("Stopped"),
            private: flag("/properties/apiServerAccessProfile/enablePrivateCluster") == Some(true),
        });
    }

    fn vault(&mut self, one: &Managed, body: &Json) {
        let flag = body.pointer("/properties/enableRbacAuthorization");
        let by_policies = flag.and_then(Json::as_bool) != Some(true);
        let policies = body.pointer("/properties/accessPolicies");
        let policies = policies.and_then(Json::as_array).into_iter().flatten();
        let on_keys = |policy: &&Json| {
            let keys = policy.pointer("/permissions/keys");
            let keys = keys.and_then(Json::as_array);
            keys.is_some_and(|keys| !keys.is_empty())
        };
        let policies: Vec<String> = policies
            .filter(on_keys)
            .filter_map(|policy| id(policy, "/objectId"))
            .collect();
        self.vaults.push(VaultFacts {
            address: one.address.clone(),
            by_policies,
            policies: policies.clone(),
        });
        self.resources.vaults.push(Vault {
            scope: one.scope.clone(),
            by_policies: Some(by_policies),
            policies,
        });
    }

    /// Only the vault itself tells which HSM holds a key.
    async fn read_keys(&mut self, reader: &dyn Reader, estate: &Estate) {
        let keys: Vec<&Managed> = estate.objects_of(KEY).collect();
        let requests: Vec<Request> = keys.iter().filter_map(|one| on_data_plane(one)).collect();
        let answers = reader.get_many(&requests).await;
        for (one, answer) in keys.into_iter().zip(answers) {
            match answer {
                Ok(Some(body)) => {
                    let platform = body.pointer("/attributes/hsmPlatform");
                    self.keys.push(KeyFacts {
                        address: one.address.clone(),
                        hsm_platform: platform.map(|it| match it {
                            Json::String(text) => text.clone(),
                            other => other.to_string(),
                        }),
                    });
                }
                Ok(None) => {}
                Err(failure) => self.unread(one, "the HSM of ", failure),
            }
        }
    }

    async fn read_identities(&mut self, reader: &dyn Reader, all: Vec<(&Managed, Json)>) {
        let below = |(one, _): &(&Managed, Json)| {
            let path = format!("{}/federatedIdentityCredentials", one.scope.id());
            arm(path, IDENTITY_API_VERSION)
        };
        let requests: Vec<Request> = all.iter().map(below).collect();
        let answers = lists(reader, &requests).await;
        for ((one, body), listed) in all.into_iter().zip(answers) {
            let credentials = self.below(one, "federated credentials", listed);
            let credentials: Vec<Federated> = credentials
                .iter()
                .map(|body| Federated {
                    name: text(body, "/name").unwrap_or_default().to_owned(),
                    issuer: text(body, "/properties/issuer")
                        .unwrap_or_default()
                        .to_owned(),
                    subject: text(body, "/properties/subject")
                        .unwrap_or_default()
                        .to_owned(),
                })
                .collect();
            if let Some(principal) = id(&body, "/properties/principalId") {
                self.resources.identities.push(Identity {
                    scope: one.scope.clone(),
                    principal,
                    issuers: credentials.iter().map(|it| it.issuer.clone()).collect(),
                });
            }
            let held = credentials.into_iter().map(|it| (one.address.clone(), it));
            self.identities.extend(held);
        }
    }
}

/// Whether a scope map lets its tokens write.
fn writes(map: &Json) -> bool {
    let actions = map.pointer("/properties/actions").and_then(Json::as_array);
    let mut actions = actions.into_iter().flatten().filter_map(Json::as_str);
    actions.any(|action| !action.ends_with("/read"))
}

/// The name of a task, and whether it is enabled; one that does not say is.
fn task(body: &Json) -> (String, bool) {
    let status = text(body, "/properties/status").unwrap_or_default();
    let name = text(body, "/name").unwrap_or_default();
    (name.to_owned(), !status.eq_ignore_ascii_case("Disabled"))
}

/// The object ids of the identities that a task runs as.
fn identities_of(task: &Json) -> Vec<String> {
    let own = id(task, "/identity/principalId");
    let assigned = task.pointer("/identity/userAssignedIdentities");
    let assigned = assigned.and_then(Json::as_object).into_iter().flatten();
    let assigned = assigned.filter_map(|(_, one)| id(one, "/principalId"));
    own.into_iter().chain(assigned).collect()
}

/// The read of a key at its vault.
fn on_data_plane(key: &Managed) -> Option<Request> {
    let (vault, name) = key.scope.id().rsplit_once("/keys/")?;
    let vault = vault.rsplit('/').next()?;
    Some(Request {
        plane: Plane::Vault(vault.to_owned()),
        ..arm(format!("/keys/{name}"), KEYS_API_VERSION)
    })
}
