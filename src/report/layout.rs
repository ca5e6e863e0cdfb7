//! Laying out lines of text: wrapping at words, hanging indents, shortening in the middle.

use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::style::HorizontalLine;
use tabled::settings::{Alignment, Padding, Style as Border};
use textwrap::core::display_width;
use textwrap::{Options, WordSeparator, WordSplitter};

use super::style::Style;

/// Text from elsewhere, safe to print: one line, no control or direction-changing characters.
pub fn plain(text: &str) -> String {
    let spaced: String = text
        .chars()
        .map(|c| if steers(c) { ' ' } else { c })
        .collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// As [`plain`], but the colours of a line that was coloured by us stay.
pub fn plain_but_coloured(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let kept = colour(rest).unwrap_or_default();
        let taken = match kept.len() {
            0 => first.len_utf8(),
            length => length,
        };
        match kept {
            "" if steers(first) => shown.push(' '),
            "" => shown.push(first),
            kept => shown.push_str(kept),
        }
        rest = &rest[taken..];
    }
    shown.truncate(shown.trim_end().len());
    shown
}

/// The sequence that sets a colour, where `text` begins with one.
fn colour(text: &str) -> Option<&str> {
    let body = text.strip_prefix("\u{1b}[")?;
    let end = body.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    body[end..].starts_with('m').then(|| &text[..end + 3])
}

/// Whether a character moves the cursor, begins a command or turns the direction of text.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A space at which [`wrap`] does not break a line. [`plain`] leaves none in foreign text.
const TIED: char = '\u{a0}';

/// `a b, c d`: wrapped at the commas only, but for words that are too long for that.
pub(super) fn list(words: &[String], style: &Style) -> String {
    let tie = |word: &String| match display_width(word) * 2 < style.columns() {
        true => word.replace(' ', &TIED.to_string()),
        false => word.clone(),
    };
    words.iter().map(tie).collect::<Vec<_>>().join(", ")
}

/// Wraps at spaces; `indent` columns before the first line, `hang` before the others.
/// Ends with a line break. Colour takes no columns.
pub(super) fn wrap(text: &str, style: &Style, indent: usize, hang: usize) -> String {
    let (first, rest) = (" ".repeat(indent), " ".repeat(hang));
    let options = Options::new(style.columns())
        .initial_indent(&first)
        .subsequent_indent(&rest)
        .break_words(false)
        .word_splitter(WordSplitter::NoHyphenation)
        .word_separator(WordSeparator::AsciiSpace);
    let mut lines = textwrap::wrap(text, options).join("\n");
    lines.push('\n');
    lines.replace(TIED, " ")
}

/// Puts pieces side by side, two spaces between them; a piece that does not fit starts a line
/// of its own, `hang` columns in, and is wrapped there.
pub(super) fn flow(pieces: &[String], style: &Style, indent: usize, hang: usize) -> String {
    let mut text = String::new();
    let mut line = " ".repeat(indent);
    let mut fresh = true;
    for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
        let gap = if fresh { "" } else { "  " };
        let taken = display_width(&line) + gap.len();
        if fresh || taken + display_width(piece.trim_end()) <= style.columns() {
            line.push_str(gap);
            line.push_str(piece);
        } else {
            push_line(&mut text, &line);
            line = " ".repeat(hang) + piece;
        }
        fresh = false;
        if display_width(line.trim_end()) > style.columns() {
            let start = line.len() - line.trim_start().len();
            text.push_str(&wrap(line.trim(), style, start, hang.max(start)));
            line = " ".repeat(hang);
            fresh = true;
        }
    }
    if !line.trim().is_empty() {
        push_line(&mut text, &line);
    }
    text
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(line.trim_end());
    text.push('\n');
}

/// `text` in at most `columns`, its middle left out where it is longer.
pub(super) fn shorten(text: &str, columns: usize, style: &Style) -> String {
    let ellipsis = style.ellipsis();
    if display_width(text) <= columns {
        return text.to_owned();
    }
    let room = columns.saturating_sub(display_width(ellipsis));
    let head = take(text.chars(), room / 2);
    let tail: String = take(text.chars().rev(), room - display_width(&head))
        .chars()
        .rev()
        .collect();
    format!("{head}{ellipsis}{tail}")
}

