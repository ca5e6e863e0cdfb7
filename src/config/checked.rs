//! What is wrong with values of the right type, as far as it is certain.

use super::decode::{Decoded, Fault, Other};
use super::tree::Node;
use super::wrong::Wrong;
use crate::resource::Problem;

/// A problem, and whether a key or its value is to blame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Complaint {
    pub problem: Problem,
    pub of_key: bool,
}

impl Complaint {
    /// About the key that a path ends with.
    pub fn of_key(problem: Problem) -> Self {
        Self {
            problem,
            of_key: true,
        }
    }
}

impl From<Problem> for Complaint {
    fn from(problem: Problem) -> Self {
        Self {
            problem,
            of_key: false,
        }
    }
}

/// The complaints of a check that do not hang on what was made up for holes in the tree.
pub(super) fn check<T, C: Into<Complaint>>(
    tree: &Node,
    decoded: &Decoded<T>,
    check: impl Fn(&T) -> Vec<C>,
) -> Vec<Fault> {
    let complaints = |value| check(value).into_iter().map(Into::into);
    let found: Vec<Complaint> = complaints(&decoded.value).collect();
    let certain: Vec<Complaint> = match &decoded.other {
        Other::Same => found,
        Other::Unknown => Vec::new(),
        Other::Value(other) => {
            let others: Vec<Complaint> = complaints(other).collect();
            found.into_iter().filter(|it| others.contains(it)).collect()
        }
    };
    certain
        .into_iter()
        .filter_map(|complaint| fault(tree, complaint))
        .collect()
}

fn fault(tree: &Node, complaint: Complaint) -> Option<Fault> {
    let place = tree.locate(&complaint.problem.path);
    if place.hole {
        return None;
    }
    let of_key = complaint.of_key || !place.complete;
    let spot = if of_key { place.key } else { place.value };
    let mut fault = Fault::new(spot, Wrong::Value(complaint.problem.message));
    fault.help = complaint.problem.help;
    let first = complaint.problem.first.map(|path| tree.locate(&path));
    fault.first = first.filter(|first| !first.hole).map(|first| first.value);
    Some(fault)
}
