//! Who plays the roles of a project, and by which prompts: a part of the file's shape.

use std::path::PathBuf;

use orchd_core::stage::Role;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::{Time, Usd};

/// How single roles are played.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Roles {
    /// Turns the request into a specification, or asks.
    pub(crate) analyst: Option<Agent>,
    /// Records decisions and risks.
    pub(crate) architect: Option<Agent>,
    /// Writes the code.
    pub(crate) developer: Option<Agent>,
    /// Judges the patch.
    pub(crate) reviewer: Option<Agent>,
    /// Tests, where `testing_by = "agent"`.
    pub(crate) tester: Option<Agent>,
}

impl Roles {
    /// The table of one role.
    pub(crate) const fn of(&self, role: Role) -> Option<&Agent> {
        match role {
            Role::Analyst => self.analyst.as_ref(),
            Role::Architect => self.architect.as_ref(),
            Role::Developer => self.developer.as_ref(),
            Role::Reviewer => self.reviewer.as_ref(),
            Role::Tester => self.tester.as_ref(),
        }
    }
}

/// Prompts of the project's own: each a text file that takes the place of the role's own text. The task, what must come
/// out and the forms of its documents are added as ever. It is read with this file, and held to what the role may submit. A
/// path that is not absolute is seen from this file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Prompts {
    /// The analyst's prompt.
    pub(crate) analyst: Option<PathBuf>,
    /// The architect's prompt.
    pub(crate) architect: Option<PathBuf>,
    /// The developer's prompt.
    pub(crate) developer: Option<PathBuf>,
    /// The reviewer's prompt.
    pub(crate) reviewer: Option<PathBuf>,
    /// The tester's prompt.
    pub(crate) tester: Option<PathBuf>,
}

impl Prompts {
    /// The file of one role.
    pub(crate) const fn of(&self, role: Role) -> Option<&PathBuf> {
        match role {
            Role::Analyst => self.analyst.as_ref(),
            Role::Architect => self.architect.as_ref(),
            Role::Developer => self.developer.as_ref(),
            Role::Reviewer => self.reviewer.as_ref(),
            Role::Tester => self.tester.as_ref(),
        }
    }
}

/// How a role is played.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Agent {
    /// The kind of program: `claude`, `codex`, `gemini`, `opencode`, or `script` for any other.
    pub(crate) profile: String,
    /// Program and leading arguments. Profile `script` needs it; others have their own.
    #[serde(default)]
    pub(crate) command: Vec<String>,
    /// The model to ask for. Without it, the program chooses.
    pub(crate) model: Option<String>,
    /// How hard the model is to think, where the program has a choice.
    pub(crate) effort: Option<String>,
    /// The model to go on with when the first one is overloaded.
    pub(crate) fallback_model: Option<String>,
    /// Whose service it is, where that is not the profile's usual one: runs of one provider wait together.
    pub(crate) provider: Option<String>,
    /// US dollars that one run may cost, where the program can hold to it.
    pub(crate) money_per_run: Option<Usd>,
    /// Further variables of orchd's own environment that the program may see, such as the key of a provider of your own.
    #[serde(default)]
    pub(crate) pass: Vec<String>,
    /// How long a run may take. Without it: 60 minutes for the developer, 50 for the reviewer, 30 for the others.
    pub(crate) timeout: Option<Time>,
}
