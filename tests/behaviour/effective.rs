//! What the library makes of role assignments, against what the local Azure enforces: two
//! implementations that share nothing, on random tenants.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use onestream::rbac::{
    Access, Action, Assignment, Attribute, Circumstances, Decision, Denial, Doubt, Literal, Plane,
    RoleDefinition, Scope, Source, Tenant, Why, members,
};
use onestream_emulator::{DEFAULT_TENANT, Emulator, Settings};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{TestCaseError, TestRunner};
use serde_json::{Value as Json, json};
use time::OffsetDateTime;
use tokio::runtime::Runtime;

const ONE: &str = "22222222-2222-4222-8222-222222222222";
const TWO: &str = "33333333-3333-4333-8333-333333333333";

/// Azure's own roles that are assigned beside random ones.
const BUILT_IN: &[&str] = &[
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", // Owner
    "b24988ac-6180-42a0-ab88-20f7382dd24c", // Contributor
    "acdd72a7-3385-48ef-bd42-f606fba81ae7", // Reader
    "12338af0-0e69-4776-bea7-57ae8d297424", // Key Vault Crypto User
    "f1a07417-d97a-45cb-824c-7a7467783830", // Managed Identity Operator
];

const PATTERNS: &[&str] = &[
    "*",
    "*/read",
    "*/delete",
    "Microsoft.KeyVault/*",
    "Microsoft.KeyVault/vaults/*",
    "Microsoft.KeyVault/vaults/read",
    "Microsoft.KeyVault/vaults/keys/*",
    "Microsoft.KeyVault/vaults/keys/sign/action",
    "Microsoft.KeyVault/vaults/*/action",
    "microsoft.keyvault/VAULTS/keys/*/Action",
    "Microsoft.ContainerRegistry/registries/pull/read",
    "Microsoft.ContainerRegistry/registries/*/read",
    "Microsoft.ContainerRegistry/registries*",
    "Microsoft.Authorization/*/Write",
    "Microsoft.Authorization/roleAssignments/*",
    "Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action",
    "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",
];

/// How many scopes [`Stage::scopes`] has, and principals.
const SCOPES: usize = 13;
const PRINCIPALS: usize = 6;

/// What conditions speak of here: some of it is known of a question, some is not.
const ATTRIBUTES: &[&str] = &[
    "Resource[A.B/c:name]",
    "Request[A.B/c:size]",
    "Request[A.B/c:tags]",
];

/// Management groups: `low` in `mid` in the tenant's own, and `side` beside them.
const GROUPS: &[(&str, Option<&str>)] = &[("mid", None), ("low", Some("mid")), ("side", None)];

/// A local Azure with some people in nested groups.
struct Stage {
    emulator: Emulator,
    http: reqwest::Client,
    arm: String,
    graph: String,
    /// Three service principals, then three groups.
    principals: Vec<String>,
    /// How often the local Azure gave which answer.
    answers: Mutex<BTreeMap<String, usize>>,
}

