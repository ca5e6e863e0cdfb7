//! Tree to typed value, going on after each mistake until all are found.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

use super::near;
use super::reader::{Fill, Reader, Refusal};
use super::tree::{Content, Node, Spot};
use super::wrong::Wrong;

/// Something that is wrong, where the tree says that it is.
#[derive(Debug)]
pub(super) struct Fault {
    pub spot: Spot,
    pub wrong: Wrong,
    pub help: Option<String>,
    /// The earlier place that it clashes with.
    pub first: Option<Spot>,
    /// The key of the root, read by somebody else, that an unknown key was meant for.
    pub neighbour: Option<String>,
}

impl Fault {
    pub fn new(spot: Spot, wrong: Wrong) -> Self {
        Self {
            spot,
            wrong,
            help: None,
            first: None,
            neighbour: None,
        }
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Whether a missing key is a mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// It is.
    Report,
    /// It is not: another file may have it.
    Forgive,
}

/// A tree's value.
#[derive(Debug)]
pub(super) struct Decoded<T> {
    /// The value; with made-up parts where the tree has holes.
    pub value: T,
    /// The value with other made-up parts, where the tree has holes. What holds for one of the
    /// two only hangs on what was made up.
    pub other: Other<T>,
}

/// A second value of a tree.
#[derive(Debug)]
pub(super) enum Other<T> {
    /// The tree has no holes: there is no other way to read it.
    Same,
    /// The value with the holes filled otherwise.
    Value(T),
    /// There are holes that can be filled in one way only, so nothing is certain.
    Unknown,
}

/// More mistakes than this in one tree are not worth the wait.
const MOST: usize = 256;

/// Decodes a tree and says everything that is wrong with it. Faulty values become holes in the
/// tree, as do keys that an unknown one was meant for. `neighbours` are keys of the root that somebody else reads, for near names.
///
/// `None` where the faults leave nothing to go on with.
pub(super) fn decode<T: DeserializeOwned>(
    tree: &mut Node,
    missing: Missing,
    neighbours: &[&str],
    faults: &mut Vec<Fault>,
) -> Option<Decoded<T>> {
    let mut reading = Reading::new(tree, missing, neighbours, faults);
    let value = reading.run(Fill::Low)?;
    let certain = reading.hopeless.is_empty();
    if !tree.has_hole() {
        let other = if certain { Other::Same } else { Other::Unknown };
        return Some(Decoded { value, other });
    }
    let mut tree = tree.clone();
    let mut known = Vec::new();
    let other = Reading::new(&mut tree, Missing::Forgive, &[], &mut known).run(Fill::High);
    let other = other.map_or(Other::Unknown, Other::Value);
    Some(Decoded { value, other })
}

struct Reading<'a> {
    tree: &'a mut Node,
    missing: Missing,
    neighbours: &'a [&'a str],
    faults: &'a mut Vec<Fault>,
    /// Paths at which no made-up value will do.
    hopeless: BTreeSet<Vec<String>>,
    /// Tables that stand where a hole was: what misses in them is not the user's mistake.
    made_up: BTreeSet<Vec<String>>,
}

