//! What a caller may choose about an emulator before it starts.

use std::path::PathBuf;
use std::time::Duration;

/// The tenant that an emulator plays unless told otherwise.
pub const DEFAULT_TENANT: &str = "11111111-1111-4111-8111-111111111111";

/// The subscription that an emulator plays unless told otherwise.
pub const DEFAULT_SUBSCRIPTION: &str = "22222222-2222-4222-8222-222222222222";

/// How long a long-running operation takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// In progress at the first poll (or read of the object), finished at the second;
    /// `Retry-After` is 0.
    #[default]
    Quick,
    /// Finished at the first poll or read; `Retry-After` is 0.
    Instant,
    /// As long as Azure was seen to take, measured on the emulator's own clock, with
    /// Azure's `Retry-After`.
    Realistic,
}

/// How an emulator is to be started; [`Settings::default`] keeps everything in memory
/// on a port that the system picks.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Folder that holds the state; `None` keeps it in memory only.
    pub data: Option<PathBuf>,
    /// Port on 127.0.0.1; 0 lets the system pick one.
    pub port: u16,
    /// The Entra tenant that is played, a GUID.
    pub tenant: String,
    /// The subscriptions that are played, GUIDs; the first is the one in
    /// [`Endpoint`](crate::Endpoint).
    pub subscriptions: Vec<String>,
    /// People in the directory beside whoever Graph is asked to make: object id (a GUID) and
    /// name. One that is there already is left as it is.
    pub people: Vec<(String, String)>,
    /// How long operations take.
    pub pace: Pace,
    /// Added to every request.
    pub latency: Duration,
    /// Opens the control endpoints and hands out a principal that owns everything.
    pub open_info: bool,
    /// Items per page of every LIST; `None` is Azure's own page size.
    pub page_size: Option<usize>,
    /// Takes every well-formed Kubernetes version, and older ones than a cluster has, for
    /// traffic from times when other versions were supported.
    pub any_kubernetes: bool,
    /// Takes what requests lean on for existing where nobody made it: the resource group of
    /// an object (made with the first object in it) and what a private endpoint leads to. For
    /// traffic that begins after these were made; Azure refuses both.
    pub assume_existing: bool,
    /// Seconds that the emulator's clock starts ahead of the system's (or behind, when
    /// negative).
    pub clock_offset: i64,
    /// Callers of data planes come from outside every private network, so that a vault or
    /// registry without public access refuses them. Otherwise they count as inside once a
    /// private endpoint of the resource is approved.
    pub outside: bool,
    /// Speaks TLS instead of plain http. The certificate of the authority that vouches for
    /// the server is put into this folder as `ca.pem`, anew at each start.
    pub tls: Option<PathBuf>,
    /// Writes `server.json` into the data folder, so that other processes find this
    /// emulator instead of waiting for its lock.
    pub announce: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            data: None,
            port: 0,
            tenant: DEFAULT_TENANT.to_owned(),
            subscriptions: vec![DEFAULT_SUBSCRIPTION.to_owned()],
            people: Vec::new(),
            pace: Pace::default(),
            latency: Duration::ZERO,
            open_info: false,
            page_size: None,
            any_kubernetes: false,
            assume_existing: false,
            clock_offset: 0,
            outside: false,
            tls: None,
            announce: false,
        }
    }
}
