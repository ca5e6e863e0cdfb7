//! The command line: each command parses, calls the library and hands the result to report.
//!
//! Nothing is decided here but how a command is wired and what its exit code is. `wiring`
//! joins the parts, `connect` chooses cloud and credential, `failure` is the one place where
//! errors become text and exit codes.

mod again;
mod apply;
mod approve;
mod approving;
mod arguments;
mod ask;
mod audit;
mod bootstrap;
mod connect;
mod control;
#[cfg(feature = "emulator")]
mod emulator;
mod export;
mod failure;
mod graph;
mod interrupt;
mod lease;
mod leased;
mod lock;
mod log;
mod offline;
mod output;
mod plan;
mod rbac;
mod recording;
mod resume;
mod revoking;
mod signing;
mod span;
mod state;
mod subscriptions;
mod wiring;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use onestream::config::{self, CloudChoice};

use arguments::{Arguments, Colour, Command, Global, OutputFormat};
use failure::{Exit, Failure};
use output::{Form, Output};

/// Runs the program.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are answers, not mistakes.
            let exit = if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Clean
            };
            if exit == Exit::Usage && asks_for_json(std::env::args_os()) {
                let failure = Failure::usage(one_line(&error.to_string()));
                let output = Output::new(OutputFormat::Json, Colour::Never);
                output.result(&failure::document(&failure, None)).ok();
            }
            error.print().ok();
            return exit.into();
        }
    };
    let output = Output::new(arguments.global.format, arguments.global.color);
    log::to_stderr(output.error_style().colour);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            output.remark(format!("error: {error}"));
            return Exit::Failed.into();
        }
    };
    match runtime.block_on(run(&arguments, &output)) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            answer(&failure, &arguments.global, &output);
            output.tell(&failure);
            failure.exit.into()
        }
    }
}

async fn run(arguments: &Arguments, output: &Output) -> Result<Exit, Failure> {
    let global = &arguments.global;
    match &arguments.command {
        Command::Init { dir } => offline::init(dir, output),
        Command::Validate => offline::validate(global, output),
        Command::Schema { of } => offline::schema(*of, output),
        Command::Plan(plan) => plan::run(global, plan, output).await,
        Command::Show { file } => plan::show(file, output),
        Command::Apply(apply) => apply::run(global, apply, output).await,
        Command::Destroy(destroy) => apply::destroy(global, destroy, output).await,
        Command::Approve(approve) => approve::run(global, approve, output).await,
        Command::Graph => graph::run(global, output),
        Command::Audit { command } => audit::run(global, command, output).await,
        Command::State { command } => state::run(global, command, output).await,
        Command::Rbac { command } => rbac::run(global, command, output).await,
        Command::Lock { command } => lock::run(global, command, output).await,
        Command::Completions { shell } => offline::completions(*shell, output),
        Command::Man { dir } => offline::man(dir.as_deref(), output),
        #[cfg(feature = "emulator")]
        Command::Emulator { command } => emulator::run(global, command, output).await,
    }
}

/// Whether a command line that could not be read as a whole asks for JSON.
fn asks_for_json(words: impl Iterator<Item = OsString>) -> bool {
    let words: Vec<OsString> = words.take_while(|word| word != "--").collect();
    let apart = words
        .windows(2)
        .any(|two| two[0] == "--format" && two[1] == "json");
    apart || words.iter().any(|word| word == "--format=json")
}

/// What is wrong with a command line, without how it is used.
fn one_line(told: &str) -> String {
    let said = told
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:"));
    let said = said
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    said.trim_start_matches("error: ").to_owned()
}

/// The document of a failure, for a program that reads stdout. Of a failure of the writing
/// itself nobody can be told.
fn answer(failure: &Failure, global: &Global, output: &Output) {
    if let Ok(Form::Exchange(format)) = output.form() {
        output
            .result(&failure::checked(failure).render(format))
            .ok();
    }
    if output.asked() == OutputFormat::Json {
        let declared = || Some(config::load(&global.root, &[]).ok()?.azure.cloud);
        let cloud = global.cloud.or_else(declared);
        let document = failure::document(failure, cloud.map(CloudChoice::name));
        output.result(&document).ok();
    }
}
