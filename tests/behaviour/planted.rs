//! Excesses, gaps and ways to obtain more, planted one by one on the applied sample: each is found,
//! named and explained, and nothing else is.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::future::BoxFuture;
use onestream::kinds::{Allowance, Role, Sections};
use onestream::provision::plan::Mode;
use onestream::rbac::audit::Audit;
use onestream::rbac::cells::{Mark, Matrix};
use onestream::rbac::check::{Finding, Rule, check};
use onestream::rbac::estate::{self, Estate as Declared};
use onestream::rbac::explain::explain;
use onestream::rbac::{Question, Scope, excess, read};
use onestream::report::{self, Format, Style};
use onestream::resource::{Address, Method, Outputs, Place, Plane, Request, Severity};
use serde_json::{Value as Json, json};
use time::OffsetDateTime;
use time::macros::date;

use crate::estate::{Estate, sample};

const OWNER: &str = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635";
const CONTRIBUTOR: &str = "b24988ac-6180-42a0-ab88-20f7382dd24c";
const READER: &str = "acdd72a7-3385-48ef-bd42-f606fba81ae7";
const ACCESS_ADMINISTRATOR: &str = "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9";
const PULL: &str = "7f951dda-4ed3-4680-a7ca-43fe172d538d";
const PUSH: &str = "8311e382-0749-4cb8-b61a-304f252e45ec";
const CRYPTO_USER: &str = "12338af0-0e69-4776-bea7-57ae8d297424";
const CLUSTER_WRITER: &str = "a7ffa36f-339b-4b5c-8bdf-e2c188b2c0eb";
const CLUSTER_ADMINISTRATOR: &str = "b1ff04bb-8a4e-4dc4-8eb5-8693973ce19b";
const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";
const GROUPS_ADMINISTRATOR: &str = "fdd7a751-b60b-444a-984c-02652fe8fa1c";
const GRANT_APP_ROLES: &str = "06b708a9-e830-4db3-a914-8e69da51d44f";
const KATHERINE: &str = "66666666-6666-4666-8666-000000000003";
const ADA: &str = "66666666-6666-4666-8666-000000000001";

/// The applied sample, with a stranger and two nested groups in the directory that hold nothing.
struct Stage {
    estate: Estate,
    environments: Vec<(Place, Sections)>,
    outputs: Outputs,
    stranger: String,
    inner: String,
    outer: String,
}

/// Something planted, and what is found of it: rule, subject, and what is said.
struct Planted {
    name: &'static str,
    plant: for<'s> fn(&'s Stage) -> BoxFuture<'s, ()>,
    found: &'static [(Rule, &'static str, &'static [&'static str])],
}

/// What there is to say.
struct Found {
    findings: Vec<Finding>,
    /// Row, column and mark of each cell that is not as declared.
    marks: BTreeSet<(String, String, Mark)>,
    unread: Vec<String>,
}

/// What cannot be read in which case: a vault with policies asks them about who reads, too, and a
/// cluster that does not ask Azure its own bindings.
const UNREAD: [(&str, &str); 2] = [
    ("a vault with policies", "the HSM of prod.vault.key.cosign"),
    (
        "a cluster that does not ask Azure",
        "native role bindings of dev.cluster",
    ),
];

macro_rules! plant {
    ($stage:ident => $body:expr) => {
        |$stage| Box::pin(async move { $body })
    };
}

fn graph(method: Method, path: &str, body: Json) -> Request {
    Request {
        plane: Plane::Graph,
        api_version: None,
        ..Request::arm(method, path, "").body(body)
    }
}

impl Stage {
    async fn applied() -> Self {
        let estate = Estate::sample().await;
        estate.apply().await;
        let observed = estate.observe().await;
        let outputs = estate::outputs(&estate.desired, &observed);
        let mut stage = Self {
            estate,
            environments: sample(),
            outputs,
            stranger: String::new(),
            inner: String::new(),
            outer: String::new(),
        };
        stage.stranger = stage.service_principal("stranger").await;
        stage.inner = stage.group("inner").await;
        stage.outer = stage.group("outer").await;
        stage.join(&stage.inner, &stage.outer).await;
        stage.control("POST", "snapshot").await;
        stage
    }

    async fn control(&self, method: &str, what: &str) {
        let body = json!({ "name": "applied" });
        self.estate.control(method, what, Some(body)).await;
    }

    async fn service_principal(&self, name: &str) -> String {
        let unique = "/v1.0/applications(uniqueName='stranger')";
        let mut request = graph(Method::Patch, unique, json!({ "displayName": name }));
        let prefer = ("Prefer".to_owned(), "create-if-missing".to_owned());
        request.headers.push(prefer);
        self.estate.send(&request).await;
        let app = self.estate_object(unique).await["appId"].clone();
        let body = json!({ "appId": app });
        let request = graph(Method::Post, "/v1.0/servicePrincipals", body);
        self.estate.send(&request).await;
        let path = format!(
            "/v1.0/servicePrincipals(appId='{}')",
            app.as_str().expect("an id")
        );
        text(&self.estate_object(&path).await["id"])
    }

    async fn group(&self, name: &str) -> String {
        let path = format!("/v1.0/groups(uniqueName='{name}')");
        let body = json!({"displayName": name, "mailNickname": name, "mailEnabled": false,
            "securityEnabled": true});
        let mut request = graph(Method::Patch, &path, body);
        let prefer = ("Prefer".to_owned(), "create-if-missing".to_owned());
        request.headers.push(prefer);
        self.estate.send(&request).await;
        text(&self.estate_object(&path).await["id"])
    }

    async fn estate_object(&self, path: &str) -> Json {
        use onestream::provision::ports::Reader as _;
        let request = Request {
            body: None,
            ..graph(Method::Get, path, Json::Null)
        };
        let read = self.estate.azure.get(&request).await.expect("readable");
        read.unwrap_or_else(|| panic!("{path} does not stand"))
    }

    /// Puts somebody into a list of the directory: members or owners.
    async fn link(&self, list: &str, who: &str) {
        let reference = json!({ "@odata.id": format!("/v1.0/directoryObjects/{who}") });
        let request = graph(Method::Post, &format!("/v1.0/{list}/$ref"), reference);
        self.estate.send(&request).await;
    }

    async fn join(&self, who: &str, group: &str) {
        self.link(&format!("groups/{group}/members"), who).await;
    }

    /// The object id of a row.
    fn id(&self, row: &str) -> String {
        let declared = self.declared(&self.environments);
        declared.id_of(row).unwrap_or_else(|| panic!("no {row}"))
    }

    /// The id of what stands at an address.
    fn at(&self, address: &str) -> String {
        let address: Address = address.parse().expect("an address");
        self.estate.id(&address)
    }

    fn subscription(&self) -> String {
        self.environments[0].0.subscription_id()
    }

