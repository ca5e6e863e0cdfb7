//! Leases that end by themselves: taken for a minute, renewed while they are needed.
//!
//! ## Why
//! Nobody sees a process on another machine die, so a lease must end without it. A holder
//! counts from the moment at which it asked, on a clock that runs while its machine sleeps, so
//! it never believes to hold what the store takes for ended. Whatever it sent right before is
//! waited out by whoever takes over.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::try_join_all;
use tokio::task::AbortHandle;

use super::record::{Record, here};
use crate::control::Clock;
use crate::provision::objects::{Expected, LeaseId, Leasing, ObjectName, Tag};
use crate::provision::ports::{Held, Holder, Lease, Standing, StoreError};
use crate::resource::EnvironmentName;

/// How long a lease lasts: the longest that Blob Storage grants with an end.
pub(in crate::control) const TERM: Duration = Duration::from_secs(60);
/// Between renewals.
const RENEWAL: Duration = Duration::from_secs(10);
/// After a renewal that was not answered.
const AGAIN: Duration = Duration::from_secs(2);
/// How long whoever has just taken a lease is given to put a name on it, and between two looks.
const NAMING: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_millis(200);
const SUFFIX: &str = ".json";

/// Leases by objects.
pub(in crate::control) struct FiniteLeases {
    objects: Arc<dyn Leasing>,
    clock: Arc<dyn Clock>,
}

/// One environment's lease, taken.
struct Taken {
    environment: EnvironmentName,
    name: ObjectName,
    before: Record,
    tag: Tag,
}

impl FiniteLeases {
    pub(in crate::control) fn new(objects: Arc<dyn Leasing>, clock: Arc<dyn Clock>) -> Self {
        Self { objects, clock }
    }

    /// Takes every lease and puts the holder's name on it; what was taken before a failure is
    /// in `taken`.
    async fn take_all(
        &self,
        environments: &BTreeSet<EnvironmentName>,
        lease: LeaseId,
        doing: &str,
        taken: &mut Vec<Taken>,
    ) -> Result<u64, StoreError> {
        for environment in environments {
            taken.push(self.take(environment, lease).await?);
        }
        let last = taken.iter().map(|one| one.before.fence).max();
        let fence = last.unwrap_or(0) + 1;
        let record = Record::new(fence, Some(here(&*self.clock, doing)));
        for one in taken.iter_mut() {
            // Only the holder can write it, so nobody gets a number twice.
            let expected = Expected::Unchanged(one.tag.clone());
            let bytes = record.to_bytes();
            one.tag = self
                .objects
                .put(&one.name, &bytes, &expected, Some(lease))
                .await?;
        }
        Ok(fence)
    }

