//! `graph`: the dependency graph of what is declared; contacts nothing.

use onestream::report::graph::{self, GraphFormat};

use super::arguments::{Global, OutputFormat};
use super::failure::{Exit, Failure};
use super::output::Output;
use super::wiring;

/// Runs `graph`.
pub fn run(global: &Global, output: &Output) -> Result<Exit, Failure> {
    let format = match output.asked() {
        // The default of other commands stands for the default here.
        OutputFormat::Table | OutputFormat::Dot => GraphFormat::Dot,
        OutputFormat::Mermaid => GraphFormat::Mermaid,
        OutputFormat::Svg => GraphFormat::Svg,
        OutputFormat::Json | OutputFormat::Markdown | OutputFormat::Sarif | OutputFormat::Junit => {
            return Err(Failure::usage("a graph has --format dot, mermaid and svg"));
        }
    };
    let declared = wiring::declared(global, output)?;
    output.result(&graph::render(&declared.dag, format))?;
    Ok(Exit::Clean)
}
