//! Named design mutants: each switches one safeguard off, so that a test which claims to guard it can be
//! seen to fail. The shipped program is built without the feature `mutants`, where [`on`] is constant false.

macro_rules! mutants {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)*) => {
        /// One safeguard that a mutant build can switch off, named after the incident it prevents (spec 07).
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Mutant { $($(#[$doc])* $variant,)* }

        impl Mutant {
            /// Every mutant.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name that the environment variable `ORCHD_MUTANT` takes.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

mutants! {
    /// Prose such as "23 passed" counts as a verdict.
    Inc02 = "inc-02";
    /// Only the key `verdict:` of a test report is read.
    Inc03 = "inc-03";
    /// A lease that is over is left alone.
    Inc05 = "inc-05";
    /// A process is known by its pid alone.
    Inc06 = "inc-06";
    /// The store's compare-and-swap on the task's version is skipped.
    Inc07 = "inc-07";
    /// A lease is renewed when the work ends, not beside it.
    Inc08 = "inc-08";
    /// An intent whose owner died is a flag that blocks, not a question that is probed.
    Inc09 = "inc-09";
    /// A timed-out suite counts as a red one.
    Inc10 = "inc-10";
    /// A program that is missing counts as one that said no.
    Inc11 = "inc-11";
    /// Only the main process of a run is ended.
    Inc12 = "inc-12";
    /// An answer "merged" counts as the proof that the code is in main.
    Inc13 = "inc-13";
    /// The combined tree is not tested again after a rebase.
    Inc16 = "inc-16";
    /// A deploy intent's key lacks the attempt.
    Inc17 = "inc-17";
    /// A deploy checkout that does not converge is a failed deployment.
    Inc18 = "inc-18";
    /// Main as it stands is deployed, and what the environment then reports is not looked at.
    Inc19 = "inc-19";
    /// A wake puts a task on Hold back to work.
    Inc23 = "inc-23";
    /// A paused task keeps its place.
    Inc24 = "inc-24";
    /// STOP waits for a step that only a person would start.
    Inc26 = "inc-26";
    /// Two issues of one key share an identity.
    Inc31 = "inc-31";
    /// What a union merge drops is not looked for.
    Inc33 = "inc-33";
    /// An empty value counts as set.
    Inc34 = "inc-34";
    /// A store is opened whichever data directory it belongs to.
    Inc35 = "inc-35";
    /// A refused file is told without owner, path and remedy.
    Inc36 = "inc-36";
    /// Sequence numbers are counted outside the creating transaction.
    Inc37 = "inc-37";
    /// Giving way wakes nobody.
    Inc38 = "inc-38";
    /// A review stands for another patch, and a confirm-deploy for another commit.
    Inc39 = "inc-39";
    /// Waiting for a person counts as a failure of the run.
    Inc40 = "inc-40";
    /// A judge's report counts as a commit on the task branch.
    Inc41 = "inc-41";
    /// A verdict of an older run is read.
    Inc42 = "inc-42";
    /// An agent's clone is looked at with git, under the agent's configuration.
    Inc43 = "inc-43";
    /// A red main is the task's fault.
    Inc44 = "inc-44";
    /// An approval counts whatever was shown.
    Inc45 = "inc-45";
    /// A landing is not checked for ancestry.
    Inc46 = "inc-46";

    // Designs that fail (docs/dev/mutants.md): the simulation must notice each.

    /// A job's result is stored by the job's id, whoever brings it and whatever the job's state.
    SettleById = "settle-by-id";
    /// Taking a lease over gives no new token.
    TokenKept = "token-kept";
    /// A lease counts as over while its owner renews it.
    ReapTheLiving = "reap-the-living";
    /// An irreversible step starts without the store's word.
    SendUnasked = "send-unasked";
    /// The compare-and-swap on the repository's epoch is skipped.
    EpochIgnored = "epoch-ignored";
    /// The compare-and-swap on a provider's epoch is skipped.
    ProviderEpochIgnored = "provider-epoch-ignored";
    /// A wake-up that came between load and commit is overwritten.
    WakesIgnored = "wakes-ignored";
    /// A job that goes back to the queue keeps its owner.
    RequeueKeepsOwner = "requeue-keeps-owner";
    /// A landing that did not answer counts as refused.
    TimeoutIsRefusal = "timeout-is-refusal";
    /// An act whose process was lost counts as never done.
    LostActIsNone = "lost-act-is-none";
    /// A landing that a probe does not find counts as refused, and its door stays open.
    AbsentIsRefused = "absent-is-refused";
    /// STOP ends a task while its irreversible step is open.
    NaiveCancel = "naive-cancel";
    /// A paused task goes on.
    PauseIgnored = "pause-ignored";
    /// A frozen repository lets tasks in.
    FreezeAdmits = "freeze-admits";
    /// A frozen repository lands.
    FreezeLands = "freeze-lands";
    /// A serial repository lets a second task in.
    SerialIgnored = "serial-ignored";
    /// Whoever asks first is let in, whatever the order.
    OrderIgnored = "order-ignored";
    /// A task is let in before what it depends on is done.
    DependencyIgnored = "dependency-ignored";
    /// Nobody waits for the merge lane.
    LaneIgnored = "lane-ignored";
    /// A task that ended keeps its place.
    PlaceKept = "place-kept";
    /// Rework has no budget.
    ReworkUnbounded = "rework-unbounded";
    /// Infrastructure is asked again without end.
    InfraUnbounded = "infra-unbounded";
    /// A provider's open breaker stops nobody.
    BreakerIgnored = "breaker-ignored";
    /// Everybody tries a provider whose breaker is half open.
    ProbesMany = "probes-many";
    /// A wait for CI has no end of its own.
    CiForEver = "ci-for-ever";
    /// What is put off is never asked again.
    DeferredForEver = "deferred-for-ever";
    /// A gate's word counts for every subject.
    SubjectIgnored = "subject-ignored";
    /// A door that was closed keeps its number.
    NumberKept = "number-kept";
    /// A surface that could not be written counts as written.
    ShownUnwritten = "shown-unwritten";
}

/// Whether the safeguard is switched off.
#[cfg(not(feature = "mutants"))]
#[inline(always)]
pub const fn on(_: Mutant) -> bool {
    false
}

/// Whether the safeguard is switched off: the mutant named by the environment variable `ORCHD_MUTANT`.
#[cfg(feature = "mutants")]
#[expect(
    clippy::disallowed_methods,
    reason = "a test build only: the harness chooses the mutant per process"
)]
pub fn on(mutant: Mutant) -> bool {
    static CHOSEN: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    CHOSEN.get_or_init(|| std::env::var("ORCHD_MUTANT").ok()).as_deref() == Some(mutant.name())
}
