//! The command line as clap knows it: names, arguments, help. What a command does is in its family's file.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// In short; docs/ref/exit-codes.md has them with what to do.
const EXIT_CODES: &str = "Exit codes: 0 done or accepted; 1 failed; 2 wrong command line or submission; 3 nobody serves the \
    data directory and it cannot be opened; 4 refused; 5 no such task, project, repository or key; 6 it waits for you; \
    130 interrupted.";

/// Drives coding agents from a request to proven code on main.
#[derive(Debug, Parser)]
#[command(name = "orchctl", version, about, propagate_version = true, after_long_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// The data directory; of the demo it is DIR/data. Without it, the one that the configuration names.
    #[arg(long, global = true, env = "ORCHD_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The configuration; without it, the one of your account (~/.config/orchd/orchd.toml).
    #[arg(long, global = true, env = "ORCHD_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print data as JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Watch two requests become proven code on main: offline, in a fresh directory
    Demo(DemoArgs),
    /// Start, list and look at tasks
    Task(TaskArgs),
    /// Why a task is not moving: the last decision with every fact it rests on
    Why {
        /// The task's key
        key: String,
    },
    /// Set up a project for the git repository you are in: one configuration file, nothing in the repository
    Init(InitArgs),
    /// Ask for something and watch it become code on main; without a request, go on with what is open
    Run(RunArgs),
    /// Bring what landed into your branch, by fast-forward alone
    Pull {
        /// The repository; without it, where you are
        dir: Option<PathBuf>,
    },
    /// The configuration: is it in order, what does a key do
    Config(ConfigArgs),
    /// What orchd needs on this host, present or missing, with what mends it
    Doctor,
    /// Watch a task's runs as they work; the run does not know, and goes on when you leave
    Attach {
        /// The task's key
        key: String,
        /// One run alone, by its id
        #[arg(long)]
        run: Option<String>,
    },
    /// Say something to the agent of a task that is paused or on Hold: its next turn
    Say {
        /// The task's key
        key: String,
        /// What
        words: String,
    },
    /// Approve what you are asked to approve
    Approve(Judge),
    /// Send back what you are asked to approve or confirm
    Reject {
        #[command(flatten)]
        judge: Judge,
        /// The reason, for whoever works on it next
        #[arg(long, short)]
        reason: String,
    },
    /// Start the deployment you are asked to confirm
    ConfirmDeploy(Judge),
    /// Cancel a task; what is merged or deployed stays
    Stop(Judge),
    /// Start nothing new for a task
    Pause {
        #[command(flatten)]
        judge: Judge,
        /// Why
        #[arg(long, short)]
        reason: Option<String>,
        /// End the running job too; its work is kept
        #[arg(long)]
        now: bool,
    },
    /// Go on with a paused task
    Resume {
        #[command(flatten)]
        judge: Judge,
        /// The answers to its questions, or other words for the run that follows
        #[arg(long, short)]
        answer: Option<String>,
    },
    /// End a Hold: grants one attempt of what ran out
    Retry {
        #[command(flatten)]
        judge: Judge,
        /// Let it work in a frozen repository, to mend it
        #[arg(long)]
        repair: bool,
        /// Words for the run that follows
        #[arg(long, short)]
        answer: Option<String>,
    },
    /// Change a waiting task's place: lower goes first
    Prioritise {
        #[command(flatten)]
        judge: Judge,
        /// The priority
        #[arg(allow_negative_numbers = true)]
        priority: i32,
    },
    /// Turn a bug task into a full one, before development
    Escalate(Judge),
    /// Queued and running jobs
    Queue,
    /// What a task waits for
    Deps(DepsArgs),
    /// Freeze and unfreeze a repository
    Repo(RepoArgs),
    /// Providers of agents: how they are, and that one is well again
    Provider(ProviderArgs),
    /// Stop admission and the start of pipeline jobs
    Drain,
    /// Let work start again
    Undrain,
    /// Print what completes this program's words in your shell
    Completions {
        /// bash, zsh, fish, elvish or powershell
        shell: clap_complete::Shell,
    },
    /// Write a man page for each command
    Man {
        /// Into this folder
        dir: PathBuf,
    },
    /// Hand in a run's submission; for agents
    Submit(SubmitArgs),
    /// The engine of a data directory
    #[command(hide = true)]
    Engine(EngineArgs),
    /// The demo's scripted agent
    #[command(hide = true)]
    DemoAgent {
        /// The prompt, as every agent gets it; the contract names it in the environment too
        prompt: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Where; a directory of an earlier demo goes on
    #[arg(long)]
    pub(crate) dir: Option<PathBuf>,
    /// Let both tasks be at work at once; they still land one by one
    #[arg(long)]
    pub(crate) parallel: bool,
    /// Kill the engine again and again while it works, at random moments; SEED asks for the same moments again
    #[arg(long, value_name = "SEED", num_args = 0..=1, require_equals = true)]
    pub(crate) chaos: Option<Option<u64>>,
}

#[derive(Debug, Args)]
pub(crate) struct Judge {
    /// The task's key
    pub(crate) key: String,
    /// The head SHA you looked at; refused if the task has moved on
    #[arg(long, value_name = "SHA")]
    pub(crate) at: Option<String>,
    /// The visit you looked at; refused if the task has moved on
    #[arg(long)]
    pub(crate) visit: Option<u32>,
}

