//! Asking the person at the terminal.

use std::io::{BufRead, Write};

/// Whether a question is answered with `yes`.
///
/// # Errors
/// When the terminal cannot be read or written.
pub fn confirmed(question: &str) -> std::io::Result<bool> {
    eprint!("{question} Only `yes` is taken: ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}
