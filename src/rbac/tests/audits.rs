//! Reading and checking on answers that are made up one by one: what no local Azure gives.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use serde_json::{Value as Json, json};

use super::{NOW, SUBSCRIPTION, VAULT, assignment};
use crate::kinds::{Deployer, TargetType};
use crate::provision::ports::{Failure, Reader, Verdict};
use crate::rbac::audit::Audit;
use crate::rbac::check::{Finding, Rule, check};
use crate::rbac::estate::{
    Column, Declaration, DeclaredRole, Estate, Managed, Row, RowSort, Trust,
};
use crate::rbac::read::{PrincipalSort, Reading, read};
use crate::rbac::{RoleDefinition, Scope};
use crate::resource::{Method, Request, Severity};

const ME: &str = "00000000-0000-4000-8000-000000000001";
const STRANGER: &str = "00000000-0000-4000-8000-000000000002";
const GROUP: &str = "00000000-0000-4000-8000-000000000003";
const SIGNER: &str = "11111111-0000-4000-8000-000000000001";
const USER: &str = "11111111-0000-4000-8000-000000000002";

/// Answers by path; what is not listed is not there.
#[derive(Default)]
struct Answers {
    bodies: BTreeMap<String, Result<Json, Failure>>,
    asked: Mutex<Vec<String>>,
}

impl Answers {
    fn put(&mut self, path: impl Into<String>, body: Json) {
        self.bodies.insert(path.into(), Ok(body));
    }

    fn put_list(&mut self, path: impl Into<String>, members: Json) {
        self.put(path, json!({ "value": members }));
    }

    fn fail(&mut self, path: impl Into<String>, code: &str) {
        let failure = Failure {
            verdict: Verdict::Denied,
            status: Some(400),
            code: code.to_owned(),
            message: String::new(),
            hint: None,
            request_id: None,
        };
        self.bodies.insert(path.into(), Err(failure));
    }

    fn answer(&self, request: &Request) -> Result<Option<Json>, Failure> {
        let mut asked = self.asked.lock().expect("nobody panics while holding it");
        asked.push(request.path.clone());
        self.bodies.get(&request.path).cloned().transpose()
    }
}

#[async_trait]
impl Reader for Answers {
    async fn get(&self, request: &Request) -> Result<Option<Json>, Failure> {
        self.answer(request)
    }

    async fn list(
        &self,
        request: &Request,
        page: &mut (dyn FnMut(Vec<Json>) + Send),
    ) -> Result<(), Failure> {
        let mut at = request.clone();
        loop {
            let Some(body) = self.answer(&at)? else {
                return Err(Failure {
                    verdict: Verdict::NotFound,
                    status: Some(404),
                    code: "NotFound".to_owned(),
                    message: String::new(),
                    hint: None,
                    request_id: None,
                });
            };
            page(body["value"].as_array().cloned().unwrap_or_default());
            match body["@odata.nextLink"].as_str() {
                Some(next) => next.clone_into(&mut at.path),
                None => return Ok(()),
            }
        }
    }
}

fn authorization(list: &str) -> String {
    format!("{SUBSCRIPTION}/providers/Microsoft.Authorization/{list}")
}

fn role(id: &str, data: &[&str]) -> Json {
    json!({"id": id, "name": id, "properties": {"roleName": format!("role {id}"),
        "type": "BuiltInRole", "assignableScopes": ["/"],
        "permissions": [{"actions": [], "dataActions": data}]}})
}

