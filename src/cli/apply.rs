//! `apply` and `destroy`: plan, ask, carry out, say what happened.

use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;

use onestream::control::Pointed;
use onestream::kinds::KINDS;
use onestream::provision::applied;
use onestream::provision::apply::{Options, Outcome, apply, joined};
use onestream::provision::guard::{ApprovedPlan, Permissions, guard};
use onestream::provision::plan::{self, Mode, Plan};
use onestream::provision::ports::{Lease, Observer, Ports, Snapshots};
use onestream::report;

use super::arguments::{ApplyArguments, DestroyArguments, Global, RunArguments};
use super::failure::{self, Exit, Failure};
use super::interrupt;
use super::output::Output;
use super::recording::Recorder;
use super::wiring::{Session, Wish};
use super::{approving, ask};

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

impl Source<'_> {
    /// What the lease and the audit chain call it.
    fn command(&self) -> &'static str {
        match self {
            Self::Fresh(wish) if wish.mode == Mode::Destroy => "destroy",
            Self::Fresh(_) => "apply",
            Self::File(_) => "apply of a saved plan",
        }
    }
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
    let counted = session.failpoints.as_ref().filter(|it| it.is_count());
    if let Some(points) = counted {
        output.remark(format!("failpoints: {}", points.passed()));
    }
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
                .acquire(&session.environments(), source.command())
                .await?;
            (lease, session.plan(wish).await?)
        }
        Source::File(file) => {
            let plan = saved(session, file)?;
            (
                session
                    .control
                    .acquire(&plan.environments, source.command())
                    .await?,
                plan,
            )
        }
    };
    let (plan, outcome) = round(session, source, plan, run, output).await?;
    let mut unreadable = plan.is_partial();
    let mut more = may_go_on(&plan, &outcome);
    let mut told = (plan, outcome);
    while let Source::Fresh(wish) = source
        && more
    {
        let plan = session.plan(wish).await?;
        unreadable = plan.is_partial();
        if plan.operations.is_empty() {
            break;
        }
        output.remark("what could not be read before can be now: planned again");
        match round(session, source, plan, run, output).await {
            Ok(later) => {
                more = may_go_on(&later.0, &later.1);
                told = joined(told, later);
            }
            // The first round has changed something, so the run as a whole was not refused.
            Err(refused) if refused.exit == Exit::Refused => {
                failure::print(&refused, output.error_style().colour, std::io::stderr())?;
                unreadable = true;
                break;
            }
            Err(failure) => return Err(failure),
        }
    }
    let (plan, outcome) = told;
    if output.is_for_programs() {
        let (format, style) = (output.format()?, output.style());
        output.result(&report::outcome::render(&plan, &outcome, format, &style))?;
    }
    Ok(exit(&outcome, unreadable))
}

/// Whether what could not be read may be readable now: what was done may have made the way to it.
fn may_go_on(plan: &Plan, outcome: &Outcome) -> bool {
    plan.is_partial() && !plan.operations.is_empty() && outcome.is_complete()
}

/// Judges a plan, shows it, asks, carries it out and shows what came of it.
async fn round(
    session: &Session,
    source: &Source<'_>,
    plan: Plan,
    run: &RunArguments,
    output: &Output,
) -> Result<(Plan, Outcome), Failure> {
    let from_file = matches!(source, Source::File(_));
    let recorder = Recorder::of(session, source.command()).await?;
    let applier = recorder.actor().identity.as_ref();
    let rights = approving::rights(session, &plan, applier, from_file).await?;
    let permissions = Permissions {
        allow_destroy: run.allow_destroy.clone(),
        protected: rights.protected,
        permits: rights.permits,
        missing: rights.missing,
    };
    let judged = guard(plan.clone(), &permissions, &session.objections(&plan));
    let (format, style) = (output.format()?, output.style());
    if !output.is_for_programs() {
        // What the guard says against it is the failure's to tell, once.
        output.result(&report::plan::render(&plan, &[], format, &style))?;
    }
    let approved = judged.map_err(Failure::objections)?;
    // A saved plan has been reviewed: it is applied as it is.
    let ask = !from_file && !run.auto_approve && !plan.operations.is_empty();
    if ask && !confirmed(&plan)? {
        return Err(Failure::new(
            Exit::Refused,
            "not confirmed: nothing was changed",
        ));
    }
    let writes = !plan.operations.is_empty();
    if writes {
        let permits = &permissions.permits;
        recorder.begun(session, &plan, permits, output).await?;
    }
    let outcome = carry_out(session, &approved, run, output, from_file).await?;
    if writes {
        recorder.ended(&plan, &outcome).await?;
    }
    recorder.sign(session, output).await?;
    if !plan.operations.is_empty() && !output.is_for_programs() {
        output.result(&report::outcome::render(&plan, &outcome, format, &style))?;
    }
    Ok((plan, outcome))
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
    let question = format!("Carry out {count} {noun} on {}?", plan.target.cloud);
    Ok(ask::confirmed(&question)?)
}

async fn carry_out(
    session: &Session,
    approved: &ApprovedPlan,
    run: &RunArguments,
    output: &Output,
    from_file: bool,
) -> Result<Outcome, Failure> {
    let plan = approved.plan();
    let mut ports = Ports {
        cloud: Arc::new(session.azure.clone()),
        journal: Arc::clone(&session.control) as _,
        observer: observer(plan, output),
    };
    let mut snapshots: Arc<dyn Snapshots> = Arc::clone(&session.control) as _;
    if let Some(points) = &session.failpoints {
        ports = points.around(ports);
        snapshots = Arc::new(Pointed::of(snapshots, points));
    }
    let options = Options {
        parallelism: usize::from(run.parallelism),
        stop: interrupt::listen(),
        check_first: from_file,
    };
    let before = applied::load(snapshots.as_ref(), &plan.environments).await?;
    let outcome = apply(approved, KINDS, &ports, options).await?;
    if !outcome.refused {
        applied::save(snapshots.as_ref(), &before, plan, &outcome).await?;
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
