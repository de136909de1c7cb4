//! Agents that mean no good, or are merely broken: what each does, how its run ends, and what people are told. One
//! table, run by the tests against real processes and rendered for the documentation. No test code here.

use orchd_core::time::Span;
use orchd_launcher::{Ended, RunSpec};

/// One bad agent.
pub(crate) struct Agent {
    /// What it does, for people.
    pub(crate) does: &'static str,
    /// The program, for `/bin/sh -c` in its clone; `$DIR` is its run's directory.
    pub(crate) program: &'static str,
    /// Its limits, as different from the ordinary ones of a test.
    pub(crate) limits: fn(&mut RunSpec),
    /// How its run may end. More than one word where it is a race.
    pub(crate) ends: &'static [Ended],
    /// What people are told of its work.
    pub(crate) work: Work,
}

/// What becomes of the changes in its clone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// On the task branch.
    Kept,
    /// Nothing was changed.
    None,
    /// Under the salvage branch.
    Aside,
    /// The clone is no more.
    Gone,
    /// Whichever the race made of it.
    Any,
}

const SUCCESS: Ended = Ended::Exited { code: 0 };
const MIB: u64 = 1024 * 1024;

fn ordinary(_: &mut RunSpec) {}

fn brief(spec: &mut RunSpec) {
    spec.deadline = Span::secs(2);
}

fn watched(spec: &mut RunSpec) {
    spec.stall = Some(Span::millis(1_500));
}

