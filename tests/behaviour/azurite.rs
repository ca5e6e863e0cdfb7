//! Azurite, Microsoft's emulator of Azure Storage: started over TLS, with Entra's tokens only.
//!
//! It runs where `ONESTREAM_AZURITE` names its program (`.ci/run` installs it), else from where
//! `.ci/run` put it, else from the path. Elsewhere what needs it is left out, and says so.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;

/// The storage account that it plays.
pub const ACCOUNT: &str = "stonestream";
/// Ends Azurite when this process ends, however it does: then its end of the pipe is closed.
const GUARD: &str = r#"exec 3<&0; "$@" </dev/null & child=$!; read -r _ <&3; kill -KILL "$child""#;
const PROGRAM: &str = "ONESTREAM_AZURITE";

/// A running Azurite.
pub struct Azurite {
    folder: TempDir,
    port: u16,
    child: Child,
    alive: Option<ChildStdin>,
}

impl Azurite {
    /// The one that all tests of this process share; `None` where there is none to start.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Azurite>> = OnceLock::new();
        SHARED.get_or_init(Self::another).as_ref()
    }

    /// One of its own, which ends when it is dropped; `None` where there is none to start.
    pub fn another() -> Option<Self> {
        program().map(Self::start)
    }

    fn start(program: PathBuf) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        certify(folder.path());
        fs::write(folder.path().join("token"), token()).expect("a writable file");
        let mut child = Command::new("sh")
            .args(["-c", GUARD, "sh"])
            .arg(program)
            .args(["--blobPort", "0", "--oauth", "basic", "--disableTelemetry"])
            .args(["--inMemoryPersistence", "--silent"])
            .args(["--cert", "cert.pem", "--key", "key.pem"])
            .env(
                "AZURITE_ACCOUNTS",
                format!("{ACCOUNT}:{}", STANDARD.encode("unused")),
            )
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("a shell");
        let said = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut lines = said.lines().map(|line| line.expect("text"));
        let port = lines
            .by_ref()
            .find_map(|line| {
                let (_, port) = line.split_once("listens on https://127.0.0.1:")?;
                port.trim().parse().ok()
            })
            .expect("Azurite says where it listens");
        // Whatever else it says must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            folder,
            port,
            alive: child.stdin.take(),
            child,
        }
    }

    /// Its blob service.
    pub fn endpoint(&self) -> String {
        format!("https://{ACCOUNT}.blob.localhost:{}", self.port)
    }

    /// The certificate authority to trust, as PEM.
    pub fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A file with a token for Azure Storage.
    pub fn token(&self) -> PathBuf {
        self.folder.path().join("token")
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        self.alive = None;
        self.child.wait().expect("its guard ends it");
    }
}

fn program() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os(PROGRAM).filter(|named| !named.is_empty()) {
        return Some(named.into());
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    let installed = cache?.join("onestream-ci/azurite/node_modules/.bin/azurite-blob");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&path).map(|folder| folder.join("azurite-blob"));
    let found = std::iter::once(installed)
        .chain(in_path)
        .find(|file| file.is_file());
    if found.is_none() {
        // Not through the test's captured output: it has to be seen.
        let text = format!(
            "\n!!! LEFT OUT: no Azurite here, so nothing of the control store in Blob Storage is \
             tested; .ci/run installs it, or `npm ci --prefix tests/azurite` and {PROGRAM}=\
             tests/azurite/node_modules/.bin/azurite-blob\n\n"
        );
        std::io::stderr().write_all(text.as_bytes()).ok();
    }
    found
}

/// Puts an authority, a certificate by it and its key into a folder.
fn certify(folder: &Path) {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "Azurite of a test");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let key = KeyPair::generate().expect("a key");
    let authority = CertifiedIssuer::self_signed(params, key).expect("an authority");
    let key = KeyPair::generate().expect("a key");
    let host = format!("{ACCOUNT}.blob.localhost");
    let shown = CertificateParams::new(vec![host, "localhost".to_owned()])
        .and_then(|params| params.signed_by(&key, &authority))
        .expect("a certificate");
    for (file, text) in [
        ("ca.pem", authority.pem()),
        ("cert.pem", shown.pem()),
        ("key.pem", key.serialize_pem()),
    ] {
        fs::write(folder.join(file), text).expect("a writable file");
    }
}

/// A token such as Entra gives for Azure Storage. Azurite looks at its claims, not at who signed.
fn token() -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_secs();
    let tenant = "11111111-1111-4111-8111-111111111111";
    let claims = format!(
        r#"{{"aud":"https://storage.azure.com","iss":"https://sts.windows.net/{tenant}/","iat":{now},"nbf":{},"exp":{},"oid":"{tenant}","tid":"{tenant}"}}"#,
        now - 60,
        now + 7_200,
    );
    let parts = [r#"{"typ":"JWT","alg":"RS256"}"#, &claims, "unsigned"];
    parts.map(|part| URL_SAFE_NO_PAD.encode(part)).join(".")
}