#[derive(Debug, Clone)]
struct Case {
    roles: Vec<[Vec<&'static str>; 4]>,
    assignments: Vec<Assigned>,
    denials: Vec<Denied>,
    questions: Vec<Question>,
}

#[derive(Debug, Clone)]
struct Assigned {
    /// One of the case's roles, or of Azure's own.
    role: usize,
    scope: usize,
    principal: usize,
    condition: Option<String>,
}

#[derive(Debug, Clone)]
struct Denied {
    lists: [Vec<&'static str>; 4],
    scope: usize,
    only_here: bool,
    everybody: bool,
    principals: BTreeSet<usize>,
    excluded: BTreeSet<usize>,
}

#[derive(Debug, Clone)]
struct Question {
    principal: usize,
    scope: usize,
    data: bool,
    action: String,
    loud: bool,
    /// By attribute, what is known of it.
    known: Vec<Option<Json>>,
}

fn lists(most: usize) -> impl Strategy<Value = [Vec<&'static str>; 4]> {
    let list = move |least| prop::collection::vec(select(PATTERNS), least..=most);
    (list(1), list(0), list(0), list(0)).prop_map(|(a, b, c, d)| [a, b, c, d])
}

/// A comparison that may hold, may not, or hangs on what nobody knows.
fn comparison() -> impl Strategy<Value = String> {
    let texts = vec![
        "StringEquals",
        "StringNotEqualsIgnoreCase",
        "StringLike",
        "StringStartsWith",
    ];
    let text = (select(texts), select(vec!["dev", "Dev", "d*", "prod"]))
        .prop_map(|(function, value)| format!("@Resource[A.B/c:name] {function} '{value}'"));
    let numbers = vec![
        "NumericLessThan",
        "NumericGreaterThanEquals",
        "NumericNotEquals",
    ];
    let number = (select(numbers), 0..3_i64)
        .prop_map(|(function, value)| format!("@Request[A.B/c:size] {function} {value}"));
    let sets = vec![
        "ForAnyOfAnyValues",
        "ForAllOfAnyValues",
        "ForAnyOfAllValues",
        "ForAllOfAllValues",
    ];
    let set = select(sets).prop_map(|sets| {
        format!("@Request[A.B/c:tags] {sets}:StringEqualsIgnoreCase {{'red', 'blue'}}")
    });
    prop_oneof![
        3 => text,
        2 => number,
        3 => set,
        1 => Just("Exists @Resource[A.B/c:name]".to_owned()),
        1 => Just("@Principal[A.B/c:team] StringEquals 'x'".to_owned()),
        1 => Just("'a' StringResembles 'a'".to_owned()),
    ]
}

/// None, one about an action, one that rules it out, one that names none, and joined ones.
fn condition() -> impl Strategy<Value = Option<String>> {
    let named = |(pattern, compared): (&str, String)| {
        format!("((!(ActionMatches{{'{pattern}'}})) OR ({compared}))")
    };
    let ruled_out = |pattern| format!("!(ActionMatches{{'{pattern}'}})");
    let one = (select(PATTERNS), comparison()).prop_map(named).boxed();
    let joined = (one.clone(), select(vec!["AND", "||"]), one.clone())
        .prop_map(|(first, join, second)| format!("{first} {join} NOT {second}"));
    prop_oneof![
        6 => Just(None),
        3 => one.prop_map(Some),
        1 => select(PATTERNS).prop_map(move |pattern| Some(ruled_out(pattern))),
        2 => comparison().prop_map(Some),
        2 => joined.prop_map(Some),
    ]
}

/// What is known of the attributes of a question.
fn known() -> impl Strategy<Value = Vec<Option<Json>>> {
    let name = select(vec![None, Some(json!(["dev"])), Some(json!(["prod"]))]);
    let size = select(vec![
        None,
        Some(json!([1])),
        Some(json!([2])),
        Some(json!(["1"])),
    ]);
    let tags = vec![
        None,
        Some(json!(["red"])),
        Some(json!(["RED", "Blue"])),
        Some(json!(["green", "red"])),
        Some(json!(["green"])),
    ];
    (name, size, select(tags)).prop_map(|(name, size, tags)| vec![name, size, tags])
}

fn case() -> impl Strategy<Value = Case> {
    let assigned = (0..3 + BUILT_IN.len(), 0..SCOPES, 0..PRINCIPALS, condition());
    let assigned = assigned.prop_map(|(role, scope, principal, condition)| Assigned {
        role,
        scope,
        principal,
        condition,
    });
    let some = || prop::collection::btree_set(0..PRINCIPALS, 0..3);
    let denied = (lists(2), 0..SCOPES, any::<[bool; 2]>(), some(), some());
    let denied = denied.prop_map(
        |(lists, scope, [only_here, everybody], principals, excluded)| Denied {
            lists,
            scope,
            only_here,
            everybody,
            principals,
            excluded,
        },
    );
    let filling = select(vec!["", "x", "read", "x/y", "keys/sign"]);
    let question = (
        0..PRINCIPALS,
        0..SCOPES,
        any::<[bool; 2]>(),
        select(PATTERNS),
        filling,
        known(),
    );
    let question = question.prop_map(
        |(principal, scope, [data, loud], pattern, filling, known)| Question {
            principal,
            scope,
            data,
            action: pattern.replace('*', filling),
            loud,
            known,
        },
    );
    let roles = prop::collection::vec(lists(3), 3);
    let assignments = prop::collection::vec(assigned, 1..8);
    let denials = prop::collection::vec(denied, 0..3);
    let questions = prop::collection::vec(question, 40);
    (roles, assignments, denials, questions).prop_map(
        |(roles, mut assignments, denials, questions)| {
            let mut seen = BTreeSet::new();
            for one in &mut assignments {
                // Azure takes no role of a tenant's own at the root.
                let custom = one.role >= BUILT_IN.len();
                one.scope = one.scope.max(usize::from(custom));
            }
            // Nor a second assignment of the same three.
            assignments.retain(|one| seen.insert((one.role, one.scope, one.principal)));
            Case {
                roles,
                assignments,
                denials,
                questions,
            }
        },
    )
}

fn guid(kind: u32, number: usize) -> String {
    format!("aaaaaaaa-0000-4000-8{kind:03}-{number:012}")
}

fn lists_as_json(lists: &[Vec<&str>; 4]) -> Json {
    let [actions, not_actions, data_actions, not_data_actions] = lists;
    json!({
        "actions": actions, "notActions": not_actions,
        "dataActions": data_actions, "notDataActions": not_data_actions,
    })
}

impl Stage {
    async fn start() -> Self {
        let emulator = Emulator::start(Settings {
            open_info: true,
            subscriptions: vec![ONE.to_owned(), TWO.to_owned()],
            ..Settings::default()
        })
        .await
        .expect("the emulator starts");
        let mut stage = Self {
            emulator,
            http: reqwest::Client::new(),
            arm: String::new(),
            graph: String::new(),
            principals: Vec::new(),
            answers: Mutex::default(),
        };
        stage.arm = stage.token("https://management.azure.com").await;
        stage.graph = stage.token("https://graph.microsoft.com").await;
        stage.people().await;
        stage.resources().await;
        stage
            .control("POST", "snapshot", json!({"name": "empty"}))
            .await;
        stage
    }

