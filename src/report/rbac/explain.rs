//! Why somebody may do something, or may not.

use serde::Serialize;

use super::super::json::{VERSION, document};
use super::super::layout::{plain, wrap};
use super::super::markdown::{LIMIT, Page, prose};
use super::super::style::{Format, Style, Tone};
use super::unread;
use crate::rbac::explain::{Answer, Explanation, Reason, Verdict};
use crate::rbac::read::Reading;

/// The explanation, and what could not be read.
pub fn explain(
    cloud: &str,
    reading: &Reading,
    explanation: &Explanation,
    format: Format,
    style: &Style,
) -> String {
    match format {
        Format::Table => {
            let mut text = String::new();
            for line in lines(explanation) {
                let painted = match line.tone {
                    Some(tone) => style.paint(tone, &plain(&line.text)),
                    None => plain(&line.text),
                };
                let (indent, hang) = (line.depth * 2, line.depth * 2 + 2);
                text.push_str(&wrap(&painted, style, indent, hang));
            }
            text + &unread::text(reading, &reading.remarks, style)
        }
        Format::Json => document(&Document {
            version: VERSION,
            cloud,
            kind: "rbac_explain",
            complete: !reading.is_partial(),
            explanation,
            unread: unread::json(reading),
            remarks: &reading.remarks,
        }),
        Format::Markdown => {
            let mut page = Page::new(LIMIT);
            for line in lines(explanation) {
                let text = prose(&line.text);
                page.offer(&match line.depth {
                    0 => format!("### {text}\n\n"),
                    depth => format!("{}- {text}\n", "  ".repeat(depth - 1)),
                });
            }
            page.push(&unread::markdown(reading, &reading.remarks));
            page.finish()
        }
    }
}

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    cloud: &'a str,
    kind: &'static str,
    complete: bool,
    #[serde(flatten)]
    explanation: &'a Explanation,
    unread: Vec<unread::Unread<'a>>,
    remarks: &'a [String],
}

struct Line {
    depth: usize,
    text: String,
    tone: Option<Tone>,
}

fn line(depth: usize, text: String) -> Line {
    Line {
        depth,
        text,
        tone: None,
    }
}

fn lines(explanation: &Explanation) -> Vec<Line> {
    let Explanation {
        principal,
        id,
        address,
        ..
    } = explanation;
    let mut lines = vec![Line {
        tone: Some(Tone::Strong),
        ..line(0, format!("{principal} ({id}) on {address}"))
    }];
    if let Some((word, asked)) =
        (explanation.asked.as_ref()).and_then(|asked| Some((asked.word.as_ref()?, &asked.actions)))
    {
        let all: Vec<&str> = asked.iter().map(|one| one.action.as_str()).collect();
        lines.push(line(1, format!("`{word}` stands for {}", all.join(", "))));
    }
    for answer in &explanation.answers {
        lines.push(heading(answer));
        for reason in &answer.by {
            lines.extend(reasons(reason));
        }
        for one in &answer.against {
            let via = through(&one.via);
            lines.push(line(
                2,
                format!(
                    "{} {} at {}{via}: {}",
                    one.sort, one.name, one.scope, one.id
                ),
            ));
            lines.extend(
                one.doubts
                    .iter()
                    .map(|it| line(3, format!("not known: {it}"))),
            );
        }
    }
    if !explanation.eligible.is_empty() {
        lines.push(line(1, "may be activated:".to_owned()));
        lines.extend(explanation.eligible.iter().flat_map(reasons));
    }
    for way in &explanation.obtainable {
        let verb = if way.certain {
            "could"
        } else {
            "may be able to"
        };
        lines.push(Line {
            tone: Some(Tone::Bad),
            ..line(1, format!("{verb} obtain more: {}", way.power))
        });
        lines.extend(way.steps.iter().map(|step| line(2, step.clone())));
    }
    lines
}

fn heading(answer: &Answer) -> Line {
    let place = &answer.place;
    let text = match (&answer.action, answer.verdict) {
        (Some((action, plane)), Some(verdict)) => {
            let word = match verdict {
                Verdict::Allowed => "allowed",
                Verdict::Possible => "possible: nobody can tell",
                Verdict::Denied => "denied",
                Verdict::NotGiven if answer.by.is_empty() => "not given by anything",
                Verdict::NotGiven => "not given: a condition rules it out",
            };
            format!("{plane} {action} {place}: {word}")
        }
        _ => match (answer.by.len(), answer.against.len()) {
            (0, 0) => format!("{place}: no assignment reaches it"),
            (by, 0) => format!("{place}: {}", count(by, "assignment")),
            (by, against) => format!(
                "{place}: {}, {}",
                count(by, "assignment"),
                count(against, "denial")
            ),
        },
    };
    let tone = match answer.verdict {
        Some(Verdict::Allowed) => Some(Tone::Good),
        Some(Verdict::Denied | Verdict::Possible) => Some(Tone::Bad),
        _ => None,
    };
    Line {
        depth: 1,
        text,
        tone,
    }
}

fn count(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

fn through(via: &[String]) -> String {
    match via {
        [] => String::new(),
        via => format!(" through {}", via.join(", in ")),
    }
}

fn reasons(reason: &Reason) -> Vec<Line> {
    let via = through(&reason.via);
    let declared = match &reason.declared {
        Some(address) => format!("declared as {address}"),
        None => "declared nowhere".to_owned(),
    };
    let mut lines = vec![line(
        2,
        format!("{} {}{via}: {declared}", reason.role, reason.place),
    )];
    if !reason.gives.is_empty() {
        lines.push(line(3, format!("gives {}", reason.gives.join(", "))));
    }
    lines.extend(
        reason
            .doubts
            .iter()
            .map(|it| line(3, format!("not known: {it}"))),
    );
    lines.push(line(3, format!("to take it away: {}", reason.take_away)));
    lines
}
