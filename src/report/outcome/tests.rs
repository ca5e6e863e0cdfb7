//! What people see after a run, at 80 columns without colour.

use std::sync::Arc;

use insta::assert_snapshot;
use serde_json::Value as Json;

use super::super::Format;
use super::super::testing::{STYLE, denied, empty, every_action};
use super::render;
use crate::provision::apply::{End, OperationError, Outcome};
use crate::provision::plan::Plan;
use crate::provision::ports::StoreError;
use crate::resource::Outputs;

fn outcome(ends: Vec<End>) -> Outcome {
    Outcome {
        ends,
        outputs: Outputs::default(),
        stopped: false,
        refused: false,
    }
}

fn skipped(reason: &str) -> End {
    End::Skipped(reason.to_owned())
}

/// A run in which the first half of a replace and of a lift succeeded, the second did not.
fn half_done() -> (Plan, Outcome) {
    let plan = every_action();
    let ends = vec![
        End::AlreadyDone,
        End::Failed(denied().into()),
        skipped("it needs shared.principal.promotion-engine"),
        End::Done,
        End::Done,
        End::Failed(OperationError::Stale(
            "sku.name was \"Basic\" and is \"Premium\"".to_owned(),
        )),
        End::Done,
        End::Done,
        skipped("it needs prod.registry"),
        End::Done,
        End::Failed(OperationError::NotAsDeclared(
            "it does not exist".to_owned(),
        )),
        End::Done,
    ];
    assert_eq!(plan.operations.len(), ends.len());
    (plan, outcome(ends))
}

fn text(plan: &Plan, outcome: &Outcome) -> String {
    render(plan, outcome, Format::Table, &STYLE)
}