    /// Applications 0, 1 and 2, and groups 3 ∋ 0, 4 ∋ 3 and 1, 5 ∋ 4, and 4 ∋ 5: a ring.
    async fn people(&mut self) {
        for name in ["a", "b", "c"] {
            let made = self
                .graph("POST", "applications", json!({"displayName": name}))
                .await;
            let body = json!({"appId": made["appId"]});
            let made = self.graph("POST", "servicePrincipals", body).await;
            self.principals.push(text(&made["id"]));
        }
        for name in ["near", "far", "farther"] {
            let body = json!({"displayName": name, "mailNickname": name, "mailEnabled": false,
                "securityEnabled": true});
            let made = self.graph("POST", "groups", body).await;
            self.principals.push(text(&made["id"]));
        }
        for (member, group) in [(0, 3), (3, 4), (1, 4), (4, 5), (5, 4)] {
            let member = &self.principals[member];
            let body = json!({
                "@odata.id": format!("https://graph.microsoft.com/v1.0/directoryObjects/{member}"),
            });
            let path = format!("groups/{}/members/$ref", self.principals[group]);
            self.graph("POST", &path, body).await;
        }
    }

    async fn resources(&self) {
        for (subscription, group) in [(ONE, "a"), (ONE, "ab"), (TWO, "a")] {
            let id = format!("/subscriptions/{subscription}/resourceGroups/{group}");
            self.arm("PUT", &id, json!({"location": "eastus2"})).await;
        }
        for (name, parent) in GROUPS {
            let above = parent.unwrap_or(DEFAULT_TENANT);
            let body = json!({"properties": {"details": {"parent": {"id": group(above)}}}});
            self.arm("PUT", &group(name), body).await;
        }
        let place = format!("{}/subscriptions/{ONE}", group("low"));
        self.arm("PUT", &place, Json::Null).await;
        let id = self.scopes()[5].clone();
        let body = json!({"type": "Microsoft.KeyVault/vaults", "location": "eastus2"});
        self.control("PUT", &format!("objects?id={id}"), body).await;
    }