/// One principal that may sign with one key, as it is declared.
fn stage() -> (Estate, Answers) {
    let key = format!("{VAULT}/keys/k");
    let address = |text: &str| text.parse().expect("an address");
    let estate = Estate {
        tenant: "t".to_owned(),
        subscriptions: vec![
            SUBSCRIPTION
                .rsplit('/')
                .next()
                .unwrap_or_default()
                .to_owned(),
        ],
        rows: vec![Row {
            name: "me".to_owned(),
            sort: RowSort::Principal,
            id: Some(ME.to_owned()),
            address: Some(address("shared.principal.me")),
            members: None,
        }],
        columns: vec![Column {
            address: address("dev.vault.key.k"),
            of_type: TargetType::Key,
            scope: Scope::new(&key),
            inside: Vec::new(),
        }],
        grants: vec![Declaration {
            address: address("dev.grant.me.vault.key.k.sign"),
            scope: Scope::new(&key),
            role: SIGNER.to_owned(),
            principal: Some(ME.to_owned()),
            cell: Some(("me".into(), "vault.key.k".into(), "sign".into())),
        }],
        objects: vec![Managed {
            address: address("dev.vault.key.k"),
            scope: Scope::new(&key),
            arm_type: "Microsoft.KeyVault/vaults/keys",
            get: Request::arm(Method::Get, key.clone(), "2023-07-01"),
        }],
        ..Estate::default()
    };
    let mut answers = Answers::default();
    let sign = "Microsoft.KeyVault/vaults/keys/sign/action";
    let all = "Microsoft.KeyVault/vaults/keys/*";
    answers.put_list(
        authorization("roleDefinitions"),
        json!([role(SIGNER, &[sign]), role(USER, &[all])]),
    );
    let mine = assignment("mine", &key, SIGNER, ME, json!({}));
    answers.put_list(authorization("roleAssignments"), json!([mine]));
    answers.put_list(authorization("denyAssignments"), json!([]));
    answers.put_list("/v1.0/roleManagement/directory/roleAssignments", json!([]));
    let api = "/v1.0/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')";
    let roles = json!([{"id": "R", "value": "AppRoleAssignment.ReadWrite.All"}]);
    answers.put(api, json!({"id": "api", "appRoles": roles}));
    answers.put_list(format!("{api}/appRoleAssignedTo"), json!([]));
    for (id, kind) in [
        (ME, "servicePrincipal"),
        (STRANGER, "user"),
        (GROUP, "group"),
    ] {
        let body = json!({"@odata.type": format!("#microsoft.graph.{kind}"), "id": id,
            "appId": format!("app-{id}"), "displayName": "me"});
        answers.put(format!("/v1.0/directoryObjects/{id}"), body);
    }
    answers.put("/keys/k", json!({"attributes": {"hsmPlatform": "2"}}));
    (estate, answers)
}

async fn judged(estate: &Estate, answers: &Answers) -> (Reading, Vec<Finding>) {
    let reading = read(answers, estate).await;
    let findings = check(&Audit::new(estate, &reading, NOW));
    (reading, findings)
}

fn rules(findings: &[Finding]) -> Vec<Rule> {
    findings.iter().map(|one| one.rule).collect()
}

#[tokio::test]
async fn a_tenant_without_pim_is_whole_and_one_with_it_shows_what_may_be_activated() {
    let (estate, mut answers) = stage();
    let eligible = authorization("roleEligibilityScheduleInstances");
    answers.fail(eligible.clone(), "AadPremiumLicenseRequired");
    let (reading, findings) = judged(&estate, &answers).await;
    assert_eq!(
        (reading.unknown.len(), findings.len()),
        (0, 0),
        "{reading:#?}"
    );
    assert!(
        reading
            .remarks
            .iter()
            .any(|it| it.contains("not applicable"))
    );

    answers.fail(eligible.clone(), "AuthorizationFailed");
    let (reading, _) = judged(&estate, &answers).await;
    assert_eq!(reading.unknown.len(), 2, "{:#?}", reading.unknown);

    answers.put_list(
        eligible,
        json!([assignment("may", VAULT, USER, STRANGER, json!({}))]),
    );
    answers.put_list(authorization("roleAssignmentScheduleInstances"), json!([]));
    let (reading, findings) = judged(&estate, &answers).await;
    assert_eq!(reading.unknown, []);
    let [finding] = &findings[..] else {
        panic!("one finding: {findings:#?}")
    };
    assert_eq!(
        (finding.rule, finding.severity),
        (Rule::EligibleGrant, Severity::Critical)
    );
    assert!(
        finding.explanation.contains("may activate role"),
        "{finding:#?}"
    );
    // It calls itself as a row of ours is called, and is not taken for it.
    assert_eq!(finding.subject, STRANGER);
}

#[tokio::test]
async fn what_has_ended_by_its_schedule_is_no_grant() {
    let (estate, mut answers) = stage();
    let key = format!("{VAULT}/keys/k");
    let mine = assignment("mine", &key, SIGNER, ME, json!({}));
    let theirs = assignment("theirs", &key, USER, STRANGER, json!({}));
    let id = theirs["id"].clone();
    answers.put_list(authorization("roleAssignments"), json!([mine, theirs]));
    assert_eq!(
        rules(&judged(&estate, &answers).await.1),
        [Rule::StrangerGrant]
    );
    answers.put_list(authorization("roleEligibilityScheduleInstances"), json!([]));
    let schedule = json!({"id": "s", "properties": {"originRoleAssignmentId": id,
        "endDateTime": "2026-01-01T00:00:00Z"}});
    answers.put_list(
        authorization("roleAssignmentScheduleInstances"),
        json!([schedule]),
    );
    assert_eq!(rules(&judged(&estate, &answers).await.1), [] as [Rule; 0]);
}

