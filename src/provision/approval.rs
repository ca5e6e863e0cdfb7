//! Approvals: people's signatures under exactly one plan, and whether there are enough of them.
//!
//! ## Why
//! The author stands in the plan and so in what is signed, and nobody's approval counts who made the
//! plan or who carries it out. What that shows: a person who signs in to apply as themselves cannot
//! also approve. What it does not show: whoever makes a plan also writes its file, its author
//! included, and a pipeline applies for whoever starts it. So an approver who may start the pipeline
//! can make a plan, name another author and approve it alone. Where that matters it takes
//! `approvals = 2`: the second key is another person's.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::UtcDateTime;
use time::format_description::well_known::Rfc3339;

use super::audit::Identity;
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
    /// The time now.
    pub now: UtcDateTime,
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
}
