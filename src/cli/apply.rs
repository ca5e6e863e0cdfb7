//! `apply` and `destroy`: plan, ask, carry out, say what happened.

use std::collections::BTreeSet;
use std::io::{BufRead, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use onestream::kinds::KINDS;
use onestream::provision::applied;
use onestream::provision::apply::{Options, Outcome, apply};
use onestream::provision::guard::{ApprovedPlan, Permissions, guard};
use onestream::provision::plan::{self, Mode, Plan};
use onestream::provision::ports::{Held, Observer, Ports};
use onestream::report;
use onestream::resource::EnvironmentName;
use tokio::sync::watch;

use super::arguments::{ApplyArguments, DestroyArguments, Global, RunArguments};
use super::failure::{self, Exit, Failure};
use super::interrupt;
use super::lease;
use super::output::Output;
use super::resume::resume;
use super::wiring::{Review, Session, Wish};

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
    /// What the lease says that is being done.
    fn doing(&self) -> &'static str {
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
    let mut environments = match source {
        Source::Fresh(_) => session.writable().await?,
        Source::File(file) => written(&saved(session, file)?),
    };
    let stop = interrupt::listen();
    loop {
        let wait = run.lock_wait;
        let taking = lease::take(
            &session.control,
            &environments,
            source.doing(),
            wait,
            output,
        );
        let held = interrupt::or_stopped(&stop, taking).await??;
        let under = Under {
            session,
            held: &held,
            environments: &environments,
            run,
            output,
            stop: &stop,
        };
        let ended = under.go(source).await;
        lease::give_back(&*held, output).await;
        match ended? {
            Ended::Run(exit) => return Ok(exit),
            // Something of an environment stands that nothing else speaks of any more.
            Ended::WritesOn(more) => environments.extend(more),
        }
    }
}

/// How a run under leases ended.
enum Ended {
    Run(Exit),
    /// It would have written on environments whose leases it does not hold.
    WritesOn(BTreeSet<EnvironmentName>),
}

/// The environments that a plan writes.
fn written(plan: &Plan) -> BTreeSet<EnvironmentName> {
    let addresses = plan.operations.iter().map(|one| one.address.environment());
    addresses.chain(plan.environments.iter().cloned()).collect()
}

/// A run that holds its leases.
struct Under<'a> {
    session: &'a Session,
    held: &'a Arc<dyn Held>,
    environments: &'a BTreeSet<EnvironmentName>,
    run: &'a RunArguments,
    output: &'a Output,
    stop: &'a watch::Receiver<bool>,
}

