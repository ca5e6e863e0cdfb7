//! What is asked about: one action, or the actions that a word of TOML stands for.

use serde::Serialize;
use thiserror::Error;

use super::action::{Action, Plane};
use super::catalogue::Catalogue;
use super::estate::Estate;
use super::read::Reading;
use crate::kinds::Probe;

/// The actions that are asked about.
#[derive(Debug, Clone, Serialize)]
pub struct Question {
    /// What was said for them: a capability of `rbac/capabilities.toml` or a word of its `probes`;
    /// `None` for an action in full.
    pub word: Option<String>,
    /// What that stands for, each with its plane where that is known.
    pub actions: Vec<Asked>,
}

/// An action that is asked about.
#[derive(Debug, Clone, Serialize)]
pub struct Asked {
    /// Its name.
    pub action: String,
    /// Its plane; `None` where both are asked.
    #[serde(skip)]
    pub plane: Option<Plane>,
}

/// Why something cannot be asked about.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoQuestion {
    /// It stands for many.
    #[error("`{0}` is a pattern: ask about one action at a time")]
    Pattern(String),
    /// It is neither an action nor a word.
    #[error("`{text}` is no action, no capability and no probe")]
    Word {
        /// What was said.
        text: String,
        /// What may have been meant.
        near: Option<String>,
    },
    /// It is about something else than what it is asked on.
    #[error("`{word}` stands for {actions}, which nobody does on {object}")]
    Elsewhere {
        /// What was said.
        word: String,
        /// What it stands for.
        actions: String,
        /// Azure's type of what it was asked on.
        object: String,
    },
    /// No provider has it.
    #[error("{provider} has no action `{action}`: nobody can do it")]
    Action {
        /// The provider.
        provider: String,
        /// What was said.
        action: String,
        /// What may have been meant.
        near: Option<String>,
    },
}

impl NoQuestion {
    /// What to do instead.
    pub fn hint(&self) -> String {
        let near = match self {
            Self::Word { near, .. } | Self::Action { near, .. } => near.as_ref(),
            Self::Pattern(_) | Self::Elsewhere { .. } => None,
        };
        match near {
            Some(near) => format!("did you mean {near}?"),
            None => "name an action, such as Microsoft.ContainerRegistry/registries/pull/read, a \
                     word of rbac/capabilities.toml, or none: then everything is told"
                .to_owned(),
        }
    }
}

impl Question {
    /// What a text asks about on something of one of Azure's types. An action of a provider whose
    /// actions could not be read is taken as it is, unless it is nearly one that is known.
    ///
    /// # Errors
    /// [`NoQuestion`] for what nobody can do there.
    pub fn read(
        estate: &Estate,
        reading: &Reading,
        arm_type: &str,
        text: &str,
    ) -> Result<Self, NoQuestion> {
        if text.contains('*') {
            return Err(NoQuestion::Pattern(text.to_owned()));
        }
        match text.contains('/') {
            true => Self::of_action(reading, text),
            false => Self::of_word(estate, arm_type, text),
        }
    }

    /// The question about an action, on either plane.
    pub fn of(action: &str) -> Self {
        Self {
            word: None,
            actions: vec![Asked {
                action: action.to_owned(),
                plane: None,
            }],
        }
    }

    fn of_action(reading: &Reading, text: &str) -> Result<Self, NoQuestion> {
        let provider = text.split('/').next().unwrap_or_default();
        let catalogue = &reading.catalogue;
        let planes = [Plane::Control, Plane::Data];
        if planes
            .iter()
            .any(|plane| catalogue.has(&Action::new(*plane, text)))
        {
            return Ok(Self::of(text));
        }
        let near = near(catalogue, text);
        let is_read = reading.providers.contains(&provider.to_ascii_lowercase());
        if !is_read && near.is_none() {
            return Ok(Self::of(text));
        }
        Err(NoQuestion::Action {
            provider: provider.to_owned(),
            action: text.to_owned(),
            near,
        })
    }

    fn of_word(estate: &Estate, arm_type: &str, text: &str) -> Result<Self, NoQuestion> {
        let Some(actions) = stands_for(estate, text) else {
            let capabilities = estate.meanings.keys().map(String::as_str);
            let words = capabilities.chain(Probe::ALL.iter().map(|probe| probe.word()));
            let words = words.filter(|word| is_about(estate, word, arm_type));
            let far = |word: &&str| strsim::damerau_levenshtein(word, &text.to_lowercase());
            let near = words.min_by_key(far).filter(|word| far(word) <= 2);
            return Err(NoQuestion::Word {
                text: text.to_owned(),
                near: near.map(str::to_owned),
            });
        };
        if !is_about(estate, text, arm_type) {
            let actions: Vec<&str> = actions.iter().map(|one| one.action.as_str()).collect();
            return Err(NoQuestion::Elsewhere {
                word: text.to_owned(),
                actions: actions.join(", "),
                object: arm_type.to_owned(),
            });
        }
        Ok(Self {
            word: Some(text.to_owned()),
            actions,
        })
    }
}

/// What a capability means, or what a probe tries: a word that is both is the capability.
fn stands_for(estate: &Estate, word: &str) -> Option<Vec<Asked>> {
    let asked = |plane| {
        move |action: &str| Asked {
            action: action.to_owned(),
            plane: Some(plane),
        }
    };
    let (control, data) = (asked(Plane::Control), asked(Plane::Data));
    if let Some(meaning) = estate.meanings.get(word) {
        let actions = meaning.actions.iter().map(String::as_str).map(control);
        let data = meaning.data_actions.iter().map(String::as_str).map(data);
        return Some(actions.chain(data).collect());
    }
    let probe = Probe::ALL.into_iter().find(|probe| probe.word() == word)?;
    let (actions, data_actions) = probe.actions();
    let actions = actions.iter().copied().map(control);
    Some(
        actions
            .chain(data_actions.iter().copied().map(data))
            .collect(),
    )
}

/// Whether what a word stands for is done on something of a type, or in it.
fn is_about(estate: &Estate, word: &str, arm_type: &str) -> bool {
    let begin = format!("{}/", arm_type.to_ascii_lowercase());
    let actions = stands_for(estate, word).unwrap_or_default();
    let mut actions = actions.iter();
    actions.any(|one| one.action.to_ascii_lowercase().starts_with(&begin))
}

/// The action of either plane that is spelt most like one.
fn near(catalogue: &Catalogue, text: &str) -> Option<String> {
    let near = [Plane::Control, Plane::Data].map(|plane| {
        let action = Action::new(plane, text);
        let name = catalogue.near(&action)?.to_owned();
        let far = strsim::damerau_levenshtein(&name.to_lowercase(), action.key());
        Some((far, name))
    });
    let (_, name) = near.into_iter().flatten().min()?;
    Some(name)
}
