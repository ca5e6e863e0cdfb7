//! A run under its leases: looks, plans, judges, asks, carries out and says what came of it.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;

use onestream::control::Pointed;
use onestream::kinds::KINDS;
use onestream::provision::applied;
use onestream::provision::apply::{Options, Outcome, apply, joined};
use onestream::provision::guard::{ApprovedPlan, Objection, Permissions, guard};
use onestream::provision::plan::{self, Applied, Mode, Plan};
use onestream::provision::ports::{Held, Observer, Ports, Snapshots, StoreError};
use onestream::report;
use onestream::resource::EnvironmentName;
use tokio::sync::watch;

use super::arguments::RunArguments;
use super::failure::{Exit, Failure};
use super::lease::{self, UnderLease};
use super::output::Output;
use super::recording::Recorder;
use super::resume::resume;
use super::wiring::{Review, Session, Wish};
use super::{again, approving, ask, interrupt, revoking};

/// Where the plan comes from.
pub enum Source<'a> {
    /// A fresh one.
    Fresh(Wish),
    /// A file, as it was saved.
    File(&'a Path),
    /// A role assignment, by its id.
    Excess(&'a str),
}

impl Source<'_> {
    /// What the lease and the audit chain say that is being done.
    fn doing(&self) -> &'static str {
        match self {
            Self::Fresh(wish) if wish.mode == Mode::Destroy => "destroy",
            Self::Fresh(_) => "apply",
            Self::File(_) => "apply of a saved plan",
            Self::Excess(_) => "apply --revoke-excess",
        }
    }
}

