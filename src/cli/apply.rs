//! `apply` and `destroy`: what is wanted, and a run for it.

use std::io::IsTerminal;

use onestream::provision::plan::Mode;

use super::arguments::{ApplyArguments, DestroyArguments, Global, RunArguments};
use super::failure::{Exit, Failure};
use super::leased::{self, Source};
use super::output::Output;
use super::wiring::{Session, Wish};
use super::{bootstrap, export};

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
    let source = match (&arguments.file, &arguments.revoke_excess) {
        (Some(file), _) => Source::File(file),
        (None, Some(id)) => Source::Excess(id),
        (None, None) => Source::Fresh(wish),
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

async fn go(
    global: &Global,
    source: &Source<'_>,
    run: &RunArguments,
    output: &Output,
) -> Result<Exit, Failure> {
    output.format()?;
    let saved = matches!(source, Source::File(_));
    if !saved && !run.auto_approve && !std::io::stdin().is_terminal() {
        return Err(
            Failure::usage("nobody can be asked: stdin is not a terminal")
                .hint("say --auto-approve if no question is wanted"),
        );
    }
    if !global.environments.is_empty() {
        let narrowed = match source {
            Source::Fresh(_) => None,
            Source::File(_) => Some("a saved plan says itself which environments it is for"),
            Source::Excess(_) => {
                Some("whether a grant is declared anywhere takes every environment")
            }
        };
        if let Some(why) = narrowed {
            return Err(Failure::usage(why).hint("drop --env, or plan again with it"));
        }
    }
    let mut session = Session::open(global, output).await?;
    let ended = match bootstrap::see_to(&mut session, source, run, output).await {
        Ok(None) => leased::run(&session, source, run, output).await,
        Ok(Some(exit)) => Ok(exit),
        Err(failure) => Err(failure),
    };
    let configuration = &session.declared.configuration;
    export::at_end(configuration, &session.azure, &session.objects, output).await;
    let counted = session.failpoints.as_ref().filter(|it| it.is_count());
    if let Some(points) = counted {
        output.remark(format!("failpoints: {}", points.passed()));
    }
    session.close().await;
    ended
}
