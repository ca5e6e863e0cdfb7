//! Kubernetes clusters: AKS, with Entra and Azure RBAC for people and pods, and no local account.
//!
//! Reference: Microsoft.ContainerService `managedClusters`, api-version 2026-04-01. PATCH would
//! change tags only, so an update is a PUT of everything.
//!
//! ## Why
//! A create needs the system pools in its body and carries them; from then on a PUT that adds or
//! drops a pool is refused, so an update says the pools as they were read, counts and versions
//! included, and changes none. The control plane is upgraded before its pools are.

use serde_json::{Map, Value as Json, json};

pub(super) use super::cluster_fields::{API_VERSION, NAME};
use super::cluster_fields::{META, POLICY, SECRET_PROVIDER};
use super::{
    ClusterSection, NetworkPolicy, Sections, agent_pool, cluster_grants, cluster_identity,
    cluster_versions, ranges,
};
use crate::resource::{
    Address, AddressError, Kind, Meta, Method, Place, Planned, Question, Request, Resource, Value,
};

/// The kind of clusters.
pub struct ManagedCluster;

/// What to do about what a cluster keeps for life.
pub(super) const NEW_NAME: &str = "a cluster keeps it for life: declare it as it stands, or a \
                                   cluster of another name, and move what runs in this one";

/// Where a cluster's add-ons stand.
const ADDONS: &str = "/properties/addonProfiles";

/// What a pool shows that a PUT of its cluster must not say again: a node image that has moved
/// since would be asked back.
const POOL_READ_ONLY: &[&str] = &[
    "eTag",
    "provisioningState",
    "currentOrchestratorVersion",
    "nodeImageVersion",
];

impl Kind for ManagedCluster {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn question(&self, planned: &Planned<'_>) -> Option<Question> {
        let region = planned.text("location")?;
        let version = "properties.kubernetesVersion";
        cluster_versions::question(&META, planned, version, region, true)
    }

    /// Accounts of the cluster's own, which no role of Azure's bounds.
    fn widens(
        &self,
        address: &Address,
        before: Option<&Value>,
        after: &Value,
        _onto_new: bool,
    ) -> Option<String> {
        let closed = |fields: &Value| {
            fields.at("properties.disableLocalAccounts") == Some(&Value::Bool(true))
        };
        (!closed(after) && before.is_none_or(closed))
            .then(|| format!("local accounts on {address}"))
    }

    fn create(&self, id: &str, desired: &Json) -> Request {
        let mut body = crate::resource::without_nulls(desired.clone());
        without_absent_addons(&mut body, &Json::Null);
        Request::arm(Method::Put, id, META.api_version).body(body)
    }

    fn update(&self, id: &str, live: &Json, desired: &Json, changed: &[&str]) -> Request {
        let mut live = with_our_names(live);
        for pool in pools(&mut live) {
            pool.retain(|key, _| !POOL_READ_ONLY.contains(&key.as_str()));
        }
        let mut request = crate::resource::update(&META, id, &live, desired, changed);
        if let Some(body) = &mut request.body {
            without_absent_addons(body, &live);
        }
        request
    }

    fn embeds(&self, child: &Resource) -> bool {
        agent_pool::is_system(child)
    }

    fn takes(&self, child: &Resource) -> bool {
        agent_pool::is_pool(child)
    }

    fn embed(&self, body: &mut Json, name: &str, child: &Json) {
        let created = agent_pool::created(child);
        let mut profile = created["properties"].clone();
        profile["name"] = json!(name);
        let profiles = &mut body["properties"]["agentPoolProfiles"];
        match profiles.as_array_mut() {
            Some(profiles) => profiles.push(profile),
            None => *profiles = json!([profile]),
        }
    }

    fn lane(&self, id: &str, _properties: &Json) -> Option<String> {
        Some(lane(id))
    }

    fn project(&self, live: &Json) -> Value {
        let mut live = with_our_names(live);
        // Azure shows the ids of the principals beside those of the identities.
        if let Some(identities) = live
            .pointer_mut("/identity/userAssignedIdentities")
            .and_then(Json::as_object_mut)
        {
            identities.values_mut().for_each(|known| *known = json!({}));
        }
        let routing = live.pointer_mut("/properties/ingressProfile/webAppRouting");
        if let Some(routing) = routing
            && routing["enabled"] == json!(false)
            && routing.get("nginx").is_none_or(Json::is_null)
        {
            // Where nothing routes, there is no controller either.
            routing["nginx"] = json!({ "defaultIngressControllerType": "None" });
        }
        META.project(&live)
    }
}

