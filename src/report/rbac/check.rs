//! What was found of access control, the worst first.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::json::{VERSION, document};
use super::super::layout::{list, plain, wrap};
use super::super::markdown::{LIMIT, Page, code, head, prose, row};
use super::super::style::{Format, Style, Tone};
use super::unread;
use crate::rbac::check::Finding;
use crate::rbac::read::Reading;
use crate::resource::Severity;

/// The findings, and what could not be read.
pub fn check(
    cloud: &str,
    reading: &Reading,
    findings: &[Finding],
    format: Format,
    style: &Style,
) -> String {
    match format {
        Format::Table => text(cloud, reading, findings, style),
        Format::Json => document(&Document {
            version: VERSION,
            cloud,
            kind: "rbac_check",
            complete: !reading.is_partial(),
            findings,
            unread: unread::json(reading),
            remarks: &reading.remarks,
        }),
        Format::Markdown => markdown(cloud, reading, findings),
    }
}

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    cloud: &'a str,
    kind: &'static str,
    complete: bool,
    findings: &'a [Finding],
    unread: Vec<unread::Unread<'a>>,
    remarks: &'a [String],
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}

fn tone(severity: Severity) -> Tone {
    match severity {
        Severity::Low => Tone::Dim,
        Severity::Medium => Tone::Change,
        Severity::High | Severity::Critical => Tone::Bad,
    }
}

/// `3 findings on emulator`, and how many of which severity.
fn counted(cloud: &str, reading: &Reading, findings: &[Finding]) -> (String, Vec<String>) {
    let mut count: BTreeMap<Severity, usize> = BTreeMap::new();
    for finding in findings {
        *count.entry(finding.severity).or_default() += 1;
    }
    let mut words: Vec<String> = count
        .iter()
        .rev()
        .map(|(severity, count)| format!("{count} {}", word(*severity)))
        .collect();
    if reading.is_partial() {
        words.push(format!("{} unread", reading.unknown.len()));
    }
    let noun = if findings.len() == 1 {
        "finding"
    } else {
        "findings"
    };
    let title = match (findings.is_empty(), reading.is_partial()) {
        (true, false) => format!("no findings on {cloud}: access is as declared"),
        (true, true) => format!("no findings on {cloud} in what could be read"),
        (false, _) => format!("{} {noun} on {cloud}", findings.len()),
    };
    (title, words)
}

fn text(cloud: &str, reading: &Reading, findings: &[Finding], style: &Style) -> String {
    let (title, words) = counted(cloud, reading, findings);
    let title = style.paint(Tone::Strong, &title);
    let words = list(&words, style);
    let line = if words.is_empty() {
        title
    } else {
        format!("{title}: {words}")
    };
    let mut text = wrap(&line, style, 0, 2);
    for finding in findings {
        let severity = style.paint(tone(finding.severity), word(finding.severity));
        let subject = style.paint(Tone::Strong, &plain(&finding.subject));
        let doubt = if finding.certain { "" } else { " (possible)" };
        let line = format!("{severity} {} {subject}{doubt}", finding.rule);
        text.push('\n');
        text.push_str(&wrap(&line, style, 0, 2));
        text.push_str(&wrap(&plain(&finding.explanation), style, 2, 2));
        let instead = format!("instead: {}", plain(&finding.instead));
        text.push_str(&wrap(&instead, style, 2, 4));
    }
    text.push_str(&unread::text(reading, &reading.remarks, style));
    text
}

fn markdown(cloud: &str, reading: &Reading, findings: &[Finding]) -> String {
    let mut page = Page::new(LIMIT);
    let (title, words) = counted(cloud, reading, findings);
    match words.is_empty() {
        true => page.push(&format!("### {title}\n")),
        false => page.push(&format!("### {title}: {}\n", words.join(", "))),
    }
    if !findings.is_empty() {
        let header = ["severity", "rule", "about", "what was found", "what to do"];
        page.push(&format!("\n{}", head(&header)));
    }
    for finding in findings {
        let doubt = if finding.certain { "" } else { " (possible)" };
        page.offer(&row(&[
            format!("{}{doubt}", word(finding.severity)),
            code(&finding.rule.to_string()),
            code(&finding.subject),
            prose(&finding.explanation),
            prose(&finding.instead),
        ]));
    }
    page.push(&unread::markdown(reading, &reading.remarks));
    page.finish()
}
