//! `rbac explain`.

use super::super::arguments::{ExplainArguments, Global};
use super::super::failure::{Exit, Failure};
use super::super::output::Output;

/// Runs `rbac explain`.
pub async fn run(
    _global: &Global,
    asked: &ExplainArguments,
    output: &Output,
) -> Result<Exit, Failure> {
    output.format()?;
    let (principal, address) = (&asked.principal, &asked.address);
    Err(Failure::usage(format!(
        "`rbac explain {principal} {address}` is not in this build yet"
    )))
}
