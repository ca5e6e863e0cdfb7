//! `rbac matrix`: declared against effective, and what could be obtained.

use onestream::rbac::audit::Audit;
use onestream::rbac::cells::Matrix;
use onestream::report;

use super::super::arguments::Global;
use super::super::failure::{Exit, Failure};
use super::super::output::Output;
use super::audited::audited;

/// Runs `rbac matrix`.
pub async fn run(global: &Global, output: &Output) -> Result<Exit, Failure> {
    let format = output.format()?;
    let audited = audited(global, output, None).await?;
    let audit = Audit::new(&audited.estate, &audited.reading, audited.now);
    let matrix = Matrix::of(&audit);
    let style = output.style();
    output.result(&report::rbac::matrix(
        &audited.cloud,
        &audit,
        &matrix,
        format,
        &style,
    ))?;
    let exit = audited.exit(matrix.differs());
    Ok(match matrix.is_unknown() {
        true => exit.and(Exit::Incomplete),
        false => exit,
    })
}
