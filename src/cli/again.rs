//! A saved plan that is applied a second time: whether anything of it is left to do.

use std::collections::BTreeSet;

use onestream::provision::apply::{End, Outcome};
use onestream::provision::guard::{Objection, Rule};
use onestream::provision::plan::Plan;
use onestream::resource::{Address, Outputs};

use super::failure::Failure;
use super::wiring::{Session, Wish};

/// How a run ends that was refused a plan of which nothing is left to do; none where something is,
/// or may be, and where TOML says something else by now.
///
/// # Errors
/// When nothing can be read, or no plan exists.
pub async fn nothing_left(
    session: &Session,
    plan: &Plan,
    objections: &[Objection],
) -> Result<Option<Outcome>, Failure> {
    let moot = |it: &Objection| !matches!(it.rule, Rule::Refused | Rule::Undeclared);
    if !objections.iter().all(moot) {
        return Ok(None);
    }
    let wish = Wish {
        mode: plan.mode,
        adopt: plan.adopt,
        targets: Vec::new(),
        excludes: Vec::new(),
    };
    // TOML says what the plan does, so what it did is what a fresh one no longer does.
    let (fresh, _) = session.plan(&wish).await?;
    let asked: BTreeSet<&Address> = plan.operations.iter().map(|it| &it.address).collect();
    let mut open = fresh.operations.iter().map(|it| &it.address);
    let mut refused = fresh.refusals.iter().map(|it| &it.address);
    let left = open.any(|it| asked.contains(it)) || refused.any(|it| asked.contains(it));
    if left || fresh.is_partial() {
        return Ok(None);
    }
    Ok(Some(Outcome {
        ends: plan.operations.iter().map(|_| End::AlreadyDone).collect(),
        outputs: Outputs::default(),
        stopped: false,
        refused: false,
    }))
}
