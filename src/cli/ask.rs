//! Asking the person at the terminal.

use std::io::{BufRead, Write};

use super::failure::{Exit, Failure};

/// Whether a question is answered with `yes`. Whoever is not answered is not waited for: the
/// thread that reads ends with the process.
///
/// # Errors
/// When the terminal cannot be read or written.
pub async fn confirmed(question: &str) -> Result<bool, Failure> {
    let mut err = std::io::stderr();
    write!(err, "{question} Only `yes` is taken: ").and_then(|()| err.flush())?;
    let (answered, answer) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut answer = String::new();
        let read = std::io::stdin().lock().read_line(&mut answer);
        answered.send(read.map(|_| answer)).ok();
    });
    let answer = answer
        .await
        .map_err(|error| Failure::of(Exit::Failed, &error))??;
    Ok(answer.trim() == "yes")
}
