//! Names of images: repositories, tags and digests.

use sha2::{Digest, Sha256};

/// `repository`, `repository:tag` or `repository@digest`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    pub repository: String,
    pub version: Version,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Version {
    Tag(String),
    Digest(String),
}

impl Reference {
    /// Reads a reference; without a version it means the tag `latest`.
    pub fn parse(text: &str) -> Option<Self> {
        let (repository, version) = if let Some((repository, digest)) = text.split_once('@') {
            (repository, digest)
        } else if let Some((repository, tag)) = text.split_once(':') {
            (repository, tag)
        } else {
            (text, "latest")
        };
        let version = Version::parse(version)?;
        let digest = matches!(version, Version::Digest(_));
        (repository_name(repository) && digest == text.contains('@')).then(|| Self {
            repository: repository.to_owned(),
            version,
        })
    }
}

impl Version {
    /// Reads what follows `manifests/` in an address.
    pub fn parse(text: &str) -> Option<Self> {
        if is_digest(text) {
            return Some(Self::Digest(text.to_owned()));
        }
        let well = !text.is_empty()
            && text.len() <= 128
            && !text.starts_with(['.', '-'])
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
        well.then(|| Self::Tag(text.to_owned()))
    }
}

/// Whether that is a repository's name.
pub fn repository_name(name: &str) -> bool {
    name.len() <= 255
        && name.split('/').all(|part| {
            let ends = [part.bytes().next(), part.bytes().last()];
            ends.iter()
                .all(|end| end.is_some_and(|byte| byte.is_ascii_alphanumeric()))
                && part.bytes().all(|byte| {
                    byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte)
                })
        })
}

/// Whether that is a digest of the one algorithm that registries here know.
pub fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64
            && hex
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    })
}

/// The digest of some bytes.
pub fn digest_of(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("sha256:{hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references() {
        let digest = digest_of(b"");
        for good in ["repo", "a/b-c:1.0", &format!("a/b@{digest}")] {
            assert!(Reference::parse(good).is_some(), "{good}");
        }
        let tagged = format!("a:{digest}");
        for bad in [
            "",
            ":tag",
            "Repo:1",
            "a//b",
            "a:b:c",
            "a@sha256:xyz",
            "a@tag",
            "a:",
            "-a",
            "a/.b",
            "a:.b",
            &tagged,
        ] {
            assert_eq!(Reference::parse(bad), None, "{bad}");
        }
        assert_eq!(
            Reference::parse("repo").unwrap().version,
            Version::Tag("latest".to_owned())
        );
    }
}