/// Where main is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ForgeKind {
    /// In orchd's data
    Local,
    /// At a remote
    Git,
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// The repository, or a folder in it; without it, where you are
    pub(crate) dir: Option<PathBuf>,
    /// The project's name; without it, the folder's
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The branch that is main; without it, main or master
    #[arg(long, value_name = "BRANCH")]
    pub(crate) main: Option<String>,
    /// Where main is: local, in orchd's data, which you pull from, or git, at a remote that orchd may push to
    #[arg(long, value_name = "KIND")]
    pub(crate) forge: Option<ForgeKind>,
    /// Which of the repository's remotes, with --forge git
    #[arg(long, value_name = "NAME", default_value = "origin")]
    pub(crate) remote: String,
    /// The command that runs the tests, where its files do not show the right one
    #[arg(long, value_name = "COMMAND", conflicts_with = "no_test")]
    pub(crate) test: Option<String>,
    /// There are no tests
    #[arg(long)]
    pub(crate) no_test: bool,
    /// The agent that plays every role: claude, codex, gemini, opencode
    #[arg(long, value_name = "PROFILE", conflicts_with = "script")]
    pub(crate) agent: Option<String>,
    /// A program of your own that plays every role
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) script: Option<PathBuf>,
    /// What one task may cost: US dollars, or unlimited
    #[arg(long, value_name = "USD")]
    pub(crate) money_per_task: Option<String>,
    /// What a day may cost: US dollars, or unlimited
    #[arg(long, value_name = "USD")]
    pub(crate) money_per_day: Option<String>,
    /// Say what would be written, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The request, in 5 to 200 characters
    pub(crate) title: Option<String>,
    /// What is wanted, and how it is recognised
    #[arg(long, short, default_value = "")]
    pub(crate) description: String,
    /// The project, where there are several
    #[arg(long)]
    pub(crate) project: Option<String>,
    /// full, bug, express, or one of the project's own
    #[arg(long)]
    pub(crate) track: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub(crate) what: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Tell everything that is wrong with it, with line and column
    Check,
    /// What a key is set to, where that was said, and what it does; without KEY, all of them
    Explain {
        /// The key, dotted: project.NAME.budgets.rework
        key: Option<String>,
    },
    /// The JSON schema of the file, for editors
    Schema,
}

#[derive(Debug, Args)]
pub(crate) struct TaskArgs {
    #[command(subcommand)]
    pub(crate) what: TaskCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TaskCommand {
    /// Start a task
    New {
        /// 5 to 200 characters
        title: String,
        /// What is wanted, and how it is recognised
        #[arg(long, short, default_value = "")]
        description: String,
        /// The project, where there are several
        #[arg(long)]
        project: Option<String>,
        /// full, bug, express, or one of the project's own
        #[arg(long)]
        track: Option<String>,
        /// Lower goes first
        #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
        priority: i32,
        /// Keys it waits for
        #[arg(long, value_name = "KEY")]
        after: Vec<String>,
        /// Let it work in a frozen repository, to mend it
        #[arg(long)]
        repair: bool,
    },
    /// Say a request anew, before work on it began or while it waits for you
    Amend {
        /// The task's key
        key: String,
        /// The title
        #[arg(long)]
        title: Option<String>,
        /// The description
        #[arg(long, short)]
        description: Option<String>,
    },
    /// All tasks
    List,
    /// One task, whole
    Show {
        /// The task's key
        key: String,
    },
    /// What happened to a task
    Events {
        /// The task's key
        key: String,
        /// Bookkeeping too
        #[arg(long)]
        all: bool,
    },
    /// The output of a task's latest run
    Log {
        /// The task's key
        key: String,
        /// Follow it until the task is over
        #[arg(long, short)]
        follow: bool,
        /// One run
        #[arg(long)]
        run: Option<String>,
        /// The latest run of a role, or of the suite: analyst, architect, developer, reviewer, tester, test, ci
        #[arg(long, value_name = "WHO", conflicts_with = "run")]
        of: Option<String>,
    },
    /// What a task changes
    Diff {
        /// The task's key
        key: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct DepsArgs {
    #[command(subcommand)]
    pub(crate) what: DepsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DepsCommand {
    /// A task waits until another issue is done
    Add {
        /// The task that waits
        key: String,
        /// The issue it waits for
        on: String,
    },
    /// It waits no more
    Rm {
        /// The task that waits
        key: String,
        /// The issue it waits for
        on: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct RepoArgs {
    #[command(subcommand)]
    pub(crate) what: RepoCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RepoCommand {
    /// Repositories: who works, who lands, who is frozen
    List,
    /// Admit and land nothing
    Freeze {
        /// The repository
        repo: String,
        /// Why
        #[arg(long, short)]
        reason: Option<String>,
    },
    /// Go on
    Unfreeze {
        /// The repository
        repo: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ProviderArgs {
    #[command(subcommand)]
    pub(crate) what: ProviderCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProviderCommand {
    /// Providers: who answers, who does not, whose quota is used up
    List,
    /// Say that one is well: its breaker is closed, its used-up quota forgotten, and runs start again
    Close {
        /// The provider
        name: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct SubmitArgs {
    /// A JSON file; standard input where left out or `-`
    pub(crate) file: Option<PathBuf>,
    /// Print a role's JSON schema instead
    #[arg(long, value_name = "ROLE")]
    pub(crate) schema: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct EngineArgs {
    /// The demo's project: makes a data directory for it
    #[arg(long)]
    pub(crate) demo: Option<PathBuf>,
    /// Both of the demo's tasks at once
    #[arg(long)]
    pub(crate) parallel: bool,
    /// The data directory
    #[arg(long)]
    pub(crate) data: PathBuf,
}
