//! One sample of every event. The macros match without a wildcard, so a new variant does not compile until it
//! has a sample; its golden file is then written once by `cargo run -p orchd-core --example golden`.

use orchd_core::account::{Account, AgentSession, ModelUsage};
use orchd_core::command::{Refusal, RefusalCode};
use orchd_core::docs::{Adr, Brd, DocFacts};
use orchd_core::effect::{Effect, EffectState, Intent, LandingAnswer, ProbeAnswer, Proof};
use orchd_core::event::{Birth, Event, How, ProviderEvent, RepoEvent, Spends};
use orchd_core::gate::{GateName, GateOutcome, GateResult, Subject};
use orchd_core::hold::HoldCode;
use orchd_core::id::{
    Actor, Branch, Digest, EffectId, JobId, Key, ProjectId, ProviderId, RepoId, RunId, Sha, TaskId,
};
use orchd_core::job::{
    AgentOutcome, AgentRun, BranchState, DeployAnswer, JobKind, JobRef, JobSpec, ReadyOutcome, ReadyRun,
    SuiteOutcome, SuiteRun, Work,
};
use orchd_core::policy::{Agent, Money};
use orchd_core::provider::{Breaker, Down, Health, Probe, UsedUp};
use orchd_core::reason::{Ask, Reason, Wait};
use orchd_core::repo::{Freeze, MainSeen, Marker};
use orchd_core::stage::{Role, Stage};
use orchd_core::task::{Assignment, CiState, Request, Standing};
use orchd_core::time::{Span, Timestamp};
use orchd_core::verdict::{Finding, MarkerText, Priority, Question, Submission, Verdict};
use uuid::Uuid;

macro_rules! samples {
    ($samples:ident, $name:ident, $event:ident: $($variant:ident = $sample:expr;)*) => {
        /// A sample of every variant.
        pub(crate) fn $samples() -> Vec<$event> {
            vec![$($sample,)*]
        }

        /// The variant's name.
        pub(crate) fn $name(event: &$event) -> &'static str {
            match event { $($event::$variant { .. } => stringify!($variant),)* }
        }
    };
}

