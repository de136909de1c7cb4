//! How the roles play: mostly well, now and then not: failures, quotas, questions, missing documents, work that
//! is red, verdicts against the work. In the calm phase everybody does what is asked.

use orchd_core::account::{Account, AgentSession};
use orchd_core::docs::{Adr, Brd, DocFacts};
use orchd_core::id::{ProviderId, RunId, Sha};
use orchd_core::job::{AgentOutcome, AgentRun, BranchState, JobResult};
use orchd_core::policy::Money;
use orchd_core::stage::Role;
use orchd_core::task::Task;
use orchd_core::time::{Span, Timestamp};
use orchd_core::verdict::{Finding, Priority, Question, Submission, Verdict};

use super::fault::Fault;
use super::sim::Inner;
use super::spot::Spot;

/// What a run has to do.
pub(super) struct Play<'a> {
    pub(super) task: &'a Task,
    pub(super) run: RunId,
    pub(super) role: Role,
    pub(super) entry: u32,
    pub(super) start: &'a Sha,
    pub(super) base: &'a Sha,
    pub(super) mishaps: u64,
    /// It hangs until its deadline.
    pub(super) hangs: bool,
    pub(super) now: Timestamp,
    /// Somebody answered the questions of a former run.
    pub(super) answered: bool,
    /// Whose models play.
    pub(super) provider: Option<ProviderId>,
}

/// What is wrong with a provider, for every run that ends before it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trouble {
    until: Timestamp,
    quota: bool,
}

/// What becomes of a run. Outcome enum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turnout {
    Good,
    Troubled(Trouble),
    Struck(Fault),
    Asks,
    Negative,
    SameFinding,
    NoVerdict,
    NoDocuments,
    Idle,
    RedWork,
}

/// Plays a role; what comes of it is decided when it starts, and known when it ends.
pub(super) fn play(inner: &mut Inner, play: &Play) -> JobResult {
    let turnout = draw(inner, play);
    let outcome = match turnout {
        Turnout::Troubled(Trouble { quota: false, .. }) => {
            AgentOutcome::Transient { why: "503 for everybody".to_owned(), retry_at: None }
        }
        Turnout::Troubled(Trouble { quota: true, until }) => AgentOutcome::Quota { resets_at: until },
        Turnout::Struck(Fault::AgentTransient) => {
            AgentOutcome::Transient { why: "529 overloaded".to_owned(), retry_at: None }
        }
        Turnout::Struck(Fault::AgentQuota) => AgentOutcome::Quota { resets_at: play.now + Span::mins(12) },
        Turnout::Struck(Fault::AgentStale) => {
            AgentOutcome::Completed { submission: Box::new(submission(inner, play, Turnout::Good)) }
        }
        Turnout::Struck(fault) => AgentOutcome::Failed { why: failure(fault).to_owned() },
        Turnout::Good
        | Turnout::Asks
        | Turnout::Negative
        | Turnout::SameFinding
        | Turnout::NoVerdict
        | Turnout::NoDocuments
        | Turnout::Idle
        | Turnout::RedWork => {
            AgentOutcome::Completed { submission: Box::new(submission(inner, play, turnout)) }
        }
    };
    let stale = turnout == Turnout::Struck(Fault::AgentStale);
    let worked = matches!(outcome, AgentOutcome::Completed { .. }) && !stale;
    let branch = branch(inner, play, turnout, worked);
    let (run, entry) = match stale {
        // What the run of an earlier entry left lies there still.
        true => (RunId(uuid::Uuid::from_u128(play.run.0.as_u128() ^ 1)), play.entry.saturating_sub(1)),
        false => (play.run, play.entry),
    };
    JobResult::Agent(Box::new(AgentRun {
        run,
        role: play.role,
        entry,
        outcome,
        branch: Some(branch),
        dropped: Vec::new(),
        ignored_fields: Vec::new(),
        docs: docs(play.task, turnout),
        account: account(),
        took_ms: 60_000,
        salvage: None,
    }))
}

/// What every run uses.
pub(super) fn account() -> Account {
    Account {
        cost: Money(120_000),
        tokens: (1000, 200),
        session: Some(AgentSession { profile: "script".to_owned(), id: "s-1".to_owned() }),
        ..Account::default()
    }
}

fn draw(inner: &mut Inner, play: &Play) -> Turnout {
    if let Some(trouble) = trouble(inner, play) {
        return Turnout::Troubled(trouble);
    }
    if let Some(fault) = struck(inner, play) {
        return Turnout::Struck(fault);
    }
    if inner.calm || !inner.chance.one_in(play.mishaps) {
        return Turnout::Good;
    }
    let own: &[Turnout] = match play.role {
        Role::Analyst if play.answered => &[Turnout::NoDocuments],
        Role::Analyst => &[Turnout::Asks, Turnout::NoDocuments],
        Role::Architect => &[Turnout::Negative, Turnout::NoDocuments],
        Role::Developer => &[Turnout::Idle, Turnout::RedWork, Turnout::RedWork, Turnout::Asks],
        Role::Reviewer | Role::Tester => {
            &[Turnout::Negative, Turnout::Negative, Turnout::SameFinding, Turnout::NoVerdict]
        }
    };
    inner.chance.pick(own).copied().unwrap_or(Turnout::Good)
}

