//! Scheduling: which operation may start, given how the others ended.

use std::collections::BTreeSet;

use super::outcome::{End, Outcome};
use crate::provision::plan::Plan;
use crate::resource::Outputs;

/// The state of a run, by operation number.
pub(super) struct Schedule<'a> {
    plan: &'a Plan,
    /// How many predecessors have not ended.
    open: Vec<usize>,
    /// Who waits, and whether for success.
    followers: Vec<Vec<(usize, bool)>>,
    /// Why an operation cannot start any more.
    doomed: Vec<Option<String>>,
    ready: BTreeSet<usize>,
    ends: Vec<Option<End>>,
    skipped: Vec<(usize, String)>,
}

impl<'a> Schedule<'a> {
    pub(super) fn new(plan: &'a Plan) -> Self {
        let count = plan.operations.len();
        let mut open = vec![0; count];
        let mut followers = vec![Vec::new(); count];
        for edge in &plan.edges {
            open[edge.after] += 1;
            followers[edge.before].push((edge.after, edge.needs_success));
        }
        let ready = (0..count).filter(|index| open[*index] == 0).collect();
        Self {
            plan,
            open,
            followers,
            doomed: vec![None; count],
            ready,
            ends: vec![None; count],
            skipped: Vec::new(),
        }
    }

    /// The next operation to start. With `stopped`, only locks that have to be put back start.
    pub(super) fn next(&mut self, stopped: Option<&str>) -> Option<usize> {
        while let Some(index) = self.ready.pop_first() {
            let refused = self.doomed[index].clone().or_else(|| {
                stopped
                    .filter(|_| !self.has_to_be_put_back(index))
                    .map(str::to_owned)
            });
            match refused {
                None => return Some(index),
                Some(reason) => {
                    self.skipped.push((index, reason.clone()));
                    self.finish(index, End::Skipped(reason));
                }
            }
        }
        None
    }

    fn has_to_be_put_back(&self, index: usize) -> bool {
        let lifted = self.plan.operations[index].restores;
        lifted.is_some_and(|off| matches!(self.ends[off], Some(End::Done | End::AlreadyDone)))
    }

    /// Operations that were skipped since the last call.
    pub(super) fn take_skipped(&mut self) -> Vec<(usize, String)> {
        std::mem::take(&mut self.skipped)
    }

    /// Records how an operation ended, and frees who waited for it.
    pub(super) fn finish(&mut self, index: usize, end: End) {
        let succeeded = matches!(end, End::Done | End::AlreadyDone);
        let address = &self.plan.operations[index].address;
        self.ends[index] = Some(end);
        for (follower, needs_success) in std::mem::take(&mut self.followers[index]) {
            if needs_success && !succeeded {
                self.doomed[follower].get_or_insert(format!("it needs {address}"));
            }
            self.open[follower] -= 1;
            if self.open[follower] == 0 {
                self.ready.insert(follower);
            }
        }
    }

    pub(super) fn into_outcome(self, outputs: Outputs, stopped: bool) -> Outcome {
        let never = || End::Skipped("its turn never came".to_owned());
        let ends = self
            .ends
            .into_iter()
            .map(|end| end.unwrap_or_else(never))
            .collect();
        Outcome {
            ends,
            outputs,
            stopped,
            refused: false,
        }
    }
}
