//! Markdown that survives what stands in it: code spans, table cells, a limit on its length.

use super::layout::plain;

/// How long a comment may get, in bytes. GitHub takes 65,536 characters.
pub(super) const LIMIT: usize = 60_000;

/// `text` as a code span, also in a table's cell.
pub(super) fn code(text: &str) -> String {
    let text = plain(text).replace('|', "\\|");
    let longest = text
        .split(|c| c != '`')
        .map(str::len)
        .max()
        .unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    // A span that begins or ends with a backtick needs a space, which Markdown takes off again.
    let space = if longest > 0 { " " } else { "" };
    match text.is_empty() {
        true => String::new(),
        false => format!("{fence}{space}{text}{space}{fence}"),
    }
}

/// `text` as prose, none of its characters taken for markup.
pub(super) fn prose(text: &str) -> String {
    let mut escaped = String::new();
    for c in plain(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' => {
                escaped.push('\\');
                escaped.push(c);
            }
            // A word joiner keeps a service from taking it for somebody's name.
            '@' => escaped.push_str("@\u{2060}"),
            _ => escaped.push(c),
        }
    }
    escaped
}

/// A row of a table.
pub(super) fn row(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

/// The head of a table.
pub(super) fn head(cells: &[&str]) -> String {
    format!(
        "| {} |\n|{}\n",
        cells.join(" | "),
        "---|".repeat(cells.len())
    )
}

/// A document that stops taking blocks at its limit, and says so.
#[derive(Debug)]
pub(super) struct Page {
    text: String,
    limit: usize,
    left_out: usize,
}

impl Page {
    /// An empty page.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            text: String::new(),
            limit,
            left_out: 0,
        }
    }

    /// Adds text that has to stand whatever the length: headings, closing tags.
    pub(super) fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Adds a block that says something about one thing, if there is room.
    pub(super) fn offer(&mut self, block: &str) {
        if self.left_out > 0 || self.text.len() + block.len() > self.limit {
            self.left_out += 1;
        } else {
            self.text.push_str(block);
        }
    }

    /// The page, with a note where something was left out.
    pub(super) fn finish(mut self) -> String {
        if self.left_out > 0 {
            self.text.push_str(&format!(
                "\n> **{} more** left out: this comment would be too long. \
                 `--format table` shows all of it.\n",
                self.left_out
            ));
        }
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_spans_hold_pipes_and_backticks() {
        for (text, span) in [
            ("plain", "`plain`"),
            ("a|b", "`a\\|b`"),
            ("`x`", "`` `x` ``"),
            ("a``b", "``` a``b ```"),
            ("two\nlines", "`two lines`"),
            ("", ""),
        ] {
            assert_eq!(code(text), span);
        }
    }

    #[test]
    fn prose_is_not_markup() {
        assert_eq!(
            prose("<img src=x> [a](b) *c* `d` e|f"),
            "&lt;img src=x&gt; \\[a\\](b) \\*c\\* \\`d\\` e\\|f"
        );
        assert!(!prose("@team").contains("@t"));
    }

    #[test]
    fn a_full_page_says_how_much_is_missing() {
        let mut page = Page::new(10);
        for block in ["12345", "67890", "x", "y"] {
            page.offer(block);
        }
        let text = page.finish();
        assert!(text.starts_with("1234567890\n"), "{text}");
        assert!(text.contains("**2 more**"), "{text}");
    }
}