impl<'a> Reading<'a> {
    fn new(
        tree: &'a mut Node,
        missing: Missing,
        neighbours: &'a [&'a str],
        faults: &'a mut Vec<Fault>,
    ) -> Self {
        Self {
            tree,
            missing,
            neighbours,
            faults,
            hopeless: BTreeSet::new(),
            made_up: BTreeSet::new(),
        }
    }

    fn run<T: DeserializeOwned>(&mut self, fill: Fill) -> Option<T> {
        for _ in 0..MOST {
            let reader = Reader {
                node: self.tree,
                fill,
            };
            let error = match serde_path_to_error::deserialize::<_, T>(reader) {
                Ok(value) => return Some(value),
                Err(error) => error,
            };
            let path = self.steps(error.path());
            self.take(path, error.into_inner())?;
        }
        None
    }

    /// Notes a refusal and makes the tree such that it does not come again.
    fn take(&mut self, mut path: Vec<String>, refusal: Refusal) -> Option<()> {
        match refusal {
            Refusal::UnknownKey { key, known } => {
                if path.last() != Some(&key) {
                    path.push(key.clone());
                }
                self.unknown(&path, key, known);
                self.tree.remove(&path).then_some(())
            }
            Refusal::MissingKey(key) => self.missing(path, key),
            refusal => self.faulty(path, refusal),
        }
    }

    fn unknown(&mut self, path: &[String], key: String, known: &[&str]) {
        let mut candidates = known.to_vec();
        if path.len() == 1 {
            candidates.extend(self.neighbours);
        }
        let spot = self.tree.locate(path).key;
        let mut fault = Fault::new(spot, Wrong::UnknownKey(key.clone()));
        let Some(near) = near::name(&key, candidates.iter().copied()) else {
            self.faults
                .push(fault.help(format!("known here: {}", candidates.join(", "))));
            return;
        };
        if known.contains(&near) {
            let mut meant = path.to_vec();
            meant.pop();
            meant.push(near.to_owned());
            self.tree.put_hole(&meant, spot);
        } else {
            fault.neighbour = Some(near.to_owned());
        }
        self.faults
            .push(fault.help(format!("did you mean `{near}`?")));
    }

    fn missing(&mut self, mut path: Vec<String>, key: &str) -> Option<()> {
        let table = self.tree.locate(&path);
        path.push(key.to_owned());
        if self.hopeless.contains(&path) {
            path.pop();
            return self.give_up(path);
        }
        if table.hole {
            self.made_up.insert(path[..path.len() - 1].to_vec());
        }
        let made_up = (0..path.len()).any(|depth| self.made_up.contains(&path[..depth]));
        if self.missing == Missing::Report && !made_up {
            let mut fault = Fault::new(table.key, Wrong::MissingKey(key.to_owned()));
            if path.len() == 1 {
                fault = fault.help(format!("add a table `[{key}]`"));
            }
            self.faults.push(fault);
        }
        self.tree.put_hole(&path, table.value).then_some(())
    }

    fn faulty(&mut self, path: Vec<String>, refusal: Refusal) -> Option<()> {
        let place = self.tree.locate(&path);
        if place.hole {
            return self.give_up(path);
        }
        self.faults.push(explain(place.value, refusal));
        let node = self.tree.get_mut(&path)?;
        node.content = Content::Hole;
        if path.is_empty() { None } else { Some(()) }
    }

    /// Takes a hole that cannot be filled out of its table, with all of an array that it is in. If
    /// it had to be there, then the table goes next.
    fn give_up(&mut self, mut path: Vec<String>) -> Option<()> {
        while !path.is_empty() {
            if self.tree.remove(&path) {
                self.hopeless.insert(path);
                return Some(());
            }
            path.pop();
        }
        None
    }

    /// The path as the tree has it: serde's variants are keys only where they hold something.
    fn steps(&self, path: &serde_path_to_error::Path) -> Vec<String> {
        let mut steps = Vec::new();
        for segment in path {
            match segment {
                Segment::Seq { index } => steps.push(index.to_string()),
                Segment::Map { key } => steps.push(key.clone()),
                Segment::Enum { variant } => {
                    steps.push(variant.clone());
                    if !self.tree.locate(&steps).complete {
                        steps.pop();
                    }
                }
                Segment::Unknown => break,
            }
        }
        steps
    }
}