    async fn assign(&self, scope: &str, role: &str, principal: &str, of_type: &str) {
        let name = uuid::Uuid::new_v4();
        let id = format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}");
        let role = format!("/providers/Microsoft.Authorization/roleDefinitions/{role}");
        let body = json!({"properties": {"roleDefinitionId": role, "principalId": principal,
            "principalType": of_type}});
        let request = Request::arm(Method::Put, id, "2022-04-01").body(body);
        self.estate.send(&request).await;
    }

    /// A role that somebody made; its name.
    async fn custom_role(&self, actions: &[&str]) -> String {
        let name = uuid::Uuid::new_v4().to_string();
        let scope = self.subscription();
        let id = format!("{scope}/providers/Microsoft.Authorization/roleDefinitions/{name}");
        let body = json!({"properties": {"roleName": name, "type": "CustomRole",
            "assignableScopes": [scope], "permissions": [{"actions": actions}]}});
        let put = Request::arm(Method::Put, id, "2022-04-01").body(body);
        self.estate.send(&put).await;
        name
    }

    /// Puts an assignment there that its maker could not, or that nobody could.
    async fn plant_assignment(&self, scope: &str, role: &str, principal: &str) {
        let name = uuid::Uuid::new_v4();
        let id = format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}");
        let role = format!("/providers/Microsoft.Authorization/roleDefinitions/{role}");
        let body = json!({"id": id, "name": name, "type": "Microsoft.Authorization/roleAssignments",
            "properties": {"roleDefinitionId": role, "principalId": principal, "scope": scope,
                "principalType": "ServicePrincipal"}});
        self.estate.plant(&id, body).await;
    }

    async fn directory_role(&self, role: &str, principal: &str) {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let body = json!({"type": "graph/roleAssignments", "id": id, "principalId": principal,
            "directoryScopeId": "/", "roleDefinitionId": role});
        self.estate
            .plant(&format!("graph/roleAssignments/{id}"), body)
            .await;
    }

    async fn app_role(&self, role: &str, principal: &str) {
        let api = "/v1.0/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')";
        let api = text(&self.estate_object(api).await["id"]);
        let id = uuid::Uuid::new_v4().simple().to_string();
        let body = json!({"type": "graph/appRoleAssignments", "id": id, "principalId": principal,
            "principalType": "ServicePrincipal", "resourceId": api, "appRoleId": role});
        self.estate
            .plant(&format!("graph/appRoleAssignments/{id}"), body)
            .await;
    }

    async fn credential(&self, application: &str, name: &str, issuer: &str) {
        let path = format!("{}/federatedIdentityCredentials", self.at(application));
        let body = json!({"name": name, "issuer": issuer, "subject": "sc://a/b/c",
            "audiences": ["api://AzureADTokenExchange"]});
        self.estate.send(&graph(Method::Post, &path, body)).await;
    }

    /// Puts a private endpoint for something of ours into a stranger's network.
    async fn reach(&self, name: &str, target: &str, group: &str, how: &str) {
        let theirs = format!("{}/resourceGroups/rg-theirs", self.subscription());
        let network = format!("{theirs}/providers/Microsoft.Network/virtualNetworks/theirs");
        let subnet = format!("{network}/subnets/theirs");
        let endpoint = format!("{theirs}/providers/Microsoft.Network/privateEndpoints/{name}");
        let connection = json!({"name": "x", "properties": {
            "privateLinkServiceId": self.at(target), "groupIds": [group]}});
        for (id, api_version, body) in [
            (theirs, "2022-09-01", json!({"location": "eastus2"})),
            (
                network,
                "2024-05-01",
                json!({"location": "eastus2", "properties": {
                    "addressSpace": {"addressPrefixes": ["10.99.0.0/16"]},
                    "subnets": [{"name": "theirs", "properties": {"addressPrefix": "10.99.0.0/24"}}]}}),
            ),
            (
                endpoint,
                "2024-05-01",
                json!({"location": "eastus2", "properties": {"subnet": {"id": subnet}, how: [connection]}}),
            ),
        ] {
            let put = Request::arm(Method::Put, id, api_version).body(body);
            self.estate.send(&put).await;
        }
    }

    /// Writes a record set into a private DNS zone of ours.
    async fn record(&self, zone: &str, set: &str, properties: Json) {
        let id = format!("{}/{set}", self.at(zone));
        let body = json!({ "properties": properties });
        let put = Request::arm(Method::Put, id, "2020-06-01").body(body);
        self.estate.send(&put).await;
    }

    async fn tamper(&self, address: &str, patch: Json) {
        self.estate.tamper(&self.at(address), patch).await;
    }

    async fn remove(&self, address: &str) {
        let request = Request::arm(Method::Delete, self.at(address), "2022-04-01");
        self.estate.send(&request).await;
    }

    /// Binds somebody to a role inside a cluster, in a namespace or everywhere, as its administrator.
    async fn bind(&self, cluster: &str, namespace: Option<&str>, role: &str, subject: Json) {
        let scope = self.at(cluster);
        let id = format!(
            "{scope}/providers/Microsoft.Authorization/roleAssignments/{}",
            uuid::Uuid::new_v4()
        );
        let administrator =
            format!("/providers/Microsoft.Authorization/roleDefinitions/{CLUSTER_ADMINISTRATOR}");
        let body = json!({"properties": {"roleDefinitionId": administrator,
            "principalId": self.estate.deployer(), "principalType": "ServicePrincipal"}});
        let put = Request::arm(Method::Put, &id, "2022-04-01").body(body);
        self.estate.send(&put).await;
        let mut path = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings".to_owned();
        if let Some(namespace) = namespace {
            let body = json!({"metadata": {"name": namespace}});
            self.in_cluster(&scope, "/api/v1/namespaces", body).await;
            path =
                format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings");
        }
        let api = "rbac.authorization.k8s.io";
        let body = json!({"metadata": {"name": "theirs"}, "subjects": [subject],
            "roleRef": {"apiGroup": api, "kind": "ClusterRole", "name": role}});
        self.in_cluster(&scope, &path, body).await;
        // A lock may stand over it.
        let object = format!("objects?id={id}");
        self.estate.control("DELETE", &object, None).await;
    }

    async fn in_cluster(&self, id: &str, path: &str, body: Json) {
        let token = self.estate.azure.credential();
        let token = token
            .get_token(&["6dae42f8-4368-4678-94ff-3960e28e3630/.default"], None)
            .await;
        let token = token.expect("a token");
        let cluster = self.estate.object(id).await;
        let host = text(&cluster["properties"]["fqdn"]).replace(".azmk8s.io", ".azmk8s.localhost");
        let arm = &self.estate.azure.cloud().endpoints().resource_manager;
        let port = arm.port().expect("a port");
        let client = reqwest::Client::builder().resolve(&host, ([127, 0, 0, 1], port).into());
        let request = client
            .build()
            .expect("a client")
            .post(format!("http://{host}:{port}{path}"))
            .bearer_auth(token.token.secret())
            .header("content-type", "application/json")
            .body(body.to_string());
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        assert!([201, 409].contains(&status), "{path}: {status}");
    }

    fn declared(&self, environments: &[(Place, Sections)]) -> Declared {
        let environments = environments
            .iter()
            .map(|(place, sections)| (place, sections));
        Declared::of(environments, &self.estate.desired, &self.outputs).expect("it adds up")
    }

    /// What is found with these declarations.
    async fn found(&self, environments: &[(Place, Sections)]) -> Found {
        let declared = self.declared(environments);
        let reading = read::read(&self.estate.azure, &declared).await;
        let audit = Audit::new(&declared, &reading, OffsetDateTime::now_utc());
        let mut marks = BTreeSet::new();
        let matrix = Matrix::of(&audit);
        for (row, cells) in &matrix.rows {
            for (column, cell) in matrix.columns.iter().zip(cells) {
                let odd = cell.marks().into_iter();
                let odd = odd.filter(|it| !matches!(it, Mark::Nothing | Mark::AsDeclared));
                let (row, column) = (row.name.clone(), column.address.to_string());
                marks.extend(odd.map(|mark| (row.clone(), column.clone(), mark)));
            }
        }
        Found {
            findings: check(&audit),
            marks,
            unread: reading.unknown.into_iter().map(|one| one.what).collect(),
        }
    }
}

#[tokio::test]
async fn an_issuer_retires_in_the_public_cloud_only() {
    let stage = Stage::applied().await;
    let issuer = "https://vstoken.dev.azure.com/44444444-4444-4444-8444-444444444444";
    let principal = "shared.principal.promotion-engine";
    stage.credential(principal, "old", issuer).await;
    let mut declared = stage.declared(&stage.environments);
    for elsewhere in [false, true] {
        declared.elsewhere = elsewhere;
        let reading = read::read(&stage.estate.azure, &declared).await;
        let audit = Audit::new(&declared, &reading, OffsetDateTime::now_utc());
        let found = check(&audit);
        let of = |rule: Rule| found.iter().filter(|it| it.rule == rule).count();
        assert_eq!(of(Rule::UnknownFederation), 1);
        assert_eq!(of(Rule::RetiringIssuer), usize::from(!elsewhere));
    }
}

#[tokio::test]
async fn a_role_under_the_name_of_another_is_found() {
    let stage = Stage::applied().await;
    let mut environments = stage.environments.clone();
    let of = |name: &str| {
        let grants = environments.iter_mut();
        let grants = grants.flat_map(|(_, sections)| &mut sections.access.grants);
        for part in grants.flat_map(|grant| &mut grant.parts) {
            if let Role::BuiltIn { id, name: called } = &mut part.role
                && id == "8311e382-0749-4cb8-b61a-304f252e45ec"
            {
                name.clone_into(called);
            }
        }
        environments.clone()
    };
    let [wrong, right] = ["AcrPull", "acrpush"].map(of);
    let found = stage.found(&wrong).await.findings;
    let named: Vec<_> = found
        .iter()
        .filter(|it| it.rule == Rule::MisnamedRole)
        .collect();
    let [finding] = &named[..] else {
        panic!("{found:#?}");
    };
    assert_eq!(finding.subject, "capabilities.push-pull");
    assert_eq!(
        finding.explanation,
        "what it calls AcrPull is AcrPush (8311e382-0749-4cb8-b61a-304f252e45ec)"
    );
    let found = stage.found(&right).await.findings;
    assert!(!found.iter().any(|it| it.rule == Rule::MisnamedRole));
}

fn text(value: &Json) -> String {
    value.as_str().expect("a text").to_owned()
}

