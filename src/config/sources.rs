//! The files that a configuration was read from, to show where something in it was said.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::decode::Fault;
use super::excerpt::{Excerpt, Location, printable};
use super::mistake::Mistake;
use super::tree::{Node, Spot};
use super::wrong::Wrong;
use crate::resource::{EnvironmentName, Problem};

/// The files of a configuration and where in them each environment says what.
#[derive(Debug, Default)]
pub struct Sources {
    files: Vec<(Arc<str>, Arc<str>)>,
    environments: BTreeMap<EnvironmentName, Effective>,
}

/// An environment's tables after `common.toml` has been put under them.
#[derive(Debug)]
struct Effective {
    tree: Node,
    /// The file that is the environment's own.
    own: usize,
}

impl Sources {
    /// Takes a file in; its number.
    pub(super) fn add(&mut self, name: &str, text: &str) -> usize {
        self.files.push((name.into(), printable(text)));
        self.files.len() - 1
    }

    /// Takes in what an environment's tables are in the end, and which file is its own.
    pub(super) fn set(&mut self, environment: &EnvironmentName, tree: Node, own: usize) {
        let effective = Effective { tree, own };
        self.environments.insert(environment.clone(), effective);
    }

    /// The tables of each environment, as they are in the end.
    pub(super) fn trees(&self) -> impl Iterator<Item = (&EnvironmentName, &Node)> {
        self.environments
            .iter()
            .map(|(name, effective)| (name, &effective.tree))
    }

    /// What a later stage finds wrong with an environment, shown at the line that says it; without
    /// a line where the environment is not from here.
    pub fn explain(&self, environment: &EnvironmentName, problem: Problem) -> Mistake {
        let spot = self
            .environments
            .get(environment)
            .map(|effective| effective.tree.locate(&problem.path))
            .map(|place| {
                if place.complete {
                    place.value
                } else {
                    place.key
                }
            });
        let wrong = Wrong::Value(problem.message);
        let mistake = match spot {
            Some(spot) => self.mistake_in(environment, Fault::new(spot, wrong)),
            None => Mistake::new(wrong),
        };
        match problem.help {
            Some(help) => mistake.help(help),
            None => mistake,
        }
    }

    /// Where an environment says something, by the TOML keys that lead to it; where it stops
    /// saying anything of it, if it does not. `None` for an environment that is not from here.
    pub fn location(&self, environment: &EnvironmentName, path: &[String]) -> Option<Location> {
        let place = self.environments.get(environment)?.tree.locate(path);
        let mistake = self.mistake(Fault::new(place.key, Wrong::Value(String::new())));
        mistake.location()
    }

    /// A fault of the files themselves.
    pub(super) fn mistake(&self, fault: Fault) -> Mistake {
        let mut mistake = Mistake::new(fault.wrong);
        if let Some(help) = fault.help {
            mistake = mistake.help(help);
        }
        if let Some(excerpt) = self.excerpt(fault.spot) {
            mistake = mistake.at(excerpt);
        }
        match fault.first.and_then(|first| self.excerpt(first)) {
            Some(first) => mistake.clashing_with(first),
            None => mistake,
        }
    }

    /// A fault of one environment, named where the line is not in its own file.
    pub(super) fn mistake_in(&self, environment: &EnvironmentName, fault: Fault) -> Mistake {
        let own = self.environments.get(environment).map(|it| it.own);
        let inherited = own.is_some_and(|own| own != fault.spot.file);
        let mistake = self.mistake(fault);
        if inherited {
            mistake.seen_by(environment)
        } else {
            mistake
        }
    }

    fn excerpt(&self, spot: Spot) -> Option<Excerpt> {
        let (name, text) = self.files.get(spot.file)?;
        Some(Excerpt::new(
            Arc::clone(name),
            Arc::clone(text),
            spot.start..spot.end,
        ))
    }
}
