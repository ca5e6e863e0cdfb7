//! `plan` and `show`: what would change.

use std::collections::BTreeSet;
use std::path::Path;

use onestream::kinds::KINDS;
use onestream::provision::guard::{Objection, Permissions, Rule, guard};
use onestream::provision::plan::{self, Mode, Plan};
use onestream::report;

use super::approving;
use super::arguments::{Global, PlanArguments};
use super::failure::{Exit, Failure};
use super::output::Output;
use super::wiring::{Session, Wish};

/// Runs `plan`.
pub async fn run(
    global: &Global,
    arguments: &PlanArguments,
    output: &Output,
) -> Result<Exit, Failure> {
    output.format()?;
    let session = Session::open(global, output).await?;
    let made = make(&session, arguments, output).await;
    session.close().await;
    let (plan, objections) = made?;
    let written = match &arguments.out {
        Some(file) => plan::write(file, &plan)
            .map(drop)
            .map_err(|error| Failure::of(Exit::Failed, &error)),
        None => Ok(()),
    };
    // A program reads one document: the plan, or why it could not be saved.
    if written.is_ok() || !output.is_for_programs() {
        output.result(&report::plan::render(
            &plan,
            &objections,
            output.format()?,
            &output.style(),
        ))?;
    }
    written?;
    if let Some(file) = &arguments.out {
        output.remark(next(&file.display().to_string(), &objections));
    }
    Ok(exit(&plan, &objections, arguments.detailed_exitcode))
}

async fn make(
    session: &Session,
    arguments: &PlanArguments,
    output: &Output,
) -> Result<(Plan, Vec<Objection>), Failure> {
    let wish = Wish {
        mode: if arguments.destroy {
            Mode::Destroy
        } else {
            Mode::Apply
        },
        adopt: arguments.selection.adopt,
        targets: arguments.selection.target.clone(),
        excludes: arguments.selection.exclude.clone(),
    };
    let (plan, remembered) = session.plan(&wish).await?;
    let others = session.objections(&plan, output).await;
    let protected = session.protected();
    let rights = approving::rights(session, &plan, None, protected, &remembered).await?;
    let permissions = Permissions {
        protected: rights.protected,
        permits: rights.permits,
        missing: rights.missing,
        ..Permissions::default()
    };
    let objections = guard(plan.clone(), &permissions, &others)
        .err()
        .unwrap_or_default();
    Ok((plan, objections))
}

/// What there is to do with a saved plan, given what the guard has against it.
fn next(file: &str, objections: &[Objection]) -> String {
    let mut approve = false;
    let mut flags = BTreeSet::new();
    for objection in objections {
        match (objection.rule, &objection.address) {
            (Rule::WiderAccess, _) => drop(flags.insert("--allow-wider-access".to_owned())),
            (Rule::ManyDeletions, _) => {
                flags.insert("--allow-destroy ADDRESS (for each that goes)".to_owned());
            }
            (_, Some(address)) if objection.is_of_destroying() => {
                flags.insert(format!("--allow-destroy {address}"));
            }
            (Rule::Protected, _) => approve = true,
            _ => return format!("saved to {file}; it cannot be applied: see what is in the way"),
        }
    }
    let approve = match approve {
        true => format!("have it approved with: onestream approve {file}; then "),
        false => String::new(),
    };
    let flags: String = flags.iter().map(|flag| format!(" {flag}")).collect();
    format!("saved to {file}; {approve}apply it with: onestream apply {file}{flags}")
}

/// What a plan says by its exit code.
fn exit(plan: &Plan, objections: &[Objection], detailed: bool) -> Exit {
    let mut exit = Exit::Clean;
    if detailed && !plan.operations.is_empty() {
        exit = exit.and(Exit::Pending);
    }
    if plan.is_partial() {
        exit = exit.and(Exit::Incomplete);
    }
    if !objections.iter().all(Objection::is_answerable) {
        exit = exit.and(Exit::Refused);
    }
    exit
}

/// Runs `show`: a saved plan, and what the guard would say to it.
pub fn show(file: &Path, output: &Output) -> Result<Exit, Failure> {
    let plan = plan::read(file, KINDS)?;
    let objections = guard(plan.clone(), &Permissions::default(), &[])
        .err()
        .unwrap_or_default();
    output.result(&report::plan::render(
        &plan,
        &objections,
        output.format()?,
        &output.style(),
    ))?;
    Ok(Exit::Clean)
}