/// An Azure id in at most `columns`: without its subscription and provider namespaces first,
/// since they tell the least, then without its middle.
pub(super) fn shorten_id(id: &str, columns: usize, style: &Style) -> String {
    if display_width(id) <= columns {
        return id.to_owned();
    }
    let mut told = String::new();
    let mut steps = id.split('/').skip(1).peekable();
    while let Some(step) = steps.next() {
        let skips_next = match step.to_lowercase().as_str() {
            "subscriptions" if told.is_empty() => {
                told.push_str(style.ellipsis());
                true
            }
            "providers" => true,
            _ => {
                told.push('/');
                told.push_str(step);
                false
            }
        };
        if skips_next {
            steps.next();
        }
    }
    shorten(&told, columns, style)
}

/// The beginning of `text` in at most `columns`, where its end says least.
pub(super) fn clip(text: &str, columns: usize, style: &Style) -> String {
    if display_width(text) <= columns {
        return text.to_owned();
    }
    let ellipsis = style.ellipsis();
    let room = columns.saturating_sub(display_width(ellipsis));
    take(text.chars(), room) + ellipsis
}

/// As many characters as fit.
fn take(chars: impl Iterator<Item = char>, columns: usize) -> String {
    let mut taken = String::new();
    for c in chars {
        taken.push(c);
        if display_width(&taken) > columns {
            taken.pop();
            break;
        }
    }
    taken
}

/// `text` with spaces behind it up to `columns`.
pub(super) fn pad(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(display_width(text));
    format!("{text}{}", " ".repeat(missing))
}

/// The widest of some texts, but not wider than `most`.
pub(super) fn widest<'a>(texts: impl Iterator<Item = &'a str>, most: usize) -> usize {
    texts.map(display_width).max().unwrap_or(0).min(most)
}

/// A matrix of texts: where its columns do not all fit, tables one below the other, each with the
/// first column, which says what a row is of.
pub(super) fn grid(header: &[&str], rows: &[Vec<String>], style: &Style) -> String {
    let width = |at: usize| {
        let cells = rows.iter().map(|row| row[at].as_str());
        let shown = cells.map(display_width);
        shown.max().unwrap_or(0).max(display_width(header[at]))
    };
    let mut parts: Vec<Vec<usize>> = Vec::new();
    let mut taken = 0;
    for at in 1..header.len() {
        let more = GAP + width(at);
        match parts.last_mut() {
            Some(part) if taken + more <= style.columns() => part.push(at),
            _ => {
                parts.push(vec![at]);
                taken = width(0);
            }
        }
        taken += more;
    }
    let tables = parts.iter().map(|part| {
        let columns = || std::iter::once(0).chain(part.iter().copied());
        let header: Vec<&str> = columns().map(|at| header[at]).collect();
        let cells = |row: &Vec<String>| columns().map(|at| row[at].clone()).collect();
        let rows: Vec<Vec<String>> = rows.iter().map(cells).collect();
        table(&header, &rows, header.len().., style)
    });
    tables.collect::<Vec<_>>().join("\n")
}

/// Columns between two cells.
const GAP: usize = 2;