fn explain(spot: Spot, refusal: Refusal) -> Fault {
    match refusal {
        Refusal::Type { wanted, found } => Fault::new(spot, Wrong::Type { wanted, found }),
        Refusal::Choice { value, choices } => {
            let near = near::name(&value, choices.iter().copied());
            let choices = choices.join(", ");
            let fault = Fault::new(spot, Wrong::Choice { value, choices });
            match near {
                Some(near) => fault.help(format!("did you mean `{near}`?")),
                None => fault,
            }
        }
        other => Fault::new(spot, Wrong::Value(other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::super::parse::parse;
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Root {
        even: Even,
        #[serde(default)]
        pools: BTreeMap<String, Pool>,
        #[serde(default)]
        steps: Vec<Step>,
        rule: Option<Rule>,
    }

    /// A type that no made-up value fits.
    #[derive(Debug, Deserialize)]
    #[serde(try_from = "u8")]
    struct Even(u8);

    impl TryFrom<u8> for Even {
        type Error = String;

        fn try_from(number: u8) -> Result<Self, String> {
            match number {
                0 | 1 => Err(format!("{number} is too small")),
                even if even % 2 == 0 => Ok(Self(even)),
                odd => Err(format!("{odd} is odd")),
            }
        }
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Pool {
        count: u8,
        size: String,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Step {
        Wait,
        Shift(Pool),
    }

    #[derive(Debug, Deserialize)]
    #[serde(tag = "type", rename_all = "lowercase")]
    enum Rule {
        Ip { range: String },
    }

    fn faults(text: &str) -> (bool, Vec<String>) {
        let mut tree = parse(0, text).expect("TOML");
        let mut faults = Vec::new();
        let decoded = decode::<Root>(&mut tree, Missing::Report, &[], &mut faults);
        let said = faults
            .iter()
            .map(|fault| {
                format!(
                    "{}: {}",
                    &text[fault.spot.start..fault.spot.end],
                    fault.wrong
                )
            })
            .collect();
        (decoded.is_some(), said)
    }

    #[test]
    fn a_sound_tree_has_no_faults() {
        let text = "even = 4\nsteps = [\"wait\", { shift = { count = 1, size = \"s\" } }]\n\
                    rule = { type = \"ip\", range = \"r\" }\n[pools.a]\ncount = 1\nsize = \"s\"";
        let mut tree = parse(0, text).expect("TOML");
        let decoded = decode(&mut tree, Missing::Report, &[], &mut Vec::new());
        let decoded: Decoded<Root> = decoded.expect("a value");
        assert!(matches!(decoded.other, Other::Same));
        let root = decoded.value;
        assert_eq!((root.even.0, root.pools["a"].count), (4, 1));
        assert_eq!(root.pools["a"].size, "s");
        assert!(matches!(&root.steps[..], [Step::Wait, Step::Shift(pool)] if pool.size == "s"));
        assert!(matches!(root.rule, Some(Rule::Ip { range }) if range == "r"));
    }

    #[test]
    fn what_cannot_be_made_up_ends_the_value_but_not_the_search() {
        let text = "even = 3\n[pools.a]\ncount = true\n[pools.b]\ncuont = 1\nsize = \"s\"";
        let (value, faults) = faults(text);
        assert!(!value);
        assert_eq!(
            faults,
            [
                "3: 3 is odd",
                "true: expected a whole number from 0 to 255, found true",
                "a: missing key `size`",
                "cuont: unknown key `cuont`",
            ]
        );
    }

    #[test]
    fn faults_in_lists_and_choices_are_found() {
        let text = "even = 2\nsteps = [\"wiat\", { shift = { count = 300, size = 1 } }, 5]\n\
                    rule = { type = \"ip\" }";
        let (value, faults) = faults(text);
        assert!(value);
        assert_eq!(
            faults,
            [
                "rule: missing key `range`",
                "\"wiat\": `wiat` is none of wait, shift",
                "300: expected a whole number from 0 to 255, found 300",
                "1: expected a string, found an integer",
                "5: expected a string, found an integer",
            ]
        );
    }

    #[test]
    fn a_tree_of_nothing_but_mistakes_ends() {
        let text: String = (0..2 * MOST).map(|n| format!("k{n} = 1\n")).collect();
        let (value, faults) = faults(&text);
        assert!(!value);
        assert_eq!(faults.len(), MOST);
    }
}
