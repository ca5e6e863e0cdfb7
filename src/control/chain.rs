//! Sealed lines: JSON with a version, a running number and a checksum over all that stands before.

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::resource::digest;

const MARK: &str = ",\"checksum\":\"";
const END: &str = "\"}";

/// Where a chain of sealed lines ends: what the next line has to continue.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    version: u64,
    number: u64,
    checksum: String,
}

impl Default for Chain {
    /// The beginning of a chain of version 1.
    fn default() -> Self {
        Self::of_version(1)
    }
}

/// Why a text is not the next line of a chain.
#[derive(Debug, Error)]
pub(super) enum Broken {
    #[error(
        "it has version {found}, and this onestream reads version {known}: a newer one wrote it"
    )]
    Version { found: u64, known: u64 },
    #[error("it is not text")]
    Encoding(#[from] std::str::Utf8Error),
    #[error("it does not end with a checksum")]
    Unsealed,
    #[error("its checksum does not match: it, or a line before it, was changed")]
    Checksum,
    #[error("it has number {found} where {expected} is due")]
    Number { found: u64, expected: u64 },
    #[error("{0}")]
    Content(#[from] serde_json::Error),
}

#[derive(Serialize)]
struct Draft<'a, T> {
    version: u64,
    number: u64,
    content: &'a T,
}

#[derive(Deserialize)]
struct Line<T> {
    number: u64,
    content: T,
}

#[derive(Deserialize)]
struct Versioned {
    version: u64,
}

impl Chain {
    /// The beginning of a chain whose lines are written in this version of their format, and read
    /// in this and every one before.
    pub(super) fn of_version(version: u64) -> Self {
        Self {
            version,
            number: 0,
            checksum: String::new(),
        }
    }

    /// The next line, without its newline. It has been read back, so that nothing is stored
    /// that cannot be read (JSON nested too deep); on an error the chain stands as it was.
    pub(super) fn seal<T>(&mut self, content: &T) -> Result<String, Broken>
    where
        T: Serialize + DeserializeOwned,
    {
        let mut line = serde_json::to_string(&Draft {
            version: self.version,
            number: self.number + 1,
            content,
        })?;
        line.pop();
        let checksum = self.checksum_of(&line);
        for part in [MARK, &checksum, END] {
            line.push_str(part);
        }
        self.open::<T>(line.as_bytes())?;
        Ok(line)
    }

    /// The content of the next line, given without its newline.
    pub(super) fn open<T: DeserializeOwned>(&mut self, line: &[u8]) -> Result<T, Broken> {
        let line = std::str::from_utf8(line)?;
        // Before the checksum: a newer version may compute it in another way.
        if let Ok(Versioned { version }) = serde_json::from_str(line)
            && !(1..=self.version).contains(&version)
        {
            return Err(Broken::Version {
                found: version,
                known: self.version,
            });
        }
        let (head, checksum) = line
            .strip_suffix(END)
            .and_then(|line| line.rsplit_once(MARK))
            .ok_or(Broken::Unsealed)?;
        if checksum != self.checksum_of(head) {
            return Err(Broken::Checksum);
        }
        let Line { number, content } = serde_json::from_str(line)?;
        let expected = self.number + 1;
        if number != expected {
            return Err(Broken::Number {
                found: number,
                expected,
            });
        }
        checksum.clone_into(&mut self.checksum);
        self.number = number;
        Ok(content)
    }

    /// The first 16 hexadecimal digits of the SHA-256 of the previous checksum and `head`.
    fn checksum_of(&self, head: &str) -> String {
        let mut digest = digest::hex(format!("{}{head}", self.checksum));
        digest.truncate(16);
        digest
    }
}

/// Whether `tail` is the beginning of a line that was never written to its end, and not a
/// line whose newline was changed into something else.
pub(super) fn is_cut_off(tail: &[u8]) -> bool {
    let first = serde_json::Deserializer::from_slice(tail)
        .into_iter::<IgnoredAny>()
        .next();
    // A number that is cut off after its sign or point is not reported as an early end.
    matches!(first, Some(Err(error)) if error.is_eof() || error.column() >= tail.len())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    #[test]
    fn the_stored_form_of_version_1() {
        let mut chain = Chain::default();
        let lines = [
            r#"{"version":1,"number":1,"content":"a","checksum":"56789b65e46cd7d2"}"#,
            r#"{"version":1,"number":2,"content":{"b":2},"checksum":"8f1c5217df3bcb29"}"#,
        ];
        assert_eq!(chain.seal(&json!("a")).expect("seals"), lines[0]);
        assert_eq!(chain.seal(&json!({"b": 2})).expect("seals"), lines[1]);
        let mut reader = Chain::default();
        for (line, content) in lines.iter().zip([json!("a"), json!({"b": 2})]) {
            assert_eq!(
                reader.open::<Json>(line.as_bytes()).expect("opens"),
                content
            );
        }
    }

    #[test]
    fn a_line_continues_only_its_own_chain() {
        let mut chain = Chain::default();
        let first = chain.seal(&json!(1)).expect("seals");
        let second = chain.seal(&json!(2)).expect("seals");
        let mut reader = Chain::default();
        let skipped = reader.open::<Json>(second.as_bytes());
        assert!(matches!(skipped, Err(Broken::Checksum)));
        reader.open::<Json>(first.as_bytes()).expect("opens");
        let repeated = reader.open::<Json>(first.as_bytes());
        assert!(matches!(repeated, Err(Broken::Checksum)));
        reader.open::<Json>(second.as_bytes()).expect("opens");
    }

    #[test]
    fn a_newer_version_is_named_whatever_its_checksum() {
        let line = br#"{"version":2,"number":1,"body":"a","seal":"x"}"#;
        let broken = Chain::default().open::<Json>(line).expect_err("refused");
        assert!(
            broken.to_string().contains("a newer one wrote it"),
            "{broken}"
        );
    }

    #[test]
    fn what_could_not_be_read_back_is_not_sealed() {
        let mut deep = json!(0);
        for _ in 0..200 {
            deep = json!([deep]);
        }
        let mut chain = Chain::default();
        assert!(matches!(chain.seal(&deep), Err(Broken::Content(_))));
        let next = chain.seal(&json!("a")).expect("seals");
        assert!(next.contains("\"number\":1"));
    }

    #[test]
    fn every_beginning_of_a_line_is_cut_off_and_nothing_else_is() {
        let line = r#"{"a":[-1.5e-7,true,null],"é\u00e9":{"\"":"𝄞"},"b":-20}"#.as_bytes();
        for cut in 1..line.len() {
            let tail = &line[..cut];
            assert!(is_cut_off(tail), "{}", String::from_utf8_lossy(tail));
        }
        for after in [&b""[..], b"x", b" ", b"\0", b"\r", b"{", b"\xff"] {
            assert!(!is_cut_off(&[line, after].concat()), "{after:?}");
        }
        for tail in [
            &b""[..],
            b" ",
            b"x and more",
            b"\0\0\0\0",
            b"{\"a\":\"\0\0\0",
        ] {
            assert!(!is_cut_off(tail), "{tail:?}");
        }
    }
}