    fn scopes(&self) -> [String; SCOPES] {
        let one = format!("/subscriptions/{ONE}");
        let vault = format!("{one}/resourceGroups/a/providers/Microsoft.KeyVault/vaults/kv");
        [
            "/".to_owned(),
            group(DEFAULT_TENANT),
            one.clone(),
            format!("{one}/resourceGroups/a"),
            format!("{one}/resourceGroups/ab"),
            vault.clone(),
            format!("{vault}/keys/k"),
            format!("{vault}/keys/kk"),
            format!("/subscriptions/{TWO}"),
            format!("/subscriptions/{TWO}/resourceGroups/a"),
            group("mid"),
            group("low"),
            group("side"),
        ]
    }

    /// Makes the local Azure's roles and assignments those of the case.
    async fn set(&self, case: &Case) {
        self.control("POST", "restore", json!({"name": "empty"}))
            .await;
        let scopes = self.scopes();
        for (at, lists) in case.roles.iter().enumerate() {
            let id = format!(
                "/providers/Microsoft.Authorization/roleDefinitions/{}",
                guid(0, at)
            );
            // Azure takes no action that no provider has, and these are made up: they are planted.
            let body = json!({"id": id, "name": guid(0, at),
                "type": "Microsoft.Authorization/roleDefinitions", "properties": {
                    "roleName": format!("role {at}"),
                    "type": "CustomRole", "assignableScopes": [scopes[1]],
                    "permissions": [lists_as_json(lists)]}});
            self.control("PUT", &format!("objects?id={id}"), body).await;
        }
        for (at, one) in case.assignments.iter().enumerate() {
            let scope = scopes[one.scope].trim_end_matches('/');
            let id = format!(
                "{scope}/providers/Microsoft.Authorization/roleAssignments/{}",
                guid(1, at)
            );
            let role = BUILT_IN.get(one.role).map_or_else(
                || guid(0, one.role - BUILT_IN.len()),
                |built_in| (*built_in).to_owned(),
            );
            let mut body = json!({"properties": {
                "roleDefinitionId":
                    format!("/providers/Microsoft.Authorization/roleDefinitions/{role}"),
                "principalId": self.principals[one.principal],
                "principalType": if one.principal < 3 { "ServicePrincipal" } else { "Group" },
            }});
            if let Some(condition) = &one.condition {
                body["properties"]["condition"] = json!(condition);
                body["properties"]["conditionVersion"] = json!("2.0");
            }
            self.arm("PUT", &id, body).await;
        }
    }

    /// Only Azure itself makes deny assignments, so they are planted.
    async fn deny(&self, at: usize, denied: &Denied) {
        let scope = self.scopes()[denied.scope].clone();
        let everybody = json!({"id": "00000000-0000-0000-0000-000000000000",
            "type": "SystemDefined"});
        let ids = |among: &BTreeSet<usize>| -> Vec<Json> {
            let ids = among.iter().map(|one| json!({"id": self.principals[*one]}));
            ids.collect()
        };
        let mut principals = ids(&denied.principals);
        if denied.everybody {
            principals = vec![everybody];
        }
        let id = format!(
            "{}/providers/Microsoft.Authorization/denyAssignments/{}",
            scope.trim_end_matches('/'),
            guid(2, at)
        );
        let body = json!({"type": "Microsoft.Authorization/denyAssignments", "properties": {
            "denyAssignmentName": format!("denial {at}"),
            "scope": scope,
            "doNotApplyToChildScopes": denied.only_here,
            "principals": principals,
            "excludePrincipals": ids(&denied.excluded),
            "permissions": [lists_as_json(&denied.lists)],
            "isSystemProtected": true,
        }});
        self.control("PUT", &format!("objects?id={id}"), body).await;
    }

