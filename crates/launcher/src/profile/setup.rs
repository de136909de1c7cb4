//! Setups: what configuration says of an agent, checked before anything of it is passed on. A program would ignore what
//! it does not understand, or take it for something else.

use orchd_core::policy::Money;

use super::facts::Efforts;
use super::{Profile, script};

/// What configuration says of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Setup {
    /// The profile's name.
    pub profile: String,
    /// Program and leading arguments, instead of the profile's own; profile `script` has no own.
    pub command: Vec<String>,
    /// The model to ask for; without one the program chooses.
    pub model: Option<String>,
    /// How hard the model is to think.
    pub effort: Option<String>,
    /// The model for when the first one is overloaded.
    pub fallback_model: Option<String>,
    /// The most one run may cost, where the program can hold to it.
    pub money_cap: Option<Money>,
    /// Whose service it is, where that is not the profile's usual one: providers have a breaker each.
    pub provider: Option<String>,
    /// Further variables of orchd's own environment the program may see, such as the key of a provider of one's own.
    pub pass: Vec<String>,
}

/// What is wrong with a setup. The caller may drop the one setting and try without it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadProfile {
    /// No such profile.
    #[error("profile {name:?} is not known; known are {}", Profile::NAMES.join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// `script` without a command.
    #[error("profile {profile:?} needs a command; give it the program and its arguments")]
    NoCommand {
        /// The profile.
        profile: &'static str,
    },
    /// A model no program could mean.
    #[error("{value:?} is not the name of a model; give it as the program of profile {profile:?} lists it")]
    Model {
        /// The profile.
        profile: &'static str,
        /// What was asked for.
        value: String,
    },
    /// An effort the program does not know; it would be ignored without a word.
    #[error("profile {profile:?} has no effort {value:?}; {known}")]
    Effort {
        /// The profile.
        profile: &'static str,
        /// What was asked for.
        value: String,
        /// What may be asked for.
        known: String,
    },
    /// A fallback model where the program has none.
    #[error("profile {profile:?} has no fallback model; leave it out, or use profile \"claude\"")]
    Fallback {
        /// The profile.
        profile: &'static str,
    },
}

impl Profile {
    /// Checks a setup: nothing is passed on to a program that it would not understand.
    pub fn new(setup: Setup) -> Result<Self, BadProfile> {
        let program = Self::PROGRAMS.into_iter().find(|program| program.facts().name == setup.profile);
        let program = program.ok_or_else(|| BadProfile::Unknown { name: setup.profile.clone() })?;
        let facts = program.facts();
        let profile = facts.name;
        if facts.executable.is_none() && setup.command.is_empty() {
            return Err(BadProfile::NoCommand { profile });
        }
        for model in [&setup.model, &setup.fallback_model].into_iter().flatten() {
            if !is_one_word(model) {
                return Err(BadProfile::Model { profile, value: model.clone() });
            }
        }
        if setup.fallback_model.is_some() && !facts.has_fallback {
            return Err(BadProfile::Fallback { profile });
        }
        if let Some(effort) = &setup.effort {
            facts.efforts.check(profile, effort)?;
        }
        Ok(Self { program, setup })
    }

    /// The same, but a setting that does not fit is left out instead, and told: the program takes its own default. An
    /// unknown profile and a missing command stay errors.
    pub fn lenient(mut setup: Setup) -> Result<(Self, Vec<BadProfile>), BadProfile> {
        let mut left_out = Vec::new();
        loop {
            let error = match Self::new(setup.clone()) {
                Ok(profile) => return Ok((profile, left_out)),
                Err(error) => error,
            };
            let bad = |model: &String| matches!(&error, BadProfile::Model { value, .. } if value == model);
            match &error {
                BadProfile::Unknown { .. } | BadProfile::NoCommand { .. } => return Err(error),
                BadProfile::Model { .. } => {
                    setup.model = setup.model.filter(|model| !bad(model));
                    setup.fallback_model = setup.fallback_model.filter(|model| !bad(model));
                }
                BadProfile::Effort { .. } => setup.effort = None,
                BadProfile::Fallback { .. } => setup.fallback_model = None,
            }
            left_out.push(error);
        }
    }

    /// Profile `script` with its command.
    pub fn script(command: Vec<String>) -> Result<Self, BadProfile> {
        Self::new(Setup { profile: script::FACTS.name.to_owned(), command, ..Setup::default() })
    }
}

impl Efforts {
    fn check(&self, profile: &'static str, value: &str) -> Result<(), BadProfile> {
        let known = match self {
            Self::OneOf(known) if known.contains(&value) => return Ok(()),
            Self::OneOf(known) => format!("known are {}", known.join(", ")),
            Self::OfTheModel if is_one_word(value) => return Ok(()),
            Self::OfTheModel => "give one word that the model knows".to_owned(),
            Self::None => "it has no such setting; leave it out".to_owned(),
        };
        Err(BadProfile::Effort { profile, value: value.to_owned(), known })
    }
}

/// One argument that no program takes for an option or for two.
fn is_one_word(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('-') && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}