#[test]
fn a_run_with_failures_says_what_is_missing_now() {
    let (plan, outcome) = half_done();
    assert_snapshot!(text(&plan, &outcome), @r#"
    In part: applied to dev, prod, old on emulator: 5 done (1 by an earlier run),
      3 failed, 2 skipped

    Done
      ↻ dev.cluster (cluster)
      + dev.cluster.pool.system (agent pool)
      + dev.group (resource group)  by an earlier run
      - old.registry.onestreamold (registry)
      ← prod.group (resource group)

    Failed
      ! dev.registry (registry)  create failed
          AuthorizationFailed (403): The client 'a' with object id 'b' does not have
            authorization to perform action
            'Microsoft.ContainerRegistry/registries/read' over scope
            '/subscriptions/7d3bd5ea-1b2f-4b1c-9f5e-2c4d6a8b0e11'. [2J
          hint: ask for the Reader role on the subscription
          request id: 2c1f0a55-7c1e-4f6c-9d53-0a8b63f3e7a4
      ! prod.registry (registry)  update failed
          Stale: sku.name was "Basic" and is "Premium"
          hint: plan again and review what moved
      ! prod.registry.lock (lock)  lifting and putting back failed
          NotAsDeclared: Azure answered success, but it does not exist
          hint: something beside us may be changing it, such as a policy; plan again
          now: the lock is off and was not put back

    Skipped
      + dev.grant.promotion-engine.registry.pull (role assignment)
          it needs shared.principal.promotion-engine
      ± prod.registry.replication.westus2 (replication)  it needs prod.registry
          now: it was deleted and was not created again

    Remaining: 2 to create, 1 to update, 1 lock to put back, 1 to create again
    "#);
}

#[test]
fn markdown_puts_failures_first() {
    let (plan, outcome) = half_done();
    assert_snapshot!(render(&plan, &outcome, Format::Markdown, &STYLE), @r#"
    ### In part: applied to dev, prod, old on emulator

    **5 done (1 by an earlier run), 3 failed, 2 skipped**

    Remaining: 2 to create, 1 to update, 1 lock to put back, 1 to create again

    #### ! Failed

    | resource | action | code | message | hint | request id |
    |---|---|---|---|---|---|
    | `dev.registry` | create | `AuthorizationFailed` | The client 'a' with object id 'b' does not have authorization to perform action 'Microsoft.ContainerRegistry/registries/read' over scope '/subscriptions/7d3bd5ea-1b2f-4b1c-9f5e-2c4d6a8b0e11'. \[2J | ask for the Reader role on the subscription | `2c1f0a55-7c1e-4f6c-9d53-0a8b63f3e7a4` |
    | `prod.registry` | update | `Stale` | sku.name was "Basic" and is "Premium" | plan again and review what moved |  |
    | `prod.registry.lock`<br>**now: the lock is off and was not put back** | replace | `NotAsDeclared` | Azure answered success, but it does not exist | something beside us may be changing it, such as a policy; plan again |  |

    #### Skipped

    | resource | action | why |
    |---|---|---|
    | `dev.grant.promotion-engine.registry.pull` | create | it needs shared.principal.promotion-engine |
    | `prod.registry.replication.westus2`<br>**now: it was deleted and was not created again** | replace | it needs prod.registry |

    <details><summary>5 done</summary>

    | resource | action | kind |  |
    |---|---|---|---|
    | `dev.cluster` | recover | cluster |  |
    | `dev.cluster.pool.system` | create | agent pool |  |
    | `dev.group` | create | resource group | by an earlier run |
    | `old.registry.onestreamold` | delete | registry |  |
    | `prod.group` | adopt | resource group |  |

    </details>
    "#);
}

#[test]
fn every_way_to_end_has_its_own_first_line() {
    let plan = every_action();
    let all = |end: End| outcome(vec![end; plan.operations.len()]);
    let mut refused = all(skipped("the plan is stale: nothing was changed"));
    refused.refused = true;
    let mut stopped = all(skipped("the run was stopped"));
    stopped.stopped = true;
    stopped.ends[0] = End::Done;
    for (outcome, line) in [
        (
            all(End::Done),
            "Applied to dev, prod, old on emulator: 10 done",
        ),
        (
            all(End::AlreadyDone),
            "Applied to dev, prod, old on emulator: 10 done (10 by an earlier run)",
        ),
        (
            all(End::Failed(denied().into())),
            "Failed to apply to dev, prod, old on emulator: 0 done, 10 failed",
        ),
        (
            refused,
            "Refused, nothing was changed in dev, prod, old on emulator: 0 done, 10 skipped",
        ),
        (
            stopped,
            "Stopped while applying to dev, prod, old on emulator: 1 done, 9 skipped",
        ),
        (
            half_done().1,
            "In part: applied to dev, prod, old on emulator: 5 done (1 by an earlier run), \
             3 failed, 2 skipped",
        ),
    ] {
        let text = text(&plan, &outcome);
        let said = text.split("\n\n").next().unwrap_or_default();
        assert_eq!(said.trim_end().replace("\n  ", " "), line);
    }
}

#[test]
fn each_failure_has_a_code_and_a_hint() {
    let store = StoreError::Io {
        doing: "write",
        place: "journal".to_owned(),
        source: std::io::Error::other("disk full"),
    };
    let errors = [
        OperationError::Stale("x".to_owned()),
        OperationError::NotAsDeclared("x".to_owned()),
        OperationError::NotEmpty("x".to_owned()),
        OperationError::UnknownKind("x".to_owned()),
        OperationError::Store(Arc::new(store)),
    ];
    for error in errors {
        let diagnosis = super::super::diagnostics::Diagnosis::from(&error);
        assert!(diagnosis.hint.is_some(), "{error}");
        if let OperationError::Store(_) = error {
            assert_eq!(diagnosis.message, "cannot write journal: disk full");
        }
    }
}

#[test]
fn json_tells_every_operation_and_what_is_missing() {
    let (plan, outcome) = half_done();
    let document: Json =
        serde_json::from_str(&render(&plan, &outcome, Format::Json, &STYLE)).expect("JSON");
    assert_eq!(document["version"], 1);
    assert_eq!(document["cloud"], "emulator");
    assert_eq!(document["status"], "partial");
    assert_eq!(
        document["operations"].as_array().map(Vec::len),
        Some(plan.operations.len())
    );
    assert_eq!(
        document["operations"][1]["failure"]["code"],
        "AuthorizationFailed"
    );
    insta::assert_json_snapshot!(document["missing"], @r#"
    [
      {
        "address": "prod.registry.replication.westus2",
        "what": "it was deleted and was not created again"
      },
      {
        "address": "prod.registry.lock",
        "what": "the lock is off and was not put back"
      }
    ]
    "#);
    insta::assert_json_snapshot!(document["summary"], @r#"
    {
      "already_done": 1,
      "done": 4,
      "failed": 3,
      "remaining": 5,
      "skipped": 2
    }
    "#);
}

#[test]
fn a_run_of_nothing_is_complete() {
    let plan = empty(&["dev"], 3);
    assert_eq!(
        text(&plan, &outcome(Vec::new())),
        "Applied to dev on emulator: 0 done\n"
    );
}