/// The lane of a cluster and its pools, by the id of either.
pub(super) fn lane(id: &str) -> String {
    let id = id.to_lowercase();
    let cluster = id.split("/agentpools/").next().unwrap_or_default();
    cluster.to_owned()
}

/// The names of the add-ons that are ours to switch, as we write them.
fn our_addons() -> impl Iterator<Item = &'static str> {
    let fields = META.fields.iter();
    fields.filter_map(|field| {
        field
            .path
            .strip_prefix("properties.addonProfiles.")?
            .split('.')
            .next()
    })
}

/// The live body with the names of add-ons as we write them: Azure keeps each caller's case.
fn with_our_names(live: &Json) -> Json {
    let mut live = live.clone();
    let addons = live.pointer_mut(ADDONS);
    if let Some(Json::Object(addons)) = addons {
        let renamed = std::mem::take(addons).into_iter().map(|(name, addon)| {
            let ours = our_addons().find(|ours| ours.eq_ignore_ascii_case(&name));
            (ours.map_or(name, str::to_owned), addon)
        });
        *addons = renamed.collect();
    }
    live
}

/// Leaves unsaid that add-ons are off which a cluster does not have: not every cloud knows each.
fn without_absent_addons(body: &mut Json, live: &Json) {
    let held = live.pointer(ADDONS).and_then(Json::as_object);
    if let Some(addons) = body.pointer_mut(ADDONS).and_then(Json::as_object_mut) {
        addons.retain(|name, addon| {
            *addon != json!({ "enabled": false })
                || held.is_some_and(|held| held.contains_key(name))
        });
    }
}

/// The pools that a live cluster shows.
fn pools(live: &mut Json) -> impl Iterator<Item = &mut Map<String, Json>> {
    let profiles = live.pointer_mut("/properties/agentPoolProfiles");
    let profiles = profiles.and_then(Json::as_array_mut).into_iter().flatten();
    profiles.filter_map(Json::as_object_mut)
}

impl ClusterSection {
    /// The cluster's ARM id in a resource group.
    pub(super) fn id(&self, group_id: &str) -> String {
        format!("{group_id}/providers/{}/{}", META.arm_type, self.name)
    }

    /// The ARM id of the subnet that its nodes stand in.
    pub(super) fn subnet_id(&self, sections: &Sections, group_id: &str) -> Option<String> {
        let network = sections.network.as_ref()?;
        Some(format!("{}/subnets/{}", network.id(group_id), self.subnet))
    }

    /// Whether Defender watches it.
    pub(super) fn is_defended(&self, sections: &Sections) -> bool {
        self.defender.unwrap_or(sections.workspace.is_some())
    }

    fn properties(&self, place: &Place, sections: &Sections, group_id: &str) -> Json {
        let workspace = sections.workspace.as_ref().map(|it| it.id(group_id));
        let defended = self.is_defended(sections);
        let kubelet = cluster_identity::id(group_id, self, cluster_identity::KUBELET);
        let switch = |on: bool, yes: &str, no: &str| if on { yes } else { no }.to_owned();
        json!({
            "kubernetesVersion": self.kubernetes,
            "dnsPrefix": self.dns_prefix.as_ref().unwrap_or(&self.name),
            "identityProfile": { "kubeletidentity": { "resourceId": kubelet } },
            "aadProfile": {
                "tenantID": place.tenant,
                "adminGroupObjectIDs": self.admin_groups,
            },
            "securityProfile": { "defender": {
                "securityMonitoring": { "enabled": defended },
                "logAnalyticsWorkspaceResourceId": workspace.filter(|_| defended),
            } },
            "apiServerAccessProfile": {
                "enablePrivateCluster": self.private,
                "authorizedIPRanges": self.authorized_ips,
                "disableRunCommand": !self.run_command,
            },
            "networkProfile": self.network_profile(),
            "autoUpgradeProfile": {
                "upgradeChannel": self.auto_upgrade,
                "nodeOSUpgradeChannel": self.node_os_upgrade,
            },
            "addonProfiles": {
                SECRET_PROVIDER: {
                    "enabled": self.secret_provider,
                    "config": { "enableSecretRotation": self.secret_provider.to_string() },
                },
                POLICY: { "enabled": self.policy },
            },
            "azureMonitorProfile": { "metrics": { "enabled": self.metrics } },
            "ingressProfile": {
                "gatewayAPI": { "installation": switch(self.gateway, "Standard", "Disabled") },
                "webAppRouting": {
                    "enabled": self.gateway,
                    "gatewayAPIImplementations": { "appRoutingIstio": {
                        "mode": switch(self.gateway, "Enabled", "Disabled"),
                    } },
                },
            },
        })
    }

