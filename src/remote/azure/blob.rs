//! A container of Blob Storage that keeps the control store's objects, with their leases.
//!
//! ## Why
//! Microsoft's client does the speaking; repeating is ours, as everywhere: a write whose answer
//! was lost is sent again, and where that is refused because the object has moved, the object
//! says whether it was we who moved it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use azure_core::Bytes;
use azure_core::credentials::TokenCredential;
use azure_core::error::Error;
use azure_core::http::{ClientOptions, Etag, RequestContent, RetryOptions};
use azure_storage_blob::models::BlobClientDownloadOptions;
use azure_storage_blob::models::{
    AppendBlobClientAppendBlockOptions, AppendBlobClientCreateOptions,
    BlobClientAcquireLeaseOptions, BlobClientBreakLeaseOptions, BlobClientBreakLeaseResultHeaders,
    BlobClientGetPropertiesResultHeaders, BlobContainerClientListBlobsOptions,
    BlockBlobClientUploadOptions, HttpRange, LeaseState,
};
use azure_storage_blob::{BlobClient, BlobContainerClient, BlobContainerClientOptions};
use futures::TryStreamExt;
use url::Url;

use super::blob_error::{self, Meaning};
use super::clock::Backoff;
use super::cloud::is_loopback;
use super::credential;
use super::error::own;
use super::settings::Settings;
use super::tokens::Tokens;
use super::transport::Transport;
use crate::provision::objects::{Expected, LeaseId, Leasing, ObjectName, Objects, Stored, Tag};
use crate::provision::ports::{Failure, StoreError, Verdict};

/// How often one append blob can be appended to, with room below Azure's own 50,000.
const APPENDS_PER_LOG: u64 = 40_000;
/// How long one request may take: a lease has to be renewed well within its minute.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(12);
/// How often a request is sent again after a passing fault.
const RETRIES: u32 = 3;

/// A container, signed in to with Entra. Clones share connections and tokens.
#[derive(Clone)]
pub struct BlobContainer {
    client: Arc<BlobContainerClient>,
    settings: Settings,
}

impl BlobContainer {
    /// The container at `url`, to which whoever `settings` says signs in. With `ca` (PEM) that
    /// authority is trusted for it and no other, which is for this machine only.
    ///
    /// # Errors
    /// `NoTransport` when TLS cannot be set up, `NoCredential` when the credential lacks what it
    /// needs, `InvalidRequest` for a URL that tokens must not be sent to.
    pub fn open(url: Url, ca: Option<&str>, mut settings: Settings) -> Result<Self, Failure> {
        let refused = |reason: String| own(Verdict::Fatal, "InvalidRequest", reason, None);
        if url.scheme() != "https" {
            return Err(refused(format!(
                "{url} is not https: no token is sent there"
            )));
        }
        if ca.is_some() && !is_loopback(&url) {
            return Err(refused(format!(
                "{url} is not on this machine: the system's authorities vouch for it, no other"
            )));
        }
        let no_transport = |reason| own(Verdict::Fatal, "NoTransport", reason, None);
        let authority = Transport::new(&settings.timing, false, None).map_err(no_transport)?;
        let patience = settings.timing.request_timeout;
        let credential = credential::build(&settings, &authority)?;
        settings.timing.request_timeout = REQUEST_TIMEOUT;
        let transport =
            Transport::new(&settings.timing, is_loopback(&url), ca).map_err(no_transport)?;
        let tokens = Tokens::new(credential, patience, false);
        let wire = transport.identity(RetryOptions::none());
        Self::over(url, Arc::new(tokens), wire, settings)
    }

    /// The container at `url`, spoken to over `wire`.
    pub(super) fn over(
        url: Url,
        credential: Arc<dyn TokenCredential>,
        wire: ClientOptions,
        settings: Settings,
    ) -> Result<Self, Failure> {
        let options = BlobContainerClientOptions {
            client_options: wire,
            ..BlobContainerClientOptions::default()
        };
        let client = BlobContainerClient::new(url, Some(credential), Some(options))
            .map_err(|error| own(Verdict::Fatal, "InvalidRequest", error.to_string(), None))?;
        Ok(Self {
            client: Arc::new(client),
            settings,
        })
    }

    /// Makes the container where it does not stand yet.
    ///
    /// # Errors
    /// [`StoreError::Service`] when that is refused.
    pub async fn create_if_missing(&self) -> Result<(), StoreError> {
        match self.client.create(None).await {
            Ok(_) => Ok(()),
            Err(error) if blob_error::code(&error) == Some("ContainerAlreadyExists") => Ok(()),
            Err(error) => Err(blob_error::service("make", &self.place(), &error)),
        }
    }

    fn blob(&self, name: &ObjectName) -> BlobClient {
        self.client.blob_client(name.as_str())
    }

    fn at(&self, name: &ObjectName) -> String {
        format!("{}/{name}", self.place())
    }