/// A table without frame: a header, a rule, rows; the columns of `numbers` right-aligned. Colour
/// takes no columns.
pub(super) fn table(
    header: &[&str],
    rows: &[Vec<String>],
    numbers: std::ops::RangeFrom<usize>,
    style: &Style,
) -> String {
    let mut builder = Builder::default();
    builder.push_record(header.iter().map(|cell| (*cell).to_owned()));
    for row in rows {
        builder.push_record(row.iter().cloned());
    }
    let mut table = builder.build();
    let rule = if style.unicode { '─' } else { '-' };
    table
        .with(Border::empty().horizontals([(1, HorizontalLine::new(rule))]))
        .with(Padding::zero())
        .modify(Columns::new(1..), Padding::new(GAP, 0, 0, 0))
        .modify(Columns::new(numbers), Alignment::right());
    let text = table.to_string();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    const NARROW: Style = Style {
        colour: false,
        width: 40,
        unicode: true,
    };

    #[test]
    fn columns_that_do_not_fit_stand_below() {
        let header = [
            "who",
            "a column of some width",
            "b",
            "the next one of some width",
        ];
        let row = |who: &str| {
            [who, "x", "\u{1b}[31my\u{1b}[0m", "z"]
                .map(str::to_owned)
                .to_vec()
        };
        let text = grid(&header, &[row("ada"), row("grace")], &NARROW);
        assert_eq!(
            text.replace("\u{1b}[31m", "").replace("\u{1b}[0m", ""),
            "who    a column of some width  b\n\
             ────────────────────────────────\n\
             ada    x                       y\n\
             grace  x                       y\n\
             \n\
             who    the next one of some width\n\
             ─────────────────────────────────\n\
             ada    z\n\
             grace  z\n"
        );
    }

    #[test]
    fn long_texts_lose_their_middle_only() {
        for (text, columns, short) in [
            ("abcdef", 6, "abcdef"),
            ("abcdefgh", 5, "ab…gh"),
            ("日本語日本語", 7, "日…本語"),
            ("abc", 1, "…"),
        ] {
            assert_eq!(shorten(text, columns, &NARROW), short, "{text}");
        }
    }

    #[test]
    fn ids_keep_what_tells_them_apart() {
        let registry = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg\
                        /providers/Microsoft.ContainerRegistry/registries/r";
        for (id, short) in [
            (registry.to_owned(), "…/resourceGroups/rg/registries/r"),
            (
                format!("{registry}/replications/westus2"),
                "…/resourceGroups/rg…eplications/westus2",
            ),
            ("/short".to_owned(), "/short"),
        ] {
            assert_eq!(shorten_id(&id, 39, &NARROW), short);
        }
    }

    #[test]
    fn foreign_text_cannot_steer_the_terminal() {
        assert_eq!(plain("a\u{1b}[31mb\r\nc\u{202e}d"), "a [31mb c d");
        assert_eq!(
            plain_but_coloured("\u{1b}[1;33mWARN\u{1b}[0m a\u{7}b\nc\u{1b}[2J\u{1b}\n"),
            "\u{1b}[1;33mWARN\u{1b}[0m a b c [2J"
        );
    }

    #[test]
    fn pieces_flow_and_what_is_too_long_wraps() {
        let pieces = ["a".repeat(30), "b".repeat(20), "word ".repeat(12)];
        let text = flow(&pieces, &NARROW, 2, 4);
        for line in text.lines() {
            assert!(display_width(line) <= 40, "{line}");
        }
        assert_eq!(text.lines().count(), 4, "{text}");
    }

    #[test]
    fn colour_takes_no_room() {
        let style = Style {
            colour: true,
            ..NARROW
        };
        let red = style.paint(super::super::style::Tone::Bad, &"x".repeat(36));
        assert_eq!(flow(&[red], &style, 2, 4).lines().count(), 1);
    }

    #[test]
    fn colour_takes_no_room_in_a_table() {
        let coloured = Style {
            colour: true,
            ..NARROW
        };
        let drawn = |style: &Style| {
            let bad = |text: &str| style.paint(super::super::style::Tone::Bad, text);
            let rows = [
                vec!["a".to_owned(), bad("!"), "1".to_owned()],
                vec![bad("bb"), "as declared".to_owned(), bad("22")],
            ];
            table(&["who", "what", "count"], &rows, 2.., style)
        };
        assert_ne!(drawn(&coloured), drawn(&NARROW));
        let stripped = console::strip_ansi_codes(&drawn(&coloured)).into_owned();
        assert_eq!(stripped, drawn(&NARROW));
        insta::assert_snapshot!(stripped, @r"
        who  what         count
        ───────────────────────
        a    !                1
        bb   as declared     22
        ");
    }
}