    fn network_profile(&self) -> Json {
        let services = ranges::read(&self.service_cidr).ok();
        json!({
            "networkDataplane": match self.network_policy {
                NetworkPolicy::Cilium => "cilium",
                NetworkPolicy::Azure => "azure",
            },
            "networkPolicy": self.network_policy,
            "outboundType": self.outbound,
            "podCidr": self.pod_cidr,
            "serviceCidr": self.service_cidr,
            // As Azure chooses it: the tenth address.
            "dnsServiceIP": services.and_then(|range| range.hosts().nth(9)),
        })
    }
}

/// The cluster of an environment.
pub(super) fn declare(place: &Place, sections: &Sections) -> Result<Vec<Resource>, AddressError> {
    let (Some(section), Some(group)) = (&sections.cluster, &sections.group) else {
        return Ok(Vec::new());
    };
    let group_id = place.group_id(&group.name);
    let control = cluster_identity::id(&group_id, section, cluster_identity::CONTROL_PLANE);
    let properties = Value::from(json!({
        "location": place.primary,
        "sku": { "tier": section.tier },
        "identity": { "userAssignedIdentities": { control: {} } },
        "properties": section.properties(place, sections, &group_id),
    }));
    let address = place.address("cluster")?;
    let id = section.id(&group_id);
    let mut cluster = Resource::new(place, &ManagedCluster, address, id.into(), properties)
        .inside(&place.address("group")?);
    for needed in needed(section, sections) {
        cluster = cluster.after(&place.address(&needed)?);
    }
    Ok(vec![cluster])
}