/// Grants beside the matrix.
const GRANTS: &[Planted] = &[
    Planted {
        name: "a pipeline pushes to production",
        plant: plant!(s => s.assign(&s.at("prod.registry"), PUSH, &s.id("dev-pipeline"), "ServicePrincipal").await),
        found: &[(
            Rule::ExtraGrant,
            "dev-pipeline",
            &["AcrPush", "push, pull on prod.registry"],
        )],
    },
    Planted {
        name: "an engine owns the subscription",
        plant: plant!(s => s.assign(&s.subscription(), OWNER, &s.id("promotion-engine"), "ServicePrincipal").await),
        found: &[(
            Rule::ExtraGrant,
            "promotion-engine",
            &["Owner at /subscriptions/", "assign roles"],
        )],
    },
    Planted {
        name: "a pipeline pushes by a grant on a resource group",
        plant: plant!(s => s.assign(&s.at("staging.group"), PUSH, &s.id("staging-pipeline"), "ServicePrincipal").await),
        found: &[(
            Rule::ExtraGrant,
            "staging-pipeline",
            &["AcrPush on staging.group", "push on staging.registry"],
        )],
    },
    Planted {
        name: "a verifier that encrypts",
        plant: plant!(s => s.assign(&s.at("dev.vault.key.cosign"), CRYPTO_USER, &s.id("promotion-engine"), "ServicePrincipal").await),
        found: &[(
            Rule::ExtraGrant,
            "promotion-engine",
            &[
                "Key Vault Crypto User on dev.vault.key.cosign",
                "sign",
                "decrypt",
            ],
        )],
    },
    Planted {
        name: "a deployer that reads secrets",
        plant: plant!(s => {
            let scope = format!("{}/namespaces/iam", s.at("dev.cluster"));
            s.assign(&scope, CLUSTER_WRITER, &s.id("dev-pipeline"), "ServicePrincipal").await;
        }),
        found: &[(
            Rule::ExtraGrant,
            "dev-pipeline",
            &["on dev.cluster/namespaces/iam", "read secrets"],
        )],
    },
    Planted {
        name: "a namespace of nobody's",
        plant: plant!(s => {
            let scope = format!("{}/namespaces/kube-system", s.at("prod.cluster"));
            s.assign(&scope, CLUSTER_WRITER, &s.id("prod-pipeline"), "ServicePrincipal").await;
        }),
        found: &[(
            Rule::ExtraGrant,
            "prod-pipeline",
            &["on prod.cluster/namespaces/kube-system", "deploy"],
        )],
    },
    Planted {
        name: "a grant to a group that a pipeline is in",
        plant: plant!(s => {
            s.join(&s.id("dev-pipeline"), &s.inner).await;
            s.assign(&s.at("prod.registry"), PUSH, &s.inner, "Group").await;
        }),
        found: &[(
            Rule::ExtraGrant,
            "dev-pipeline",
            &["inner", "through it dev-pipeline", "push"],
        )],
    },
    Planted {
        name: "a grant to a group of a group that a pipeline is in",
        plant: plant!(s => {
            s.join(&s.id("dev-pipeline"), &s.inner).await;
            s.assign(&s.at("prod.vault"), CRYPTO_USER, &s.outer, "Group").await;
        }),
        found: &[(
            Rule::ExtraGrant,
            "dev-pipeline",
            &["outer", "through it dev-pipeline", "sign"],
        )],
    },
    Planted {
        name: "a person who owns a resource group",
        plant: plant!(s => s.assign(&s.at("prod.group"), OWNER, ADA, "User").await),
        found: &[(
            Rule::ExtraGrant,
            "ada",
            &["Owner on prod.group", "assign roles on"],
        )],
    },
    Planted {
        name: "the deployer signs",
        plant: plant!(s => s.assign(&s.at("prod.vault"), CRYPTO_USER, s.estate.deployer(), "ServicePrincipal").await),
        found: &[(Rule::ExtraGrant, "local", &["on prod.vault", "sign"])],
    },
    Planted {
        name: "a stranger pulls",
        plant: plant!(s => s.assign(&s.at("dev.registry"), PULL, &s.stranger, "ServicePrincipal").await),
        found: &[(
            Rule::StrangerGrant,
            "stranger",
            &["AcrPull on dev.registry", "pull"],
        )],
    },
    Planted {
        name: "a pipeline runs commands on a cluster's nodes",
        plant: plant!(s => {
            let cluster = s.estate.object(&s.at("prod.cluster")).await;
            let group = text(&cluster["properties"]["nodeResourceGroup"]);
            let scope = format!("{}/resourceGroups/{group}", s.subscription());
            s.plant_assignment(&scope, CONTRIBUTOR, &s.id("dev-pipeline")).await;
        }),
        found: &[(
            Rule::ExtraGrant,
            "dev-pipeline",
            &[
                "Contributor",
                "more than is declared there, and a way to still more: cluster nodes (may run",
            ],
        )],
    },
    Planted {
        name: "a pipeline that runs commands on one scale set",
        plant: plant!(s => {
            let cluster = s.estate.object(&s.at("prod.cluster")).await;
            let group = text(&cluster["properties"]["nodeResourceGroup"]);
            let set = format!("{}/resourceGroups/{group}/providers/Microsoft.Compute/virtualMachineScaleSets/aks-system-vmss", s.subscription());
            let actions = ["Microsoft.Compute/virtualMachineScaleSets/virtualMachines/runCommands/write"];
            let role = s.custom_role(&actions).await;
            s.plant_assignment(&set, &role, &s.id("dev-pipeline")).await;
        }),
        found: &[(
            Rule::ExtraGrant,
            "dev-pipeline",
            &["cluster nodes (may run something on the nodes"],
        )],
    },
    Planted {
        name: "a pipeline that federates every identity",
        plant: plant!(s => {
            let actions = ["Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write"];
            let role = s.custom_role(&actions).await;
            s.assign(&s.subscription(), &role, &s.id("prod-pipeline"), "ServicePrincipal").await;
        }),
        found: &[(
            Rule::ExtraGrant,
            "prod-pipeline",
            &[
                "federate an identity (may add a federated credential to",
                "more)",
            ],
        )],
    },
    Planted {
        name: "a pipeline that has a cluster apply manifests",
        plant: plant!(s => {
            let role = s.custom_role(&["Microsoft.KubernetesConfiguration/fluxConfigurations/write"]).await;
            s.assign(&s.at("prod.cluster"), &role, &s.id("dev-pipeline"), "ServicePrincipal").await;
        }),
        found: &[(
            Rule::ExtraGrant,
            "dev-pipeline",
            &["extend a cluster (may have it apply manifests of its own)"],
        )],
    },
    Planted {
        name: "a stranger reads the subscription",
        plant: plant!(s => s.assign(&s.subscription(), READER, &s.stranger, "ServicePrincipal").await),
        found: &[(Rule::StrangerGrant, "stranger", &["Reader", "see settings"])],
    },
    Planted {
        name: "a stranger assigns roles from a management group",
        plant: plant!(s => {
            let tenant = s.environments[0].0.tenant.clone();
            let scope = format!("/providers/Microsoft.Management/managementGroups/{tenant}");
            s.plant_assignment(&scope, ACCESS_ADMINISTRATOR, &s.stranger).await;
        }),
        found: &[(
            Rule::StrangerGrant,
            "stranger",
            &["managementGroups", "assign roles"],
        )],
    },
    Planted {
        name: "somebody who is gone",
        plant: plant!(s => {
            let gone = "77777777-7777-4777-8777-777777777777";
            s.plant_assignment(&s.at("dev.registry"), PUSH, gone).await;
        }),
        found: &[(
            Rule::StrangerGrant,
            "77777777-7777-4777-8777-777777777777",
            &["is gone"],
        )],
    },
    Planted {
        name: "a grant that gives nothing more",
        plant: plant!(s => s.assign(&s.at("dev.registry"), PULL, &s.id("dev-pipeline"), "ServicePrincipal").await),
        found: &[(
            Rule::ExtraGrant,
            "dev-pipeline",
            &["nothing beyond what is declared"],
        )],
    },
];

/// Gaps, and declared things that are otherwise.
const GAPS: &[Planted] = &[
    Planted {
        name: "a grant that somebody took away",
        plant: plant!(s => s.remove("dev.grant.dev-pipeline.vault.key.cosign.sign").await),
        found: &[(
            Rule::MissingGrant,
            "dev.grant.dev-pipeline.vault.key.cosign.sign",
            &["dev-pipeline does not hold"],
        )],
    },
    Planted {
        name: "a grant of a cluster's identity that somebody took away",
        plant: plant!(s => s.remove("dev.cluster.grant.registry").await),
        found: &[(
            Rule::MissingGrant,
            "dev.cluster.grant.registry",
            &["AcrPull on dev.registry"],
        )],
    },
    Planted {
        name: "a grant under a condition",
        plant: plant!(s => {
            let condition = "@Resource[A.B/c:d] StringEquals 'e'";
            let patch = json!({"properties": {"condition": condition, "conditionVersion": "2.0"}});
            s.tamper("dev.grant.dev-pipeline.registry.push-pull", patch).await;
        }),
        found: &[(
            Rule::GrantNotInEffect,
            "dev.grant.dev-pipeline.registry.push-pull",
            &["condition", "StringEquals"],
        )],
    },
    Planted {
        name: "a grant that is denied",
        plant: plant!(s => {
            let scope = s.at("prod.registry");
            let id = format!("{scope}/providers/Microsoft.Authorization/denyAssignments/{}", uuid::Uuid::new_v4());
            let body = json!({"type": "Microsoft.Authorization/denyAssignments", "id": id, "properties": {
                "denyAssignmentName": "locked by a stack", "scope": scope,
                "principals": [{"id": "00000000-0000-0000-0000-000000000000", "type": "SystemDefined"}],
                "excludePrincipals": [{"id": s.estate.deployer(), "type": "ServicePrincipal"}],
                "permissions": [{"actions": ["Microsoft.ContainerRegistry/registries/importImage/*"]}],
                "isSystemProtected": true}});
            s.estate.plant(&id, body).await;
        }),
        found: &[(
            Rule::GrantNotInEffect,
            "prod.grant.promotion-engine.registry.import",
            &["locked by a stack", "importImage"],
        )],
    },
    Planted {
        name: "a principal that was deleted",
        plant: plant!(s => {
            let path = format!("/v1.0/servicePrincipals/{}", s.id("prod-pipeline"));
            s.estate.send(&graph(Method::Delete, &path, Json::Null)).await;
        }),
        found: &[(Rule::MissingPrincipal, "prod-pipeline", &["does not exist"])],
    },
    Planted {
        name: "a role that gives more",
        plant: plant!(s => {
            let permissions = json!([{"actions": [], "notActions": [], "notDataActions": [],
                "dataActions": ["Microsoft.KeyVault/vaults/keys/*"]}]);
            s.tamper("shared.role.key-signer", json!({"properties": {"permissions": permissions}})).await;
        }),
        found: &[(
            Rule::DriftedRole,
            "shared.role.key-signer",
            &["gives beyond", "Microsoft.KeyVault/vaults/keys/*"],
        )],
    },
    Planted {
        name: "a role that gives less",
        plant: plant!(s => {
            let permissions = json!([{"actions": ["Microsoft.ContainerRegistry/registries/read"],
                "notActions": [], "dataActions": [], "notDataActions": []}]);
            s.tamper("shared.role.image-importer", json!({"properties": {"permissions": permissions}})).await;
        }),
        found: &[(
            Rule::DriftedRole,
            "shared.role.image-importer",
            &["no longer gives", "importImage"],
        )],
    },
    Planted {
        name: "a role that may be assigned elsewhere",
        plant: plant!(s => {
            let elsewhere = "/subscriptions/99999999-9999-4999-8999-999999999999";
            let scopes = json!([s.subscription(), elsewhere]);
            s.tamper("shared.role.key-verifier", json!({"properties": {"assignableScopes": scopes}})).await;
        }),
        found: &[(
            Rule::DriftedRole,
            "shared.role.key-verifier",
            &["may be assigned beside at", "99999999"],
        )],
    },
    Planted {
        name: "a role that may not be assigned where it is",
        plant: plant!(s => {
            let scopes = json!(["/subscriptions/99999999-9999-4999-8999-999999999999"]);
            s.tamper("shared.role.key-signer", json!({"properties": {"assignableScopes": scopes}})).await;
        }),
        found: &[(
            Rule::MissingRole,
            "shared.role.key-signer",
            &["does not exist, or may not be assigned there"],
        )],
    },
    Planted {
        name: "a member who was put out",
        plant: plant!(s => {
            let path = format!("/v1.0/groups/{}/members/{ADA}/$ref", s.id("approvers"));
            s.estate.send(&graph(Method::Delete, &path, Json::Null)).await;
        }),
        found: &[(Rule::MissingMember, "approvers", &["ada"])],
    },
];