fn sha(digit: char) -> Sha {
    Sha::parse(&digit.to_string().repeat(40)).expect("forty hexadecimal digits are an object name")
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn at(n: i64) -> Timestamp {
    Timestamp(1_800_000_000_000 + n)
}

fn ada() -> Actor {
    Actor::new("ada")
}

fn task() -> TaskId {
    TaskId(id(1))
}

fn finding() -> Finding {
    let file = Some("src/lib.rs".to_owned());
    Finding { priority: Priority::P0, file, line: Some(7), text: "off by one".to_owned() }
}

fn branch() -> BranchState {
    BranchState {
        base: sha('a'),
        head: sha('b'),
        patch: Digest::of(b"patch"),
        docs: Digest::of(b"docs"),
        ahead: true,
    }
}

fn proof() -> Proof {
    Proof {
        head: sha('b'),
        main: sha('c'),
        main_tree: sha('d'),
        missing_markers: vec!["CHANGELOG.md: 1.2".to_owned()],
        marker_warning: None,
    }
}

fn standing() -> Standing {
    Standing { by: ada(), visit: 3, subject: Subject::Docs(Digest::of(b"docs")) }
}

fn landing() -> Intent {
    Intent::Landing { landing: 1, base: sha('a'), head: sha('b') }
}

fn job() -> JobRef {
    JobRef {
        id: JobId(id(2)),
        kind: JobKind::Agent,
        role: Some(Role::Developer),
        provider: Some(ProviderId::new("claude")),
        since: at(5),
        not_before: Some(at(6)),
        ending: Some("paused".to_owned()),
    }
}

fn birth() -> Birth {
    Birth {
        id: task(),
        seq: 4,
        project: ProjectId::new("demo"),
        repo: RepoId::new("demo"),
        key: Key::new("DEMO-1"),
        life: 2,
        branch: Branch::new("orchd/DEMO-1.2"),
        request: Request {
            title: "Faster parser".to_owned(),
            description: "It is slow.".to_owned(),
            waiver: false,
            labels: vec!["Bug".to_owned()],
            priority: -1,
        },
        track: "full".to_owned(),
        by: ada(),
    }
}

fn account() -> Account {
    Account {
        cost: Money(1_200_000),
        assumed: false,
        tokens: (1000, 200),
        usage: vec![ModelUsage {
            model: "large-1".to_owned(),
            input: 900,
            output: 200,
            cache_read: 100,
            cache_write: 0,
            cost: Some(Money(1_200_000)),
        }],
        session: Some(AgentSession { profile: "claude".to_owned(), id: "s-1".to_owned() }),
    }
}

fn run() -> AgentRun {
    let submission = Submission {
        verdict: Some(Verdict::Negative),
        findings: vec![finding()],
        questions: vec![Question { text: "Which?".to_owned(), blocking: false }],
        artifacts: vec!["01-brd.md".to_owned()],
        conflicts: vec!["ADR-001".to_owned()],
        markers: vec![MarkerText { path: "README.md".to_owned(), text: "x".to_owned() }],
        summary: Some("no".to_owned()),
        confidence: Some(0.5),
        rationale: Some("because".to_owned()),
    };
    AgentRun {
        run: RunId(id(3)),
        role: Role::Reviewer,
        entry: 5,
        outcome: AgentOutcome::Completed { submission: Box::new(submission) },
        branch: Some(branch()),
        dropped: vec!["src/x.rs".to_owned()],
        ignored_fields: vec!["branch".to_owned()],
        docs: DocFacts {
            brd: Some(Brd { goal: true, scope: true, acceptance: false }),
            adrs: vec![Adr { path: "06-adr/ADR-001-x.md".to_owned(), number: Some(1), has_status: true }],
            risks: true,
            questions: vec!["Which?".to_owned()],
            changed: vec!["01-brd.md".to_owned()],
            taken_numbers: vec![1],
            taken_by: Vec::new(),
        },
        account: account(),
        took_ms: 61_000,
        salvage: Some("refs/orchd/salvage/3".to_owned()),
    }
}

fn health() -> Health {
    Health {
        provider: ProviderId::new("claude"),
        failures: 5,
        breaker: Breaker::HalfOpen {
            down: Down { since: at(3), why: "529 overloaded".to_owned(), times: 2 },
            probe: Probe { task: task(), job: JobId(id(2)), until: at(60) },
        },
        quota: Some(UsedUp { since: at(1), resets_at: at(2), reported: Some(at(9)) }),
    }
}

fn red() -> SuiteOutcome {
    SuiteOutcome::Red { failing: vec!["tests::a".to_owned()], output: "assertion failed".to_owned() }
}

samples! { events, event_name, Event:
    Created = Event::Created { birth: Box::new(birth()) };
    RunEnded = Event::RunEnded { run: Box::new(run()) };
    SuiteEnded = Event::SuiteEnded {
        suite: SuiteRun { head: sha('b'), base: sha('a'), base_tree: sha('d'), outcome: red() },
    };
    CiReported = Event::CiReported { head: sha('b'), state: CiState::Failure { output: "red".to_owned() } };
    ReadyEnded = Event::ReadyEnded { ready: Box::new(ReadyRun {
        from: sha('b'),
        patch_before: Digest::of(b"patch"),
        main: sha('c'),
        main_tree: sha('d'),
        outcome: ReadyOutcome::Ready {
            branch: branch(),
            rebased: true,
            suite: Some(SuiteOutcome::Green { tests: Some(23), warning: None }),
        },
    }) };
    LandingAnswered = Event::LandingAnswered { answer: LandingAnswer::StaleBase { main: sha('c') } };
    DeployAnswered = Event::DeployAnswered { answer: DeployAnswer::FailedBroken { output: "no".to_owned() } };
    EffectAbsent = Event::EffectAbsent { main: sha('c') };
    ProbeAnswered = Event::ProbeAnswered { answer: ProbeAnswer::Closed { main: sha('c') } };
    JobFailed = Event::JobFailed {
        kind: JobKind::Push,
        why: "the disk is full".to_owned(),
        told: false,
        account: Some(Box::new(account())),
    };
    CleanedUp = Event::CleanedUp { salvaged: vec!["refs/orchd/salvage/3".to_owned()] };
    JobClosed = Event::JobClosed { job: JobId(id(2)) };
    Approved = Event::Approved { standing: standing() };
    DeployConfirmed = Event::DeployConfirmed { standing: standing() };
    HoldApproved = Event::HoldApproved { by: ada() };
    Rejected = Event::Rejected { by: ada(), reason: "too wide".to_owned() };
    StopAccepted = Event::StopAccepted { by: ada() };
    Paused = Event::Paused {
        by: ada(),
        why: "questions are open".to_owned(),
        questions: vec!["Which?".to_owned()],
        now: true,
    };
    Resumed = Event::Resumed { by: ada(), answers: Some("blue".to_owned()) };
    Retried = Event::Retried { by: ada(), repair: true, answers: Some("Keep it small.".to_owned()) };
    TrackChanged = Event::TrackChanged { by: ada(), track: "full".to_owned() };
    Prioritised = Event::Prioritised { by: ada(), priority: -2 };
    Amended = Event::Amended {
        by: ada(),
        title: "Faster parser".to_owned(),
        description: "It takes a second for a megabyte.".to_owned(),
    };
    CommandRefused = Event::CommandRefused {
        by: ada(),
        command: "approve".to_owned(),
        refusal: Refusal { code: RefusalCode::VisitMoved, why: "look again".to_owned() },
    };
    GateJudged = Event::GateJudged { result: GateResult {
        gate: GateName::ReviewVerdict,
        subject: Subject::Landing { head: sha('b'), main: sha('a') },
        attempt: 2,
        outcome: GateOutcome::Reject { findings: vec![finding()] },
        evidence: "the reviewer requests changes".to_owned(),
        at: at(9),
    } };
    Decided = Event::Decided {
        decision: "land".to_owned(),
        policy: Digest::of(b"policy"),
        admission: "occupants=1".to_owned(),
    };
    JobQueued = Event::JobQueued {
        job: job(),
        spec: Box::new(JobSpec {
            work: Work::Agent {
                role: Role::Developer,
                entry: 5,
                start: sha('b'),
                base: sha('a'),
                must_fix: vec![finding()],
                questions: vec!["Which?".to_owned()],
                answers: Some("blue".to_owned()),
                last_failure: Some("exit 3".to_owned()),
                agent: Some(Box::new(Agent {
                    model: Some("large-1".to_owned()),
                    effort: Some("high".to_owned()),
                    ..Agent::new("claude", Vec::new(), Span::mins(60))
                })),
                resume: Some("s-1".to_owned()),
            },
            not_before: Some(at(6)),
        }),
        spends: Some(Spends::Infra(GateName::CiGreen)),
    };
    ProviderChanged = Event::ProviderChanged { health: Box::new(health()) };
    JobToldToEnd = Event::JobToldToEnd { job: JobId(id(2)), why: "stopped".to_owned() };
    EffectOpened = Event::EffectOpened { effect: Effect {
        id: EffectId(id(4)),
        intent: Intent::Deploy { sha: sha('b'), attempt: 2, environment: "prod".to_owned() },
        state: EffectState::Intent,
        since: at(7),
        probes: 1,
        absent_at: Some(sha('c')),
    } };
    EffectMoved = Event::EffectMoved {
        id: EffectId(id(4)),
        intent: landing(),
        state: EffectState::Unknown,
        observed: "the connection dropped".to_owned(),
    };
    ProofRenewed = Event::ProofRenewed { proof: proof() };
    HoldEnded = Event::HoldEnded { why: "what it waited for is gone".to_owned() };
    Landed = Event::Landed { proof: proof() };
    Entered = Event::Entered {
        from: Stage::Review,
        to: Stage::Development,
        how: How::Rollback {
            gate: GateName::ReviewVerdict,
            findings: Digest::of(b"findings"),
            spends: Some(Spends::Rework),
        },
        assignment: Some(Assignment {
            must_fix: vec![finding()],
            questions: vec!["Which?".to_owned()],
            last_failure: Some("exit 3".to_owned()),
            head: Some(sha('b')),
        }),
        cut_from: Some(sha('a')),
    };
    Held = Event::Held {
        code: HoldCode::MainRed,
        detail: "red at aaaa".to_owned(),
        gate: Some(GateName::TestsVerdict),
    };
    Deferred = Event::Deferred { gate: GateName::CiGreen, why: "404".to_owned(), until: at(60) };
    MainAsked = Event::MainAsked;
    LaneGivenBack = Event::LaneGivenBack;
    Stayed = Event::Stayed {
        reason: Reason::Wait(Wait::Person { ask: Ask::ConfirmDeploy, until: Some(at(99)) }),
    };
}

samples! { repo_events, repo_event_name, RepoEvent:
    LetIn = RepoEvent::LetIn { task: task() };
    GaveWay = RepoEvent::GaveWay { task: task() };
    LaneQueued = RepoEvent::LaneQueued { task: task() };
    LaneTaken = RepoEvent::LaneTaken { task: task() };
    LaneLeft = RepoEvent::LaneLeft { task: task() };
    DeployLaneTaken = RepoEvent::DeployLaneTaken { task: task(), environment: "prod".to_owned() };
    DeployLaneLeft = RepoEvent::DeployLaneLeft { task: task() };
    Frozen = RepoEvent::Frozen { freeze: Freeze {
        why: "main is red".to_owned(),
        cause: Some(task()),
        by: ada(),
        at: at(8),
        diverged: false,
    } };
    Unfrozen = RepoEvent::Unfrozen { by: ada() };
    RepairNamed = RepoEvent::RepairNamed { task: task() };
    MainJobQueued = RepoEvent::MainJobQueued {
        job: JobRef { id: JobId(id(5)), kind: JobKind::MainSuite, role: None, provider: None, since: at(5), not_before: None, ending: None },
        spec: Box::new(JobSpec {
            work: Work::MainSuite { at: Some(sha('a')), known: vec![sha('d')] },
            not_before: None,
        }),
    };
    MainJobClosed = RepoEvent::MainJobClosed { job: JobId(id(5)), failure: Some("no network".to_owned()) };
    MainObserved = RepoEvent::MainObserved { main: MainSeen { sha: sha('c'), tree: sha('d'), at: at(10) } };
    SuiteKnown = RepoEvent::SuiteKnown { tree: sha('d'), outcome: red() };
    MarkerAdded = RepoEvent::MarkerAdded {
        marker: Marker { task: task(), path: "README.md".to_owned(), text: "x".to_owned() },
    };
}

samples! { provider_events, provider_event_name, ProviderEvent:
    Closed = ProviderEvent::Closed { by: ada(), was: Box::new(health()) };
}
