//! Finds an action that fits some patterns and not others, whether any provider has it or not.
//!
//! ## Why
//! Patterns are regular languages, and so is whatever is put together of them by and, or and
//! not. So "is everything that it may do declared?" is decided exactly, by walking through all
//! that the patterns can tell apart: the shortest text that is in one set and not in the other
//! is found, or there is none. A list of known actions would miss the one of next month.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::pattern::{self, Pattern};
use super::permission::Fits;

/// States that are looked at before giving up; real roles need some thousands.
const MOST_STATES: usize = 100_000;

/// What stands for any character that no pattern has there; the first one that is free.
const OTHERS: &str = "xyzwvutsrqponmlkjihgfedcba0123456789~";

/// What a search came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Search {
    /// This action is there, in lower case.
    Found(String),
    /// There is none.
    Nothing,
    /// The patterns tell too much apart to look at all of it.
    TooMuch,
}

/// Positions in globs: which of them a text so far may still fit, and how far it has come.
type State = BTreeSet<(usize, usize)>;

/// Looks for an action that fits `within` and of which `wanted` holds, which is asked with a
/// predicate over patterns; those that it asks about have to be among `patterns`.
pub(super) fn search<'p>(
    within: &'p Pattern,
    patterns: impl IntoIterator<Item = &'p Pattern>,
    wanted: impl Fn(Fits<'_>) -> bool,
) -> Search {
    if within.is_literal() {
        let text = within.key();
        let found = wanted(&|pattern| pattern.fits(text));
        return if found {
            Search::Found(text.to_owned())
        } else {
            Search::Nothing
        };
    }
    // Mostly what is not declared is so as a whole: any text in place of the star shows it.
    for filling in ["~", "~/~"] {
        let text = within.key().replace('*', filling);
        if wanted(&|pattern| pattern.fits(&text)) {
            return Search::Found(text);
        }
    }
    Walk::new(within, patterns).run(wanted)
}

struct Walk {
    globs: Vec<Vec<char>>,
    /// The globs of each pattern, by its key.
    of: BTreeMap<String, Vec<usize>>,
    within: String,
}

