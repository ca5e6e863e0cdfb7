//! `rbac`: who may do what, as declared, as it is, and as it could come to be.

pub(super) mod audited;
mod check;
mod explain;
mod matrix;
mod prove;

use super::arguments::{Global, RbacCommand};
use super::failure::{Exit, Failure};
use super::output::Output;

/// Runs `rbac`.
pub async fn run(global: &Global, command: &RbacCommand, output: &Output) -> Result<Exit, Failure> {
    match command {
        RbacCommand::Matrix => matrix::run(global, output).await,
        RbacCommand::Check => check::run(global, output).await,
        RbacCommand::Explain(asked) => explain::run(global, asked, output).await,
        RbacCommand::Prove(asked) => prove::run(global, asked, output).await,
    }
}