/// Ways in, and ways to obtain more.
const WAYS: &[Planted] = &[
    Planted {
        name: "a client secret",
        plant: plant!(s => {
            let path = format!("{}/addPassword", s.at("shared.principal.dev-pipeline"));
            let body = json!({"passwordCredential": {"displayName": "just for now"}});
            s.estate.send(&graph(Method::Post, &path, body)).await;
        }),
        found: &[(
            Rule::StandingSecret,
            "dev-pipeline",
            &["client secret `just for now`", "good until"],
        )],
    },
    Planted {
        name: "a certificate",
        plant: plant!(s => {
            let key = json!([{"displayName": "CN=theirs", "keyId": uuid::Uuid::new_v4(), "type": "AsymmetricX509Cert"}]);
            s.tamper("shared.principal.prod-pipeline", json!({"keyCredentials": key})).await;
        }),
        found: &[(
            Rule::StandingSecret,
            "prod-pipeline",
            &["certificate `CN=theirs`"],
        )],
    },
    Planted {
        name: "a federated credential of somebody's",
        plant: plant!(s => s.credential("shared.principal.promotion-engine", "theirs", "https://issuer.example").await),
        found: &[(
            Rule::UnknownFederation,
            "shared.principal.promotion-engine",
            &["`theirs`", "https://issuer.example"],
        )],
    },
    Planted {
        name: "another's service connection",
        plant: plant!(s => {
            let path = format!("{}/federatedIdentityCredentials", s.at("shared.principal.dev-pipeline"));
            let theirs = s.estate_object(&path).await["value"][0].clone();
            let path = format!("{}/federatedIdentityCredentials", s.at("shared.principal.promotion-engine"));
            let body = json!({"name": "theirs", "issuer": theirs["issuer"],
                "subject": theirs["subject"], "audiences": theirs["audiences"]});
            s.estate.send(&graph(Method::Post, &path, body)).await;
        }),
        found: &[(
            Rule::UnknownFederation,
            "shared.principal.promotion-engine",
            &[
                "`theirs`",
                "the same tokens stand for shared.principal.dev-pipeline, too",
            ],
        )],
    },
    Planted {
        name: "an issuer that retires",
        plant: plant!(s => s.credential("shared.principal.promotion-engine", "old", "https://vstoken.dev.azure.com/44444444-4444-4444-8444-444444444444").await),
        found: &[
            (
                Rule::UnknownFederation,
                "shared.principal.promotion-engine",
                &["`old`"],
            ),
            (
                Rule::RetiringIssuer,
                "shared.principal.promotion-engine",
                &["2027-07-01"],
            ),
        ],
    },
    Planted {
        name: "a subject that was changed",
        plant: plant!(s => s.tamper("shared.principal.dev-pipeline.credential.azure-devops", json!({"subject": "sc://other"})).await),
        found: &[(
            Rule::UnknownFederation,
            "shared.principal.dev-pipeline",
            &["sc://other"],
        )],
    },
    Planted {
        name: "a federated credential of a service's identity",
        plant: plant!(s => {
            let id = format!("{}/federatedIdentityCredentials/theirs", s.at("prod.service.iam.identity"));
            let body = json!({"properties": {"issuer": "https://issuer.example", "subject": "x",
                "audiences": ["api://AzureADTokenExchange"]}});
            s.estate.send(&Request::arm(Method::Put, id, "2023-01-31").body(body)).await;
        }),
        found: &[(
            Rule::UnknownFederation,
            "prod.service.iam.identity",
            &["`theirs`", "`[services]` of environments/prod.toml"],
        )],
    },
    Planted {
        name: "an owner of an application",
        plant: plant!(s => {
            let object = s.estate_object(&s.at("shared.principal.dev-pipeline")).await;
            s.link(&format!("applications/{}/owners", text(&object["id"])), KATHERINE).await;
        }),
        found: &[(
            Rule::UnexpectedOwner,
            "dev-pipeline",
            &["katherine", "act as it"],
        )],
    },
    Planted {
        name: "an owner of a service principal",
        plant: plant!(s => s.link(&format!("servicePrincipals/{}/owners", s.id("prod-pipeline")), &s.stranger).await),
        found: &[(Rule::UnexpectedOwner, "prod-pipeline", &["stranger"])],
    },
    Planted {
        name: "an owner of a group",
        plant: plant!(s => s.link(&format!("groups/{}/owners", s.id("approvers")), KATHERINE).await),
        found: &[(
            Rule::UnexpectedOwner,
            "approvers",
            &["katherine", "put anybody into it"],
        )],
    },
    Planted {
        name: "an owner of who deploys",
        plant: plant!(s => s.link(&format!("servicePrincipals/{}/owners", s.estate.deployer()), KATHERINE).await),
        found: &[(Rule::UnexpectedOwner, "local", &["katherine"])],
    },
    Planted {
        name: "a member who is none",
        plant: plant!(s => s.join(KATHERINE, &s.id("approvers")).await),
        found: &[(Rule::UnexpectedMember, "approvers", &["katherine"])],
    },
    Planted {
        name: "a group in a group of approvers",
        plant: plant!(s => {
            s.join(&s.id("dev-pipeline"), &s.inner).await;
            s.join(&s.outer, &s.id("approvers")).await;
        }),
        found: &[(
            Rule::UnexpectedMember,
            "approvers",
            &["outer", "a group itself", "dev-pipeline"],
        )],
    },
    Planted {
        name: "an admin user",
        plant: plant!(s => s.tamper("dev.registry", json!({"properties": {"adminUserEnabled": true}})).await),
        found: &[(Rule::AdminUser, "dev.registry", &["admin user"])],
    },
    Planted {
        name: "anonymous pull",
        plant: plant!(s => s.tamper("prod.registry", json!({"properties": {"anonymousPullEnabled": true}})).await),
        found: &[(
            Rule::AnonymousPull,
            "prod.registry",
            &["without signing in"],
        )],
    },
    Planted {
        name: "a registry that goes by its repositories",
        plant: plant!(s => s.tamper("prod.registry", json!({"properties": {"roleAssignmentMode": "AbacRepositoryPermissions"}})).await),
        found: &[(
            Rule::RepositoryRoles,
            "prod.registry",
            &["AcrPull, AcrPush", "count for nothing"],
        )],
    },
    Planted {
        name: "a registry's token",
        plant: plant!(s => {
            let registry = s.at("staging.registry");
            let map = format!("{registry}/scopeMaps/_repositories_push");
            let id = format!("{registry}/tokens/theirs");
            let body = json!({"properties": {"scopeMapId": map, "status": "enabled"}});
            s.estate.send(&Request::arm(Method::Put, id, "2025-11-01").body(body)).await;
        }),
        found: &[(
            Rule::RegistryToken,
            "staging.registry",
            &["`theirs` (enabled)"],
        )],
    },
    Planted {
        name: "a registry's task",
        plant: plant!(s => {
            let id = format!("{}/tasks/theirs", s.at("prod.registry"));
            let body = json!({"location": "eastus2", "identity": {"type": "SystemAssigned"}, "properties": {
                "status": "Enabled", "platform": {"os": "Linux"},
                "step": {"type": "EncodedTask", "encodedTaskContent": "dmVyc2lvbjogdjEuMS4w"}}});
            s.estate.send(&Request::arm(Method::Put, id, "2019-04-01").body(body)).await;
        }),
        found: &[(
            Rule::RegistryTask,
            "prod.registry",
            &["`theirs` (enabled)", "pushes", "delete the task"],
        )],
    },
    Planted {
        name: "account keys of the control store",
        plant: plant!(s => s.tamper("shared.store", json!({"properties": {"allowSharedKeyAccess": true}})).await),
        found: &[(Rule::AccountKeys, "shared.store", &["takes account keys"])],
    },
    Planted {
        name: "local accounts",
        plant: plant!(s => s.tamper("prod.cluster", json!({"properties": {"disableLocalAccounts": false}})).await),
        found: &[(
            Rule::LocalAccounts,
            "prod.cluster",
            &["certificates administer it"],
        )],
    },
    Planted {
        name: "a cluster that does not ask Azure",
        plant: plant!(s => s.tamper("dev.cluster", json!({"properties": {"aadProfile": {"enableAzureRBAC": false}}})).await),
        found: &[(Rule::NoAzureRbac, "dev.cluster", &["does not ask Azure"])],
    },
    Planted {
        name: "a vault with policies",
        plant: plant!(s => {
            let policies = json!([{"tenantId": s.environments[0].0.tenant, "objectId": s.id("dev-pipeline"),
                "permissions": {"keys": ["sign"]}}]);
            let patch = json!({"properties": {"enableRbacAuthorization": false, "accessPolicies": policies}});
            s.tamper("prod.vault", patch).await;
        }),
        found: &[
            (Rule::AccessPolicies, "prod.vault", &["dev-pipeline"]),
            (
                Rule::CouldObtain,
                "dev-pipeline",
                &["prod.vault.key.cosign", "an access policy names it"],
            ),
        ],
    },
    Planted {
        name: "a global administrator",
        plant: plant!(s => s.directory_role(GLOBAL_ADMINISTRATOR, KATHERINE).await),
        found: &[(
            Rule::CouldObtain,
            "katherine",
            &["Global Administrator", "dev.registry", "8 more"],
        )],
    },
    Planted {
        name: "a pipeline that manages groups",
        plant: plant!(s => s.directory_role(GROUPS_ADMINISTRATOR, &s.id("dev-pipeline")).await),
        found: &[(
            Rule::CouldObtain,
            "dev-pipeline",
            &["adds a member to group approvers", "prod.vault.key.cosign"],
        )],
    },
    Planted {
        name: "a stranger that grants itself application roles",
        plant: plant!(s => s.app_role(GRANT_APP_ROLES, &s.stranger).await),
        found: &[(
            Rule::CouldObtain,
            "stranger",
            &["AppRoleAssignment.ReadWrite.All", "Global Administrator"],
        )],
    },
    Planted {
        name: "a custom role of the directory",
        plant: plant!(s => s.directory_role("0ddba115-0000-4000-8000-000000000001", KATHERINE).await),
        found: &[(
            Rule::CouldObtain,
            "katherine",
            &[
                "may be able to obtain more on",
                "the directory role 0ddba115-0000-4000-8000-000000000001",
                "is not known",
            ],
        )],
    },
    Planted {
        name: "a role that reads the directory",
        plant: plant!(s => s.directory_role("88d8e3e3-8f55-4a1e-953a-9b9898b8876b", KATHERINE).await),
        found: &[],
    },
    Planted {
        name: "an application role that Graph does not offer",
        plant: plant!(s => s.app_role("0ddba115-0000-4000-8000-000000000002", &s.stranger).await),
        found: &[(
            Rule::CouldObtain,
            "stranger",
            &["0ddba115-0000-4000-8000-000000000002", "is not known"],
        )],
    },
    Planted {
        name: "a group that administers a cluster",
        plant: plant!(s => {
            s.join(&s.id("staging-pipeline"), &s.outer).await;
            let patch = json!({"properties": {"aadProfile": {"adminGroupObjectIDs": [s.outer]}}});
            s.tamper("prod.cluster", patch).await;
        }),
        found: &[(
            Rule::CouldObtain,
            "staging-pipeline",
            &["outer", "prod.cluster", "is in a group that administers it"],
        )],
    },
];

