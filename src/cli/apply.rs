//! `apply` and `destroy`: plan, ask, carry out, say what happened.

use std::io::{BufRead, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;

use onestream::kinds::KINDS;
use onestream::provision::applied;
use onestream::provision::apply::{Options, Outcome, apply};
use onestream::provision::guard::{ApprovedPlan, Permissions, guard};
use onestream::provision::plan::{self, Mode, Plan};
use onestream::provision::ports::{Lease, Observer, Ports};
use onestream::report;

use super::arguments::{ApplyArguments, DestroyArguments, Global, RunArguments};
use super::failure::{Exit, Failure};
use super::interrupt;
use super::output::Output;
use super::wiring::{Session, Wish};

/// Runs `apply`.
pub async fn run(
    global: &Global,
    arguments: &ApplyArguments,
    output: &Output,
) -> Result<Exit, Failure> {
    let wish = Wish {
        mode: Mode::Apply,
        adopt: arguments.selection.adopt,
        targets: arguments.selection.target.clone(),
        excludes: arguments.selection.exclude.clone(),
    };
    let source = match &arguments.file {
        Some(file) => Source::File(file),
        None => Source::Fresh(wish),
    };
    go(global, &source, &arguments.run, output).await
}

/// Runs `destroy`.
pub async fn destroy(
    global: &Global,
    arguments: &DestroyArguments,
    output: &Output,
) -> Result<Exit, Failure> {
    let wish = Wish {
        mode: Mode::Destroy,
        adopt: false,
        targets: arguments.target.clone(),
        excludes: arguments.exclude.clone(),
    };
    go(global, &Source::Fresh(wish), &arguments.run, output).await
}

/// Where the plan comes from.
enum Source<'a> {
    Fresh(Wish),
    File(&'a Path),
}

async fn go(
    global: &Global,
    source: &Source<'_>,
    run: &RunArguments,
    output: &Output,
) -> Result<Exit, Failure> {
    output.format()?;
    let fresh = matches!(source, Source::Fresh(_));
    if fresh && !run.auto_approve && !std::io::stdin().is_terminal() {
        return Err(
            Failure::usage("nobody can be asked: stdin is not a terminal")
                .hint("say --auto-approve if no question is wanted"),
        );
    }
    if !fresh && !global.environments.is_empty() {
        return Err(
            Failure::usage("a saved plan says itself which environments it is for")
                .hint("drop --env, or plan again with it"),
        );
    }
    let session = Session::open(global, output).await?;
    let ended = with_session(&session, source, run, output).await;
    session.close().await;
    ended
}

async fn with_session(
    session: &Session,
    source: &Source<'_>,
    run: &RunArguments,
    output: &Output,
) -> Result<Exit, Failure> {
    // The lease comes first: what is observed under it is what is written on.
    let (_lease, plan) = match source {
        Source::Fresh(wish) => {
            let lease = session
                .control
                .acquire(&session.environments(), "apply")
                .await?;
            (lease, session.plan(wish).await?)
        }
        Source::File(file) => {
            let plan = saved(session, file)?;
            (
                session
                    .control
                    .acquire(&plan.environments, "apply of a saved plan")
                    .await?,
                plan,
            )
        }
    };
    // A fresh plan has just read who is protected; a file's word for it counts for nothing.
    let (protected, bare) = match source {
        Source::Fresh(_) => (session.protected(), session.bare(&plan).await?),
        Source::File(_) => session.footing(&plan).await?,
    };
    let permissions = Permissions {
        allow_destroy: run.allow_destroy.clone(),
        allow_wider_access: run.allow_wider_access,
        protected,
        bare,
    };
    let unreadable = plan.is_partial();
    let judged = guard(plan.clone(), &permissions, &session.objections(&plan).await);
    if !output.is_for_programs() {
        // What the guard says against it is the failure's to tell, once.
        output.result(&report::plan::render(
            &plan,
            &[],
            output.format()?,
            &output.style(),
        ))?;
    }
    let approved = judged.map_err(Failure::objections)?;
    let from_file = matches!(source, Source::File(_));
    // A saved plan has been reviewed: it is applied as it is.
    let ask = !from_file && !run.auto_approve && !plan.operations.is_empty();
    if ask && !confirmed(&plan)? {
        return Err(Failure::new(
            Exit::Refused,
            "not confirmed: nothing was changed",
        ));
    }
    let outcome = carry_out(session, &approved, run, output, from_file).await?;
    if !plan.operations.is_empty() || output.is_for_programs() {
        let (format, style) = (output.format()?, output.style());
        output.result(&report::outcome::render(&plan, &outcome, format, &style))?;
    }
    Ok(exit(&outcome, unreadable))
}

/// A plan from a file, if it was made for this very place.
fn saved(session: &Session, file: &Path) -> Result<Plan, Failure> {
    let plan = plan::read(file, KINDS).map_err(|error| Failure::of(Exit::Failed, &error))?;
    let here = &session.target;
    let fits = plan.target.cloud == here.cloud
        && plan.target.tenant == here.tenant
        && plan
            .target
            .subscriptions
            .iter()
            .all(|s| here.subscriptions.contains(s));
    if !fits {
        return Err(Failure::new(
            Exit::Refused,
            format!(
                "{} was made for {} (tenant {}), not for {} (tenant {})",
                file.display(),
                plan.target.cloud,
                plan.target.tenant,
                here.cloud,
                here.tenant
            ),
        ));
    }
    Ok(plan)
}

fn confirmed(plan: &Plan) -> Result<bool, Failure> {
    let count = plan.visible().count();
    let noun = if count == 1 { "change" } else { "changes" };
    eprint!(
        "Carry out {count} {noun} on {}? Only `yes` is taken: ",
        plan.target.cloud
    );
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}

async fn carry_out(
    session: &Session,
    approved: &ApprovedPlan,
    run: &RunArguments,
    output: &Output,
    from_file: bool,
) -> Result<Outcome, Failure> {
    let plan = approved.plan();
    let ports = Ports {
        cloud: Arc::new(session.azure.clone()),
        journal: Arc::clone(&session.control) as _,
        observer: observer(plan, output),
    };
    let options = Options {
        parallelism: usize::from(run.parallelism),
        stop: interrupt::listen(),
        check_first: from_file,
    };
    let before = applied::load(session.control.as_ref(), &plan.environments).await?;
    if !from_file {
        let digest = &session.declared.configuration.digest;
        let bare = plan.bare.iter().cloned().collect();
        applied::begin(session.control.as_ref(), &bare, digest).await?;
    }
    let outcome = apply(approved, KINDS, &ports, options).await?;
    if !outcome.refused {
        applied::save(session.control.as_ref(), &before, plan, &outcome).await?;
    }
    Ok(outcome)
}

/// Lines that move on a terminal, time-stamped ones elsewhere.
fn observer(plan: &Plan, output: &Output) -> Arc<dyn Observer> {
    let style = output.error_style();
    if std::io::stderr().is_terminal() {
        Arc::new(report::progress::Terminal::new(plan, &style))
    } else {
        Arc::new(report::progress::Plain::new(plan))
    }
}

/// What a run says by its exit code.
fn exit(outcome: &Outcome, unreadable: bool) -> Exit {
    let mut exit = Exit::Clean;
    if !outcome.is_complete() || unreadable {
        let partial = outcome.stopped || unreadable || outcome.changed_anything();
        exit = exit.and(if partial {
            Exit::Incomplete
        } else {
            Exit::Failed
        });
    }
    if outcome.is_stale() {
        exit = exit.and(Exit::Refused);
    }
    exit
}
