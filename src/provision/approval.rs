//! Approvals: people's signatures under exactly one plan, and whether there are enough of them.
//!
//! ## Why
//! The author stands in the plan and so in what is signed, and nobody's approval counts who made the
//! plan or who carries it out. What that shows: a person who signs in to apply as themselves cannot
//! also approve. What it does not show: whoever makes a plan also writes its file, its author
//! included, and a pipeline applies for whoever starts it. So an approver who may start the pipeline
//! can make a plan, name another author and approve it alone. Where that matters it takes
//! `approvals = 2`: the second key is another person's.
//!
//! An approval is for one time. Equal plans have equal digests, so what was approved, carried out and
//! taken back could be done again by whoever edits TOML, for as long as the approval holds. A run that
//! did not come to its end has not used it up.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::UtcDateTime;
use time::format_description::well_known::Rfc3339;

use super::audit::{Identity, Record, What};
use super::signed::{Bytes, SigningKey};
use crate::resource::EnvironmentName;

/// The longest that an approval holds.
pub const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What an approver signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// The digest of the plan.
    pub plan: String,
    /// The environments that it may change.
    pub environments: Vec<EnvironmentName>,
    /// The approver's name in `rbac/principals.toml`.
    pub approver: String,
    /// The approver's object id, lower-cased.
    pub object_id: String,
    /// When it was signed, RFC 3339, UTC.
    pub at: String,
    /// Until when it holds, RFC 3339, UTC.
    pub expires: String,
    /// The key that signs.
    pub key: SigningKey,
}

/// An approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// What was signed.
    pub statement: Statement,
    /// The signature of [`Statement::text`].
    pub signature: Bytes,
}

impl Statement {
    /// The text that is signed. No part of it holds a line break: names, digests, times and ids
    /// do not.
    pub fn text(&self) -> String {
        let Self {
            plan,
            environments,
            approver,
            object_id,
            at,
            expires,
            key,
        } = self;
        let names: Vec<&str> = environments.iter().map(EnvironmentName::as_str).collect();
        format!(
            "onestream approval 1\nplan {plan}\nenvironments {}\napprover {approver} {object_id}\n\
             at {at}\nexpires {expires}\nkey {key}\n",
            names.join(",")
        )
    }
}

/// A vote on a plan: what counts as an approval of it.
#[derive(Debug, Clone, Copy)]
pub struct Vote<'a> {
    /// The digest of the plan.
    pub plan: &'a str,
    /// Who made the plan, where it says so.
    pub author: Option<&'a Identity>,
    /// Who is about to carry it out, where that is known.
    pub applier: Option<&'a Identity>,
    /// Who may approve, by name: their object ids, lower-cased.
    pub approvers: &'a BTreeMap<String, String>,
    /// When it was carried out to its end before.
    pub uses: &'a [Use],
    /// The time now.
    pub now: UtcDateTime,
}

/// A run that carried a plan out to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// When it ended, RFC 3339, UTC.
    pub at: String,
    /// The run.
    pub run: String,
    /// The approvals of the plan that were on record before: who, and until when. Clocks differ,
    /// the order of the audit log does not.
    pub approvals: BTreeSet<(String, String)>,
}

/// The runs that carried a plan out to its end, by the records of the audit log in their order.
pub fn uses<'a>(records: impl IntoIterator<Item = &'a Record>, plan: &str) -> Vec<Use> {
    let mut approvals = BTreeSet::new();
    let mut uses = Vec::new();
    let about = |record: &&Record| record.plan.as_deref() == Some(plan);
    for record in records.into_iter().filter(about) {
        match &record.event {
            What::Approved { approver, expires } => {
                approvals.insert((approver.clone(), expires.clone()));
            }
            What::Ended {
                done,
                failed,
                skipped,
                ..
            } if *done > 0 && failed.is_empty() && *skipped == 0 => uses.push(Use {
                at: record.at.clone(),
                run: record.run.clone(),
                approvals: approvals.clone(),
            }),
            _ => {}
        }
    }
    uses
}

impl Use {
    /// Whether it has used up what a statement approves: that was said before.
    fn spends(&self, said: &Statement) -> bool {
        let known = (said.approver.clone(), said.expires.clone());
        let moment = |text: &str| UtcDateTime::parse(text, &Rfc3339).ok();
        self.approvals.contains(&known) || moment(&self.at) >= moment(&said.at)
    }
}

