//! Who a TLS server on loopback is: a certificate of its own authority, made at each start.
//!
//! ## Why
//!
//! No key is stored. The authority signs one certificate and its key is dropped before this
//! returns; the server's key lives as long as the process. So nothing that lies on a disk can
//! ever speak for a machine that trusts `ca.pem`, and what the authority may speak for is
//! `localhost` and 127.0.0.1 alone. The price: after a restart clients read `ca.pem` again.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CidrSubnet, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair, KeyUsagePurpose, NameConstraints,
};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::fs::{self, DirBuilder};
use std::io;
use std::net::Ipv4Addr;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// The file in the folder of [`Settings::tls`](crate::Settings::tls) that clients trust.
pub const AUTHORITY: &str = "ca.pem";

/// The names that the server answers to. `*.localhost` is none of them: OpenSSL and rustls take
/// no wildcard right under a top-level name, and rustls refuses a certificate that holds one
/// beside the authority's limits.
const NAMES: &[&str] = &[
    "localhost",
    "management.localhost",
    "login.localhost",
    "graph.localhost",
    "*.vault.localhost",
    "*.azurecr.localhost",
    "*.logs.z1.ingest.monitor.localhost",
    "127.0.0.1",
];

/// How long a certificate is good: as long as browsers and systems put up with at most.
const VALID: Duration = Duration::days(397);

/// What a server shows, and by what clients know it.
#[derive(Debug)]
pub struct Identity {
    pub config: Arc<ServerConfig>,
    /// The authority's certificate, as PEM.
    pub authority: String,
}

impl Identity {
    /// A new authority and a certificate by it.
    ///
    /// # Errors
    /// Keys or certificates could not be made.
    pub fn make() -> io::Result<Self> {
        let now = OffsetDateTime::now_utc();
        let authority = authority(now).map_err(io::Error::other)?;
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let shown = shown(now)
            .and_then(|params| params.signed_by(&key, &authority))
            .map_err(io::Error::other)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config =
            ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .and_then(|config| {
                    config
                        .with_no_client_auth()
                        .with_single_cert(vec![shown.into()], key)
                })
                .map_err(io::Error::other)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            config: Arc::new(config),
            authority: authority.pem(),
        })
    }

    /// Puts the authority's certificate into `folder`, which is made where it is missing.
    ///
    /// # Errors
    /// What the system said.
    pub fn publish(&self, folder: &Path) -> io::Result<()> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        // Whole or not at all: a client may read it at any time.
        let beside = folder.join("ca.new");
        fs::write(&beside, &self.authority)?;
        fs::rename(&beside, folder.join(AUTHORITY))
    }
}

fn authority(now: OffsetDateTime) -> Result<CertifiedIssuer<'static, KeyPair>, rcgen::Error> {
    let mut params = dated(CertificateParams::default(), now);
    // A name of its own: clients look an issuer up by it.
    let name = format!("onestream local Azure {}", Uuid::new_v4());
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![
            GeneralSubtree::DnsName("localhost".to_owned()),
            GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix(Ipv4Addr::LOCALHOST.octets(), 32)),
        ],
        excluded_subtrees: Vec::new(),
    });
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}

fn shown(now: OffsetDateTime) -> Result<CertificateParams, rcgen::Error> {
    let names: Vec<String> = NAMES.iter().map(ToString::to_string).collect();
    let mut params = dated(CertificateParams::new(names)?, now);
    params
        .distinguished_name
        .push(DnType::CommonName, "localhost");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

/// From a little in the past, for clocks that go behind.
fn dated(mut params: CertificateParams, now: OffsetDateTime) -> CertificateParams {
    params.not_before = now - Duration::hours(1);
    params.not_after = params.not_before + VALID;
    params
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::RootCertStore;
    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier;
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

    /// Whether a client that trusts `authority` takes `shown` for `name`.
    fn taken(authority: &CertificateDer<'static>, shown: &CertificateDer<'_>, name: &str) -> bool {
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone()).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .unwrap();
        let name = ServerName::try_from(name).unwrap();
        verifier
            .verify_server_cert(shown, &[], &name, &[], UnixTime::now())
            .is_ok()
    }

    #[test]
    fn an_authority_vouches_for_this_machine_only() {
        let now = OffsetDateTime::now_utc();
        let authority = authority(now).unwrap();
        let issued = |params: CertificateParams| {
            let key = KeyPair::generate().unwrap();
            params.signed_by(&key, &authority).unwrap().der().clone()
        };
        let ours = issued(shown(now).unwrap());
        for name in [
            "localhost",
            "login.localhost",
            "kv-1.vault.localhost",
            "r.azurecr.localhost",
            "r-0a1b-eastus2.logs.z1.ingest.monitor.localhost",
            "127.0.0.1",
        ] {
            assert!(taken(authority.der(), &ours, name), "{name}");
        }
        assert!(!taken(authority.der(), &ours, "vault.azure.net"));
        for foreign in ["vault.azure.net", "localhost.example", "127.0.0.2"] {
            let params = CertificateParams::new(vec![foreign.to_owned()]).unwrap();
            let forged = issued(dated(params, now));
            assert!(!taken(authority.der(), &forged, foreign), "{foreign}");
        }
    }
}