/// What goes wrong with the run itself.
fn struck(inner: &mut Inner, play: &Play) -> Option<Fault> {
    if play.hangs {
        return Some(Fault::AgentHangs);
    }
    let mut kinds = vec![
        Fault::AgentSilent,
        Fault::AgentCrash,
        Fault::AgentTruncated,
        Fault::AgentTransient,
        Fault::AgentQuota,
    ];
    if play.entry > 0 {
        kinds.push(Fault::AgentStale);
    }
    kinds.into_iter().find(|fault| inner.faults.strikes(*fault, Spot::Row(play.task)).is_some())
}

/// What the launcher says of a run that did not count.
const fn failure(fault: Fault) -> &'static str {
    match fault {
        Fault::AgentSilent => "exit 0 without a submission",
        Fault::AgentTruncated => "the submission is cut off",
        Fault::AgentHangs => "timeout or limit: it was ended at its deadline",
        _crash => "exit 3",
    }
}

/// The trouble that this run meets at its provider: one that lasts, or one that begins with it.
fn trouble(inner: &mut Inner, play: &Play) -> Option<Trouble> {
    let provider = play.provider.as_ref().filter(|_| !inner.calm)?;
    let lasts = inner.troubles.get(provider).copied().filter(|trouble| play.now < trouble.until);
    if lasts.is_some() {
        return lasts;
    }
    let quota = inner.faults.strikes(Fault::ProviderQuota, Spot::World);
    let is_quota = quota.is_some();
    let mut strike = quota.or_else(|| inner.faults.strikes(Fault::ProviderDown, Spot::World))?;
    let (minutes, quota) = (1 + strike.number(25), is_quota);
    let begun = Trouble { until: play.now + Span::mins(minutes), quota };
    inner.troubles.insert(provider.clone(), begun);
    Some(begun)
}

fn submission(inner: &mut Inner, play: &Play, turnout: Turnout) -> Submission {
    let mut submission = Submission { summary: Some("as asked".to_owned()), ..Submission::default() };
    if turnout == Turnout::Asks {
        submission.questions = vec![Question { text: "Which colour?".to_owned(), blocking: true }];
        return submission;
    }
    match play.role {
        Role::Analyst => submission.artifacts = vec!["01-brd.md".to_owned()],
        Role::Architect => {
            submission.artifacts = vec!["06-adr/ADR-001-x.md".to_owned(), "10-tech-risks.md".to_owned()];
            if turnout == Turnout::Negative {
                submission.conflicts = vec![format!("conflict {}", inner.chance.below(1000))];
            }
        }
        Role::Developer => {}
        Role::Reviewer | Role::Tester => {
            let negative = matches!(turnout, Turnout::Negative | Turnout::SameFinding);
            submission.verdict = match turnout {
                Turnout::NoVerdict => None,
                _other if negative => Some(Verdict::Negative),
                _other => Some(Verdict::Positive),
            };
            if negative {
                let n = if turnout == Turnout::SameFinding { 0 } else { inner.chance.below(1000) };
                let text = format!("finding {n}");
                submission.findings = vec![Finding { priority: Priority::P1, file: None, line: None, text }];
            }
        }
    }
    submission
}

fn branch(inner: &mut Inner, play: &Play, turnout: Turnout, worked: bool) -> BranchState {
    let idle = !worked || matches!(turnout, Turnout::Asks | Turnout::Idle);
    let head = match play.role {
        _any if idle => play.start.clone(),
        Role::Analyst | Role::Architect => inner.git.document(play.start),
        Role::Developer => {
            let (bad, easy) = (turnout == Turnout::RedWork, inner.calm);
            inner.git.develop(play.task.id, play.start, bad, easy)
        }
        Role::Reviewer | Role::Tester => play.start.clone(),
    };
    inner.git.branch(play.base, &head)
}

fn docs(task: &Task, turnout: Turnout) -> DocFacts {
    let there = turnout != Turnout::NoDocuments;
    let number = u32::try_from(task.seq).unwrap_or(0);
    let adr = Adr { path: "06-adr/ADR-001-x.md".to_owned(), number: Some(number), has_status: there };
    DocFacts {
        brd: Some(Brd { goal: true, scope: there, acceptance: true }),
        adrs: vec![adr],
        risks: there,
        questions: Vec::new(),
        changed: vec!["01-brd.md".to_owned(), "06-adr/ADR-001-x.md".to_owned()],
        taken_numbers: Vec::new(),
        taken_by: Vec::new(),
    }
}