/// An approval that was found, and whether the approver's own recorded key signed it.
#[derive(Debug, Clone)]
pub struct Found {
    /// Where it is, for people.
    pub place: String,
    /// What it says; why it counts for nothing where it cannot be read or is forged.
    pub approval: Result<Approval, String>,
}

/// How a vote on one environment went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Who approved, sorted; each person once.
    pub approvers: Vec<String>,
    /// What does not count, and why.
    pub void: Vec<String>,
}

impl Vote<'_> {
    /// Who approved the plan for an environment.
    pub fn tally(&self, environment: &EnvironmentName, found: &[Found]) -> Tally {
        let mut people: BTreeMap<&str, &str> = BTreeMap::new();
        let mut void = Vec::new();
        for one in found {
            let judged = one.approval.as_ref().map_err(Clone::clone);
            match judged.and_then(|it| self.counts(&it.statement, environment).map(|()| it)) {
                Ok(approval) => {
                    let statement = &approval.statement;
                    people.insert(&statement.object_id, &statement.approver);
                }
                Err(why) => void.push(format!("{}: {why}", one.place)),
            }
        }
        let mut approvers: Vec<String> = people.values().map(|it| (*it).to_owned()).collect();
        approvers.sort();
        Tally { approvers, void }
    }

    /// Why a genuine statement does not approve this plan for an environment.
    fn counts(&self, said: &Statement, environment: &EnvironmentName) -> Result<(), String> {
        if said.plan != self.plan {
            return Err("it approves another plan".to_owned());
        }
        if !said.environments.contains(environment) {
            return Err(format!("it does not speak of {environment}"));
        }
        let Some(id) = self.approvers.get(&said.approver) else {
            return Err(format!("{} is no approver", said.approver));
        };
        if *id != said.object_id {
            return Err(format!("{} is another person now", said.approver));
        }
        let Ok(expires) = UtcDateTime::parse(&said.expires, &Rfc3339) else {
            return Err("it does not say until when it holds".to_owned());
        };
        if expires <= self.now {
            return Err(format!(
                "{}'s approval expired at {}",
                said.approver, said.expires
            ));
        }
        let begins = UtcDateTime::parse(&said.at, &Rfc3339);
        if !begins.is_ok_and(|at| expires <= at + LONGEST) || expires > self.now + LONGEST {
            return Err(format!(
                "{}'s approval is to hold for longer than {} days",
                said.approver,
                LONGEST.as_secs() / (24 * 60 * 60)
            ));
        }
        if let Some(used) = self.uses.iter().find(|used| used.spends(said)) {
            return Err(format!(
                "{}'s approval is used up: run {} carried the plan out at {}, and doing it again \
                 has to be approved again",
                said.approver, used.run, used.at
            ));
        }
        let is = |who: Option<&Identity>| who.is_some_and(|who| who.object_id == said.object_id);
        if self.author.is_none() {
            return Err("the plan does not say who made it".to_owned());
        }
        if is(self.author) {
            return Err(format!("{} made the plan", said.approver));
        }
        if is(self.applier) {
            return Err(format!("{} carries the plan out", said.approver));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use time::macros::utc_datetime;

    use super::*;
    use crate::provision::audit::Actor;

    fn identity(id: &str) -> Identity {
        Identity {
            object_id: id.to_owned(),
            name: None,
        }
    }

    fn approval(change: impl FnOnce(&mut Statement)) -> Found {
        let mut statement = Statement {
            plan: "d".to_owned(),
            environments: vec!["prod".parse().expect("a name")],
            approver: "ada".to_owned(),
            object_id: "1".to_owned(),
            at: "2026-07-31T10:00:00.000Z".to_owned(),
            expires: "2026-07-31T18:00:00.000Z".to_owned(),
            key: SigningKey {
                vault: "kv".to_owned(),
                name: "approver-ada".to_owned(),
                version: "0a".to_owned(),
            },
        };
        change(&mut statement);
        Found {
            place: "ada.json".to_owned(),
            approval: Ok(Approval {
                statement,
                signature: Bytes::default(),
            }),
        }
    }

    #[test]
    fn only_what_approves_exactly_this_counts() {
        let approvers = BTreeMap::from([("ada", "1"), ("grace", "2")]);
        let approvers = approvers
            .into_iter()
            .map(|(name, id)| (name.to_owned(), id.to_owned()))
            .collect();
        let (author, applier) = (identity("9"), identity("8"));
        let vote = Vote {
            plan: "d",
            author: Some(&author),
            applier: Some(&applier),
            approvers: &approvers,
            uses: &[],
            now: utc_datetime!(2026-07-31 12:00),
        };
        let prod: EnvironmentName = "prod".parse().expect("a name");
        let grace = approval(|it| {
            it.approver = "grace".to_owned();
            it.object_id = "2".to_owned();
        });
        let two = [approval(|_| {}), grace.clone(), approval(|_| {})];
        assert_eq!(vote.tally(&prod, &two).approvers, ["ada", "grace"]);
        let cases: [(Found, &str); 10] = [
            (approval(|it| it.plan = "e".to_owned()), "another plan"),
            (
                approval(|it| it.environments.clear()),
                "does not speak of prod",
            ),
            (
                approval(|it| it.approver = "eve".to_owned()),
                "eve is no approver",
            ),
            (
                approval(|it| it.object_id = "2".to_owned()),
                "another person",
            ),
            (
                approval(|it| it.expires = "2026-07-31T12:00:00.000Z".to_owned()),
                "expired",
            ),
            (approval(|it| it.expires = "never".to_owned()), "until when"),
            (
                approval(|it| it.expires = "2026-08-07T10:00:01.000Z".to_owned()),
                "longer than 7 days",
            ),
            (
                approval(|it| {
                    it.at = "2026-08-07T10:00:00.000Z".to_owned();
                    it.expires = "2026-08-08T10:00:00.000Z".to_owned();
                }),
                "longer than 7 days",
            ),
            (
                approval(|it| it.at = "once".to_owned()),
                "longer than 7 days",
            ),
            (
                Found {
                    place: "ada.json".to_owned(),
                    approval: Err("it is forged".to_owned()),
                },
                "forged",
            ),
        ];
        for (found, why) in cases {
            let tally = vote.tally(&prod, &[found]);
            assert!(tally.approvers.is_empty(), "{why}");
            assert!(tally.void[0].contains(why), "{why}: {:?}", tally.void);
        }
        let ada = identity("1");
        for (author, applier, why) in [
            (Some(&ada), None, "ada made the plan"),
            (Some(&author), Some(&ada), "ada carries the plan out"),
            (None, None, "does not say who made it"),
        ] {
            let own = Vote {
                author,
                applier,
                ..vote
            };
            let tally = own.tally(&prod, &[approval(|_| {})]);
            assert!(
                tally.approvers.is_empty() && tally.void[0].contains(why),
                "{tally:?}"
            );
        }
    }

    /// A record of the plan `d`.
    fn record(at: &str, event: What) -> Record {
        Record {
            at: at.to_owned(),
            run: "r".to_owned(),
            actor: Actor {
                identity: None,
                machine: "m".to_owned(),
            },
            command: "apply".to_owned(),
            event,
            environments: Vec::new(),
            addresses: Vec::new(),
            plan: Some("d".to_owned()),
            permits: BTreeMap::new(),
            note: None,
        }
    }

    #[test]
    fn an_approval_is_used_up_by_a_run_that_came_to_its_end_after_it() {
        let ended = |done, skipped| What::Ended {
            done,
            failed: Vec::new(),
            skipped,
            complete: skipped == 0,
        };
        let approved = What::Approved {
            approver: "ada".to_owned(),
            expires: "2026-07-31T18:00:00.000Z".to_owned(),
        };
        let before = "2026-07-31T09:00:00.000Z";
        let after = "2026-07-31T11:00:00.000Z";
        let approvers = BTreeMap::from([("ada".to_owned(), "1".to_owned())]);
        let author = identity("9");
        let counts = |records: &[Record], plan: &str| {
            let vote = Vote {
                plan: "d",
                author: Some(&author),
                applier: None,
                approvers: &approvers,
                uses: &uses(records, plan),
                now: utc_datetime!(2026-07-31 12:00),
            };
            let prod: EnvironmentName = "prod".parse().expect("a name");
            let tally = vote.tally(&prod, &[approval(|_| {})]);
            assert!(
                tally
                    .void
                    .iter()
                    .all(|why| why.contains("run r carried the plan out at"))
            );
            tally.void.is_empty()
        };
        assert!(!counts(&[record(after, ended(2, 0))], "d"));
        assert!(counts(&[record(after, ended(2, 0))], "e"));
        assert!(counts(&[record(after, What::Begun)], "d"), "it was killed");
        assert!(counts(&[record(after, ended(1, 1))], "d"), "it was stopped");
        assert!(counts(&[record(before, ended(2, 0))], "d"), "signed since");
        // Whoever signed had a clock that is fast.
        let slow = [record(before, approved), record(before, ended(2, 0))];
        assert!(!counts(&slow, "d"));
    }
}
