//! The texts that ship with orchd: each role's prompt, and the forms of the documents it writes. What a run is told
//! beyond them is `agent/prompt`'s; that they keep to the contract is `lint`'s.

use orchd_core::policy::Policy;
use orchd_core::stage::Role;

/// A document's form: its name as prompts have it, and a text to be filled in.
pub(crate) type Form = (&'static str, &'static str);

/// The role's prompt: the project's own, else the one that ships.
pub(crate) fn of(policy: &Policy, role: Role) -> &str {
    policy.prompts.get(&role).map_or(built_in(role), String::as_str)
}

/// The prompt that ships.
pub(crate) const fn built_in(role: Role) -> &'static str {
    match role {
        Role::Analyst => include_str!("../../../agents/analyst.md"),
        Role::Architect => include_str!("../../../agents/architect.md"),
        Role::Developer => include_str!("../../../agents/developer.md"),
        Role::Reviewer => include_str!("../../../agents/reviewer.md"),
        Role::Tester => include_str!("../../../agents/tester.md"),
    }
}

/// The forms of what the role writes beside its submission.
pub(crate) const fn forms(role: Role) -> &'static [Form] {
    match role {
        Role::Analyst => &[
            ("01-brd.md", include_str!("../../../agents/templates/01-brd.md")),
            ("01-questions.md", include_str!("../../../agents/templates/01-questions.md")),
        ],
        Role::Architect => &[
            ("06-adr/ADR-NNN-title.md", include_str!("../../../agents/templates/06-adr.md")),
            ("10-tech-risks.md", include_str!("../../../agents/templates/10-tech-risks.md")),
        ],
        Role::Developer => &[],
        Role::Reviewer => &[("12-review.md", include_str!("../../../agents/templates/12-review.md"))],
        Role::Tester => &[("13-test-report.md", include_str!("../../../agents/templates/13-test-report.md"))],
    }
}

#[cfg(test)]
mod tests;