    /// Sends until there is an answer that counts. Whether an answer was lost on the way comes
    /// with it: then what a refusal says may be of our own making.
    async fn send<T, F: Future<Output = Result<T, Error>>>(
        &self,
        request: impl Fn() -> F,
    ) -> (Result<T, Error>, bool) {
        let mut backoff = Backoff::retries(&self.settings.timing);
        let mut lost = false;
        for _ in 0..RETRIES {
            match request().await {
                Err(error) if blob_error::passes(&error) => {
                    lost = true;
                    self.settings.clock.sleep(backoff.step()).await;
                }
                answer => return (answer, lost),
            }
        }
        (request().await, lost)
    }

    /// What `error` means for a write to `name`; nothing where it was we who moved the object.
    async fn refused(
        &self,
        doing: &'static str,
        name: &ObjectName,
        error: &Error,
        is_ours: impl Future<Output = Result<bool, StoreError>>,
    ) -> Result<(), StoreError> {
        let place = self.at(name);
        match blob_error::meaning(error) {
            Meaning::Moved | Meaning::Absent => match is_ours.await? {
                true => Ok(()),
                false => Err(StoreError::Moved { place }),
            },
            Meaning::Leased => Err(StoreError::Leased { place }),
            Meaning::LeaseLost => Err(StoreError::LeaseLost {
                place,
                reason: blob_error::first_line(error),
            }),
            Meaning::Other => Err(blob_error::service(doing, &place, error)),
        }
    }

    /// What a blob holds from a byte on.
    async fn bytes(&self, name: &ObjectName, from: u64) -> Result<Option<Stored>, StoreError> {
        let read = || async {
            let options = BlobClientDownloadOptions {
                range: (from > 0).then(|| HttpRange::from(from..)),
                ..BlobClientDownloadOptions::default()
            };
            let answer = self.blob(name).download(Some(options)).await?;
            let tag = answer.properties.etag.map(|etag| etag.to_string());
            let bytes = answer.body.collect().await?;
            Ok((bytes, tag))
        };
        match self.send(read).await.0 {
            Ok((bytes, tag)) => Ok(Some(Stored {
                bytes: bytes.to_vec(),
                tag: Tag(tag.unwrap_or_default()),
            })),
            Err(error) if blob_error::meaning(&error) == Meaning::Absent => Ok(None),
            Err(error) => Err(blob_error::service("read", &self.at(name), &error)),
        }
    }
}

#[async_trait]
impl Objects for BlobContainer {
    fn place(&self) -> String {
        self.client.url().as_str().trim_end_matches('/').to_owned()
    }

    async fn read(&self, name: &ObjectName) -> Result<Option<Stored>, StoreError> {
        self.bytes(name, 0).await
    }

    async fn list(&self, folder: &str) -> Result<Vec<ObjectName>, StoreError> {
        let list = || async {
            let options = BlobContainerClientListBlobsOptions {
                prefix: Some(format!("{folder}/")),
                ..BlobContainerClientListBlobsOptions::default()
            };
            let mut items = self.client.list_blobs(Some(options))?;
            let mut names = Vec::new();
            while let Some(item) = items.try_next().await? {
                names.extend(item.name);
            }
            Ok(names)
        };
        let names = self.send(list).await.0;
        let place = format!("{}/{folder}", self.place());
        let names = names.map_err(|error| blob_error::service("list", &place, &error))?;
        // What somebody else put there is no object of ours.
        let mut names: Vec<_> = names
            .into_iter()
            .filter_map(|name| ObjectName::new(name).ok())
            .collect();
        names.sort();
        Ok(names)
    }

    async fn put(
        &self,
        name: &ObjectName,
        bytes: &[u8],
        expected: &Expected,
        lease: Option<LeaseId>,
    ) -> Result<Tag, StoreError> {
        let content = Bytes::copy_from_slice(bytes);
        let put = || async {
            let mut options = BlockBlobClientUploadOptions {
                lease_id: lease.map(|lease| lease.0.to_string()),
                ..BlockBlobClientUploadOptions::default()
            };
            match expected {
                Expected::Absent => options.if_none_match = Some(Etag::from("*")),
                Expected::Unchanged(Tag(tag)) => options.if_match = Some(Etag::from(tag.clone())),
                Expected::Anything => {}
            }
            let content = RequestContent::from(content.to_vec());
            let blob = self.blob(name).block_blob_client();
            blob.upload(content, Some(options)).await
        };
        let (answer, lost) = self.send(put).await;
        match answer {
            Ok(done) => Ok(Tag(done
                .etag
                .map(|etag| etag.to_string())
                .unwrap_or_default())),
            Err(error) => {
                let ours = async {
                    let stands = self.read(name).await?;
                    Ok(lost && stands.is_some_and(|stored| stored.bytes == bytes))
                };
                self.refused("write", name, &error, ours).await?;
                let stands = self.read(name).await?;
                stands.map(|stored| stored.tag).ok_or(StoreError::Moved {
                    place: self.at(name),
                })
            }
        }
    }

