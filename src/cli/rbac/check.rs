//! `rbac check`: whatever is more, less or other than `rbac/` says.

use onestream::rbac::audit::Audit;
use onestream::rbac::check::check;
use onestream::report;

use super::super::arguments::Global;
use super::super::failure::{Exit, Failure};
use super::super::output::Output;
use super::audited::audited;

/// Runs `rbac check`.
pub async fn run(global: &Global, output: &Output) -> Result<Exit, Failure> {
    let audited = audited(global, output, None).await?;
    let audit = Audit::new(&audited.estate, &audited.reading, audited.now);
    let findings = check(&audit);
    let (format, style) = (output.format()?, output.style());
    output.result(&report::rbac::check(
        &audited.cloud,
        &audited.reading,
        &findings,
        format,
        &style,
    ))?;
    Ok(audited.exit(!findings.is_empty()))
}
