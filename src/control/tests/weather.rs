//! What goes wrong around an agent, all of it by one seed: answers, deaths, the passing of time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::{BoxFuture, pending};
use serde_json::Value as Json;
use time::UtcDateTime;
use time::macros::utc_datetime;

use crate::control::memory::Memory;
use crate::control::{Clock, ManualClock};
use crate::provision::objects::{Expected, LeaseId, Leasing, ObjectName, Objects, Stored, Tag};
use crate::provision::ports::{Begun, Failure, Held, Pending, Reader, StoreError, Verdict, Writer};
use crate::provision::testing::{FakeCloud, What, failure};
use crate::resource::Request;

/// How long a request may take; what was sent longer ago is over. Nobody renews a lease here, so
/// who takes over has to have some of it left after waiting so long.
pub const TIMEOUT: Duration = Duration::from_secs(15);

/// Numbers that look random and follow from a seed (SplitMix64). Clones share it.
#[derive(Clone)]
pub struct Dice(Arc<AtomicU64>);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(AtomicU64::new(seed)))
    }

    pub fn below(&self, limit: usize) -> usize {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let limit = u64::try_from(limit).expect("small");
        usize::try_from((z ^ (z >> 31)) % limit).expect("below a small number")
    }

    pub fn chance(&self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// The one cloud, the one clock, and what is on its way between agents and cloud.
pub struct Weather {
    pub cloud: FakeCloud,
    pub dice: Dice,
    manual: ManualClock,
    calm: AtomicBool,
    flights: Mutex<Flights>,
    pub tally: Tally,
}

/// How often what is to be survived has happened.
#[derive(Default)]
pub struct Tally {
    /// A request was not sent, since its lease was over.
    pub unsent: AtomicUsize,
    /// A request was on its way when its agent died or stopped.
    pub stranded: AtomicUsize,
    /// A lease was taken over from who did not give it back.
    pub taken_over: AtomicUsize,
}

impl Tally {
    pub fn all(&self) -> [usize; 3] {
        [&self.unsent, &self.stranded, &self.taken_over].map(|one| one.load(Ordering::Relaxed))
    }
}

#[derive(Default)]
struct Flights {
    next: usize,
    /// Requests that were sent and have not arrived, each with the fencing number it was sent under.
    up: BTreeMap<usize, (u64, Request)>,
    /// The highest number that anything was sent under.
    newest: u64,
}

impl Weather {
    pub fn new(cloud: FakeCloud, seed: u64) -> Arc<Self> {
        Arc::new(Self {
            cloud,
            dice: Dice::new(seed),
            manual: ManualClock::new(utc_datetime!(2026-07-31 10:15:30)),
            calm: AtomicBool::new(false),
            flights: Mutex::default(),
            tally: Tally::default(),
        })
    }

    /// From now on everything goes well.
    pub fn calm_down(&self) {
        self.cloud.heal();
        self.calm.store(true, Ordering::Relaxed);
    }

    fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Relaxed)
    }

    /// Whether this time something goes wrong that does so in `percent` of all times.
    pub fn strikes(&self, percent: usize) -> bool {
        !self.is_calm() && self.dice.chance(percent)
    }

    /// Lets so much time pass that no request is on its way any more: each arrived or never will.
    pub fn pass(&self, time: Duration) {
        let up = std::mem::take(&mut self.flights().up);
        for (_, request) in up.into_values() {
            self.arrive(&request);
        }
        // What Azure had taken goes on by itself.
        self.cloud.elapse(self.is_calm() || self.dice.chance(50));
        self.manual.advance(time.try_into().expect("some minutes"));
    }

    /// What nobody waits for any more may have arrived all the same.
    fn arrive(&self, request: &Request) {
        self.tally.stranded.fetch_add(1, Ordering::Relaxed);
        if self.dice.chance(50) {
            // Refused or not: nobody hears of it.
            let _ = self.cloud.write(request);
        }
    }

    /// Gives others their turn.
    pub async fn turns(&self) {
        for _ in 0..=self.dice.below(3) {
            tokio::task::yield_now().await;
        }
    }

    fn flights(&self) -> MutexGuard<'_, Flights> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a request leaves. Nobody writes beside another, nor after a later one.
    fn take_off(self: &Arc<Self>, fence: u64, request: &Request) -> Flight {
        let mut flights = self.flights();
        let alone = flights.up.values().all(|(other, _)| *other == fence);
        let (newest, number) = (flights.newest, flights.next);
        flights.next += 1;
        flights.newest = newest.max(fence);
        flights.up.insert(number, (fence, request.clone()));
        drop(flights);
        assert!(alone, "two agents write at once: {}", request.path);
        assert!(
            fence >= newest,
            "{} under {fence} after {newest}",
            request.path
        );
        Flight {
            weather: Arc::clone(self),
            number,
        }
    }

    fn fault(&self) -> Option<What> {
        if self.is_calm() {
            return None;
        }
        Some(match self.dice.below(60) {
            0..=2 => What::Refuse(Verdict::Fatal, "No"),
            3..=5 => What::Refuse(Verdict::Busy, "TooManyRequests"),
            6..=8 => What::LoseBefore,
            9..=11 => What::LoseAfter,
            12..=14 => What::LoseCreating,
            15..=19 => What::Accept,
            20..=21 => What::AcceptThenFail,
            _ => return None,
        })
    }
}

impl Clock for Weather {
    fn now(&self) -> UtcDateTime {
        self.manual.now()
    }

    fn since_boot(&self) -> Duration {
        self.manual.since_boot()
    }

    fn sleep(&self, span: Duration) -> BoxFuture<'static, ()> {
        self.pass(span);
        Box::pin(std::future::ready(()))
    }
}

/// A request on its way.
struct Flight {
    weather: Arc<Weather>,
    number: usize,
}