#[tokio::test]
async fn members_are_read_to_their_last_page_and_groups_in_groups_in_turn() {
    let (estate, mut answers) = stage();
    let key = format!("{VAULT}/keys/k");
    let mine = assignment("mine", &key, SIGNER, ME, json!({}));
    let theirs = assignment(
        "theirs",
        VAULT,
        USER,
        GROUP,
        json!({"principalType": "Group"}),
    );
    answers.put_list(authorization("roleAssignments"), json!([mine, theirs]));
    let members = format!("/v1.0/groups/{GROUP}/members");
    let inner = "00000000-0000-4000-8000-000000000004";
    let body =
        json!({"@odata.type": "#microsoft.graph.group", "id": inner, "displayName": "inner"});
    answers.put(format!("/v1.0/directoryObjects/{inner}"), body.clone());
    answers.put(members, json!({"value": [], "@odata.nextLink": "/second"}));
    answers.put_list("/second", json!([body]));
    let me = json!([{"@odata.type": "#microsoft.graph.servicePrincipal", "id": ME}]);
    answers.put_list(format!("/v1.0/groups/{inner}/members"), me);
    answers.put_list(format!("/v1.0/groups/{GROUP}/owners"), json!([]));
    let (reading, findings) = judged(&estate, &answers).await;
    assert_eq!(reading.unknown, []);
    assert_eq!(reading.principals[GROUP].sort, PrincipalSort::Group);
    let [finding] = &findings[..] else {
        panic!("one finding: {findings:#?}")
    };
    assert_eq!((finding.rule, &*finding.subject), (Rule::ExtraGrant, "me"));
    assert!(
        finding.explanation.contains("through it me"),
        "{finding:#?}"
    );
}

#[tokio::test]
async fn a_key_below_the_second_generation_is_found() {
    for (told, weak) in [
        (json!({"hsmPlatform": "2"}), false),
        (json!({"hsmPlatform": 3}), false),
        (json!({"hsmPlatform": "1"}), true),
        (json!({"hsmPlatform": "0"}), true),
        (json!({"hsmPlatform": "new"}), true),
        (json!({}), true),
    ] {
        let (estate, mut answers) = stage();
        answers.put("/keys/k", json!({ "attributes": told }));
        let (_, findings) = judged(&estate, &answers).await;
        let expected: &[Rule] = if weak { &[Rule::WeakKey] } else { &[] };
        assert_eq!(rules(&findings), expected, "{told}");
        assert!(
            findings
                .iter()
                .all(|one| one.severity == Severity::Critical)
        );
    }
}

#[tokio::test]
async fn who_deploys_is_held_to_exactly_what_it_is_said_to_hold() {
    let (mut estate, mut answers) = stage();
    let deployer = Deployer {
        object_id: STRANGER.to_owned(),
        description: None,
        roles: vec![USER.to_owned()],
        graph: Vec::new(),
        owners: Vec::new(),
    };
    estate.deployers.insert("local".to_owned(), deployer);
    estate.rows.push(Row {
        name: "local".to_owned(),
        sort: RowSort::Deployer,
        id: Some(STRANGER.to_owned()),
        address: None,
        members: None,
    });
    let (_, findings) = judged(&estate, &answers).await;
    assert_eq!(rules(&findings), [Rule::MissingGrant]);
    let key = format!("{VAULT}/keys/k");
    let mine = assignment("mine", &key, SIGNER, ME, json!({}));
    let theirs = assignment("theirs", SUBSCRIPTION, USER, STRANGER, json!({}));
    answers.put_list(authorization("roleAssignments"), json!([mine, theirs]));
    assert_eq!(rules(&judged(&estate, &answers).await.1), [] as [Rule; 0]);
    let api = "/v1.0/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')";
    let held = json!([{"appRoleId": "R", "principalId": STRANGER}]);
    answers.put_list(format!("{api}/appRoleAssignedTo"), held);
    let (_, findings) = judged(&estate, &answers).await;
    assert_eq!(rules(&findings), [Rule::CouldObtain]);
    let deployer = estate.deployers.get_mut("local").expect("a deployer");
    let role = "AppRoleAssignment.ReadWrite.All".to_owned();
    deployer.graph.push(role);
    assert_eq!(rules(&judged(&estate, &answers).await.1), [] as [Rule; 0]);
}