    /// What the library reads of it, from the lists that Azure has; deny assignments come in
    /// between, since they would keep the reader out too.
    async fn read(&self, case: &Case) -> Access {
        let mut tenant = Tenant::default();
        let mut roles = Vec::new();
        let mut seen = BTreeSet::new();
        for subscription in [ONE, TWO] {
            let path = |list| {
                format!("/subscriptions/{subscription}/providers/Microsoft.Authorization/{list}")
            };
            let list = self.arm("GET", &path("roleDefinitions"), Json::Null).await;
            for body in members("roles", &list).expect("a list") {
                roles.push(RoleDefinition::read(body).expect("a role"));
            }
            let list = self.arm("GET", &path("roleAssignments"), Json::Null).await;
            for body in members("assignments", &list).expect("a list") {
                let assignment = Assignment::read(body).expect("an assignment");
                if seen.insert(assignment.id.clone()) {
                    tenant.assignments.push(assignment);
                }
            }
        }
        let path = format!(
            "{}?api-version=2020-05-01&$expand=children&$recurse=true",
            group(DEFAULT_TENANT)
        );
        let groups = self.bearing(&self.arm, "GET", &path, Json::Null).await;
        tenant.hierarchy.add(&groups).expect("a management group");
        for (name, _) in GROUPS {
            // Each list shows what stands above it, and only that.
            let path = format!(
                "{}/providers/Microsoft.Authorization/roleAssignments",
                group(name)
            );
            let list = self.arm("GET", &path, Json::Null).await;
            for body in members("assignments", &list).expect("a list") {
                let assignment = Assignment::read(body).expect("an assignment");
                if seen.insert(assignment.id.clone()) {
                    tenant.assignments.push(assignment);
                }
            }
        }
        tenant.roles = roles.into_iter().collect();
        for (at, denied) in case.denials.iter().enumerate() {
            self.deny(at, denied).await;
        }
        let kind = "Microsoft.Authorization/denyAssignments";
        let list = self
            .control("GET", &format!("objects?kind={kind}"), Json::Null)
            .await;
        for object in members("objects", &list).expect("a list") {
            let mut body = object["body"].clone();
            body["id"] = object["id"].clone();
            tenant
                .denials
                .push(Denial::read(&body).expect("a deny assignment"));
        }
        for group in &self.principals[3..] {
            let list = self
                .graph("GET", &format!("groups/{group}/members"), Json::Null)
                .await;
            tenant
                .memberships
                .add_members(group, &list)
                .expect("a list");
        }
        Access::new(tenant, OffsetDateTime::now_utc())
    }

    async fn agrees(&self, case: &Case) -> Result<(), TestCaseError> {
        self.set(case).await;
        let access = self.read(case).await;
        for question in &case.questions {
            let principal = &self.principals[question.principal];
            let (mut action, mut scope) = (
                question.action.clone(),
                self.scopes()[question.scope].clone(),
            );
            if question.loud {
                (action, scope) = (action.to_uppercase(), scope.to_uppercase());
            }
            let known = ATTRIBUTES.iter().zip(&question.known);
            let known: BTreeMap<&str, &Json> = known
                .filter_map(|(name, value)| Some((*name, value.as_ref()?)))
                .collect();
            let body = json!({"principal": principal, "action": action, "scope": scope,
                "data": question.data, "attributes": known});
            let theirs = self.control("POST", "access", body).await;
            let plane = if question.data {
                Plane::Data
            } else {
                Plane::Control
            };
            let action = Action::new(plane, &action);
            let effective = access.holdings(principal).at(&Scope::new(&scope));
            let ours = effective.decide(&action, &circumstances(&known));
            let word = theirs["reason"].as_str().unwrap_or("granted").to_owned();
            let mut answers = self.answers.lock().expect("nobody panics while holding it");
            *answers.entry(word).or_default() += 1;
            drop(answers);
            prop_assert!(
                fit(&theirs, &ours),
                "{question:?}\ntheirs: {theirs}\nours: {ours:?}"
            );
        }
        Ok(())
    }

    /// A token of the principal that owns everything.
    async fn token(&self, audience: &str) -> String {
        let info = self.control("GET", "info", Json::Null).await;
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}&scope={audience}/.default",
            text(&info["client_id"]),
            text(&info["client_secret"])
        );
        let path = format!("/{DEFAULT_TENANT}/oauth2/v2.0/token");
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        text(&self.send("POST", &path, &headers, form).await["access_token"])
    }

    async fn arm(&self, method: &str, path: &str, body: Json) -> Json {
        let path = format!("{path}?api-version=2022-04-01");
        self.bearing(&self.arm, method, &path, body).await
    }

    async fn graph(&self, method: &str, path: &str, body: Json) -> Json {
        self.bearing(&self.graph, method, &format!("/v1.0/{path}"), body)
            .await
    }

