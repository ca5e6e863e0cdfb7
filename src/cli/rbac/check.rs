//! `rbac check`: whatever is more, less or other than `rbac/` says.

use onestream::rbac::audit::Audit;
use onestream::rbac::check::check;
use onestream::report;

use super::super::arguments::Global;
use super::super::failure::{Exit, Failure};
use super::super::output::{Form, Output};
use super::audited::audited;

/// Runs `rbac check`.
pub async fn run(global: &Global, output: &Output) -> Result<Exit, Failure> {
    let form = output.form()?;
    let audited = audited(global, output, None).await?;
    let audit = Audit::new(&audited.estate, &audited.reading, audited.now);
    let findings = check(&audit);
    let (cloud, reading) = (&audited.cloud, &audited.reading);
    let text = match form {
        Form::Exchange(format) => report::rbac::checked(cloud, reading, &findings).render(format),
        Form::Own(format) => {
            report::rbac::check(cloud, reading, &findings, format, &output.style())
        }
    };
    output.result(&text)?;
    Ok(audited.exit(!findings.is_empty()))
}
