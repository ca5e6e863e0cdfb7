//! `rbac explain`: what gives or denies somebody something, and how to take it away.

use onestream::rbac::Question;
use onestream::rbac::audit::Audit;
use onestream::rbac::explain::explain;
use onestream::report;

use super::super::arguments::{ExplainArguments, Global};
use super::super::failure::{Exit, Failure};
use super::super::output::Output;
use super::audited::audited;

/// Runs `rbac explain`.
pub async fn run(
    global: &Global,
    asked: &ExplainArguments,
    output: &Output,
) -> Result<Exit, Failure> {
    let format = output.format()?;
    let audited = audited(
        global,
        output,
        Some((&asked.principal, asked.action.as_deref())),
    )
    .await?;
    let audit = Audit::new(&audited.estate, &audited.reading, audited.now);
    let Some(id) = audited.estate.id_of(&asked.principal) else {
        return Err(nobody(&audit, &asked.principal));
    };
    let mut objects = audited.estate.objects.iter();
    let Some(object) = objects.find(|one| one.address == asked.address) else {
        let message = format!("nothing can be granted on {}", asked.address);
        return Err(Failure::usage(message).hint(
            "name what an environment declares, such as dev.registry or prod.vault.key.NAME",
        ));
    };
    let question = (asked.action.as_deref())
        .map(|text| Question::read(&audited.estate, &audited.reading, object.arm_type, text));
    let question = question.transpose().map_err(|error| {
        let hint = error.hint();
        Failure::usage(error.to_string()).hint(hint)
    })?;
    let address = asked.address.as_str();
    let explanation = explain(&audit, &id, address, &object.scope, question.as_ref());
    let style = output.style();
    output.result(&report::rbac::explain(
        &audited.cloud,
        &audited.reading,
        &explanation,
        format,
        &style,
    ))?;
    Ok(audited.exit(false))
}

/// Why nothing can be said about somebody.
fn nobody(audit: &Audit<'_>, who: &str) -> Failure {
    match audit.estate.row(who) {
        Some(_) => Failure::usage(format!("{who} does not exist in the directory yet"))
            .hint("`onestream apply` makes it"),
        None => Failure::usage(format!("no principal, group or member `{who}`"))
            .hint("name a row of rbac/matrix.toml, a member of a group, or an object id"),
    }
}
