//! Effective permission held against a declared set of actions: what is beyond it, and what is
//! missing of it.

use std::collections::BTreeSet;

use super::action::{Action, Plane};
use super::catalogue::Catalogue;
use super::condition::Circumstances;
use super::decision::{Doubt, Why};
use super::effective::{Effective, Grant};
use super::pattern::Pattern;
use super::permission::{Fits, Permission};
use super::search::{Search, search};
use super::truth::Truth;

const PLANES: [Plane; 2] = [Plane::Control, Plane::Data];

/// Actions that somebody is meant to be able to do: the union of permissions, without
/// conditions.
#[derive(Debug, Clone, Default)]
pub struct Declared {
    permissions: Vec<Permission>,
}

/// How effective permission differs from what is declared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// What it is beyond that.
    pub excess: Vec<Excess>,
    /// What is missing of it.
    pub gaps: Vec<Gap>,
}

/// Something beyond what is declared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Excess {
    /// Which half of the role gives it.
    pub plane: Plane,
    /// What the role gives, as it says it.
    pub pattern: String,
    /// One action of it that is not declared.
    pub example: Example,
    /// Known actions of it that are not declared.
    pub known: Vec<String>,
    /// Whether it is beyond doubt that it may be done.
    pub certain: bool,
    /// What gives it.
    pub why: Why,
}

/// Something declared that may not be done.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// Which half of a role would give it.
    pub plane: Plane,
    /// What is declared.
    pub pattern: String,
    /// One action of it that is missing.
    pub example: Example,
    /// Whether it may be there after all: nobody can tell.
    pub perhaps: bool,
}

/// An action that shows a difference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Example {
    /// This one; providers need not have it.
    Action(String),
    /// None was found, and it was not shown that there is none.
    NotShown,
}

impl Declared {
    /// The union of these, as a capability's roles give them.
    pub fn new(permissions: impl IntoIterator<Item = Permission>) -> Self {
        Self {
            permissions: permissions.into_iter().collect(),
        }
    }

    /// Nothing at all: what a missing cell of the matrix says.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Adds what another set has.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.permissions.extend(other.permissions);
        self
    }

    /// Whether it is nothing at all.
    pub fn is_empty(&self) -> bool {
        let mut permissions = self.permissions.iter();
        permissions.all(|one| PLANES.into_iter().all(|plane| one.given(plane).is_empty()))
    }

    /// Whether an action is declared.
    pub fn has(&self, action: &Action) -> bool {
        self.covers(action.plane(), &|pattern| pattern.matches(action))
    }

    /// Whether a permission gives anything beyond it.
    pub(super) fn lacks(&self, permission: &Permission) -> bool {
        PLANES.into_iter().any(|plane| {
            let mut patterns: Vec<&Pattern> = self.patterns(plane).collect();
            patterns.extend(permission.patterns(plane));
            permission.given(plane).iter().any(|pattern| {
                let beyond = search(pattern, patterns.iter().copied(), |fits| {
                    permission.covers(plane, fits) && !self.covers(plane, fits)
                });
                beyond != Search::Nothing
            })
        })
    }

    fn covers(&self, plane: Plane, fits: Fits<'_>) -> bool {
        let mut permissions = self.permissions.iter();
        permissions.any(|one| one.covers(plane, fits))
    }

    fn patterns(&self, plane: Plane) -> impl Iterator<Item = &Pattern> {
        let permissions = self.permissions.iter();
        permissions.flat_map(move |one| one.patterns(plane))
    }
}

impl Difference {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.excess.is_empty() && self.gaps.is_empty()
    }
}

