//! the git program, wrapped: mirror, agent's clone, gate checkout, rebase, landing, ancestry.
