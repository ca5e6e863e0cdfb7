//! `rbac matrix`.

use super::super::arguments::Global;
use super::super::failure::{Exit, Failure};
use super::super::output::Output;

/// Runs `rbac matrix`.
pub async fn run(_global: &Global, output: &Output) -> Result<Exit, Failure> {
    output.format()?;
    Err(Failure::usage("`rbac matrix` is not in this build yet"))
}