    async fn append(
        &self,
        name: &ObjectName,
        position: u64,
        bytes: &[u8],
        lease: Option<LeaseId>,
    ) -> Result<(), StoreError> {
        let log = self.blob(name).append_blob_client();
        if position == 0 {
            let create = || async {
                let options = AppendBlobClientCreateOptions::default().if_not_exists();
                log.create(Some(options)).await.map(drop)
            };
            match self.send(create).await.0 {
                // The position says whether there is anything in it.
                Err(error) if blob_error::meaning(&error) != Meaning::Moved => {
                    return Err(blob_error::service("make", &self.at(name), &error));
                }
                _ => {}
            }
        }
        let content = Bytes::copy_from_slice(bytes);
        let append = || async {
            let options = AppendBlobClientAppendBlockOptions {
                append_position: i64::try_from(position).ok(),
                lease_id: lease.map(|lease| lease.0.to_string()),
                ..AppendBlobClientAppendBlockOptions::default()
            };
            let length = content.len() as u64;
            let content = RequestContent::from(content.to_vec());
            log.append_block(content, length, Some(options))
                .await
                .map(drop)
        };
        match self.send(append).await {
            (Ok(()), _) => Ok(()),
            (Err(error), lost) => {
                let ours = async {
                    let end = self.bytes(name, position).await;
                    // Where nothing stands from there on, the range is refused. Others may have
                    // gone on behind what is ours.
                    let end = end.ok().flatten();
                    Ok(lost && end.is_some_and(|end| end.bytes.starts_with(bytes)))
                };
                self.refused("append to", name, &error, ours).await
            }
        }
    }

    fn appends_per_log(&self) -> u64 {
        APPENDS_PER_LOG
    }
}

#[async_trait]
impl Leasing for BlobContainer {
    async fn acquire_lease(
        &self,
        name: &ObjectName,
        lease: LeaseId,
        term: Option<Duration>,
    ) -> Result<(), StoreError> {
        let seconds = term.map_or(-1, |term| i32::try_from(term.as_secs()).unwrap_or(i32::MAX));
        let acquire = || async {
            let options = BlobClientAcquireLeaseOptions {
                proposed_lease_id: Some(lease.0.to_string()),
                ..BlobClientAcquireLeaseOptions::default()
            };
            let blob = self.blob(name);
            blob.acquire_lease(seconds, Some(options)).await.map(drop)
        };
        let answer = self.send(acquire).await.0;
        self.leased("lease", name, answer)
    }

    async fn renew_lease(&self, name: &ObjectName, lease: LeaseId) -> Result<(), StoreError> {
        let id = lease.0.to_string();
        let renew = || async {
            self.blob(name)
                .renew_lease(id.clone(), None)
                .await
                .map(drop)
        };
        let answer = self.send(renew).await.0;
        self.leased("renew the lease of", name, answer)
    }

    async fn release_lease(&self, name: &ObjectName, lease: LeaseId) -> Result<(), StoreError> {
        let id = lease.0.to_string();
        let release = || async {
            self.blob(name)
                .release_lease(id.clone(), None)
                .await
                .map(drop)
        };
        let (answer, lost) = self.send(release).await;
        match self.leased("give back the lease of", name, answer) {
            Err(StoreError::LeaseLost { .. }) if lost => Ok(()),
            other => other,
        }
    }

    async fn break_lease(
        &self,
        name: &ObjectName,
        at_once: bool,
    ) -> Result<Option<Duration>, StoreError> {
        let period = at_once.then_some(0);
        let end = || async {
            let options = BlobClientBreakLeaseOptions {
                break_period: period,
                ..BlobClientBreakLeaseOptions::default()
            };
            self.blob(name)
                .break_lease(Some(options))
                .await?
                .lease_time()
        };
        match self.send(end).await.0 {
            Ok(left) => {
                let seconds = left.and_then(|left| u64::try_from(left).ok());
                Ok(Some(Duration::from_secs(seconds.unwrap_or_default())))
            }
            Err(error) if blob_error::meaning(&error) == Meaning::LeaseLost => Ok(None),
            Err(error) => Err(blob_error::service(
                "break the lease of",
                &self.at(name),
                &error,
            )),
        }
    }

    async fn is_leased(&self, name: &ObjectName) -> Result<bool, StoreError> {
        let look = || async { self.blob(name).get_properties(None).await?.lease_state() };
        match self.send(look).await.0 {
            Ok(state) => Ok(matches!(
                state,
                Some(LeaseState::Leased | LeaseState::Breaking)
            )),
            Err(error) if blob_error::meaning(&error) == Meaning::Absent => Ok(false),
            Err(error) => Err(blob_error::service("look at", &self.at(name), &error)),
        }
    }
}

impl BlobContainer {
    fn leased(
        &self,
        doing: &'static str,
        name: &ObjectName,
        answer: Result<(), Error>,
    ) -> Result<(), StoreError> {
        let Err(error) = answer else { return Ok(()) };
        let place = self.at(name);
        Err(match blob_error::meaning(&error) {
            Meaning::Leased => StoreError::Leased { place },
            Meaning::LeaseLost => StoreError::LeaseLost {
                place,
                reason: blob_error::first_line(&error),
            },
            _ => blob_error::service(doing, &place, &error),
        })
    }
}