#[tokio::test]
async fn two_that_trust_the_same_tokens_are_found_though_toml_says_so() {
    const OTHER: &str = "00000000-0000-4000-8000-000000000007";
    let (mut estate, mut answers) = stage();
    let body = json!({"@odata.type": "#microsoft.graph.servicePrincipal", "id": OTHER,
        "appId": format!("app-{OTHER}"), "displayName": "you"});
    answers.put(format!("/v1.0/directoryObjects/{OTHER}"), body);
    estate.rows.push(Row {
        name: "you".to_owned(),
        sort: RowSort::Principal,
        id: Some(OTHER.to_owned()),
        address: Some("shared.principal.you".parse().expect("an address")),
        members: None,
    });
    for (name, id) in [("me", ME), ("you", OTHER)] {
        let holder = format!("shared.principal.{name}");
        estate.credentials.push(Trust {
            address: format!("{holder}.credential.ci")
                .parse()
                .expect("an address"),
            holder: holder.parse().expect("an address"),
            name: "ci".to_owned(),
            issuer: Some("https://i".to_owned()),
            // Nobody knows it before it is there, as with a cluster's issuer.
            subject: None,
        });
        let path = format!("/v1.0/applications(appId='app-{id}')/federatedIdentityCredentials");
        let one = json!({"name": "ci", "issuer": "https://i", "subject": "s"});
        answers.put_list(path, json!([one]));
    }
    let (_, findings) = judged(&estate, &answers).await;
    assert_eq!(rules(&findings), [Rule::SharedFederation], "{findings:#?}");
    let said = "signs in as shared.principal.me and as shared.principal.you";
    assert!(findings[0].explanation.contains(said), "{findings:#?}");
}

#[tokio::test]
async fn a_body_that_is_none_makes_the_list_unknown() {
    let (estate, mut answers) = stage();
    answers.put_list(authorization("roleAssignments"), json!([{"id": "x"}]));
    let (reading, findings) = judged(&estate, &answers).await;
    assert_eq!(reading.unknown.len(), 1, "{:#?}", reading.unknown);
    assert!(reading.is_blind_at(&Scope::new(VAULT)));
    assert_eq!(
        rules(&findings),
        [] as [Rule; 0],
        "nothing is called missing"
    );
}

#[tokio::test]
async fn requests_do_not_grow_with_the_assignments() {
    let count = |answers: &Answers| {
        answers
            .asked
            .lock()
            .expect("nobody panics while holding it")
            .len()
    };
    let (estate, answers) = stage();
    judged(&estate, &answers).await;
    let before = count(&answers);
    let (estate, mut answers) = stage();
    let many: Vec<Json> = (0..500)
        .map(|number| {
            let scope = format!("{VAULT}/keys/k/part/{number}");
            assignment(&number.to_string(), &scope, SIGNER, ME, json!({}))
        })
        .collect();
    answers.put_list(authorization("roleAssignments"), json!(many));
    judged(&estate, &answers).await;
    assert_eq!(count(&answers), before);
}

#[tokio::test]
async fn an_action_that_its_provider_does_not_have_is_found_with_the_near_name() {
    let (mut estate, mut answers) = stage();
    let mut body = role(
        "22222222-0000-4000-8000-000000000001",
        &[
            "Microsoft.KeyVault/vaults/keys/sing/action",
            "Microsoft.KeyVault/vaults/keys/verify/action",
        ],
    );
    body["properties"]["type"] = json!("CustomRole");
    let definition = RoleDefinition::read(&body).expect("a role");
    let address = "shared.role.signer".parse().expect("an address");
    estate.roles.push(DeclaredRole {
        address,
        definition,
    });
    let roles = json!([
        body,
        role(SIGNER, &["Microsoft.KeyVault/vaults/keys/sign/action"])
    ]);
    answers.put_list(authorization("roleDefinitions"), roles);
    // Nothing is said of what could not be looked up.
    assert_eq!(rules(&judged(&estate, &answers).await.1), [] as [Rule; 0]);
    let operation = |name: &str| json!({"name": name, "isDataAction": true});
    answers.put(
        "/providers/Microsoft.Authorization/providerOperations/microsoft.keyvault",
        json!({"operations": [], "resourceTypes": [{"operations": [
            operation("Microsoft.KeyVault/vaults/keys/sign/action"),
            operation("Microsoft.KeyVault/vaults/keys/verify/action"),
        ]}]}),
    );
    let (_, findings) = judged(&estate, &answers).await;
    assert_eq!(rules(&findings), [Rule::UnknownAction]);
    assert!(
        findings[0].explanation.contains("keys/sing/action"),
        "{findings:#?}"
    );
    assert!(
        findings[0].instead.contains("keys/sign/action"),
        "{findings:#?}"
    );
}

#[tokio::test]
async fn who_may_become_an_administrator_could_obtain_everything() {
    let (estate, mut answers) = stage();
    let global = "62e90394-69f5-4237-9190-012177145e10";
    let eligible = json!([{"roleDefinitionId": global, "principalId": STRANGER}]);
    let list = "/v1.0/roleManagement/directory/roleEligibilityScheduleInstances";
    answers.put_list(list, eligible);
    let (reading, findings) = judged(&estate, &answers).await;
    assert_eq!(reading.unknown, []);
    assert_eq!(rules(&findings), [Rule::CouldObtain]);
    assert!(
        findings[0]
            .explanation
            .contains("may become Global Administrator"),
        "{findings:#?}"
    );
}