/// Runs what is asked for, under the leases of all that it writes on.
///
/// # Errors
/// A lease that somebody else holds; a plan that is refused; a store that cannot be written.
pub async fn run(
    session: &Session,
    source: &Source<'_>,
    run: &RunArguments,
    output: &Output,
) -> Result<Exit, Failure> {
    // The lease comes first: what is observed under it is what is written on.
    let mut environments = match source {
        Source::Fresh(_) | Source::Excess(_) => session.writable().await?,
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
            &stop,
            output,
        );
        let held = taking.await?;
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
        self.carry_on(source, plan, review).await.map(Ended::Run)
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
        match source {
            Source::Fresh(wish) => self.fresh(wish).await,
            Source::Excess(id) => revoking::plan(session, id).await,
            Source::File(file) => {
                let plan = saved(session, file)?;
                let review = session.review(&plan).await?;
                Ok((plan, review))
            }
        }
    }

    /// A fresh plan has just read TOML and who is protected; a file's word counts for nothing.
    async fn fresh(&self, wish: &Wish) -> Result<(Plan, Review), Failure> {
        let (plan, remembered) = self.session.plan(wish).await?;
        let mut protected = self.session.protected();
        protected.extend(plan.protected.iter().cloned());
        let review = Review {
            protected,
            objections: Vec::new(),
            remembered,
        };
        Ok((plan, review))
    }

    /// Carries out a plan, and then what could not be read before it.
    async fn carry_on(
        &self,
        source: &Source<'_>,
        plan: Plan,
        review: Review,
    ) -> Result<Exit, Failure> {
        let output = self.output;
        let mut unreadable = plan.is_partial();
        let (mut told, mut noted) = self.round(source, plan, review).await?;
        let mut more = may_go_on(&told.0, &told.1);
        while let Source::Fresh(wish) = source
            && more
            && noted == Exit::Clean
        {
            match self.further(source, wish, &mut unreadable).await {
                Ok(None) => break,
                Ok(Some((later, also))) => {
                    more = may_go_on(&later.0, &later.1);
                    told = joined(told, later);
                    noted = noted.and(also);
                }
                // What the rounds before have changed stands, and is told whatever comes after.
                Err(failure) => {
                    output.tell(&failure);
                    unreadable = true;
                    break;
                }
            }
        }
        let (plan, outcome) = told;
        if output.is_for_programs() {
            let (format, style) = (output.format()?, output.style());
            output.result(&report::outcome::render(&plan, &outcome, format, &style))?;
        }
        Ok(exit(&outcome, unreadable).and(noted))
    }

    /// Plans what could not be read before and carries it out; `None` where that is nothing.
    async fn further(
        &self,
        source: &Source<'_>,
        wish: &Wish,
        unreadable: &mut bool,
    ) -> Result<Option<((Plan, Outcome), Exit)>, Failure> {
        let looking = self.fresh(wish);
        let before = "the rest was planned";
        let (plan, review) = interrupt::or_stopped_before(before, self.stop, looking).await??;
        *unreadable = plan.is_partial();
        if plan.operations.is_empty() || !written(&plan).is_subset(self.environments) {
            return Ok(None);
        }
        let told = "what could not be read before can be now: planned again";
        self.output.remark(told);
        self.round(source, plan, review).await.map(Some)
    }

    /// Judges a plan, shows it, asks, carries it out and shows what came of it.
    async fn round(
        &self,
        source: &Source<'_>,
        plan: Plan,
        review: Review,
    ) -> Result<((Plan, Outcome), Exit), Failure> {
        let Self {
            session,
            run,
            output,
            ..
        } = self;
        let recorder = Recorder::of(session, source.doing()).await?;
        let applier = recorder.actor().identity.as_ref();
        let (protected, remembered) = (review.protected, &review.remembered);
        let rights = approving::rights(session, &plan, applier, protected, remembered).await?;
        let from_file = matches!(source, Source::File(_));
        let permissions = Permissions {
            saved: from_file,
            allow_destroy: run.allow_destroy.clone(),
            allow_wider_access: run.allow_wider_access,
            protected: rights.protected,
            permits: rights.permits,
            missing: rights.missing,
        };
        let mut objections = session.objections(&plan, output).await;
        objections.extend(review.objections);
        let judged = guard(plan.clone(), &permissions, &objections);
        let (format, style) = (output.format()?, output.style());
        if !output.is_for_programs() {
            // What the guard says against it is the failure's to tell, once.
            output.result(&report::plan::render(&plan, &[], format, &style))?;
        }
        let approved = match judged {
            Ok(approved) => approved,
            Err(objections) => {
                let again = rights.used && from_file;
                let refused = self.refused(plan, objections, again, &recorder);
                return refused.await.map(|done| (done, Exit::Clean));
            }
        };
        let writes = !plan.operations.is_empty();
        // A saved plan has been reviewed: it is applied as it is.
        let ask = !from_file && !run.auto_approve && writes;
        if ask && !interrupt::or_stopped(self.stop, confirmed(&plan)).await?? {
            return Err(Failure::new(
                Exit::Refused,
                "not confirmed: nothing was changed",
            ));
        }
        if writes {
            let permits = &permissions.permits;
            recorder.begun(session, &plan, permits, output).await?;
        }
        let (outcome, before) = self.carry_out(&approved, from_file).await?;
        let noted = self.note(&plan, &outcome, &before, &recorder).await;
        if writes && !output.is_for_programs() {
            output.result(&report::outcome::render(&plan, &outcome, format, &style))?;
        }
        Ok(((plan, outcome), noted))
    }

    /// Refuses a plan that the guard does not let through; unless it comes `again`, after a run that
    /// carried it out, and nothing of it is left to do.
    async fn refused(
        &self,
        plan: Plan,
        objections: Vec<Objection>,
        again: bool,
        recorder: &Recorder,
    ) -> Result<(Plan, Outcome), Failure> {
        let (session, output) = (self.session, self.output);
        if again {
            let looking = again::nothing_left(session, &plan, &objections);
            if let Some(outcome) = interrupt::or_stopped(self.stop, looking).await?? {
                output.remark("nothing is left to do: this plan was carried out before");
                return Ok((plan, outcome));
            }
        }
        recorder.refused(session, &plan, &objections, output).await;
        Err(Failure::objections(objections))
    }

    async fn carry_out(
        &self,
        approved: &ApprovedPlan,
        from_file: bool,
    ) -> Result<(Outcome, Applied), Failure> {
        let Self {
            session, held, run, ..
        } = self;
        let plan = approved.plan();
        let mut ports = Ports {
            cloud: Arc::new(session.azure.under(Arc::clone(held))),
            journal: session.control.journal(held, run.ignore_journal),
            observer: observer(plan, self.output),
        };
        if let Some(points) = &session.failpoints {
            ports = points.around(ports);
        }
        let options = Options {
            parallelism: usize::from(run.parallelism),
            stop: self.stop.clone(),
            check_first: from_file,
        };
        let before = applied::load(self.snapshots().as_ref(), &plan.environments).await?;
        let outcome = apply(approved, KINDS, &ports, options).await?;
        Ok((outcome, before))
    }

    fn snapshots(&self) -> Arc<dyn Snapshots> {
        let snapshots: Arc<dyn Snapshots> = Arc::new(UnderLease {
            snapshots: Arc::clone(&self.session.control) as _,
            held: Arc::clone(self.held),
        });
        match &self.session.failpoints {
            Some(points) => Arc::new(Pointed::of(snapshots, points)),
            None => snapshots,
        }
    }

    /// Writes down what the run has left standing and how it ended. Where that fails, what the run
    /// has done is told all the same.
    async fn note(
        &self,
        plan: &Plan,
        outcome: &Outcome,
        before: &Applied,
        recorder: &Recorder,
    ) -> Exit {
        let mut failures = Vec::new();
        // A revocation is of what is not ours: it says nothing of what stands.
        if !outcome.refused
            && plan.mode != Mode::Revoke
            && let Err(error) = self.save(plan, outcome, before).await
        {
            failures.push(("the applied snapshot stays as it was", error.into()));
        }
        if !plan.operations.is_empty()
            && let Err(failure) = recorder.ended(plan, outcome).await
        {
            failures.push(("the audit chain does not say how this run ended", failure));
        }
        if let Err(failure) = recorder.sign(self.session, self.output).await {
            failures.push(("the end of the audit chain is not signed", failure));
        }
        for (what, failure) in &failures {
            self.output.remark(format!("{what}:"));
            self.output.tell(failure);
        }
        match failures.is_empty() {
            true => Exit::Clean,
            false => Exit::Incomplete,
        }
    }

    async fn save(
        &self,
        plan: &Plan,
        outcome: &Outcome,
        before: &Applied,
    ) -> Result<(), StoreError> {
        applied::save(KINDS, self.snapshots().as_ref(), before, plan, outcome).await
    }
}

/// A plan from a file, if it was made for this very place.
fn saved(session: &Session, file: &Path) -> Result<Plan, Failure> {
    let plan = plan::read(file, KINDS)?;
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

/// Whether what could not be read may be readable now: what was done may have made the way to it.
fn may_go_on(plan: &Plan, outcome: &Outcome) -> bool {
    plan.is_partial() && !plan.operations.is_empty() && outcome.is_complete()
}

async fn confirmed(plan: &Plan) -> Result<bool, Failure> {
    let count = plan.visible().count();
    let noun = if count == 1 { "change" } else { "changes" };
    let question = format!("Carry out {count} {noun} on {}?", plan.target.cloud);
    ask::confirmed(&question).await
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
