//! Snapshots of a small proof.

use super::super::testing::{STYLE, address};
use super::*;
use crate::kinds::Probe;
use crate::proof::Measured;

fn step(asked: &str, measured: Measured, heard: &str) -> Step {
    Step {
        asked: asked.to_owned(),
        measured,
        heard: heard.to_owned(),
    }
}

fn tried(probe: Probe, declared: bool, verdict: Verdict, step: Step) -> Try {
    Try {
        probe,
        declared,
        verdict,
        steps: vec![step],
    }
}

fn proof() -> Proof {
    let targets = vec![address("dev.registry"), address("prod.vault.key.cosign")];
    let pull = "GET a manifest that is absent";
    let silent = || Measured::Unknown("no federated token of it is at hand".to_owned());
    let cell = |at: usize, declared: &[&str], tries: Vec<Try>| Cell {
        target: targets[at].clone(),
        declared: declared.iter().map(|word| (*word).to_owned()).collect(),
        tries,
    };
    let allowed = || step(pull, Measured::Allowed, "404 MANIFEST_UNKNOWN");
    let refused = || step(pull, Measured::Refused, "401 UNAUTHORIZED");
    let sign = |measured, heard| step("POST sign", measured, heard);
    let rows = vec![
        Row {
            who: "dev-pipeline".to_owned(),
            rows: ["dev-pipeline".to_owned()].into(),
            cells: vec![
                cell(
                    0,
                    &["pull"],
                    vec![tried(Probe::Pull, true, Verdict::Missing, refused())],
                ),
                cell(
                    1,
                    &[],
                    vec![tried(
                        Probe::Sign,
                        false,
                        Verdict::Excess,
                        sign(Measured::Allowed, "200"),
                    )],
                ),
            ],
        },
        Row {
            who: "approvers/ada".to_owned(),
            rows: ["approvers".to_owned()].into(),
            cells: vec![
                cell(
                    0,
                    &["pull"],
                    vec![tried(Probe::Pull, true, Verdict::AsDeclared, allowed())],
                ),
                cell(
                    1,
                    &["sign"],
                    vec![
                        tried(
                            Probe::Sign,
                            true,
                            Verdict::NotMeasured,
                            step("", silent(), ""),
                        ),
                        tried(
                            Probe::Verify,
                            false,
                            Verdict::NotMeasured,
                            step("", silent(), ""),
                        ),
                    ],
                ),
            ],
        },
    ];
    Proof { targets, rows }
}

#[test]
fn a_proof_is_a_matrix_with_what_differs_below() {
    insta::assert_snapshot!(render(&proof(), "emulator", Format::Table, &STYLE), @r#"
    Access measured on emulator: 2 callers, 2 targets; 1 as declared, 1 not
      measured, 1 missing, 1 more than declared

    dev
    who            registry
    ───────────────────────
    dev-pipeline   ✗ pull
    approvers/ada  ✓ pull

    prod
    who            vault.key.cosign
    ───────────────────────────────
    dev-pipeline   ! –
    approvers/ada  ? sign

    ! dev-pipeline can sign on prod.vault.key.cosign, and should not
      POST sign: 200

    ✗ dev-pipeline cannot pull on dev.registry, and should
      GET a manifest that is absent: 401 UNAUTHORIZED

    ? approvers/ada: sign on prod.vault.key.cosign and 1 more was not measured
      no federated token of it is at hand
    "#);
}

#[test]
fn a_proof_is_a_comment() {
    insta::assert_snapshot!(render(&proof(), "emulator", Format::Markdown, &STYLE), @r#"
    ### Access measured on emulator: 2 callers, 2 targets; 1 as declared, 1 not measured, 1 missing, 1 more than declared

    #### Not as declared

    |  | what | because |
    |---|---|---|
    | ! | dev-pipeline can sign on prod.vault.key.cosign, and should not | POST sign: 200 |
    | ✗ | dev-pipeline cannot pull on dev.registry, and should | GET a manifest that is absent: 401 UNAUTHORIZED |
    | ? | approvers/ada: sign on prod.vault.key.cosign and 1 more was not measured | no federated token of it is at hand |

    #### dev

    | who | registry |
    |---|---|
    | `dev-pipeline` | ✗ pull |
    | `approvers/ada` | ✓ pull |

    #### prod

    | who | vault.key.cosign |
    |---|---|
    | `dev-pipeline` | \! – |
    | `approvers/ada` | ? sign |
    "#);
}

#[test]
fn a_proof_is_a_document() {
    let text = render(&proof(), "emulator", Format::Json, &STYLE);
    let document: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(document["version"], 1);
    assert_eq!(document["cloud"], "emulator");
    assert_eq!(
        document["summary"],
        serde_json::json!({"as_declared": 1, "not_measured": 1, "missing": 1, "excess": 1})
    );
    let tried = &document["rows"][0]["cells"][1]["tries"][0];
    assert_eq!(tried["probe"], "sign");
    assert_eq!(tried["steps"][0]["answer"], "allowed");
}