impl Flight {
    /// Ends it; whether it was still on its way.
    fn land(&self) -> bool {
        let mut flights = self.weather.flights();
        flights.up.remove(&self.number).is_some()
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        // Whoever sent it is dead.
        let up = self.weather.flights().up.remove(&self.number);
        if let Some((_, request)) = up {
            self.weather.arrive(&request);
        }
    }
}

/// The cloud as one agent has it: it asks its lease at the socket.
pub struct Line {
    pub weather: Arc<Weather>,
    pub held: Arc<dyn Held>,
}

fn unheard() -> Failure {
    failure(Verdict::Unknown, "Unreachable")
}

#[async_trait]
impl Reader for Line {
    async fn get(&self, request: &Request) -> Result<Option<Json>, Failure> {
        self.weather.turns().await;
        match self.weather.strikes(3) {
            true => Err(unheard()),
            false => self.weather.cloud.get(request).await,
        }
    }

    async fn list(
        &self,
        request: &Request,
        page: &mut (dyn FnMut(Vec<Json>) + Send),
    ) -> Result<(), Failure> {
        self.weather.turns().await;
        match self.weather.strikes(3) {
            true => Err(unheard()),
            false => self.weather.cloud.list(request, page).await,
        }
    }
}

#[async_trait]
impl Writer for Line {
    async fn begin(&self, request: &Request) -> Result<Begun, Failure> {
        self.weather.turns().await;
        if self.held.check(TIMEOUT).is_err() {
            self.weather.tally.unsent.fetch_add(1, Ordering::Relaxed);
            return Err(failure(Verdict::Unknown, "LeaseLost"));
        }
        let flight = self.weather.take_off(self.held.fence(), request);
        self.weather.turns().await;
        if !flight.land() {
            return Err(unheard());
        }
        if let Some(fault) = self.weather.fault() {
            self.weather
                .cloud
                .fail(request.method, &request.path, fault);
        }
        let answer = self.weather.cloud.begin(request).await;
        self.weather.turns().await;
        answer
    }

    async fn finish(&self, pending: &Pending) -> Result<Option<Json>, Failure> {
        self.weather.turns().await;
        // It is stuck for now, and will have moved on when it is asked after again.
        match self.weather.strikes(20) {
            true => Err(failure(Verdict::Busy, "StillRunning")),
            false => self.weather.cloud.finish(pending).await,
        }
    }
}

/// An agent's life: it ends after some writes to the store, in the middle of one.
#[derive(Clone)]
pub struct Life(Arc<AtomicUsize>);

impl Life {
    /// A life of so many writes.
    pub fn of(writes: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(writes)))
    }

    pub fn long() -> Self {
        Self::of(usize::MAX)
    }

    pub fn end(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    pub fn is_over(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }

    /// Whether this is its last write.
    fn ends_here(&self) -> bool {
        let before = self.0.load(Ordering::Relaxed);
        self.0.store(before.saturating_sub(1), Ordering::Relaxed);
        before == 1
    }
}

/// The store as one agent has it: the dead neither read nor write.
pub struct Mortal {
    pub memory: Memory,
    pub life: Life,
    pub dice: Dice,
}

impl Mortal {
    async fn alive(&self) {
        tokio::task::yield_now().await;
        if self.life.is_over() {
            pending::<()>().await;
        }
    }
}

#[async_trait]
impl Objects for Mortal {
    fn place(&self) -> String {
        self.memory.place()
    }

    async fn read(&self, name: &ObjectName) -> Result<Option<Stored>, StoreError> {
        self.alive().await;
        self.memory.read(name).await
    }

    async fn list(&self, folder: &str) -> Result<Vec<ObjectName>, StoreError> {
        self.alive().await;
        self.memory.list(folder).await
    }

    async fn put(
        &self,
        name: &ObjectName,
        bytes: &[u8],
        expected: &Expected,
        lease: Option<LeaseId>,
    ) -> Result<Tag, StoreError> {
        self.alive().await;
        if self.life.ends_here() {
            if self.dice.chance(50) {
                self.memory.put(name, bytes, expected, lease).await.ok();
            }
            pending::<()>().await;
        }
        self.memory.put(name, bytes, expected, lease).await
    }

    async fn append(
        &self,
        name: &ObjectName,
        position: u64,
        bytes: &[u8],
        lease: Option<LeaseId>,
    ) -> Result<(), StoreError> {
        self.alive().await;
        if self.life.ends_here() {
            let torn = &bytes[..self.dice.below(bytes.len() + 1)];
            self.memory.append(name, position, torn, lease).await.ok();
            pending::<()>().await;
        }
        self.memory.append(name, position, bytes, lease).await
    }
}

#[async_trait]
impl Leasing for Mortal {
    async fn acquire_lease(
        &self,
        name: &ObjectName,
        lease: LeaseId,
        term: Option<Duration>,
    ) -> Result<(), StoreError> {
        self.alive().await;
        self.memory.acquire_lease(name, lease, term).await
    }

    async fn renew_lease(&self, name: &ObjectName, lease: LeaseId) -> Result<(), StoreError> {
        self.alive().await;
        self.memory.renew_lease(name, lease).await
    }

    async fn release_lease(&self, name: &ObjectName, lease: LeaseId) -> Result<(), StoreError> {
        self.alive().await;
        self.memory.release_lease(name, lease).await
    }

    async fn break_lease(
        &self,
        name: &ObjectName,
        at_once: bool,
    ) -> Result<Option<Duration>, StoreError> {
        self.alive().await;
        self.memory.break_lease(name, at_once).await
    }

    async fn is_leased(&self, name: &ObjectName) -> Result<bool, StoreError> {
        self.alive().await;
        self.memory.is_leased(name).await
    }
}
