//! The fault catalogue: every kind of thing that goes wrong in a world, with its number in the catalogue and how often
//! it may come. When and where one strikes is `faults.rs`.

/// How often a kind may come. Outcome enum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// Asked at every call of the store, which are many.
    Call,
    /// Asked at every act outside, which are few.
    Act,
    /// Asked at every push of a landing or run of a deploy hook, of which a seed has a handful.
    Scarce,
    /// Asked at every act or commit; hits many at once, or what few of them can be hit by.
    Wide,
    /// Asked every few minutes.
    Seldom,
}

macro_rules! faults {
    ($($(#[$doc:meta])* $kind:ident = $name:literal, $pace:ident;)*) => {
        /// A kind of fault.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Fault { $($(#[$doc])* $kind,)* }

        /// Every kind, in the order of the enum.
        pub const FAULTS: [Fault; [$(Fault::$kind),*].len()] = [$(Fault::$kind),*];

        impl Fault {
            /// Its name in scenarios and tables: the catalogue's number and a word.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            pub(super) const fn pace(self) -> Pace {
                match self { $(Self::$kind => Pace::$pace,)* }
            }
        }
    };
}

faults! {
    /// The process dies before a store call is applied.
    CrashBefore = "F1-crash-before", Call;
    /// The process dies after a store call was applied.
    CrashAfter = "F2-crash-after", Call;
    /// A store call fails and was not applied.
    Fails = "F3-fails", Call;
    /// A store call was applied and its answer is lost.
    AnswerLost = "F4-answer-lost", Call;
    /// A commit is refused though nobody was faster: a serialization failure.
    Conflict = "F5-conflict", Call;
    /// A store call waits before it is applied, now and then for longer than a lease.
    SlowBefore = "F6-slow-before", Call;
    /// The answer of an applied store call is slow.
    SlowAfter = "F6-slow-after", Call;
    /// The store is down for a while.
    Outage = "F7-outage", Call;
    /// The process stands still for up to several leases, then goes on.
    Stopped = "F12-stopped", Seldom;
    /// The process's wall clock jumps by up to 90 seconds, and back later.
    ClockJump = "F14-clock-jump", Seldom;
    /// All processes die together.
    AllRestart = "F16-all-restart", Seldom;
    /// The process is asked to stop, by the order of the daemon's own shutdown.
    GracefulStop = "F17-graceful-stop", Seldom;
    /// A commit is made by a process of the version before: what that one did not know is not written.
    OldVersion = "F18-old-version", Wide;
    /// The host has no room for another run.
    DiskFull = "F19-disk-full", Act;
    /// A request to git or the environment is lost; nothing happened there.
    RequestLost = "F21-request-lost", Scarce;
    /// Git or the environment did it, and the answer is lost.
    ReplyLost = "F22-reply-lost", Scarce;
    /// It is done after the caller has given up.
    LateAct = "F23-late-act", Scarce;
    /// A store call or a push arrives twice.
    Twice = "F24-twice", Act;
    /// The answer says "landed" and speaks about something else.
    Misleading = "F25-misleading", Scarce;
    /// A surface answers 429.
    SurfaceBusy = "F27-surface-busy", Act;
    /// A surface takes minutes to answer.
    SurfaceSlow = "F28-surface-slow", Act;
    /// A surface cannot be written.
    SurfaceFails = "F29-surface-fails", Act;
    /// A surface was written and the answer is lost.
    SurfaceAnswerLost = "F30-surface-answer-lost", Act;
    /// Main moves between the gate and the push, or while nobody looks.
    MainMoved = "F31-main-moved", Scarce;
    /// The task's branch at the forge is force-pushed by a person.
    BranchForced = "F32-branch-forced", Act;
    /// The mirror is locked: nothing can be sent or asked.
    Locked = "F33-locked", Act;
    /// A hook of the forge refuses the push.
    PushRefused = "F34-push-refused", Scarce;
    /// Main is rewound by a person.
    MainRewound = "F35-main-rewound", Seldom;
    /// A delivery is lost; it is sent again much later, or never.
    DeliveryLost = "F36-delivery-lost", Act;
    /// A delivery comes twice under one id.
    DeliveryTwice = "F37-delivery-twice", Act;
    /// A delivery comes twice under two ids.
    DeliveryAgain = "F38-delivery-again", Act;
    /// A delivery comes late, behind younger ones.
    DeliveryLate = "F39-delivery-late", Act;
    /// A burst of deliveries that say nothing new.
    Burst = "F40-burst", Wide;
    /// A run ends with success and without a result.
    AgentSilent = "F43-agent-silent", Act;
    /// A run fails with an exit code.
    AgentCrash = "F44-agent-crash", Act;
    /// A run's or a suite's program can not be run, or is killed for want of memory.
    Infra = "F44-infra", Act;
    /// A run hangs until its deadline.
    AgentHangs = "F45-agent-hangs", Act;
    /// A run's processes outlive their program and its signal: the end takes a grace longer.
    AgentLingers = "F47-agent-lingers", Act;
    /// A run's answer is that of an older run.
    AgentStale = "F48-agent-stale", Act;
    /// A run's result is cut off.
    AgentTruncated = "F49-agent-truncated", Act;
    /// A provider answers one run with an error that passes.
    AgentTransient = "F27-agent-transient", Act;
    /// A run meets the end of its quota.
    AgentQuota = "F27-agent-quota", Act;
    /// A provider of agents is down for a while, for everybody.
    ProviderDown = "F53-provider-down", Wide;
    /// The quota at a provider is used up for a while, for everybody.
    ProviderQuota = "F27-provider-quota", Wide;
    /// The deploy hook is killed midway.
    DeployKilled = "F50-deploy-killed", Scarce;
    /// The hook's orphan goes on after its caller has given up.
    DeployOrphan = "F51-deploy-orphan", Scarce;
    /// The environment was deployed to, and nobody is told.
    DeployReplyLost = "F52-deploy-reply-lost", Scarce;
    /// The environment can not be reached.
    DeployUnreachable = "F53-deploy-unreachable", Scarce;
    /// Somebody else's script deploys something else at the same time.
    DeployRaced = "F54-deploy-raced", Scarce;
}

impl Fault {
    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        FAULTS.into_iter().find(|fault| fault.name() == name)
    }

    /// Its place among all kinds.
    pub const fn index(self) -> usize {
        self as usize
    }
}
