//! `state list` and `state show`: what stands in Azure, live.

use onestream::provision::observe::Observed;
use onestream::provision::plan::Applied;
use onestream::report::state::{self, Live};

use super::arguments::{Global, StateCommand};
use super::failure::{Exit, Failure};
use super::output::Output;
use super::wiring::Session;

/// Runs `state`.
pub async fn run(
    global: &Global,
    command: &StateCommand,
    output: &Output,
) -> Result<Exit, Failure> {
    output.format()?;
    let session = Session::open(global, output).await?;
    let read = read(&session).await;
    let shown = read.and_then(|(applied, observed)| {
        show(&session, command, &applied, &observed, output)?;
        let partial = observed.is_partial();
        Ok(if partial {
            Exit::Incomplete
        } else {
            Exit::Clean
        })
    });
    session.close().await;
    shown
}

async fn read(session: &Session) -> Result<(Applied, Observed), Failure> {
    let applied = session.applied().await?;
    let observed = session.observe(&applied).await?;
    Ok((applied, observed))
}

fn show(
    session: &Session,
    command: &StateCommand,
    applied: &Applied,
    observed: &Observed,
    output: &Output,
) -> Result<(), Failure> {
    let live = Live {
        cloud: &session.target.cloud,
        desired: &session.declared.desired,
        dag: &session.declared.dag,
        observed,
        applied,
    };
    let (format, style) = (output.format()?, output.style());
    let text = match command {
        StateCommand::List => state::list(&live, format, &style),
        StateCommand::Show { address } => {
            state::show(&live, address, format, &style).ok_or_else(|| {
                Failure::usage(format!(
                    "{address} is not declared, and nothing of ours stands there"
                ))
                .hint("`onestream state list` shows every address")
            })?
        }
    };
    output.result(&text)
}
