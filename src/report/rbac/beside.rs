//! What stands below the matrix since no cell shows it: who else holds something, and what could be
//! obtained as far as nobody knows.

use super::super::layout::{plain, wrap};
use super::super::markdown::{code, prose};
use super::super::style::{Style, Tone};
use crate::rbac::audit::Audit;
use crate::rbac::check::Holder;
use crate::rbac::read::Hides;

/// How many holders are named, and how many things that one holds.
const TOLD: usize = 3;

/// `2 holders beside the table`, if there are any.
pub(super) fn counted(holders: &[Holder]) -> Option<String> {
    match holders.len() {
        0 => None,
        1 => Some("1 holder beside the table".to_owned()),
        many => Some(format!("{many} holders beside the table")),
    }
}

/// The worst of them, each with what it holds.
fn told(holders: &[Holder]) -> Vec<(&str, String)> {
    let holders = holders.iter().take(TOLD).map(|holder| {
        let mut holds = holder.holds.clone();
        holds.truncate(TOLD);
        let more = holder.holds.len() - holds.len();
        let more = (more > 0).then(|| format!("{more} more"));
        let holds: Vec<String> = holds.into_iter().chain(more).collect();
        (holder.name.as_str(), holds.join(", "))
    });
    holders.collect()
}

/// What stands below the worst of them.
fn rest(holders: &[Holder]) -> String {
    let advice = "`onestream rbac check` says what to do";
    match holders.len().saturating_sub(TOLD) {
        0 => advice.to_owned(),
        more => format!("and {more} more: {advice}"),
    }
}

pub(super) fn text(holders: &[Holder], style: &Style) -> String {
    let Some(counted) = counted(holders) else {
        return String::new();
    };
    let head = format!("{counted}, whom nobody declared");
    let mut text = format!("\n{}", wrap(&style.paint(Tone::Strong, &head), style, 0, 2));
    for (name, holds) in told(holders) {
        let sign = style.paint(Tone::Bad, "!");
        text.push_str(&wrap(&plain_line(&sign, name, &holds), style, 2, 4));
    }
    text.push_str(&wrap(&rest(holders), style, 2, 4));
    text
}

fn plain_line(sign: &str, name: &str, holds: &str) -> String {
    format!("{sign} {}: {}", plain(name), plain(holds))
}

pub(super) fn markdown(holders: &[Holder]) -> String {
    let Some(counted) = counted(holders) else {
        return String::new();
    };
    let mut text = format!("- {counted}, whom nobody declared\n");
    for (name, holds) in told(holders) {
        text.push_str(&format!("  - ! {}: {}\n", code(name), prose(&holds)));
    }
    text + &format!("  - {}\n", rest(holders))
}

/// The remarks of what was read, and one where ways to more may be open that nobody could see.
pub(super) fn remarks(audit: &Audit<'_>) -> Vec<String> {
    let unread = audit.reading.unknown.iter();
    let unread = unread.filter(|one| one.hides == Hides::Facts);
    let unread: Vec<&str> = unread.map(|one| one.what.as_str()).collect();
    let hidden = match &unread[..] {
        [] => None,
        [first] => Some((*first).to_owned()),
        [first, rest @ ..] => Some(format!("{first} and {} more", rest.len())),
    };
    let remark = hidden.map(|what| {
        format!("what could be obtained is not known in full: {what} could not be read")
    });
    let remarks = audit.reading.remarks.iter().cloned();
    remarks.chain(remark).collect()
}
