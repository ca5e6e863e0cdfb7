//! `plan` and `show`: what would change.

use std::path::Path;

use onestream::kinds::KINDS;
use onestream::provision::guard::{Objection, Permissions, guard};
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
    let made = make(&session, arguments).await;
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
        output.remark(format!(
            "saved to {0}; apply it with: onestream apply {0}",
            file.display()
        ));
    }
    Ok(exit(&plan, arguments.detailed_exitcode))
}

async fn make(
    session: &Session,
    arguments: &PlanArguments,
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
    let others = session.objections(&plan).await;
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

/// What a plan says by its exit code.
fn exit(plan: &Plan, detailed: bool) -> Exit {
    let mut exit = Exit::Clean;
    if detailed && !plan.operations.is_empty() {
        exit = exit.and(Exit::Pending);
    }
    if plan.is_partial() {
        exit = exit.and(Exit::Incomplete);
    }
    if !plan.refusals.is_empty() {
        exit = exit.and(Exit::Refused);
    }
    exit
}

/// Runs `show`: a saved plan, and what the guard would say to it.
pub fn show(file: &Path, output: &Output) -> Result<Exit, Failure> {
    let plan = plan::read(file, KINDS).map_err(|error| Failure::of(Exit::Failed, &error))?;
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