/// What has to stand before a cluster is asked for, below its environment's address.
fn needed(section: &ClusterSection, sections: &Sections) -> Vec<String> {
    let mut needed = vec![
        format!("network.subnet.{}", section.subnet),
        cluster_identity::address(cluster_identity::CONTROL_PLANE),
        cluster_identity::address(cluster_identity::KUBELET),
    ];
    needed.extend(cluster_grants::BEFORE.map(str::to_owned));
    if section.is_defended(sections) {
        needed.push("workspace".to_owned());
    }
    needed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::testing;
    use crate::resource::{Address, Outputs};

    const POOLS: &str = "[cluster.pools.system]\nmode = \"System\"\ncount = 3\n\
                         [cluster.pools.apps]\nmin = 2\nmax = 9\n";

    fn cluster(more: &str) -> Resource {
        let sections = testing::cluster(&format!("{more}{POOLS}"));
        let declared = declare(&testing::place(), &sections).expect("addresses");
        declared.into_iter().next().expect("a cluster")
    }

    fn known(resource: &Resource) -> Json {
        resource
            .properties
            .resolve(&Outputs::default())
            .expect("known")
    }

    #[test]
    fn secure_where_toml_says_nothing() {
        let body = known(&cluster(""));
        for (pointer, wanted) in [
            ("/sku/tier", json!("Standard")),
            ("/properties/disableLocalAccounts", json!(true)),
            ("/properties/aadProfile/enableAzureRBAC", json!(true)),
            ("/properties/aadProfile/adminGroupObjectIDs", json!([])),
            ("/properties/oidcIssuerProfile/enabled", json!(true)),
            (
                "/properties/apiServerAccessProfile/enablePrivateCluster",
                json!(true),
            ),
            (
                "/properties/apiServerAccessProfile/disableRunCommand",
                json!(true),
            ),
            (
                "/properties/networkProfile/networkPluginMode",
                json!("overlay"),
            ),
            (
                "/properties/networkProfile/networkDataplane",
                json!("cilium"),
            ),
            (
                "/properties/networkProfile/dnsServiceIP",
                json!("10.0.0.10"),
            ),
            ("/properties/addonProfiles/azurepolicy/enabled", json!(true)),
            (
                "/properties/ingressProfile/gatewayAPI/installation",
                json!("Standard"),
            ),
        ] {
            assert_eq!(body.pointer(pointer), Some(&wanted), "{pointer}");
        }
    }

    #[test]
    fn what_is_switched_on_by_hand_is_switched_off_and_else_not_spoken_of() {
        let desired = known(&cluster(""));
        let addons =
            |body: Option<Json>| body.expect("a body")["properties"]["addonProfiles"].clone();
        let created = addons(ManagedCluster.create("/c", &desired).body);
        let said: Vec<&String> = created.as_object().expect("add-ons").keys().collect();
        assert_eq!(said, ["azureKeyvaultSecretsProvider", "azurepolicy"]);
        let live = json!({"properties": {"addonProfiles": {
            "HTTPApplicationRouting": {"enabled": true, "config": {"zone": "z"}},
            "omsagent": {"enabled": true},
        }}});
        let on = ManagedCluster.project(&live);
        let path = "properties.addonProfiles.httpApplicationRouting.enabled";
        assert_eq!(on.at(path), Some(&Value::Bool(true)));
        let updated = addons(ManagedCluster.update("/c", &live, &desired, &[path]).body);
        assert_eq!(updated["httpApplicationRouting"]["enabled"], false);
        assert_eq!(updated["omsagent"]["enabled"], true);
        assert_eq!(updated.get("kubeDashboard"), None);
    }

    #[test]
    fn defender_watches_where_there_is_a_workspace() {
        let defender = |more: &str| {
            let body = known(&cluster(more));
            body["properties"]["securityProfile"]["defender"].clone()
        };
        let workspace = "[workspace]\nname = \"logs\"\n";
        assert_eq!(defender("")["securityMonitoring"]["enabled"], false);
        let told = defender(workspace);
        assert_eq!(told["securityMonitoring"]["enabled"], true);
        let id = told["logAnalyticsWorkspaceResourceId"]
            .as_str()
            .expect("an id");
        assert!(id.ends_with("/workspaces/logs"), "{id}");
        let off = defender(&format!("defender = false\n{workspace}"));
        assert_eq!(off["logAnalyticsWorkspaceResourceId"], Json::Null);
    }

    #[test]
    fn it_stands_on_its_subnet_and_identities() {
        let needs = cluster("").references();
        let needs: Vec<&str> = needs.iter().map(Address::as_str).collect();
        assert_eq!(
            needs,
            [
                "dev.cluster.grant.kubelet",
                "dev.cluster.grant.nodes",
                "dev.cluster.identity.control-plane",
                "dev.cluster.identity.kubelet",
                "dev.group",
                "dev.network.subnet.nodes"
            ]
        );
    }

    #[test]
    fn a_create_carries_the_system_pools_with_a_count() {
        let sections = testing::cluster(
            "[cluster.pools.system]\nmode = \"System\"\nmin = 2\nmax = 5\n\
             [cluster.pools.apps]\ncount = 2\n",
        );
        let pools = agent_pool::declare(&testing::place(), &sections).expect("addresses");
        let [apps, system] = &pools[..] else {
            panic!("two pools: {pools:?}")
        };
        assert!(ManagedCluster.embeds(system) && !ManagedCluster.embeds(apps));
        assert!(ManagedCluster.takes(system) && ManagedCluster.takes(apps));
        assert!(!ManagedCluster.embeds(&cluster("")) && !ManagedCluster.takes(&cluster("")));
        let mut body = ManagedCluster
            .create("/c", &known(&cluster("")))
            .body
            .expect("a body");
        ManagedCluster.embed(&mut body, "system", &known(system));
        let profiles = &body["properties"]["agentPoolProfiles"];
        assert_eq!(profiles.as_array().map(Vec::len), Some(1));
        let profile = &profiles[0];
        assert_eq!(
            (&profile["name"], &profile["count"]),
            (&json!("system"), &json!(2))
        );
        assert_eq!(profile["vmSize"], "Standard_D4ds_v5");
        assert!(profile.get("properties").is_none());
    }

    fn live() -> Json {
        let mut live = ManagedCluster
            .create("/c", &known(&cluster("")))
            .body
            .expect("a body");
        live["properties"]["agentPoolProfiles"] = json!([
            {"name": "system", "count": 3, "nodeImageVersion": "old", "vmSize": "Standard_D4ds_v5",
             "orchestratorVersion": "1.36", "currentOrchestratorVersion": "1.36.2"},
            {"name": "theirs", "count": 7, "enableAutoScaling": true, "minCount": 1, "maxCount": 9},
        ]);
        live["properties"]["currentKubernetesVersion"] = json!("1.36.2");
        live
    }

    #[test]
    fn an_update_says_the_pools_as_they_were_read() {
        let mut desired = known(&cluster(""));
        desired["properties"]["kubernetesVersion"] = json!("1.37");
        let request =
            ManagedCluster.update("/c", &live(), &desired, &["properties.kubernetesVersion"]);
        let body = request.body.expect("a body");
        let profiles = &body["properties"]["agentPoolProfiles"];
        assert_eq!(
            profiles[0],
            json!({"name": "system", "count": 3, "vmSize": "Standard_D4ds_v5",
                   "orchestratorVersion": "1.36"})
        );
        assert_eq!(profiles[1], live()["properties"]["agentPoolProfiles"][1]);
        assert_eq!(body["properties"]["kubernetesVersion"], "1.37");
        assert!(body["properties"].get("currentKubernetesVersion").is_none());
    }

    /// The managed fields in which a live body differs from the declared cluster.
    fn differing(live: &Json) -> Vec<&'static str> {
        let desired = cluster("").properties;
        let seen = ManagedCluster.project(live);
        let at = |tree: &Value, path: &str| tree.at(path).cloned().unwrap_or_default();
        let fields = META.fields.iter();
        fields
            .filter(|field| !field.same(&at(&desired, field.path), &at(&seen, field.path)))
            .map(|field| field.path)
            .collect()
    }

    #[test]
    fn what_azure_moves_or_writes_otherwise_is_no_difference() {
        let mut live = live();
        assert_eq!(differing(&live), [""; 0]);
        for version in ["1.36.2", "1.36.9"] {
            live["properties"]["kubernetesVersion"] = json!(version);
            live["properties"]["currentKubernetesVersion"] = json!(version);
            assert_eq!(differing(&live), [""; 0], "{version}");
        }
        let identities = live["identity"]["userAssignedIdentities"].take();
        let id = identities
            .as_object()
            .and_then(|map| map.keys().next())
            .expect("an id");
        let id = id.replace("/resourceGroups/", "/resourcegroups/");
        live["identity"]["userAssignedIdentities"] =
            json!({id: {"principalId": "p", "clientId": "c"}});
        let policy = live["properties"]["addonProfiles"]["azurepolicy"].take();
        live["properties"]["addonProfiles"] = json!({
            "azurePolicy": policy,
            "azureKeyvaultSecretsProvider":
                live["properties"]["addonProfiles"]["azureKeyvaultSecretsProvider"],
        });
        assert_eq!(differing(&live), [""; 0]);
        let sent = ManagedCluster.update("/c", &live, &known(&cluster("")), &["tags"]);
        let sent = sent.body.expect("a body");
        let addons = sent["properties"]["addonProfiles"]
            .as_object()
            .expect("add-ons");
        assert_eq!(addons.len(), 2, "{addons:?}");
    }

    #[test]
    fn a_weaker_cluster_is_a_difference() {
        let mut live = live();
        live["properties"]["disableLocalAccounts"] = json!(false);
        live["properties"]["kubernetesVersion"] = json!("1.35");
        live["properties"]["ingressProfile"]["webAppRouting"]["nginx"] = json!(null);
        assert_eq!(
            differing(&live),
            [
                "properties.kubernetesVersion",
                "properties.disableLocalAccounts",
                "properties.ingressProfile.webAppRouting.nginx.defaultIngressControllerType",
            ]
        );
    }

    #[test]
    fn a_cluster_and_its_pools_share_a_lane() {
        assert_eq!(
            lane("/G/managedClusters/C"),
            lane("/g/managedclusters/c/agentPools/p")
        );
        assert_ne!(lane("/g/managedClusters/c"), lane("/g/managedClusters/c2"));
    }
}