impl Under<'_> {
    async fn go(&self, source: &Source<'_>) -> Result<Ended, Failure> {
        let (plan, review) = interrupt::or_stopped(self.stop, self.look(source)).await??;
        let writes = written(&plan);
        if !writes.is_subset(self.environments) {
            return Ok(Ended::WritesOn(writes));
        }
        self.carry_on(source, &plan, review).await.map(Ended::Run)
    }

    /// Sees to what earlier runs left undone, and only then looks at what there is to do.
    async fn look(&self, source: &Source<'_>) -> Result<(Plan, Review), Failure> {
        let Self {
            session,
            held,
            environments,
            run,
            output,
            ..
        } = self;
        resume(session, held, environments, run.ignore_journal, output).await?;
        // A fresh plan has just read TOML and who is protected; a file's word counts for nothing.
        Ok(match source {
            Source::Fresh(wish) => {
                let plan = session.plan(wish).await?;
                let review = Review {
                    protected: session.protected(),
                    objections: Vec::new(),
                };
                (plan, review)
            }
            Source::File(file) => {
                let plan = saved(session, file)?;
                let review = session.review(&plan).await?;
                (plan, review)
            }
        })
    }

    async fn carry_on(
        &self,
        source: &Source<'_>,
        plan: &Plan,
        review: Review,
    ) -> Result<Exit, Failure> {
        let (run, output) = (self.run, self.output);
        let permissions = Permissions {
            allow_destroy: run.allow_destroy.clone(),
            protected: review.protected,
        };
        let unreadable = plan.is_partial();
        let mut objections = self.session.objections(plan);
        objections.extend(review.objections);
        let judged = guard(plan.clone(), &permissions, &objections);
        let (format, style) = (output.format()?, output.style());
        if !output.is_for_programs() {
            // What the guard says against it is the failure's to tell, once.
            output.result(&report::plan::render(plan, &[], format, &style))?;
        }
        let approved = judged.map_err(Failure::objections)?;
        let from_file = matches!(source, Source::File(_));
        // A saved plan has been reviewed: it is applied as it is.
        let ask = !from_file && !run.auto_approve && !plan.operations.is_empty();
        if ask && !interrupt::or_stopped(self.stop, confirmed(plan)).await?? {
            return Err(Failure::new(
                Exit::Refused,
                "not confirmed: nothing was changed",
            ));
        }
        let outcome = self.carry_out(&approved, from_file).await?;
        let noted = self.note(plan, &outcome).await;
        if !plan.operations.is_empty() || output.is_for_programs() {
            output.result(&report::outcome::render(plan, &outcome, format, &style))?;
        }
        Ok(exit(&outcome, unreadable).and(noted))
    }

    async fn carry_out(
        &self,
        approved: &ApprovedPlan,
        from_file: bool,
    ) -> Result<Outcome, Failure> {
        let Self {
            session, held, run, ..
        } = self;
        let plan = approved.plan();
        let ports = Ports {
            cloud: Arc::new(session.azure.under(Arc::clone(held))),
            journal: session.control.journal(held, run.ignore_journal),
            observer: observer(plan, self.output),
        };
        let options = Options {
            parallelism: usize::from(run.parallelism),
            stop: self.stop.clone(),
            check_first: from_file,
        };
        Ok(apply(approved, KINDS, &ports, options).await?)
    }

    /// Writes down what the run has left standing, which says later who moved what. Where that
    /// fails, what the run has done is told all the same.
    async fn note(&self, plan: &Plan, outcome: &Outcome) -> Exit {
        if outcome.refused {
            return Exit::Clean;
        }
        let control = self.session.control.as_ref();
        let written = async {
            // Whoever holds the lease now says what stands.
            self.held.check(Duration::ZERO)?;
            let before = applied::load(control, &plan.environments).await?;
            applied::save(control, &before, plan, outcome).await
        };
        match written.await {
            Ok(()) => Exit::Clean,
            Err(error) => {
                let failure = Failure::from(error);
                self.output.remark("the applied snapshot stays as it was:");
                failure::print(
                    &failure,
                    self.output.error_style().colour,
                    std::io::stderr(),
                )
                .ok();
                Exit::Incomplete
            }
        }
    }
}

/// A plan from a file, if it was made for this very place.
fn saved(session: &Session, file: &Path) -> Result<Plan, Failure> {
    let plan = plan::read(file, KINDS).map_err(|error| Failure::of(Exit::Failed, &error))?;
    let here = &session.target;
    let fits = plan.target.cloud == here.cloud
        && plan.target.tenant == here.tenant
        && plan.target.estate == here.estate
        && plan
            .target
            .subscriptions
            .iter()
            .all(|s| here.subscriptions.contains(s));
    if !fits {
        return Err(Failure::new(
            Exit::Refused,
            format!(
                "{} was made for {} on {} (tenant {}), not for {} on {} (tenant {})",
                file.display(),
                plan.target.estate,
                plan.target.cloud,
                plan.target.tenant,
                here.estate,
                here.cloud,
                here.tenant
            ),
        ));
    }
    Ok(plan)
}

/// Asks on the terminal. Whoever is not answered is not waited for: the thread that reads ends
/// with the process.
async fn confirmed(plan: &Plan) -> Result<bool, Failure> {
    let count = plan.visible().count();
    let noun = if count == 1 { "change" } else { "changes" };
    eprint!(
        "Carry out {count} {noun} on {}? Only `yes` is taken: ",
        plan.target.cloud
    );
    std::io::stderr().flush()?;
    let (answered, answer) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut answer = String::new();
        let read = std::io::stdin().lock().read_line(&mut answer);
        answered.send(read.map(|_| answer)).ok();
    });
    let answer = answer
        .await
        .map_err(|error| Failure::of(Exit::Failed, &error))??;
    Ok(answer.trim() == "yes")
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