    async fn take(
        &self,
        environment: &EnvironmentName,
        lease: LeaseId,
    ) -> Result<Taken, StoreError> {
        let name = name(environment)?;
        if self.objects.read(&name).await?.is_none() {
            let never = Record::new(0, None).to_bytes();
            let made = self.objects.put(&name, &never, &Expected::Absent, None);
            match made.await {
                // Somebody else was faster.
                Ok(_) | Err(StoreError::Moved { .. } | StoreError::Leased { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        match self.objects.acquire_lease(&name, lease, Some(TERM)).await {
            Ok(()) => {}
            Err(StoreError::Leased { .. }) => {
                return Err(StoreError::Held {
                    environment: environment.clone(),
                    holder: self.holder_of(&name).await?,
                });
            }
            Err(error) => return Err(error),
        }
        match self.record(&name).await {
            Ok((before, tag)) => Ok(Taken {
                environment: environment.clone(),
                name,
                before,
                tag,
            }),
            Err(error) => {
                self.objects.release_lease(&name, lease).await.ok();
                Err(error)
            }
        }
    }

    /// Who holds a lease, in words. It is taken before a name stands on it.
    async fn holder_of(&self, name: &ObjectName) -> Result<String, StoreError> {
        let until = self.clock.since_boot() + NAMING;
        loop {
            match self.standing_of(name).await? {
                Standing::Held(holder) | Standing::Abandoned(holder) => {
                    return Ok(holder.to_string());
                }
                Standing::Free if self.clock.since_boot() >= until => {
                    return Ok("somebody who has not left a name".to_owned());
                }
                Standing::Free => self.clock.sleep(LOOK).await,
            }
        }
    }

    async fn record(&self, name: &ObjectName) -> Result<(Record, Tag), StoreError> {
        let unreadable = |problem: &str| StoreError::Corrupt {
            place: format!("{}/{name}", self.objects.place()),
            line: None,
            problem: problem.to_owned(),
        };
        let stored = self.objects.read(name).await?;
        let stored = stored.ok_or_else(|| unreadable("it is gone"))?;
        let record = Record::read(&stored.bytes)
            .ok_or_else(|| unreadable("it is no record of a lease, or a newer onestream's"))?;
        Ok((record, stored.tag))
    }

    async fn standing_of(&self, name: &ObjectName) -> Result<Standing, StoreError> {
        // In this order: one that is given back in between shows as free.
        let leased = self.objects.is_leased(name).await?;
        let (record, _) = self.record(name).await?;
        Ok(match (leased, record.holder) {
            (true, Some(holder)) => Standing::Held(holder),
            (false, Some(holder)) => Standing::Abandoned(holder),
            (_, None) => Standing::Free,
        })
    }
}

fn name(environment: &EnvironmentName) -> Result<ObjectName, StoreError> {
    ObjectName::new(format!("lease/{environment}{SUFFIX}"))
}

#[async_trait]
impl Lease for FiniteLeases {
    async fn acquire(
        &self,
        environments: &[EnvironmentName],
        doing: &str,
    ) -> Result<Arc<dyn Held>, StoreError> {
        let environments: BTreeSet<_> = environments.iter().cloned().collect();
        let lease = LeaseId::random();
        let asked = self.clock.since_boot();
        let mut taken = Vec::new();
        let fence = match self.take_all(&environments, lease, doing, &mut taken).await {
            Ok(fence) => fence,
            Err(error) => {
                for one in taken {
                    give_back(&*self.objects, &one, &one.before, lease)
                        .await
                        .ok();
                }
                return Err(error);
            }
        };
        let before = taken.iter().find_map(|one| one.before.holder.clone());
        let lent = Arc::new(Lent {
            objects: Arc::clone(&self.objects),
            clock: Arc::clone(&self.clock),
            lease,
            fence,
            taken,
            state: Mutex::new(State {
                until: asked + TERM,
                lost: None,
                settled: before.is_none(),
                given_back: false,
            }),
        });
        let renewing = tokio::spawn(renew(Arc::clone(&lent))).abort_handle();
        Ok(Arc::new(Borrowed {
            lent,
            renewing,
            before,
        }))
    }

    async fn standing(&self) -> Result<Vec<(EnvironmentName, Standing)>, StoreError> {
        let mut all = Vec::new();
        for name in self.objects.list("lease").await? {
            let stem = name.last().strip_suffix(SUFFIX);
            let Some(environment) = stem.and_then(|stem| stem.parse().ok()) else {
                continue;
            };
            all.push((environment, self.standing_of(&name).await?));
        }
        all.sort_by(|(one, _), (other, _): &(EnvironmentName, _)| one.cmp(other));
        Ok(all)
    }

    async fn break_off(&self, environment: &EnvironmentName) -> Result<Standing, StoreError> {
        let name = name(environment)?;
        if self.objects.read(&name).await?.is_none() {
            return Ok(Standing::Free);
        }
        let was = self.standing_of(&name).await?;
        // Its holder hears of it at its next renewal and sends nothing more; until then the
        // lease stands, so that nobody else writes beside it.
        self.objects.break_lease(&name, false).await?;
        Ok(was)
    }
}

/// What is held, shared with the task that renews it.
struct Lent {
    objects: Arc<dyn Leasing>,
    clock: Arc<dyn Clock>,
    lease: LeaseId,
    fence: u64,
    taken: Vec<Taken>,
    state: Mutex<State>,
}

struct State {
    /// On the boot clock.
    until: Duration,
    lost: Option<String>,
    /// Whether nothing of the holder before can arrive any more.
    settled: bool,
    given_back: bool,
}

impl Lent {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lose(&self, reason: &str) {
        self.state().lost.get_or_insert_with(|| reason.to_owned());
    }

    async fn renew_all(&self) -> Result<(), StoreError> {
        let asked = self.clock.since_boot();
        let renewals = self
            .taken
            .iter()
            .map(|one| self.objects.renew_lease(&one.name, self.lease));
        try_join_all(renewals).await?;
        self.state().until = asked + TERM;
        Ok(())
    }

    async fn give_back(&self) -> Result<(), StoreError> {
        if std::mem::replace(&mut self.state().given_back, true) {
            return Ok(());
        }
        self.lose("it was given back");
        let settled = self.state().settled;
        let mut result = Ok(());
        for one in &self.taken {
            // Until then the next one has to wait for the same holder.
            let before = one.before.holder.clone().filter(|_| !settled);
            let record = Record::new(self.fence, before);
            let given = give_back(&*self.objects, one, &record, self.lease).await;
            result = result.and(given);
        }
        result
    }

    fn place(&self) -> String {
        let names = self.taken.iter().map(|one| one.environment.to_string());
        names.collect::<Vec<_>>().join(", ")
    }
}

/// Takes the holder's name off and ends the lease.
async fn give_back(
    objects: &dyn Leasing,
    one: &Taken,
    record: &Record,
    lease: LeaseId,
) -> Result<(), StoreError> {
    let expected = Expected::Unchanged(one.tag.clone());
    let bytes = record.to_bytes();
    let signed_off = objects
        .put(&one.name, &bytes, &expected, Some(lease))
        .await
        .map(drop);
    let released = objects.release_lease(&one.name, lease).await;
    signed_off.and(released)
}

/// Renews until the lease is lost or given back.
async fn renew(lent: Arc<Lent>) {
    let mut wait = RENEWAL;
    loop {
        tokio::time::sleep(wait).await;
        match lent.renew_all().await {
            Ok(()) => wait = RENEWAL,
            Err(error @ (StoreError::LeaseLost { .. } | StoreError::Leased { .. })) => {
                let given_back = lent.state().given_back;
                if !given_back {
                    tracing::warn!(%error, "nothing more is sent");
                }
                return lent.lose(&error.to_string());
            }
            // It may be answered before the term is over; `check` looks at that.
            Err(error) => {
                tracing::warn!(%error, "the lease could not be renewed, trying again");
                wait = AGAIN;
            }
        }
    }
}

/// A lease that is renewed until dropped.
struct Borrowed {
    lent: Arc<Lent>,
    renewing: AbortHandle,
    before: Option<Holder>,
}

#[async_trait]
impl Held for Borrowed {
    fn fence(&self) -> u64 {
        self.lent.fence
    }

    fn check(&self, timeout: Duration) -> Result<(), StoreError> {
        let now = self.lent.clock.since_boot();
        let state = self.lent.state();
        let reason = match &state.lost {
            Some(reason) => reason.clone(),
            None if now + timeout < state.until => return Ok(()),
            None => {
                let left = state.until.saturating_sub(now).as_secs();
                format!(
                    "{left} s of it are left, and a request may take {} s",
                    timeout.as_secs()
                )
            }
        };
        drop(state);
        Err(StoreError::LeaseLost {
            place: self.lent.place(),
            reason,
        })
    }

    fn taken_over(&self) -> Option<&Holder> {
        self.before.as_ref()
    }

    fn settled(&self) {
        self.lent.state().settled = true;
    }

    async fn release(&self) -> Result<(), StoreError> {
        self.renewing.abort();
        self.lent.give_back().await
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        self.renewing.abort();
        let lent = Arc::clone(&self.lent);
        let given_back = lent.state().given_back;
        // Without a runtime it ends by itself.
        if !given_back && let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { lent.give_back().await });
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::utc_datetime;

    use super::*;
    use crate::control::memory::Memory;
    use crate::control::{ManualClock, Store};
    use crate::provision::objects::Objects as _;

    const TIMEOUT: Duration = Duration::from_secs(40);

    struct Rig {
        clock: Arc<ManualClock>,
        memory: Memory,
    }

    impl Rig {
        fn new() -> Self {
            let clock = Arc::new(ManualClock::new(utc_datetime!(2026-07-31 10:15:30)));
            let memory = Memory::with_clock(clock.clone());
            Self { clock, memory }
        }

        fn leases(&self) -> Store {
            Store::remote(Arc::new(self.memory.clone()), self.clock.clone(), TIMEOUT)
        }

        fn pass(&self, seconds: u64) {
            let seconds = i64::try_from(seconds).expect("few");
            self.clock.advance(time::Duration::seconds(seconds));
        }
    }

    fn prod() -> Vec<EnvironmentName> {
        vec!["prod".parse().expect("a name")]
    }

    #[tokio::test]
    async fn nothing_is_sent_that_may_outlast_the_lease() {
        let rig = Rig::new();
        let held = rig.leases().acquire(&prod(), "apply").await.expect("free");
        held.check(TIMEOUT).expect("a minute is left");
        rig.pass(19);
        held.check(TIMEOUT).expect("41 s are left");
        rig.pass(1);
        let error = held.check(TIMEOUT).expect_err("40 s are left");
        assert_eq!(
            error.to_string(),
            "the lease of prod is lost: 40 s of it are left, and a request may take 40 s"
        );
        held.check(Duration::from_secs(39))
            .expect("enough for that");
        rig.pass(40);
        held.check(Duration::ZERO).expect_err("it is over");
    }

    #[tokio::test]
    async fn a_renewal_counts_from_when_it_was_asked_for() {
        let rig = Rig::new();
        let leases = FiniteLeases::new(Arc::new(rig.memory.clone()), rig.clock.clone());
        let name = name(&prod()[0]).expect("a name");
        let lease = LeaseId::random();
        let taken = leases.take(&prod()[0], lease).await.expect("free");
        let lent = Lent {
            objects: Arc::new(rig.memory.clone()),
            clock: rig.clock.clone(),
            lease,
            fence: 1,
            taken: vec![taken],
            state: Mutex::new(State {
                until: TERM,
                lost: None,
                settled: true,
                given_back: false,
            }),
        };
        rig.pass(50);
        lent.renew_all().await.expect("renews");
        assert_eq!(lent.state().until, Duration::from_secs(110));
        rig.pass(59);
        assert!(rig.memory.is_leased(&name).await.expect("looks"));
        rig.pass(1);
        assert!(!rig.memory.is_leased(&name).await.expect("looks"));
    }

    #[tokio::test]
    async fn an_ended_lease_is_taken_over_after_what_it_may_have_sent() {
        let rig = Rig::new();
        let first = rig.leases().acquire(&prod(), "apply").await.expect("free");
        rig.pass(59);
        let refused = rig.leases().acquire(&prod(), "apply").await.err();
        assert!(matches!(refused, Some(StoreError::Held { .. })));
        rig.pass(1);
        let second = rig.leases().acquire(&prod(), "destroy").await;
        let second = second.expect("it has ended");
        // The clock moves only when somebody sleeps on it.
        assert_eq!(rig.clock.since_boot(), TERM + TIMEOUT);
        assert_eq!(second.taken_over().expect("not given back").doing, "apply");
        assert_eq!((first.fence(), second.fence()), (1, 2));
        first.check(Duration::ZERO).expect_err("it is over");
        // Whoever comes back late takes nothing away from the new holder.
        assert!(first.release().await.is_err());
        let standing = rig.leases().standing().await.expect("looks");
        let [(_, Standing::Held(holder))] = standing.as_slice() else {
            panic!("{standing:?}")
        };
        assert_eq!(holder.doing, "destroy");
    }

    #[tokio::test]
    async fn what_was_given_back_is_free_at_once() {
        let rig = Rig::new();
        let first = rig.leases().acquire(&prod(), "apply").await.expect("free");
        first.release().await.expect("gives back");
        first.check(Duration::ZERO).expect_err("given back");
        let second = rig.leases().acquire(&prod(), "apply").await.expect("free");
        assert!(second.taken_over().is_none());
        assert_eq!(rig.clock.since_boot(), Duration::ZERO);
    }

    #[tokio::test]
    async fn a_broken_lease_is_free_once_its_holder_must_have_noticed() {
        let rig = Rig::new();
        let _first = rig.leases().acquire(&prod(), "apply").await.expect("free");
        rig.pass(10);
        let was = rig.leases().break_off(&prod()[0]).await.expect("breaks");
        assert!(matches!(was, Standing::Held(_)));
        rig.pass(49);
        assert!(rig.leases().acquire(&prod(), "apply").await.is_err());
        rig.pass(1);
        let second = rig.leases().acquire(&prod(), "apply").await.expect("free");
        assert!(second.taken_over().is_some());
    }

    #[tokio::test]
    async fn who_has_just_taken_a_lease_is_given_a_moment_to_leave_a_name() {
        let rig = Rig::new();
        let name = name(&prod()[0]).expect("a name");
        let never = Record::new(0, None).to_bytes();
        let made = rig.memory.put(&name, &never, &Expected::Absent, None);
        made.await.expect("written");
        let lease = LeaseId::random();
        let taken = rig.memory.acquire_lease(&name, lease, Some(TERM)).await;
        taken.expect("free");
        let refused = rig.leases().acquire(&prod(), "apply").await.err();
        let said = refused.expect("it is held").to_string();
        assert!(said.ends_with("somebody who has not left a name"), "{said}");
        assert_eq!(rig.clock.since_boot(), NAMING);
    }

    #[tokio::test]
    async fn who_gives_up_on_a_takeover_leaves_it_to_the_next() {
        let rig = Rig::new();
        let _first = rig.leases().acquire(&prod(), "apply").await.expect("free");
        rig.pass(60);
        let leases = FiniteLeases::new(Arc::new(rig.memory.clone()), rig.clock.clone());
        let second = leases.acquire(&prod(), "destroy").await.expect("ended");
        assert!(second.taken_over().is_some());
        second.release().await.expect("gives back");
        let third = rig.leases().acquire(&prod(), "apply").await.expect("free");
        assert_eq!(
            third.taken_over().expect("still not waited for").doing,
            "apply"
        );
        assert_eq!(third.fence(), 3);
        third.release().await.expect("gives back");
        let fourth = rig.leases().acquire(&prod(), "apply").await.expect("free");
        assert!(fourth.taken_over().is_none());
    }

    #[tokio::test]
    async fn who_is_stopped_while_it_waits_has_given_everything_back() {
        let rig = Rig::new();
        let _dead = rig.leases().acquire(&prod(), "apply").await.expect("free");
        rig.pass(60);
        let both = [vec!["dev".parse().expect("a name")], prod()].concat();
        let store = rig.leases();
        let stopped = store.acquire_unless(&both, "destroy", std::future::ready("stop"));
        assert_eq!(stopped.await.expect("it was free").err(), Some("stop"));
        let waited = rig.clock.since_boot();
        for environment in &both {
            let name = name(environment).expect("a name");
            assert!(!rig.memory.is_leased(&name).await.expect("looks"), "{name}");
        }
        let standing = store.standing().await.expect("looks");
        let [(_, Standing::Free), (_, Standing::Abandoned(holder))] = standing.as_slice() else {
            panic!("{standing:?}")
        };
        assert_eq!(holder.doing, "apply");
        // The next one need not wait for it, but for what the dead one may have sent.
        let next = store.acquire(&both, "apply").await.expect("free at once");
        assert_eq!(rig.clock.since_boot(), waited + TIMEOUT);
        assert!(next.taken_over().is_some());
    }
}
