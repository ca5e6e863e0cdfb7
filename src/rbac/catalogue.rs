//! The actions that Azure's providers have.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value as Json;

use super::action::{Action, Plane};
use super::body::{BodyError, nullable, read};
use super::pattern::Pattern;

/// Every action that is known.
#[derive(Debug, Clone, Default)]
pub struct Catalogue(BTreeSet<Action>);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Provider {
    #[serde(default, deserialize_with = "nullable")]
    operations: Vec<Operation>,
    #[serde(default, deserialize_with = "nullable")]
    resource_types: Vec<ResourceType>,
}

#[derive(Deserialize)]
struct ResourceType {
    #[serde(default, deserialize_with = "nullable")]
    operations: Vec<Operation>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Operation {
    name: String,
    #[serde(default, deserialize_with = "nullable")]
    is_data_action: bool,
}

impl Catalogue {
    /// Takes in what `GET /providers/Microsoft.Authorization/providerOperations/PROVIDER`
    /// answers with `$expand=resourceTypes`.
    ///
    /// # Errors
    /// [`BodyError`] for anything else.
    pub fn add(&mut self, body: &Json) -> Result<(), BodyError> {
        let provider: Provider = read("list of provider operations", body)?;
        let types = provider.resource_types.into_iter();
        let below = types.flat_map(|of_type| of_type.operations);
        for operation in provider.operations.into_iter().chain(below) {
            let plane = if operation.is_data_action {
                Plane::Data
            } else {
                Plane::Control
            };
            self.0.insert(Action::new(plane, &operation.name));
        }
        Ok(())
    }

    /// All of them.
    pub fn actions(&self) -> impl Iterator<Item = &Action> {
        self.0.iter()
    }

    /// Those of a plane that fit a pattern.
    pub fn fitting<'c>(
        &'c self,
        plane: Plane,
        pattern: &'c Pattern,
    ) -> impl Iterator<Item = &'c Action> {
        let fits = move |action: &&Action| action.plane() == plane && pattern.matches(action);
        self.0.iter().filter(fits)
    }

    /// Whether a provider has that action.
    pub fn has(&self, action: &Action) -> bool {
        self.0.contains(action)
    }

    /// The action of the same plane that is spelt most like one, if it is near enough to be meant.
    pub fn near(&self, action: &Action) -> Option<&str> {
        /// How alike two texts have to be, of one.
        const ALIKE: f64 = 0.93;
        let same = self.0.iter().filter(|one| one.plane() == action.plane());
        let alike = same.map(|known| (strsim::jaro_winkler(action.key(), known.key()), known));
        let (likeness, known) = alike.max_by(|a, b| a.0.total_cmp(&b.0))?;
        (likeness >= ALIKE).then(|| known.name())
    }
}

impl FromIterator<Action> for Catalogue {
    fn from_iter<I: IntoIterator<Item = Action>>(actions: I) -> Self {
        Self(actions.into_iter().collect())
    }
}
