//! orchctl: one program for people and scripts. The hidden subcommands `shim`, `engine` and `demo-agent` are what
//! it starts itself as, through its own executable.

mod act;
mod attach;
mod cli;
mod config;
mod demo;
mod doctor;
mod engine;
mod env;
mod exit;
mod here;
mod init;
mod log;
mod own_git;
mod provider;
mod pull;
mod queue;
mod reader;
mod render;
mod repo;
mod run;
mod screen;
mod session;
mod shipped;
mod task;
mod view;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command, TaskArgs, TaskCommand};
use exit::Exit;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    if args.next().is_some_and(|first| first == "shim") {
        // Before clap, threads and runtime: the shim is to stay tiny, and forks.
        return code(if args.next().is_none() { orchd_launcher::shim_main() } else { 2 });
    }
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => exit.report(),
    }
}

fn code(code: i32) -> ExitCode {
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

fn run(cli: Cli) -> Result<(), Exit> {
    match cli.command {
        Command::DemoAgent { prompt: _ } => exit_with(demo::agent::agent_main()),
        Command::Submit(args) => exit_with(orchd_runners::submit::run(args.file, args.schema)),
        Command::Engine(args) => engine::run(&args),
        Command::Config(args) => config::run(&render::Out::new(cli.json), cli.config, args.what),
        // A configuration that is wrong is one of its findings.
        Command::Doctor => {
            runtime()?.block_on(doctor::run(&render::Out::new(cli.json), cli.data, cli.config))
        }
        Command::Completions { shell } => shipped::completions(shell),
        Command::Man { dir } => shipped::man(&dir),
        Command::Pull { dir } => pull::run(&render::Out::new(cli.json), dir, cli.config),
        Command::Run(args) => {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            let runtime = runtime.map_err(|e| Exit::failed(format!("no runtime: {e}")))?;
            runtime.block_on(run::run(&render::Out::new(cli.json), args, cli.config, cli.data))
        }
        Command::Init(args) => {
            runtime()?.block_on(init::run(&render::Out::new(cli.json), args, cli.config, cli.data))
        }
        // It has a directory of its own.
        command @ Command::Demo(_) => runtime()?.block_on(ask(command, None, cli.json)),
        mut command => {
            if let Command::Task(TaskArgs { what: TaskCommand::New { project, .. } }) = &mut command
                && project.is_none()
            {
                *project = here::meant(cli.config.clone(), cli.data.as_deref())?;
            }
            let data = cli.data.map_or_else(|| config::data(cli.config), |data| Ok(Some(data)))?;
            runtime()?.block_on(ask(command, data, cli.json))
        }
    }
}

fn exit_with(code: i32) -> Result<(), Exit> {
    if code == 0 { Ok(()) } else { Err(Exit::Code(code)) }
}

fn runtime() -> Result<tokio::runtime::Runtime, Exit> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Exit::failed(format!("no runtime: {e}")))
}

async fn ask(command: Command, data: Option<std::path::PathBuf>, json: bool) -> Result<(), Exit> {
    if let Command::Demo(args) = command {
        let chaos = args.chaos.map(|seed| seed.unwrap_or_else(demo::seed));
        return exit_with(
            demo::run(demo::Options { dir: args.dir, json, serial: !args.parallel, chaos }).await,
        );
    }
    let out = render::Out::new(json);
    let session = session::open(data).await?;
    let done = match command {
        Command::Task(args) => task::run(&session, &out, args).await,
        Command::Why { key } => task::why(&session.client, &out, &key).await,
        Command::Attach { key, run } => attach::attach(&session.client, &out, &key, run).await,
        Command::Say { key, words } => attach::say(&session.client, &out, &key, words).await,
        Command::Queue => queue::run(&session.client, &out).await,
        Command::Deps(args) => repo::deps(&session.client, &out, args).await,
        Command::Repo(args) => repo::run(&session.client, &out, args).await,
        Command::Provider(args) => provider::run(&session.client, &out, args).await,
        Command::Drain => repo::drain(&session.client, &out, true).await,
        Command::Undrain => repo::drain(&session.client, &out, false).await,
        other => match act::command(&other) {
            Some((key, command)) => act::run(&session.client, &out, &key, command).await,
            None => Err(Exit::failed("this command does not talk to a server".to_owned())),
        },
    };
    session.close().await;
    done
}
