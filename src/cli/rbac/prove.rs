//! `rbac prove`: everybody tries everything, with a token of their own.

use onestream::config::Environment;
use onestream::kinds::Sections;
use onestream::proof::{self, Proof};
use onestream::report;
use onestream::resource::Place;

use super::super::arguments::{Global, ProveArguments};
use super::super::failure::{Exit, Failure};
use super::super::output::{Form, Output};
use super::super::wiring::Session;

/// Runs `rbac prove`.
pub async fn run(
    global: &Global,
    asked: &ProveArguments,
    output: &Output,
) -> Result<Exit, Failure> {
    let form = output.form()?;
    let session = Session::open(global, output).await?;
    let measured = measure(&session, asked).await;
    let cloud = session.target.cloud.clone();
    session.close().await;
    let proof = measured?;
    let text = match form {
        Form::Exchange(format) => report::proof::checked(&proof, &cloud).render(format),
        Form::Own(format) => report::proof::render(&proof, &cloud, format, &output.style()),
    };
    output.result(&text)?;
    Ok(exit(&proof))
}

async fn measure(session: &Session, asked: &ProveArguments) -> Result<Proof, Failure> {
    let configuration = &session.declared.configuration;
    let selected = |environment: &&Environment| {
        environment.name().is_shared() || configuration.selected.contains(environment.name())
    };
    let environments: Vec<(&Place, &Sections)> = configuration
        .environments
        .iter()
        .filter(selected)
        .map(|environment| (&environment.place, &environment.sections))
        .collect();
    let wrong = |error| Failure::of(Exit::Usage, &error);
    let declared = proof::declared(&environments).map_err(wrong)?;
    let (azure, desired) = (&session.azure, &session.declared.desired);
    let mut everybody = proof::everybody(azure, desired, &environments)
        .await
        .map_err(wrong)?;
    if !asked.principal.is_empty() {
        for name in &asked.principal {
            if !everybody.iter().any(|somebody| somebody.is(name)) {
                let known: Vec<&str> = everybody.iter().map(|it| it.name.as_str()).collect();
                return Err(
                    Failure::usage(format!("nobody in rbac/ is called `{name}`"))
                        .hint(format!("there are {}", known.join(", "))),
                );
            }
        }
        everybody.retain(|somebody| asked.principal.iter().any(|name| somebody.is(name)));
    }
    let grounds = proof::read(azure, desired, &environments)
        .await
        .map_err(wrong)?;
    Ok(proof::prove(&everybody, &grounds, &declared, &session.sign_ins).await)
}

/// What a proof says by its exit code.
fn exit(proof: &Proof) -> Exit {
    let mut exit = Exit::Clean;
    if proof.deviates() {
        exit = exit.and(Exit::Pending);
    }
    if proof.is_partial() {
        exit = exit.and(Exit::Incomplete);
    }
    exit
}