/// Ways through the network: who reaches what is closed, and where its names lead.
const NETWORK: &[Planted] = &[
    Planted {
        name: "a stranger's private endpoints",
        plant: plant!(s => {
            for (name, target, group) in [
                ("v", "prod.vault", "vault"),
                ("r", "prod.registry", "registry"),
                ("s", "shared.store", "blob"),
            ] {
                s.reach(name, target, group, "privateLinkServiceConnections").await;
            }
        }),
        found: &[
            (
                Rule::StrangerEndpoint,
                "prod.vault",
                &["rg-theirs", "privateEndpoints/v (approved)"],
            ),
            (
                Rule::StrangerEndpoint,
                "prod.registry",
                &["privateEndpoints/r (approved)", "az network"],
            ),
            (
                Rule::StrangerEndpoint,
                "shared.store",
                &["privateEndpoints/s (approved)"],
            ),
        ],
    },
    Planted {
        name: "a stranger's private endpoint that waits",
        plant: plant!(s => s.reach("w", "prod.vault", "vault", "manualPrivateLinkServiceConnections").await),
        found: &[(
            Rule::StrangerEndpoint,
            "prod.vault",
            &["privateEndpoints/w (pending)", "do not approve it"],
        )],
    },
    Planted {
        name: "an endpoint of ours at what it is not declared for",
        plant: plant!(s => {
            let vault = s.at("prod.vault");
            let id = format!("{vault}/privateEndpointConnections/moved");
            let endpoint = json!({"id": s.at("dev.vault.endpoint")});
            let body = json!({"id": id, "name": "moved", "properties": {"privateEndpoint": endpoint,
                "provisioningState": "Succeeded",
                "privateLinkServiceConnectionState": {"status": "Approved"}},
                "type": "Microsoft.KeyVault/vaults/privateEndpointConnections"});
            s.estate.plant(&id, body).await;
        }),
        found: &[(
            Rule::StrangerEndpoint,
            "prod.vault",
            &["privateEndpoints/pe-kv-onestream-dev (approved)"],
        )],
    },
    Planted {
        name: "a name that leads elsewhere",
        plant: plant!(s => {
            let leads = json!({"ttl": 10, "aRecords": [{"ipv4Address": "10.99.0.4"}]});
            s.record("prod.network.zone.vault", "A/kv-onestream-prod", leads).await;
        }),
        found: &[(
            Rule::RedirectedName,
            "prod.network.zone.vault",
            &[
                "kv-onestream-prod to 10.99.0.4",
                "prod.vault.endpoint.dns wrote 10.",
            ],
        )],
    },
    Planted {
        name: "a name that also leads elsewhere",
        plant: plant!(s => {
            let leads = json!({"ttl": 10, "aaaaRecords": [{"ipv6Address": "2001:db8::4"}]});
            s.record("prod.network.zone.registry", "AAAA/onestreamprod", leads).await;
        }),
        found: &[(
            Rule::RedirectedName,
            "prod.network.zone.registry",
            &["onestreamprod to 2001:db8::4"],
        )],
    },
    Planted {
        name: "a name of another environment",
        plant: plant!(s => {
            let leads = json!({"ttl": 10, "cnameRecord": {"cname": "kv.example.org"}});
            s.record("prod.network.zone.vault", "CNAME/kv-onestream-dev", leads).await;
        }),
        found: &[(
            Rule::RedirectedName,
            "prod.network.zone.vault",
            &[
                "kv-onestream-dev to kv.example.org",
                "dev.vault.endpoint.dns wrote 10.",
            ],
        )],
    },
    Planted {
        name: "all names that have no record",
        plant: plant!(s => {
            let leads = json!({"ttl": 10, "aRecords": [{"ipv4Address": "10.99.0.4"}]});
            s.record("prod.network.zone.vault", "A/*", leads).await;
        }),
        found: &[(
            Rule::RedirectedName,
            "prod.network.zone.vault",
            &["* to 10.99.0.4", "every name that has no record"],
        )],
    },
    Planted {
        name: "a name that leads nowhere",
        plant: plant!(s => {
            let id = format!("{}/A/onestreamdev", s.at("dev.network.zone.registry"));
            s.estate.send(&Request::arm(Method::Delete, id, "2020-06-01")).await;
        }),
        found: &[(
            Rule::RedirectedName,
            "dev.network.zone.registry",
            &[
                "has no record for onestreamdev",
                "dev.registry.endpoint.dns",
            ],
        )],
    },
    Planted {
        name: "a stranger's own name",
        plant: plant!(s => {
            let leads = json!({"ttl": 10, "aRecords": [{"ipv4Address": "10.99.0.4"}]});
            s.record("prod.network.zone.vault", "A/kv-theirs", leads).await;
        }),
        found: &[],
    },
];