impl Walk {
    fn new<'p>(within: &'p Pattern, patterns: impl IntoIterator<Item = &'p Pattern>) -> Self {
        let mut walk = Self {
            globs: Vec::new(),
            of: BTreeMap::new(),
            within: within.key().to_owned(),
        };
        for pattern in std::iter::once(within).chain(patterns) {
            if walk.of.contains_key(pattern.key()) {
                continue;
            }
            let globs = pattern.globs().iter().map(|glob| glob.chars().collect());
            let first = walk.globs.len();
            walk.globs.extend(globs);
            let all = (first..walk.globs.len()).collect();
            walk.of.insert(pattern.key().to_owned(), all);
        }
        walk
    }

    fn run(&self, wanted: impl Fn(Fits<'_>) -> bool) -> Search {
        let mut start = State::new();
        for glob in 0..self.globs.len() {
            self.reach(&mut start, glob, 0);
        }
        let mut seen = BTreeSet::from([start.clone()]);
        let mut open = VecDeque::from([(start, String::new())]);
        while let Some((state, text)) = open.pop_front() {
            if self.ends(&state, &self.within)
                && wanted(&|pattern| self.fits(&state, pattern, &text))
            {
                return Search::Found(text);
            }
            for c in self.alphabet(&state) {
                let next = self.step(&state, c);
                if !self.is_alive(&next) || seen.contains(&next) {
                    continue;
                }
                if seen.len() >= MOST_STATES {
                    return Search::TooMuch;
                }
                seen.insert(next.clone());
                let mut longer = text.clone();
                longer.push(c);
                open.push_back((next, longer));
            }
        }
        Search::Nothing
    }

    /// Adds a position, and those behind stars that stand for nothing.
    fn reach(&self, state: &mut State, glob: usize, mut at: usize) {
        state.insert((glob, at));
        while self.globs[glob].get(at) == Some(&'*') {
            at += 1;
            state.insert((glob, at));
        }
    }

    fn step(&self, state: &State, c: char) -> State {
        let mut next = State::new();
        for (glob, at) in state {
            match self.globs[*glob].get(*at) {
                Some('*') => self.reach(&mut next, *glob, *at),
                Some(literal) if *literal == c => self.reach(&mut next, *glob, at + 1),
                _ => {}
            }
        }
        next
    }

    /// Every character that some glob goes on with, and one that none does.
    fn alphabet(&self, state: &State) -> Vec<char> {
        let next = state
            .iter()
            .filter_map(|(glob, at)| self.globs[*glob].get(*at));
        let literals: BTreeSet<char> = next.copied().filter(|c| *c != '*').collect();
        let other = OTHERS.chars().find(|c| !literals.contains(c));
        // There are more characters than patterns could go on with.
        let other = other.or_else(|| ('\u{100}'..).find(|c| !literals.contains(c)));
        literals.into_iter().chain(other).collect()
    }

    /// Whether a text may still come to fit what is searched within.
    fn is_alive(&self, state: &State) -> bool {
        let globs = &self.of[&self.within];
        state.iter().any(|(glob, _)| globs.contains(glob))
    }

    fn ends(&self, state: &State, key: &str) -> bool {
        let globs = self.of.get(key).map_or(&[][..], Vec::as_slice);
        globs
            .iter()
            .any(|glob| state.contains(&(*glob, self.globs[*glob].len())))
    }

    fn fits(&self, state: &State, pattern: &Pattern, text: &str) -> bool {
        if self.of.contains_key(pattern.key()) {
            return self.ends(state, pattern.key());
        }
        debug_assert!(false, "{pattern} is not among the patterns");
        pattern.globs().iter().any(|glob| pattern::fits(glob, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn missing(within: &str, from: &[&str]) -> Search {
        let within = Pattern::new(within);
        let patterns: Vec<Pattern> = from.iter().map(|text| Pattern::new(text)).collect();
        search(&within, &patterns, |fits| !patterns.iter().any(fits))
    }

    #[test]
    fn what_is_within_others_is_found_so() {
        for (within, from, inside) in [
            ("a.b/c/read", &["A.B/*"][..], true),
            ("a.b/c/*", &["a.b/*"], true),
            ("a.b/*", &["a.b/c/*"], false),
            ("*", &["*/read", "*/write"], false),
            ("*/read", &["*/r*", "x"], true),
            ("a*", &["a", "ab*", "a*"], true),
            ("a/b/*/c", &["a/b/*/c"], true),
            ("a/b/*/c", &["a/b/c", "a/b/*/c"], true),
            ("a/*", &["*b", "a/*"], true),
            // Only together do they cover it: what ends with x, and what does not.
            ("a*x", &["a*xx", "a*x"], true),
            ("a*", &["a*x"], false),
        ] {
            let found = missing(within, from);
            assert_eq!(
                found == Search::Nothing,
                inside,
                "{within} {from:?} {found:?}"
            );
        }
    }

    #[test]
    fn what_is_wanted_may_be_any_mix_of_patterns() {
        let within = Pattern::new("a*");
        let [inner, outer] = ["a*x*", "a*x"].map(Pattern::new);
        let found = search(&within, [&inner, &outer], |fits| {
            fits(&inner) && !fits(&outer)
        });
        let Search::Found(text) = found else {
            panic!("{found:?}")
        };
        assert!(inner.fits(&text) && !outer.fits(&text), "{text}");
        let found = search(&within, [&inner, &outer], |fits| {
            fits(&outer) && !fits(&inner)
        });
        assert_eq!(found, Search::Nothing);
    }

    fn glob() -> impl Strategy<Value = String> {
        "[ab/*]{0,6}"
    }

    /// Every text over a small alphabet up to a length that tells short globs apart.
    fn texts() -> Vec<String> {
        let mut all = vec![String::new()];
        let mut last = all.clone();
        for _ in 0..6 {
            last = last
                .iter()
                .flat_map(|text| ["a", "b", "/", "x"].map(|c| format!("{text}{c}")))
                .collect();
            all.extend(last.clone());
        }
        all
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None, cases: 200, ..ProptestConfig::default()
        })]

        #[test]
        fn agrees_with_trying_everything(
            within in glob(), from in prop::collection::vec(glob(), 0..3),
        ) {
            let within = Pattern::new(&within);
            let from: Vec<Pattern> = from.iter().map(|text| Pattern::new(text)).collect();
            let is_missing = |text: &str| {
                within.fits(text) && !from.iter().any(|pattern| pattern.fits(text))
            };
            let found = search(&within, &from, |fits| !from.iter().any(fits));
            match found {
                Search::Found(text) => prop_assert!(is_missing(&text), "{text}"),
                Search::Nothing => {
                    let missed = texts().into_iter().find(|text| is_missing(text));
                    prop_assert_eq!(missed, None);
                }
                Search::TooMuch => prop_assert!(false, "too much"),
            }
        }
    }
}
