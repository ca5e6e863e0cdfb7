//! Log lines on stderr, which cannot steer the terminal whatever they quote.

use std::io::{self, Write};

use onestream::report::{plain, plain_but_coloured};

/// `ONESTREAM_LOG=debug` shows every request, never a body or a token.
pub fn to_stderr(colour: bool) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("ONESTREAM_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colour)
        .with_writer(move || Lines {
            out: io::stderr(),
            colour,
        })
        .init();
}

/// Makes one line of every event: the formatter writes an event at once.
struct Lines<W> {
    out: W,
    colour: bool,
}

impl<W: Write> Write for Lines<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = match self.colour {
            true => plain_but_coloured(&text),
            false => plain(&text),
        };
        // Of an error the formatter would tell on stderr, too, where nobody listens.
        let _lost = writeln!(self.out, "{line}");
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line() {
        for (colour, shown) in [
            (false, "WARN a [2Jb error: c\n"),
            (true, "WARN a [2Jb  error: c\n"),
        ] {
            let mut out = Vec::new();
            let mut lines = Lines {
                out: &mut out,
                colour,
            };
            lines
                .write_all(b"WARN a\x1b[2Jb\r\nerror: c\n")
                .expect("memory");
            assert_eq!(String::from_utf8(out).expect("text"), shown);
        }
    }
}