/// Bindings inside clusters, of which Azure's roles say nothing.
const BINDINGS: &[Planted] = &[
    Planted {
        name: "a pipeline that administers a cluster from inside",
        plant: plant!(s => {
            let who = json!({"kind": "User", "name": s.id("dev-pipeline")});
            s.bind("prod.cluster", None, "cluster-admin", who).await;
        }),
        found: &[(
            Rule::ExtraGrant,
            "dev-pipeline",
            &[
                "ClusterRole cluster-admin on prod.cluster by ClusterRoleBinding theirs",
                "read secrets",
            ],
        )],
    },
    Planted {
        name: "a pipeline that edits a namespace through a group of a group",
        plant: plant!(s => {
            s.join(&s.id("staging-pipeline"), &s.inner).await;
            let who = json!({"kind": "Group", "name": s.outer});
            s.bind("prod.cluster", Some("iam"), "edit", who).await;
        }),
        found: &[(
            Rule::ExtraGrant,
            "staging-pipeline",
            &[
                "outer",
                "ClusterRole edit on prod.cluster/namespaces/iam by RoleBinding theirs in iam",
                "through it staging-pipeline",
                "deploy",
            ],
        )],
    },
    Planted {
        name: "a stranger that edits a namespace",
        plant: plant!(s => {
            let who = json!({"kind": "User", "name": s.stranger});
            s.bind("dev.cluster", Some("iam"), "edit", who).await;
        }),
        found: &[(
            Rule::StrangerGrant,
            "stranger",
            &[
                "ClusterRole edit",
                "read secrets",
                "act as service accounts",
            ],
        )],
    },
    Planted {
        name: "a person whom a binding names by the sign-in name",
        plant: plant!(s => {
            let person = s.estate_object(&format!("/v1.0/users/{ADA}")).await;
            let who = json!({"kind": "User", "name": person["userPrincipalName"]});
            s.bind("prod.cluster", None, "view", who).await;
        }),
        found: &[(
            Rule::ExtraGrant,
            "ada",
            &["ClusterRole view on prod.cluster", "look inside"],
        )],
    },
    Planted {
        name: "a service account where a pipeline deploys",
        plant: plant!(s => {
            let who = json!({"kind": "ServiceAccount", "name": "default", "namespace": "iam"});
            s.bind("dev.cluster", None, "cluster-admin", who).await;
        }),
        found: &[(
            Rule::CouldObtain,
            "dev-pipeline",
            &[
                "dev.cluster",
                "as service account default",
                "which ClusterRoleBinding theirs binds",
            ],
        )],
    },
    Planted {
        name: "all service accounts of a namespace",
        plant: plant!(s => {
            let who = json!({"kind": "Group", "name": "system:serviceaccounts:iam"});
            s.bind("prod.cluster", Some("iam"), "edit", who).await;
        }),
        found: &[(
            Rule::CouldObtain,
            "prod-pipeline",
            &["prod.cluster", "as any service account"],
        )],
    },
    Planted {
        name: "a service account where nobody runs anything",
        plant: plant!(s => {
            let who = json!({"kind": "ServiceAccount", "name": "default", "namespace": "elsewhere"});
            s.bind("dev.cluster", None, "cluster-admin", who).await;
        }),
        found: &[],
    },
    Planted {
        name: "a name that no directory has",
        plant: plant!(s => {
            let who = json!({"kind": "User", "name": "jane"});
            s.bind("prod.cluster", None, "admin", who).await;
        }),
        found: &[(
            Rule::StrangerGrant,
            "jane",
            &["ClusterRole admin", "bind Kubernetes roles"],
        )],
    },
    Planted {
        name: "everybody who is signed in",
        plant: plant!(s => {
            let who = json!({"kind": "Group", "name": "system:authenticated"});
            s.bind("dev.cluster", Some("iam"), "view", who).await;
        }),
        found: &[(
            Rule::ExtraGrant,
            "dev-pipeline, prod-pipeline, promotion-engine, staging-pipeline, approvers, qa-approvers, local",
            &["system:authenticated holds ClusterRole view", "look inside"],
        )],
    },
    Planted {
        name: "everybody who is not",
        plant: plant!(s => {
            let who = json!({"kind": "User", "name": "system:anonymous"});
            s.bind("dev.cluster", Some("iam"), "view", who).await;
        }),
        found: &[(
            Rule::ExtraGrant,
            "dev-pipeline, prod-pipeline, promotion-engine, staging-pipeline, approvers, qa-approvers, local",
            &["system:anonymous holds ClusterRole view", "look inside"],
        )],
    },
];

