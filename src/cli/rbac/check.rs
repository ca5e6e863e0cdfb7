//! `rbac check`.

use super::super::arguments::Global;
use super::super::failure::{Exit, Failure};
use super::super::output::Output;

/// Runs `rbac check`.
pub async fn run(_global: &Global, output: &Output) -> Result<Exit, Failure> {
    output.format()?;
    Err(Failure::usage("`rbac check` is not in this build yet"))
}
