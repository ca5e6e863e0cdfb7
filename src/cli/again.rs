//! A saved plan that is applied a second time: whether anything of it is left to do.

use std::collections::BTreeSet;

use onestream::provision::apply::{End, Outcome};
use onestream::provision::guard::{Objection, Rule};
use onestream::provision::plan::{Operation, Plan};
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
    if is_left(plan, &fresh) || fresh.is_partial() {
        return Ok(None);
    }
    Ok(Some(Outcome {
        ends: plan.operations.iter().map(|_| End::AlreadyDone).collect(),
        outputs: Outputs::default(),
        stopped: false,
        refused: false,
    }))
}

/// Whether a fresh plan speaks of anything that a plan was about: by its address, or by its id, since
/// what was deleted and stands again has another address than when it was known.
fn is_left(plan: &Plan, fresh: &Plan) -> bool {
    let id = |operation: &Operation| operation.id.known().map(str::to_lowercase);
    let addresses: BTreeSet<&Address> = plan.operations.iter().map(|it| &it.address).collect();
    let ids: BTreeSet<String> = plan.operations.iter().filter_map(id).collect();
    let open = |it: &Operation| {
        addresses.contains(&it.address) || id(it).is_some_and(|id| ids.contains(&id))
    };
    fresh.operations.iter().any(open)
        || fresh
            .refusals
            .iter()
            .any(|it| addresses.contains(&it.address))
        || fresh
            .stays
            .iter()
            .any(|it| ids.contains(&it.id.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use onestream::kinds::KINDS;
    use onestream::provision::plan;

    use super::*;

    #[test]
    fn what_stands_again_under_another_address_is_left() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("plans/first-apply.json");
        let carried_out = plan::read(&file, KINDS).expect("the committed plan");
        let known = |it: &&Operation| it.id.known().is_some();
        let one = carried_out.operations.iter().find(known);
        let mut again = one.expect("an id that is known").clone();
        let mut fresh = carried_out.clone();
        fresh.operations.clear();
        assert!(!is_left(&carried_out, &fresh));
        again.address = "dev.another".parse().expect("an address");
        again.id = again.id.known().expect("known").to_uppercase().into();
        fresh.operations.push(again.clone());
        assert!(is_left(&carried_out, &fresh));
        again.id = "/subscriptions/s/resourceGroups/strange".into();
        fresh.operations = vec![again];
        assert!(!is_left(&carried_out, &fresh));
    }
}
