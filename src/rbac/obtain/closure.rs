//! The closure over the steps, and the path to each power.

use std::collections::{BTreeMap, VecDeque};

use super::facts::Ground;
use super::power::Power;
use super::step::{Gain, STEPS, Somebody, Take};
use crate::rbac::catalogue::Catalogue;
use crate::rbac::compare::Declared;
use crate::rbac::scope::Scope;
use crate::rbac::truth::Truth;

/// Everything that a principal could obtain.
#[derive(Debug, Clone)]
pub struct Obtainable {
    start: Power,
    /// Each power with the last link of its path.
    reached: BTreeMap<Power, Link>,
}

/// A power with the path that leads to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obtained {
    /// What it is.
    pub power: Power,
    /// Whether each link of the path is certain.
    pub certain: bool,
    /// The steps, from the principal's own rights on.
    pub path: Vec<Link>,
}

/// One link of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// What it begins with.
    pub from: Power,
    /// The name of the step.
    pub step: &'static str,
    /// Why it can be taken.
    pub detail: String,
    /// What it leads to.
    pub to: Power,
    /// Whether it and all links before it are certain.
    pub certain: bool,
}

/// Everything that a principal could obtain, by its object id.
pub fn obtain(ground: &Ground<'_>, principal: &str) -> Obtainable {
    let start = Power::act_as(principal);
    let mut reached: BTreeMap<Power, Link> = BTreeMap::new();
    // What is certain is gone through first, so that a power with a certain path has that one.
    let mut certain = VecDeque::from([start.clone()]);
    let mut perhaps: VecDeque<Link> = VecDeque::new();
    loop {
        let (power, is_certain) = if let Some(power) = certain.pop_front() {
            (power, true)
        } else if let Some(link) = perhaps.pop_front() {
            if link.to == start || reached.contains_key(&link.to) {
                continue;
            }
            let power = link.to.clone();
            reached.insert(power.clone(), link);
            (power, false)
        } else {
            return Obtainable { start, reached };
        };
        for link in links(ground, &power, is_certain) {
            if link.to == start || reached.contains_key(&link.to) {
                continue;
            }
            if link.certain {
                certain.push_back(link.to.clone());
                reached.insert(link.to.clone(), link);
            } else {
                perhaps.push_back(link);
            }
        }
    }
}

/// Where a power leads in one step.
fn links(ground: &Ground<'_>, power: &Power, is_certain: bool) -> Vec<Link> {
    let somebody = match power {
        Power::ActAs(id) => Some(Somebody::new(ground, id)),
        _ => None,
    };
    let mut links = Vec::new();
    for step in STEPS {
        let gains = match (step.take, &somebody) {
            (Take::Somebody(take), Some(somebody)) => take(ground, somebody),
            (Take::Somebody(_), None) => Vec::new(),
            (Take::Power(take), _) => take(ground, power),
        };
        links.extend(gains.into_iter().map(|gain: Gain| Link {
            from: power.clone(),
            step: step.name,
            detail: gain.detail,
            to: gain.power,
            certain: is_certain && gain.truth == Truth::True,
        }));
    }
    links
}

impl Obtainable {
    /// All of it.
    pub fn iter(&self) -> impl Iterator<Item = Obtained> {
        self.reached.keys().map(|power| self.obtained(power))
    }

    /// The path to a power, if there is one.
    pub fn get(&self, power: &Power) -> Option<Obtained> {
        self.reached
            .contains_key(power)
            .then(|| self.obtained(power))
    }

    fn obtained(&self, power: &Power) -> Obtained {
        let mut path = Vec::new();
        let mut at = power;
        // Each link begins with what was reached before it, so that this ends at the start.
        while let Some(link) = self.reached.get(at) {
            path.push(link.clone());
            at = &link.from;
        }
        debug_assert_eq!(*at, self.start);
        path.reverse();
        Obtained {
            power: power.clone(),
            certain: path.iter().all(|link| link.certain),
            path,
        }
    }

    /// What of it gives more at a scope than is declared there.
    pub fn beyond(&self, ground: &Ground<'_>, scope: &Scope, declared: &Declared) -> Vec<Obtained> {
        let gives_more = |power: &&Power| match power {
            Power::ActAs(id) => {
                let effective = ground.access.holdings(id).at(scope);
                !effective.beyond(declared, &Catalogue::default()).is_empty()
            }
            power => power.permission().is_some_and(|(at, permission)| {
                let hierarchy = &ground.access.tenant().hierarchy;
                let bears = hierarchy.holds(at, scope) != Truth::False || at.continues(scope);
                bears && declared.lacks(&permission)
            }),
        };
        let powers = self.reached.keys().filter(gives_more);
        powers.map(|power| self.obtained(power)).collect()
    }
}