pub(crate) const AGENTS: &[Agent] = &[
    Agent {
        does: "prints 200 MB",
        program: "yes 'a line of output like any other' | head -c 209715200",
        limits: ordinary,
        ends: &[SUCCESS],
        work: Work::None,
    },
    Agent {
        does: "prints without end",
        program: "exec yes",
        limits: |spec| spec.output_ceiling = 64 * MIB,
        ends: &[Ended::OutputCeiling],
        work: Work::None,
    },
    Agent {
        does: "prints what is no text",
        program: "head -c 100000 /dev/urandom; printf 'a\\377\\376b\\n' >&2; echo x > x",
        limits: ordinary,
        ends: &[SUCCESS],
        work: Work::Kept,
    },
    Agent {
        does: "prints one line of 50 MB",
        program: "head -c 52428800 /dev/zero | tr '\\0' x; echo; echo end",
        limits: ordinary,
        ends: &[SUCCESS],
        work: Work::None,
    },
    Agent {
        does: "starts a daemon (double fork, own session, no environment, deaf to SIGTERM) and ends",
        program: "(setsid env -i /bin/sh -c 'trap \"\" TERM; echo up > up; while :; do sleep 1; done' & ) & \
            while [ ! -s up ]; do sleep 0.05; done",
        limits: ordinary,
        ends: &[SUCCESS],
        work: Work::Kept,
    },
    Agent {
        does: "leaves a process that holds its output open and goes on writing",
        program: "(trap '' HUP; while :; do echo again; sleep 0.1; done) & echo first",
        limits: ordinary,
        ends: &[SUCCESS],
        work: Work::None,
    },
    Agent {
        does: "forks without end",
        // One by one, as doubling ones starve the whole machine and every test on it; and not for ever, as a broken shim
        // must not take the host of the tests with it.
        program: "i=0; while [ $i -lt 3000 ]; do sleep 600 & i=$((i+1)); done; wait",
        limits: |spec| spec.limits.processes = Some(100),
        ends: &[Ended::ProcessCeiling { ceiling: 100 }],
        work: Work::Any,
    },
    Agent {
        does: "forks as much as it may, keeps the CPUs busy and ignores SIGTERM",
        program: "trap '' TERM; i=0; while [ $i -lt 8 ]; do (while :; do (:); done) & i=$((i+1)); done; wait",
        limits: |spec| {
            spec.limits.processes = Some(200);
            spec.deadline = Span::secs(2);
        },
        ends: &[Ended::DeadlineExceeded],
        work: Work::None,
    },
    Agent {
        does: "takes more and more memory",
        program: "exec dd if=/dev/zero of=/dev/null bs=256M",
        limits: |spec| spec.limits.memory = Some(64 * MIB),
        ends: &[Ended::MemoryCeiling { ceiling: 64 * MIB }],
        work: Work::None,
    },
    Agent {
        does: "fills the disk",
        program: "i=0; while [ $i -lt 600 ]; do head -c 1048576 /dev/urandom > f$i; i=$((i+1)); sleep 0.05; done",
        limits: |spec| spec.limits.disk = Some(16 * MIB),
        ends: &[Ended::DiskCeiling { ceiling: 16 * MIB }],
        work: Work::Aside,
    },
    Agent {
        does: "deletes its clone",
        program: "rm -rf \"$PWD\"",
        limits: ordinary,
        ends: &[SUCCESS],
        work: Work::Gone,
    },
    Agent {
        does: "replaces its clone by a link to somewhere else",
        program: "cd ..; mkdir else; mv work/.git else/; rm -rf work; ln -s else work; echo x > else/x",
        limits: ordinary,
        ends: &[SUCCESS],
        work: Work::Gone,
    },
    Agent {
        does: "deletes its run's directory",
        program: "rm -rf \"$DIR\"; echo x > x",
        limits: ordinary,
        ends: &[SUCCESS],
        work: Work::Kept,
    },
    Agent {
        does: "puts pipes and directories in place of its run's files",
        program: "cd \"$DIR\"; for f in stdout.log git.out submission.json; do rm -f $f; mkfifo $f; done; \
            mkdir -p result.json/x .result.json.tmp/x git.err",
        limits: ordinary,
        ends: &[SUCCESS],
        work: Work::None,
    },
    Agent {
        does: "sleeps silently",
        program: "exec sleep 600",
        limits: watched,
        ends: &[Ended::Stalled],
        work: Work::None,
    },
    Agent {
        does: "stops itself (SIGSTOP)",
        program: "trap 'echo woken > woken; exit 0' TERM; kill -STOP $$; sleep 600",
        limits: watched,
        ends: &[Ended::Stalled],
        work: Work::Aside,
    },
    Agent {
        does: "ignores every polite request",
        program: "trap '' TERM INT HUP; while :; do sleep 1; done",
        limits: brief,
        ends: &[Ended::DeadlineExceeded],
        work: Work::None,
    },
    Agent {
        does: "ends at the very moment it is ended",
        program: "trap 'exit 0' TERM; sleep 2",
        limits: brief,
        ends: &[SUCCESS, Ended::DeadlineExceeded],
        work: Work::Any,
    },
    Agent {
        does: "sets traps in its clone's settings: hooks, fsmonitor, credential helper, insteadOf",
        program: "for h in pre-commit commit-msg post-commit reference-transaction post-index-change; do \
              printf '#!/bin/sh\\ntouch ../sprung\\n' > .git/hooks/$h; chmod +x .git/hooks/$h; done; \
            mkdir .hooks; cp .git/hooks/* .hooks/; git config core.hooksPath \"$PWD/.hooks\"; \
            git config core.fsmonitor 'touch ../sprung; false'; git config credential.helper '!touch ../sprung; false'; \
            git config url.file:///nowhere/.insteadOf https://; git config core.editor 'touch ../sprung'; \
            git config core.pager 'touch ../sprung'; git config gpg.program 'touch ../sprung'; \
            git config commit.gpgSign true; rm -rf .hooks/*.sample; echo x > x",
        limits: ordinary,
        ends: &[SUCCESS],
        work: Work::Kept,
    },
    Agent {
        does: "lends its clone objects from a place that is not there",
        program: "mkdir -p .git/objects/info; echo /nowhere/objects > .git/objects/info/alternates; echo x > x",
        limits: ordinary,
        ends: &[SUCCESS],
        work: Work::Kept,
    },
    Agent {
        does: "leaves a lock on the index",
        program: "touch .git/index.lock; echo x > x",
        limits: ordinary,
        ends: &[SUCCESS],
        work: Work::Kept,
    },
];

/// How it ended, as people read it behind "the run".
pub(crate) fn saying(ended: &Ended) -> String {
    if matches!(ended, Ended::Exited { .. } | Ended::Signalled { .. }) {
        format!("ended: {ended}")
    } else {
        ended.to_string()
    }
}

impl Work {
    /// For people.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Kept => "on the task branch",
            Self::None => "it left nothing",
            Self::Aside => "kept aside",
            Self::Gone => "cannot be kept; the message names the clone",
            Self::Any => "kept aside, if there is any",
        }
    }
}

/// The table for the documentation.
pub(crate) fn markdown() -> String {
    let mut text = "| an agent that… | people read: the run… | its changes |\n|---|---|---|\n".to_owned();
    for agent in AGENTS {
        let ends: Vec<_> = agent.ends.iter().map(saying).collect();
        text.push_str(&format!("| {} | {} | {} |\n", agent.does, ends.join(", or: "), agent.work.name()));
    }
    text
}