    async fn bearing(&self, token: &str, method: &str, path: &str, body: Json) -> Json {
        let bearer = format!("Bearer {token}");
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
        ];
        self.send(method, path, &headers, as_text(&body)).await
    }

    async fn control(&self, method: &str, path: &str, body: Json) -> Json {
        let headers = [("content-type", "application/json")];
        let path = format!("/emulator/{path}");
        self.send(method, &path, &headers, as_text(&body)).await
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: String) -> Json {
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let url = format!("{}{path}", self.emulator.endpoint().origin);
        let mut request = self.http.request(method.clone(), url).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.expect("an answer");
        let status = answer.status();
        let text = answer.text().await.expect("a body");
        assert!(status.is_success(), "{method} {path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }
}

fn as_text(body: &Json) -> String {
    if body.is_null() {
        String::new()
    } else {
        body.to_string()
    }
}

fn text(value: &Json) -> String {
    value.as_str().expect("a text").to_owned()
}

/// What is known of a question, as the library takes it.
fn circumstances(known: &BTreeMap<&str, &Json>) -> Circumstances {
    let mut circumstances = Circumstances::default();
    for (name, values) in known {
        let (source, rest) = name.split_once('[').expect("an attribute");
        let source = match source {
            "Resource" => Source::Resource,
            _ => Source::Request,
        };
        let literal = |value: &Json| match value.as_i64() {
            Some(number) => Literal::Number(number),
            None => Literal::Text(text(value)),
        };
        let values = values.as_array().expect("values").iter().map(literal);
        let attribute = Attribute::new(source, rest.trim_end_matches(']'));
        circumstances.attributes.insert(attribute, values.collect());
    }
    circumstances
}

fn group(name: &str) -> String {
    format!("/providers/Microsoft.Management/managementGroups/{name}")
}

/// Whether two answers say the same. The local Azure has to say yes or no where a condition
/// depends on what neither knows: there it says no, and the library says possible, and names it.
fn fit(theirs: &Json, ours: &Decision) -> bool {
    let id = theirs["assignment"].as_str().unwrap_or_default();
    let named = |why: &[Why]| {
        why.iter()
            .any(|why| why.assignment.eq_ignore_ascii_case(id))
    };
    let only_conditions = |why: &[Why]| {
        why.iter().all(|why| {
            let mut doubts = why.doubts.iter();
            !why.doubts.is_empty() && doubts.all(|doubt| matches!(doubt, Doubt::Condition(_)))
        })
    };
    match (theirs["granted"].as_bool(), theirs["reason"].as_str()) {
        (Some(true), _) => matches!(ours, Decision::Allowed { by } if named(by)),
        (_, Some("nothing")) => *ours == Decision::Nothing { ruled_out: vec![] },
        (_, Some("denied")) => match ours {
            Decision::Denied { by, .. } => {
                let id = theirs["denyAssignment"].as_str().unwrap_or_default();
                by.iter().any(|one| one.id.eq_ignore_ascii_case(id))
            }
            _ => false,
        },
        (_, Some("condition")) => match ours {
            // What it names may be what the library knows to be ruled out, beside what is possible.
            Decision::Possible { by, .. } => only_conditions(by),
            Decision::Nothing { ruled_out } => named(ruled_out),
            Decision::Denied { granted, .. } => only_conditions(granted),
            Decision::Allowed { .. } => false,
        },
        _ => false,
    }
}

#[test]
fn the_library_and_the_local_azure_decide_alike() {
    let runtime = Runtime::new().expect("a runtime");
    let stage = runtime.block_on(Stage::start());
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 60,
        failure_persistence: None,
        max_shrink_iters: 200,
        ..ProptestConfig::default()
    });
    let outcome = runner.run(&case(), |case| runtime.block_on(stage.agrees(&case)));
    if let Err(error) = outcome {
        panic!("{error}");
    }
    let answers = stage
        .answers
        .lock()
        .expect("nobody panics while holding it");
    let words: Vec<&str> = answers.keys().map(String::as_str).collect();
    let all = ["condition", "denied", "granted", "nothing"];
    assert_eq!(words, all, "every answer has to come up: {answers:?}");
}
