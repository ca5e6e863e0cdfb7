//! Proofs by callers who answer what they are told to.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::json;

use super::ground::{ClusterPlace, Place, RegistryPlace};
use super::whom::Word;
use super::*;
use crate::kinds::{Probe, Target};
use crate::resource::{Address, Method, Request};

/// Answers by the beginning of what is asked, and notes that.
#[derive(Clone, Default)]
struct Told {
    answers: Vec<(&'static str, u16)>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Told {
    fn answering(answers: &[(&'static str, u16)]) -> Self {
        Self {
            answers: answers.to_vec(),
            asked: Arc::default(),
        }
    }

    fn hear(&self, method: Method, path: &str) -> Reply {
        let asked = format!("{method} {path}");
        self.asked
            .lock()
            .expect("nobody panics")
            .push(asked.clone());
        let known = self
            .answers
            .iter()
            .find(|(begin, _)| asked.starts_with(begin));
        let Some((_, status)) = known else {
            return Reply::Silent(format!("nobody answers {asked}"));
        };
        let ok = *status < 300;
        let upload = method == Method::Post && path.contains("/uploads/");
        Reply::Answered {
            status: *status,
            code: if ok {
                String::new()
            } else {
                "AuthorizationFailed".to_owned()
            },
            message: "User \"x\" cannot do it".to_owned(),
            body: json!({"status": {"allowed": ok}}),
            location: (ok && upload).then(|| "/v2/x/blobs/uploads/1?s=2".to_owned()),
        }
    }
}

#[async_trait]
impl Caller for Told {
    async fn azure(&self, request: &Request) -> Reply {
        self.hear(request.method, &request.path)
    }

    async fn registry(&self, _server: &str, _scope: &str, request: &Plain) -> Reply {
        self.hear(request.method, &request.path)
    }

    async fn cluster(&self, _server: &ApiServer, request: &Plain) -> Reply {
        self.hear(request.method, &request.path)
    }
}

#[async_trait]
impl SignIns for Told {
    async fn sign_in(&self, _identity: &Identity) -> Result<Box<dyn Caller>, String> {
        Ok(Box::new(self.clone()))
    }
}

fn address(text: &str) -> Address {
    text.parse().expect("an address")
}

fn registry() -> Ground {
    Ground {
        address: address("dev.registry"),
        target: Target::Registry,
        place: Ok(Place::Registry(RegistryPlace {
            id: "/r".to_owned(),
            server: "r.azurecr.io".to_owned(),
        })),
    }
}

fn cluster(namespaces: &[&str]) -> Ground {
    Ground {
        address: address("dev.cluster"),
        target: Target::Cluster,
        place: Ok(Place::Cluster(ClusterPlace {
            id: "/c".to_owned(),
            server: ApiServer {
                origin: "https://c".to_owned(),
                ca: None,
            },
            namespaces: namespaces.iter().map(|name| (*name).to_owned()).collect(),
        })),
    }
}

fn somebody() -> Somebody {
    Somebody {
        name: "p".to_owned(),
        rows: ["p".to_owned()].into(),
        identity: Ok(Identity::Person {
            object_id: "o".to_owned(),
        }),
    }
}

fn given(target: &str, probes: Option<&[Probe]>) -> Declared {
    let word = Word {
        capability: "word".to_owned(),
        probes: probes.map(|probes| probes.iter().copied().collect::<BTreeSet<_>>()),
    };
    let mut declared = Declared::default();
    let key = ("p".to_owned(), address(target));
    declared.words.insert(key, vec![word]);
    declared
}

async fn verdicts(told: &Told, ground: Ground, declared: &Declared) -> Vec<(Probe, Verdict)> {
    let proof = prove(&[somebody()], &[ground], declared, told).await;
    let tries = proof.rows[0].cells[0].tries.iter();
    tries.map(|tried| (tried.probe, tried.verdict)).collect()
}

const OPEN: &[(&str, u16)] = &[("", 200)];

#[tokio::test]
async fn an_upload_that_was_begun_is_cancelled() {
    let told = Told::answering(OPEN);
    let declared = given("dev.registry", Some(&[Probe::Pull, Probe::Push]));
    assert_eq!(
        verdicts(&told, registry(), &declared).await,
        [
            (Probe::Pull, Verdict::AsDeclared),
            (Probe::Push, Verdict::AsDeclared),
            (Probe::Delete, Verdict::Excess),
            (Probe::Import, Verdict::Excess),
        ]
    );
    let asked = told.asked.lock().expect("nobody panics").clone();
    assert!(
        asked.contains(&"DELETE /v2/x/blobs/uploads/1?s=2".to_owned()),
        "{asked:?}"
    );
    // One that stays is told.
    let told = Told::answering(&[("DELETE /v2/x/blobs", 500), ("", 200)]);
    let push = verdicts(&told, registry(), &declared).await[1];
    assert_eq!(push, (Probe::Push, Verdict::NotMeasured));
}

#[tokio::test]
async fn one_namespace_that_differs_is_enough() {
    let closed = "POST /apis/apps/v1/namespaces/b/";
    let elsewhere = "POST /apis/apps/v1/namespaces/default/";
    let told = Told::answering(&[(closed, 403), (elsewhere, 403), ("", 200)]);
    let declared = given("dev.cluster", Some(&[Probe::Deploy]));
    let found = verdicts(&told, cluster(&["a", "b"]), &declared).await;
    assert_eq!(found[0], (Probe::Deploy, Verdict::Missing));
    // The review says yes and the server no: somebody may do more than nothing there.
    assert_eq!(found[1], (Probe::DeployElsewhere, Verdict::Excess));
    assert_eq!(found[2], (Probe::Secrets, Verdict::Excess));
    let all = verdicts(&Told::answering(OPEN), cluster(&["a", "b"]), &declared).await;
    assert_eq!(all[0], (Probe::Deploy, Verdict::AsDeclared));
}

#[tokio::test]
async fn what_is_not_answered_or_not_said_is_not_measured() {
    let silent = Told::default();
    let declared = given("dev.registry", Some(&[Probe::Pull]));
    for (_, verdict) in verdicts(&silent, registry(), &declared).await {
        assert_eq!(verdict, Verdict::NotMeasured);
    }
    // Nobody knows what should work with a capability that names no probes.
    let vague = given("dev.registry", None);
    let refusing = Told::answering(&[("", 401)]);
    for (probe, verdict) in verdicts(&refusing, registry(), &vague).await {
        assert_eq!(verdict, Verdict::NotMeasured, "{probe}");
    }
    // Nor what somebody may who cannot sign in, or on what does not stand.
    let mut nobody = somebody();
    nobody.identity = Err("no token".to_owned());
    let mut gone = registry();
    gone.place = Err("it does not stand".to_owned());
    let open = Told::answering(OPEN);
    for (who, ground) in [(nobody, registry()), (somebody(), gone)] {
        let proof = prove(&[who], &[ground], &declared, &open).await;
        assert!(proof.is_partial() && !proof.deviates());
        assert_eq!(proof.count(Verdict::NotMeasured), 1);
    }
}