#[tokio::test]
async fn what_is_planted_is_found_and_nothing_else() {
    let stage = Stage::applied().await;
    let found = stage.found(&stage.environments).await;
    assert_eq!(found.findings, [], "nothing is planted");
    assert_eq!(found.marks, BTreeSet::new(), "nothing is planted");
    assert_eq!(found.unread, [""; 0], "nothing is planted");
    let all = [GRANTS, GAPS, WAYS, NETWORK, BINDINGS]
        .into_iter()
        .flatten();
    let mut wrong = Vec::new();
    let mut tried = 0;
    for case in all {
        (case.plant)(&stage).await;
        let found = stage.found(&stage.environments).await;
        wrong.extend(differs(case, &found.findings));
        // Whatever opens a way to everything is as bad as that.
        let opens = found
            .findings
            .iter()
            .filter(|one| one.certain && one.explanation.contains("way to still more: "));
        let mild = opens.filter(|one| one.severity < Severity::Critical);
        wrong.extend(mild.map(|one| format!("{}: {one:?}", case.name)));
        let unread = found
            .unread
            .iter()
            .filter(|what| !UNREAD.contains(&(case.name, what.as_str())));
        wrong.extend(unread.map(|what| format!("{}: cannot read {what}", case.name)));
        if case.found.iter().any(|(rule, ..)| is_of_cells(*rule)) && found.marks.is_empty() {
            wrong.push(format!("{}: the matrix is as declared", case.name));
        }
        stage.control("POST", "restore").await;
        tried += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(tried >= 40, "only {tried} were planted");
}

/// Rules of what shows in a cell of a row.
fn is_of_cells(rule: Rule) -> bool {
    matches!(
        rule,
        Rule::GrantNotInEffect | Rule::MissingPrincipal | Rule::RepositoryRoles
    )
}

/// What of a case was not found as it should be.
fn differs(case: &Planted, findings: &[Finding]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut left: Vec<&Finding> = findings.iter().collect();
    for (rule, subject, said) in case.found {
        let at = left.iter().position(|one| {
            one.rule == *rule
                && one.subject == *subject
                && said
                    .iter()
                    .all(|text| one.explanation.contains(text) || one.instead.contains(text))
                && !one.instead.is_empty()
        });
        match at {
            Some(at) => drop(left.remove(at)),
            None => wrong.push(format!(
                "{}: no {rule} of {subject} that says {said:?} in {findings:#?}",
                case.name
            )),
        }
    }
    if wrong.is_empty() && !left.is_empty() {
        wrong.push(format!("{}: beside it {left:#?}", case.name));
    }
    wrong
}

const PLAIN: Style = Style {
    colour: false,
    width: 100,
    unicode: true,
};

#[tokio::test]
async fn whoever_holds_something_beside_the_rows_stands_below_the_matrix() {
    let stage = Stage::applied().await;
    stage
        .assign(&stage.at("dev.group"), OWNER, KATHERINE, "User")
        .await;
    let reader = (&stage.stranger, "ServicePrincipal");
    stage
        .assign(&stage.subscription(), READER, reader.0, reader.1)
        .await;
    // What a row holds where no column is shows in no cell either.
    let engine = stage.id("promotion-engine");
    stage
        .assign(
            &stage.at("dev.network"),
            READER,
            &engine,
            "ServicePrincipal",
        )
        .await;
    let declared = stage.declared(&stage.environments);
    let reading = read::read(&stage.estate.azure, &declared).await;
    let audit = Audit::new(&declared, &reading, OffsetDateTime::now_utc());
    let matrix = Matrix::of(&audit);
    assert!(matrix.differs());
    let names: Vec<&str> = matrix.beside.iter().map(|one| one.name.as_str()).collect();
    let katherine = format!("qa-approvers/katherine ({KATHERINE})");
    assert_eq!(names.len(), 3, "{names:?}");
    assert_eq!(matrix.beside[0].principal, KATHERINE, "{katherine}");
    assert_eq!(matrix.beside[0].severity, Severity::Critical);
    assert_eq!(matrix.beside[0].holds, ["Owner on dev.group"]);
    let drawn =
        |format, style: &Style| report::rbac::matrix("emulator", &audit, &matrix, format, style);
    let text = drawn(Format::Table, &PLAIN);
    for said in [
        "3 holders beside the table",
        "Owner on dev.group",
        "rbac check",
    ] {
        assert!(text.contains(said), "{said}: {text}");
        let page = drawn(Format::Markdown, &PLAIN);
        assert!(page.contains(said), "{said}: {page}");
    }
    let document: Json = serde_json::from_str(&drawn(Format::Json, &PLAIN)).expect("JSON");
    assert_eq!(document["beside"][0]["principal"], KATHERINE);
    let scope = Scope::new(&stage.at("dev.registry"));
    let told = explain(&audit, KATHERINE, "dev.registry", &scope, None);
    let away = &told.answers[0].by[0].take_away;
    assert!(away.contains("apply --revoke-excess /subscr"), "{away}");
    // Colour moves nothing.
    let coloured = Style {
        colour: true,
        ..PLAIN
    };
    let coloured = drawn(Format::Table, &coloured);
    assert_ne!(coloured, text);
    assert_eq!(console::strip_ansi_codes(&coloured), text);
}

#[tokio::test]
async fn what_is_allowed_is_no_finding_until_it_is_over() {
    let stage = Stage::applied().await;
    let scope = stage.subscription();
    stage
        .assign(&scope, OWNER, &stage.stranger, "ServicePrincipal")
        .await;
    let with = |until| {
        let mut environments = stage.environments.clone();
        let mut shared = environments.iter_mut();
        let shared = shared.find(|(place, _)| place.environment.is_shared());
        let allowance = Allowance {
            principal: stage.stranger.clone(),
            role: OWNER.to_owned(),
            scope: Some(scope.clone()),
            owner: "platform".to_owned(),
            reason: "break glass".to_owned(),
            until,
        };
        let (_, sections) = shared.expect("shared");
        sections
            .access
            .allowed
            .insert("break-glass".to_owned(), allowance);
        environments
    };
    let found = stage.found(&with(date!(2999 - 12 - 31))).await;
    assert_eq!(found.findings, []);
    let found = stage.found(&with(date!(2020 - 01 - 31))).await;
    let [finding] = &found.findings[..] else {
        panic!("one finding: {:#?}", found.findings)
    };
    assert_eq!(finding.rule, Rule::ExpiredAllowance);
    for text in ["until 2020-01-31", "platform: break glass", "is still held"] {
        assert!(finding.explanation.contains(text), "{finding:#?}");
    }
    let found = stage.found(&stage.environments).await;
    assert!(
        matches!(&found.findings[..], [one] if one.rule == Rule::StrangerGrant),
        "{:#?}",
        found.findings
    );
}

#[tokio::test]
async fn what_is_allowed_is_followed_to_what_it_leads_to() {
    let stage = Stage::applied().await;
    let cluster = stage.estate.object(&stage.at("dev.cluster")).await;
    let group = text(&cluster["properties"]["nodeResourceGroup"]);
    let nodes = format!("{}/resourceGroups/{group}", stage.subscription());
    let set = format!("{nodes}/providers/Microsoft.Compute/virtualMachineScaleSets/aks-vmss");
    let sets = "Microsoft.Compute/virtualMachineScaleSets";
    let flux = "Microsoft.KubernetesConfiguration/fluxConfigurations/write";
    let runs = "Microsoft.ContainerRegistry/registries/taskruns/write";
    for (scope, action, column) in [
        (
            nodes,
            format!("{sets}/virtualMachines/extensions/write"),
            "dev.registry",
        ),
        (set, format!("{sets}/write"), "dev.registry"),
        (stage.at("dev.cluster"), flux.to_owned(), "dev.cluster"),
        (stage.at("dev.registry"), runs.to_owned(), "dev.registry"),
    ] {
        let role = stage.custom_role(&[&action]).await;
        let principal = stage.id("prod-pipeline");
        stage.plant_assignment(&scope, &role, &principal).await;
        let mut environments = stage.environments.clone();
        let mut shared = environments.iter_mut();
        let shared = shared.find(|(place, _)| place.environment.is_shared());
        let allowance = Allowance {
            principal,
            role,
            scope: Some(scope.clone()),
            owner: "platform".to_owned(),
            reason: "for now".to_owned(),
            until: date!(2999 - 12 - 31),
        };
        let (_, sections) = shared.expect("shared");
        sections
            .access
            .allowed
            .insert("for-now".to_owned(), allowance);
        let found = stage.found(&environments).await;
        let [finding] = &found.findings[..] else {
            panic!("{action} at {scope}: one finding: {:#?}", found.findings)
        };
        assert_eq!(finding.rule, Rule::CouldObtain, "{action}: {finding:#?}");
        assert!(
            finding.explanation.contains(column),
            "{action}: {finding:#?}"
        );
        let cell = (
            "prod-pipeline".to_owned(),
            column.to_owned(),
            Mark::Obtainable,
        );
        assert!(found.marks.contains(&cell), "{action}: {:?}", found.marks);
        stage.control("POST", "restore").await;
    }
}

#[tokio::test]
async fn a_binding_inside_a_cluster_shows_in_the_matrix_and_is_explained() {
    let stage = Stage::applied().await;
    let who = json!({"kind": "User", "name": stage.id("dev-pipeline")});
    stage.bind("prod.cluster", Some("iam"), "edit", who).await;
    let found = stage.found(&stage.environments).await;
    let marks: Vec<_> = found.marks.iter().collect();
    let expected = (
        "dev-pipeline".to_owned(),
        "prod.cluster".to_owned(),
        Mark::More,
    );
    assert_eq!(marks, [&expected]);
    let declared = stage.declared(&stage.environments);
    let reading = read::read(&stage.estate.azure, &declared).await;
    let audit = Audit::new(&declared, &reading, OffsetDateTime::now_utc());
    let scope = Scope::new(&stage.at("prod.cluster"));
    let secrets = "Microsoft.ContainerService/managedClusters/secrets/read";
    let id = stage.id("dev-pipeline");
    let told = explain(
        &audit,
        &id,
        "prod.cluster",
        &scope,
        Some(&Question::of(secrets)),
    );
    let [_, inside, ..] = &told.answers[..] else {
        panic!("the cluster and the namespace: {told:#?}")
    };
    let [reason] = &inside.by[..] else {
        panic!("one reason: {told:#?}")
    };
    assert_eq!(reason.role, "ClusterRole edit");
    assert_eq!(reason.declared, None);
    let away = "`kubectl delete rolebinding theirs -n iam`, or take it out of RoleBinding theirs";
    assert!(reason.take_away.starts_with(away), "{reason:#?}");
    // Azure has no such assignment that it could take away.
    let refused = excess(&audit, &reason.assignment).expect_err("none of Azure's");
    assert!(refused.to_string().contains("RoleBinding theirs in iam"));
}

#[tokio::test]
async fn what_aks_gives_an_add_on_is_the_clusters_own_and_nothing_else_is() {
    let stage = Stage::applied().await;
    let id = stage.at("dev.cluster");
    let mut body = stage.estate.object(&id).await;
    let addons = &mut body["properties"]["addonProfiles"];
    for addon in addons.as_object_mut().expect("some").values_mut() {
        addon.as_object_mut().expect("an add-on").remove("identity");
    }
    addons["omsagent"] = json!({"enabled": true, "config": {}});
    // Pools go by their own way.
    let put = Request::arm(Method::Put, &id, "2024-09-01").body(body);
    stage.estate.send(&put).await;
    let cluster = stage.estate.object(&id).await;
    let agent = text(&cluster["properties"]["addonProfiles"]["omsagent"]["identity"]["objectId"]);
    let declared = stage.declared(&stage.environments);
    let reading = read::read(&stage.estate.azure, &declared).await;
    let held = reading.tenant.assignments.iter();
    let held: Vec<_> = held.filter(|one| one.principal == agent).collect();
    assert_eq!(held.len(), 1, "the emulator gives it what AKS does");
    let audit = Audit::new(&declared, &reading, OffsetDateTime::now_utc());
    assert!(excess(&audit, &held[0].id).is_err());
    let found = stage.found(&stage.environments).await;
    assert_eq!(found.findings, []);
    for scope in [stage.at("prod.registry"), id] {
        stage.assign(&scope, PUSH, &agent, "ServicePrincipal").await;
    }
    let found = stage.found(&stage.environments).await;
    let told: Vec<_> = found
        .findings
        .iter()
        .map(|one| (one.rule, one.subject.as_str()))
        .collect();
    let expected = (Rule::ExtraGrant, "omsagent of dev.cluster");
    assert_eq!(told, [expected, expected], "{:#?}", found.findings);
}

#[tokio::test]
async fn whoever_writes_a_registrys_tasks_could_act_as_what_they_run_as() {
    let stage = Stage::applied().await;
    let task = format!("{}/tasks/nightly", stage.at("dev.registry"));
    let body = json!({"location": "eastus2", "identity": {"type": "SystemAssigned"}, "properties": {
        "platform": {"os": "Linux"}, "step": {"type": "Docker", "dockerFilePath": "Dockerfile"}}});
    let put = Request::arm(Method::Put, &task, "2019-06-01-preview").body(body);
    stage.estate.send(&put).await;
    let made = stage.estate.object(&task).await;
    let runs_as = text(&made["identity"]["principalId"]);
    let pipeline = stage.id("staging-pipeline");
    stage
        .assign(
            &stage.at("prod.registry"),
            PUSH,
            &runs_as,
            "ServicePrincipal",
        )
        .await;
    stage
        .assign(
            &stage.at("dev.registry"),
            CONTRIBUTOR,
            &pipeline,
            "ServicePrincipal",
        )
        .await;
    let declared = stage.declared(&stage.environments);
    let reading = read::read(&stage.estate.azure, &declared).await;
    assert!(
        !reading.remarks.iter().any(|one| one.contains("tasks")),
        "{:?}",
        reading.remarks
    );
    let audit = Audit::new(&declared, &reading, OffsetDateTime::now_utc());
    let scope = Scope::new(&stage.at("prod.registry"));
    let told = explain(&audit, &pipeline, "prod.registry", &scope, None);
    let ways: Vec<String> = told
        .obtainable
        .iter()
        .map(|way| way.steps.join(", then "))
        .collect();
    let way = "registry tasks (may change what a task with this identity does), to act as";
    assert!(ways.iter().any(|steps| steps.starts_with(way)), "{ways:?}");
    let found = stage.found(&stage.environments).await;
    let cell = ("staging-pipeline".to_owned(), "prod.registry".to_owned());
    assert!(
        found.marks.contains(&(cell.0, cell.1, Mark::Obtainable)),
        "{:?}",
        found.marks
    );
    // The grants and the task are what has to go, and nothing else is said of it.
    let told: BTreeSet<Rule> = found.findings.iter().map(|one| one.rule).collect();
    assert_eq!(
        told,
        BTreeSet::from([Rule::ExtraGrant, Rule::StrangerGrant, Rule::RegistryTask]),
        "{:#?}",
        found.findings
    );
}

#[tokio::test]
async fn what_somebody_held_who_is_gone_stands_in_nobodys_way() {
    let stage = Stage::applied().await;
    let gone = stage.id("prod-pipeline");
    let stranger = "77777777-7777-4777-8777-777777777777";
    stage
        .plant_assignment(&stage.at("prod.registry"), PUSH, stranger)
        .await;
    let path = format!("/v1.0/servicePrincipals/{gone}");
    stage
        .estate
        .send(&graph(Method::Delete, &path, Json::Null))
        .await;
    // Ids are never given out again, so nobody gains by it: it is said by its id, and low.
    let found = stage.found(&stage.environments).await;
    let orphan = found.findings.iter().find(|one| one.subject == stranger);
    let orphan = orphan.expect("it is found");
    assert_eq!(orphan.severity, Severity::Low);
    let marks = |mark: Mark| found.marks.iter().filter(|(.., one)| *one == mark).count();
    assert_eq!(
        (marks(Mark::Missing), marks(Mark::More)),
        (2, 0),
        "{:?}",
        found.marks
    );
    // Recovered, it has the id that its grants know; the plan says what it does, and no more.
    let plan = stage.estate.plan(Mode::Apply).await;
    assert!(plan.refusals.is_empty(), "{:#?}", plan.refusals);
    let style = Style {
        colour: false,
        width: 100,
        unicode: true,
    };
    let said = report::plan::render(&plan, &[], Format::Table, &style);
    assert!(
        said.contains("prod-pipeline") && !said.contains(stranger),
        "{said}"
    );
    assert!(stage.estate.carry_out(plan).await.is_complete());
    let found = stage.found(&stage.environments).await;
    let left: Vec<_> = found
        .findings
        .iter()
        .map(|one| one.subject.as_str())
        .collect();
    assert_eq!((left, found.marks.len()), (vec![stranger], 0));
}

#[tokio::test]
async fn bindings_that_cannot_be_read_are_never_clean() {
    let stage = Stage::applied().await;
    let declared = stage.declared(&stage.environments);
    let cluster = stage.at("dev.cluster");
    let live = stage.estate.object(&cluster).await;
    let mut public = live.clone();
    public["properties"]["apiServerAccessProfile"]["enablePrivateCluster"] = json!(false);
    let mut stopped = live.clone();
    stopped["properties"]["powerState"]["code"] = json!("Stopped");
    let shown =
        |body: &Json| json!({"method": "GET", "path": cluster, "status": 200, "body": body});
    let bindings = |fault: Json| {
        let mut rule = json!({"path": "*/rbac.authorization.k8s.io/v1/rolebindings"});
        for (name, value) in fault.as_object().expect("an object") {
            rule[name] = value.clone();
        }
        rule
    };
    let file = format!("{cluster}/listClusterUserCredential");
    let away = json!({"path": file, "status": 200, "body": nowhere(&live)});
    for (case, (rules, is_remark)) in [
        (vec![bindings(json!({"status": 403}))], false),
        (vec![bindings(json!({"drop": "before"}))], false),
        (vec![bindings(json!({"status": 404}))], false),
        (
            vec![bindings(json!({"body": {"items": 1}, "status": 200}))],
            false,
        ),
        (vec![json!({"path": file, "status": 403})], false),
        (vec![shown(&public), away.clone()], false),
        (vec![shown(&live), away], true),
        (vec![shown(&stopped)], true),
    ]
    .into_iter()
    .enumerate()
    {
        // A connection keeps what was found out of a server, so each has its own.
        let azure = stage.estate.signed_in_anew();
        stage.estate.faults(json!(rules)).await;
        let reading = read::read(&azure, &declared).await;
        stage.estate.faults(json!([])).await;
        let bindings = "native role bindings of dev.cluster";
        let unread = reading.unknown.iter().any(|one| one.what == bindings);
        let said = reading.remarks.iter().any(|one| one.starts_with(bindings));
        assert_eq!(unread, !is_remark, "{case}: {:?}", reading.unknown);
        assert_eq!(said, is_remark, "{case}: {:?}", reading.remarks);
        let audit = Audit::new(&declared, &reading, OffsetDateTime::now_utc());
        assert_eq!(check(&audit), [], "{case}");
        let unknown = Matrix::of(&audit).count().contains_key(&Mark::Unknown);
        assert_eq!(unknown, reading.is_partial(), "{case}");
    }
}

/// A credential file that leads to a cluster's own server, where nobody listens.
fn nowhere(cluster: &Json) -> Json {
    let host =
        text(&cluster["properties"]["privateFQDN"]).replace(".azmk8s.io", ".azmk8s.localhost");
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = free.local_addr().expect("an address").port();
    let file = format!("clusters: [{{cluster: {{server: 'http://{host}:{port}'}}}}]");
    let file = STANDARD.encode(file);
    json!({"kubeconfigs": [{"name": "clusterUser", "value": file}]})
}

#[tokio::test]
async fn what_is_known_of_a_cluster_is_said_though_its_bindings_are_not() {
    let stage = Stage::applied().await;
    let engine = stage.id("promotion-engine");
    stage
        .assign(
            &stage.at("dev.cluster"),
            CLUSTER_WRITER,
            &engine,
            "ServicePrincipal",
        )
        .await;
    stage.remove("dev.grant.dev-pipeline.cluster.deploy").await;
    let path = "*/rbac.authorization.k8s.io/v1/rolebindings";
    stage
        .estate
        .faults(json!([{"path": path, "status": 403}]))
        .await;
    let found = stage.found(&stage.environments).await;
    stage.estate.faults(json!([])).await;
    let rules: BTreeSet<Rule> = found.findings.iter().map(|one| one.rule).collect();
    assert_eq!(
        rules,
        BTreeSet::from([Rule::ExtraGrant, Rule::MissingGrant]),
        "{:#?}",
        found.findings
    );
    let more = (
        "promotion-engine".to_owned(),
        "dev.cluster".to_owned(),
        Mark::More,
    );
    assert!(found.marks.contains(&more), "{:?}", found.marks);
}

#[tokio::test]
async fn what_cannot_be_read_is_never_clean() {
    let stage = Stage::applied().await;
    let declared = stage.declared(&stage.environments);
    for path in [
        "*/providers/Microsoft.Authorization/roleAssignments",
        "*/providers/Microsoft.Authorization/roleDefinitions",
        "*/providers/Microsoft.Authorization/denyAssignments",
        "*/roleManagement/directory/roleAssignments",
        "*/groups/*/members",
        "*/registries/onestreamprod",
        "*/registries/onestreamdev/tokens",
        "*/registries/onestreamdev/tasks",
        "*/privatelink.azurecr.io/ALL",
        "*/privateDnsZoneGroups/default",
        "/keys/cosign",
    ] {
        let rule = json!([{"method": "GET", "path": path, "status": 403}]);
        stage.estate.faults(rule).await;
        let reading = read::read(&stage.estate.azure, &declared).await;
        stage.estate.faults(json!([])).await;
        assert!(reading.is_partial(), "{path}");
        let audit = Audit::new(&declared, &reading, OffsetDateTime::now_utc());
        let matrix = Matrix::of(&audit);
        if path.contains("Microsoft.Authorization") {
            let count = matrix.count();
            let (kinds, unknown) = (count.len(), count.get(&Mark::Unknown));
            assert!(kinds == 1 && unknown.is_some(), "{path}: {count:?}");
        }
        if path.contains("members") {
            let count = matrix.count();
            let unread = count.contains_key(&Mark::Unknown) && matrix.is_unknown();
            assert!(unread, "{count:?}");
            assert!(!count.contains_key(&Mark::More), "{count:?}");
            let said = report::rbac::matrix("emulator", &audit, &matrix, Format::Table, &PLAIN);
            assert!(said.contains("  ? perhaps"), "{said}");
            let remark = "what could be obtained is not known in full";
            assert!(said.contains(remark), "{said}");
        }
        // Nobody is called missing for not having been seen.
        let missing = check(&audit);
        let missing = missing.iter().filter(|one| {
            matches!(
                one.rule,
                Rule::MissingGrant | Rule::MissingMember | Rule::MissingRole
            )
        });
        assert_eq!(missing.count(), 0, "{path}");
    }
}
