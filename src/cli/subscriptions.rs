//! The subscriptions of a run: which of them answer, and which take changes.

use std::collections::BTreeMap;

use onestream::kinds::KINDS;
use onestream::provision::guard::{Objection, Rule};
use onestream::provision::observe::Observed;
use onestream::provision::plan::{Operation, Plan};
use onestream::provision::ports;
use onestream::rbac::read::Unknown;
use onestream::remote::azure::{Azure, Subscription};

use super::connect;
use super::failure::Failure;
use super::output::Output;

/// What Azure says of the subscriptions that something is declared in, by their ids.
#[derive(Debug, Default)]
pub struct Subscriptions {
    /// Why one did not say which it is.
    silent: BTreeMap<String, ports::Failure>,
    /// What stands against changes in one.
    closed: BTreeMap<String, Objection>,
}

impl Subscriptions {
    /// Asks each of them, side by side, and says which of them there is something to say of.
    ///
    /// # Errors
    /// Where none answers; where one is another than is meant.
    pub async fn probe(
        azure: &Azure,
        asked: &[String],
        tenant: &str,
        output: &Output,
    ) -> Result<Self, Failure> {
        let probes = asked
            .iter()
            .map(|id| async move { (id, azure.probe(id).await) });
        let mut found = Self::default();
        let mut answered = false;
        for (id, answer) in futures::future::join_all(probes).await {
            match answer {
                Ok(subscription) => {
                    answered = true;
                    connect::check(&subscription, id, tenant)?;
                    found.heard(id, &subscription, output);
                }
                Err(failure) => {
                    found.silent.insert(id.clone(), failure);
                }
            }
        }
        match found.silent.values().next() {
            Some(first) if !answered => return Err(first.clone().into()),
            _ => {}
        }
        for (id, failure) in &found.silent {
            output.remark(format!(
                "warning: subscription {id} cannot be read, so nobody knows what stands there: \
                 {failure}"
            ));
        }
        Ok(found)
    }

    fn heard(&mut self, id: &str, subscription: &Subscription, output: &Output) {
        if let Some(objection) = connect::objection(subscription) {
            self.closed.insert(id.to_owned(), objection);
        }
        if matches!(subscription.state.as_str(), "Warned" | "PastDue") {
            output.remark(format!(
                "warning: subscription {id} is {}: Azure may disable it soon",
                subscription.state
            ));
        }
    }

    /// Takes what was not seen in a subscription that did not answer for unknown: an empty list
    /// may just mean that nothing of it may be seen.
    pub fn hide(&self, observed: &mut Observed) {
        for (id, failure) in &self.silent {
            observed.hide(KINDS, &format!("/subscriptions/{id}"), failure);
        }
    }

    /// Those that did not answer, as what nobody knows the access in.
    pub fn unknown(&self) -> impl Iterator<Item = Unknown> {
        self.silent
            .iter()
            .map(|(id, failure)| Unknown::subscription(id, failure.clone()))
    }

    /// What stands against a plan: operations where nothing may be changed, or where nobody said
    /// that it is the subscription that is meant.
    pub fn objections(&self, plan: &Plan) -> Vec<Objection> {
        let touched = |id: &&String| plan.operations.iter().any(|it| lies_in(it, id));
        let closed = self.closed.iter().filter(|(id, _)| touched(id));
        let silent = self.silent.iter().filter(|(id, _)| touched(id));
        let silent = silent.map(|(id, failure)| Objection {
            rule: Rule::Subscription,
            address: None,
            problem: format!("the subscription {id} cannot be read: {failure}"),
            instead: "plan again once it answers, or leave out what stands in it".to_owned(),
        });
        closed
            .map(|(_, objection)| objection.clone())
            .chain(silent)
            .collect()
    }
}

/// Whether an operation is about something in a subscription.
fn lies_in(operation: &Operation, subscription: &str) -> bool {
    let id = operation.id.known_start().to_lowercase();
    let within = format!("/subscriptions/{subscription}").to_lowercase();
    let rest = id.strip_prefix(&within);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
