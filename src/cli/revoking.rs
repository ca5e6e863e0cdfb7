//! `apply --revoke-excess`: plans the deletion of one role assignment that nobody declared.

use onestream::kinds::KINDS;
use onestream::provision::plan::{self, Applied, Excess, Mode, Plan, Selection};
use onestream::provision::ports::Reader as _;
use onestream::rbac::audit::Audit;
use onestream::rbac::excess;

use super::failure::{Exit, Failure};
use super::rbac::audited;
use super::wiring::{Review, Session, Wish};

/// The plan that takes away the role assignment with this id, and what stands against it.
///
/// # Errors
/// Refusals: an id of something else, and an assignment that is no excess on anything of ours. And
/// when Azure cannot be read.
pub async fn plan(session: &Session, id: &str) -> Result<(Plan, Review), Failure> {
    let refused = |why: String| {
        Failure::new(Exit::Refused, format!("{id}: {why}"))
            .hint("`onestream rbac check` names the grants that nobody declared, with their ids")
    };
    let mut kinds = KINDS.iter();
    let kind = kinds.find(|it| it.is_access() && it.is_id(id));
    let kind = kind.ok_or_else(|| refused("that is the id of no role assignment".to_owned()))?;
    let access = audited::read(session, None).await?;
    let audit = Audit::new(&access.estate, &access.reading, access.now);
    let found = excess(&audit, id).map_err(|why| {
        let unread = match access.reading.is_partial() {
            true => "; not everything could be read",
            false => "",
        };
        refused(format!("{why}{unread}"))
    })?;
    let reason = format!(
        "{} holds {} {}, and nobody declared it",
        audit.who(&found.principal),
        audit.role_name(&found.role),
        audit.place(&found.scope)
    );
    let live = session.azure.get(&kind.get(&found.id)).await?;
    let live = live.ok_or_else(|| refused("it is gone".to_owned()))?;
    let applied = Applied::new();
    let everything = Selection::default();
    let wish = Wish {
        mode: Mode::Revoke,
        adopt: false,
        targets: Vec::new(),
        excludes: Vec::new(),
    };
    let asked = session.asked(&wish, &everything, &access.observed, &applied);
    let going = Excess {
        kind,
        id: &found.id,
        live: &live,
        reason: &reason,
    };
    let mut plan =
        plan::revoke(&asked, &going).map_err(|error| Failure::of(Exit::Failed, &error))?;
    plan.author = session.azure.identity().await?;
    let applied = session.applied().await?;
    let mut protected = access.observed.protected(&applied);
    protected.extend(session.protected());
    let review = Review {
        protected,
        objections: Vec::new(),
        remembered: access.observed.remembered(&applied),
    };
    Ok((plan, review))
}
