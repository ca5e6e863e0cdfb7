//! An approval that was just given.

use serde::Serialize;

use super::json::{VERSION, document};
use super::layout::plain;
use super::markdown::prose;
use super::style::Format;
use crate::provision::approval::{Approval, Statement};

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    cloud: &'a str,
    kind: &'static str,
    approval: &'a Statement,
}

/// Who approved what, until when.
pub fn signed(approval: &Approval, cloud: &str, format: Format) -> String {
    let said = &approval.statement;
    let names: Vec<&str> = said.environments.iter().map(|it| it.as_str()).collect();
    let line = format!(
        "approved by {} for {} until {}: plan {}",
        said.approver,
        names.join(", "),
        said.expires,
        said.plan.get(..12).unwrap_or(&said.plan)
    );
    match format {
        Format::Json => document(&Document {
            version: VERSION,
            cloud,
            kind: "approval",
            approval: said,
        }),
        Format::Table => format!("{}\n", plain(&line)),
        Format::Markdown => format!("**{}**\n", prose(&line)),
    }
}