impl Effective<'_> {
    /// How it differs from what is declared. The catalogue only helps to name what is beyond.
    pub fn against(&self, declared: &Declared, catalogue: &Catalogue) -> Difference {
        Difference {
            excess: self.beyond(declared, catalogue),
            gaps: self.missing(declared),
        }
    }

    /// What goes beyond what is declared.
    pub fn beyond(&self, declared: &Declared, catalogue: &Catalogue) -> Vec<Excess> {
        let mut found = BTreeSet::new();
        for plane in PLANES {
            let mut patterns = self.patterns(plane);
            patterns.extend(declared.patterns(plane));
            for grant in &self.grants {
                let given = grant.permissions().iter();
                let mut asked = BTreeSet::new();
                for pattern in given.flat_map(|one| one.given(plane)) {
                    if asked.insert(pattern.key()) {
                        found.extend(self.excess(plane, grant, pattern, &patterns, declared));
                    }
                }
                if grant.is_obscure() {
                    found.extend(self.excess(
                        plane,
                        grant,
                        &Pattern::new("*"),
                        &patterns,
                        declared,
                    ));
                }
            }
        }
        let named = found.into_iter().map(|mut excess| {
            excess.known = self.known(&excess, declared, catalogue);
            excess
        });
        named.collect()
    }

    /// What one pattern of one grant gives beyond what is declared.
    fn excess(
        &self,
        plane: Plane,
        grant: &Grant<'_>,
        pattern: &Pattern,
        patterns: &[&Pattern],
        declared: &Declared,
    ) -> Option<Excess> {
        let beside = Circumstances::default();
        let truth = |fits: Fits<'_>| {
            let granted = grant.truth(plane, fits, &beside);
            match grant.is_native() {
                true => granted,
                false => granted.and(!self.denied(plane, fits)),
            }
        };
        let look = |least: Truth| {
            search(pattern, patterns.iter().copied(), |fits| {
                truth(fits) >= least && !declared.covers(plane, fits)
            })
        };
        // What is beyond doubt says more than what only may be.
        let (search, certain) = match look(Truth::True) {
            Search::Nothing => (look(Truth::Unknown), false),
            found => (found, true),
        };
        let example = Example::of(search)?;
        let fits = |other: &Pattern| match &example {
            Example::Action(text) => other.fits(text),
            Example::NotShown => false,
        };
        let mut why = grant.why(plane, &fits, &beside);
        if certain && matches!(example, Example::Action(_)) {
            why.doubts.clear();
        }
        Some(Excess {
            plane,
            pattern: pattern.text().to_owned(),
            certain: certain && matches!(example, Example::Action(_)),
            why,
            known: Vec::new(),
            example,
        })
    }

    /// The known actions of an excess: those that may be done and are not declared.
    fn known(&self, excess: &Excess, declared: &Declared, catalogue: &Catalogue) -> Vec<String> {
        let pattern = Pattern::new(&excess.pattern);
        let least = if excess.certain {
            Truth::True
        } else {
            Truth::Unknown
        };
        catalogue
            .fitting(excess.plane, &pattern)
            .filter(|action| !declared.has(action))
            .filter(|action| self.truth(excess.plane, &|one| one.matches(action)) >= least)
            .map(|action| action.name().to_owned())
            .collect()
    }

    /// What is declared and may not be done.
    pub fn missing(&self, declared: &Declared) -> Vec<Gap> {
        let mut found = BTreeSet::new();
        for plane in PLANES {
            let mut patterns = self.patterns(plane);
            patterns.extend(declared.patterns(plane));
            for one in &declared.permissions {
                for pattern in one.given(plane) {
                    let look = |most: Truth| {
                        search(pattern, patterns.iter().copied(), |fits| {
                            one.covers(plane, fits) && self.truth(plane, fits) <= most
                        })
                    };
                    let (search, perhaps) = match look(Truth::False) {
                        Search::Nothing => (look(Truth::Unknown), true),
                        found => (found, false),
                    };
                    found.extend(Example::of(search).map(|example| Gap {
                        plane,
                        pattern: pattern.text().to_owned(),
                        perhaps: perhaps || example == Example::NotShown,
                        example,
                    }));
                }
            }
        }
        found.into_iter().collect()
    }
}

impl Excess {
    /// Whether what decides of it was not read: it may be there, and nobody knows. A condition
    /// that cannot be told was read, and what it stands on is there.
    pub fn is_unread(&self) -> bool {
        let mut doubts = self.why.doubts.iter();
        !self.certain && doubts.any(|doubt| !matches!(doubt, Doubt::Condition(_)))
    }
}

impl Gap {
    /// Everything that permissions give, to somebody who has nothing.
    pub fn of_all(permissions: &[Permission]) -> Vec<Self> {
        let gaps = permissions.iter().flat_map(|one| {
            PLANES.into_iter().flat_map(|plane| {
                one.given(plane).iter().map(move |pattern| Self {
                    plane,
                    pattern: pattern.text().to_owned(),
                    example: Example::Action(pattern.key().to_owned()),
                    perhaps: false,
                })
            })
        });
        gaps.collect()
    }
}

impl Example {
    fn of(search: Search) -> Option<Self> {
        match search {
            Search::Found(action) => Some(Self::Action(action)),
            Search::TooMuch => Some(Self::NotShown),
            Search::Nothing => None,
        }
    }
}
