//! `orchctl init`: finds out how a repository is tested and who can work on it, asks what only a person can say, and
//! writes the project into the configuration. Says first what it will touch; the repository is not among it. Done twice,
//! it changes nothing the second time.

mod detect;
mod repository;
mod text;

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use orchd_daemon::{Ready, agents_ready, check_config, remote_of, socket, try_repository};
use orchd_http::client::Client;
use orchd_http::dto::State;

use crate::cli::{ForgeKind, InitArgs};
use crate::exit::Exit;
use crate::render::Out;
use crate::session::default_data;
use detect::Way;
use text::Draft;

/// The command line was not enough, and there is nobody to ask.
const USAGE: i32 = 2;

pub(crate) async fn run(
    out: &Out,
    args: InitArgs,
    config: Option<PathBuf>,
    data: Option<PathBuf>,
) -> Result<(), Exit> {
    let path = absolute(&crate::config::path(config)?)?;
    let top = repository::top(args.dir.as_deref().unwrap_or(Path::new(".")))?;
    let before = before(&path)?;
    if let Some(name) = text::project_of(&before, &path, &top) {
        let known = format!("{} is project {name} in {} already", top.display(), path.display());
        let is_other = args.name.as_ref().is_some_and(|other| *other != name)
            || args.forge.is_some_and(|kind| (kind == ForgeKind::Git) != text::is_at_remote(&before, &name));
        if is_other {
            let todo = "change it there, or set up another with --config FILE and --data DIR of its own";
            return Err(usage(format!("{known}, and set up otherwise; {todo}")));
        }
        out.line(&format!("{known}; nothing is changed."));
        return Ok(());
    }
    if top.to_str().is_none() {
        let todo = "move it, as a configuration can name UTF-8 alone";
        return Err(Exit::failed(format!("the path {} is not UTF-8; {todo}", top.display())));
    }
    let name = args.name.clone().unwrap_or_else(|| text::name_of(&top));
    if text::has_project(&before, &name) {
        let of = path.display();
        return Err(usage(format!("{of} has another project {name}; give this one a name with --name")));
    }
    let asks = Asks { terminal: std::io::stdin().is_terminal() && !out.json };
    repository::check(&top)?;
    let branch = try_repository(&top, args.main.as_deref()).await.map_err(Exit::failed)?;
    out.line(&format!("repository: {}, main is {branch}", top.display()));
    for note in repository::notes(&top) {
        out.line(&format!("note: {note}"));
    }
    let remote = remote(out, &asks, &args, &top).await?;
    let test = test(out, &asks, &args, &top)?;
    let agent = agent(out, &args).await?;
    let draft = Draft {
        data: match data {
            // As this terminal sees it, not the file.
            Some(data) => absolute(&data)?,
            None => default_data()?,
        },
        name,
        repo: top.clone(),
        main: args.main.clone().or_else(|| Some(remote.as_ref()?.main.clone().unwrap_or(branch))),
        remote: remote.map(|remote| remote.url),
        test,
        agent,
        money_per_task: asks.money(
            "--money-per-task",
            "US dollars that one task may cost",
            args.money_per_task,
        )?,
        money_per_day: asks.money("--money-per-day", "US dollars that a day may cost", args.money_per_day)?,
    };
    let after = draft.after(&before);
    let data = check_config(&path, &after).map_err(|error| Exit::failed(error.to_string()))?;
    outside(&top, &data, "the data directory (--data DIR)")?;
    outside(&top, &path, "the configuration (--config FILE)")?;
    plan(out, &path, &draft, &data, &before, &after);
    if args.dry_run {
        out.line("Nothing was written (--dry-run).");
        return Ok(());
    }
    write(&path, &after).map_err(|error| Exit::failed(format!("{}: {error}", path.display())))?;
    if Client::new(&socket(&data)).get::<State>("/state").await.is_ok() {
        out.line("A server works there already: restart it, so that it knows the project (its runs go on).");
    }
    out.line("Written. Next: `orchctl run \"...\"` asks for something and watches it become code on main.");
    Ok(())
}

fn absolute(path: &Path) -> Result<PathBuf, Exit> {
    std::path::absolute(path).map_err(|error| Exit::failed(format!("{}: {error}", path.display())))
}

fn before(path: &Path) -> Result<String, Exit> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(Exit::failed(format!("{}: {error}", path.display()))),
    }
}

/// What orchd writes lies outside of the person's work tree.
fn outside(top: &Path, what: &Path, called: &str) -> Result<(), Exit> {
    // What is not there yet has no link in it either.
    let real = what.ancestors().find_map(|at| at.canonicalize().ok());
    if real.is_some_and(|real| real.starts_with(top)) {
        let place = what.display();
        return Err(Exit::failed(format!(
            "{called} would be {place}, inside the repository; name a place outside"
        )));
    }
    Ok(())
}

/// What only a person can say.
struct Asks {
    terminal: bool,
}

impl Asks {
    fn line(&self, question: &str) -> Option<String> {
        if !self.terminal {
            return None;
        }
        let mut out = std::io::stdout();
        write!(out, "{question} ").and_then(|()| out.flush()).ok()?;
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).ok().filter(|read| *read > 0)?;
        Some(line.trim().to_owned())
    }

    fn money(&self, flag: &str, what: &str, said: Option<String>) -> Result<String, Exit> {
        let is_money = |text: &str| {
            text == "unlimited" || text.parse::<f64>().is_ok_and(|usd| usd >= 0.0 && usd.is_finite())
        };
        if let Some(said) = said {
            return match is_money(&said) {
                true => Ok(said),
                false => Err(usage(format!(
                    "{flag} {said}: it takes US dollars such as 5 or 2.50, or \"unlimited\""
                ))),
            };
        }
        loop {
            let Some(said) = self.line(&format!("{what} (such as 5, or unlimited):")) else {
                let todo = "nobody can be asked here, and it has no default";
                return Err(usage(format!("say with {flag} how many {what}, or \"unlimited\"; {todo}")));
            };
            if is_money(&said) {
                return Ok(said);
            }
        }
    }
}

fn usage(message: String) -> Exit {
    Exit::Failed { code: USAGE, message }
}

/// A remote that main is at.
struct Remote {
    url: String,
    main: Option<String>,
}

/// Where main is: as it is said, or as a person who has a remote says.
async fn remote(out: &Out, asks: &Asks, args: &InitArgs, top: &Path) -> Result<Option<Remote>, Exit> {
    let name = &args.remote;
    let found = match remote_of(top, name).await {
        Ok(found) => found,
        Err(why) if args.forge == Some(ForgeKind::Git) => return Err(usage(why)),
        // Nobody asked for it.
        Err(_) => None,
    };
    let found = found.map(|(url, main)| Remote { url, main: main.map(|main| main.to_string()) });
    let is_git = match (args.forge, &found) {
        (Some(ForgeKind::Git), None) => {
            let todo = "add it with `git remote add`, or name another with --remote";
            return Err(usage(format!("{} has no remote {name}; {todo}", top.display())));
        }
        (Some(kind), Some(_) | None) => kind == ForgeKind::Git,
        (None, None) => false,
        (None, Some(Remote { url, .. })) => {
            let question = format!(
                "Push what is ready to main of {name} ({url}) [y], or keep it in orchd's own main, which you pull from [N]?"
            );
            asks.line(&question).is_some_and(|said| said.eq_ignore_ascii_case("y"))
        }
    };
    match (&found, is_git) {
        (Some(Remote { url, .. }), true) => out.line(&format!("main: at {name}, {url}, by push")),
        (Some(_), false) => {
            out.line(&format!("main: in orchd's data; also possible, at {name}: --forge git"))
        }
        (None, _) => {}
    }
    Ok(found.filter(|_| is_git))
}

/// How it is tested: as it is said, as its files show, or as a person says.
fn test(out: &Out, asks: &Asks, args: &InitArgs, top: &Path) -> Result<Option<Way>, Exit> {
    if args.no_test {
        out.line("tests: none (--no-test); nothing will be tested, and the gate will say so");
        return Ok(None);
    }
    let found = detect::ways(top);
    if let Some(command) = &args.test {
        // Its caches are what is known of the same project.
        let caches = found.iter().flat_map(|way| way.caches.iter().copied()).collect();
        let way = Way { command: command.clone(), caches, because: "--test".to_owned() };
        out.line(&format!("tests: {command}"));
        return Ok(Some(way));
    }
    let others: Vec<&str> = found.iter().skip(1).map(|way| way.command.as_str()).collect();
    match found.first() {
        Some(way) => {
            out.line(&format!("tests: {} (by {})", way.command, way.because));
            if !others.is_empty() {
                out.line(&format!("       also possible, with --test: {}", others.join("; ")));
            }
            Ok(Some(way.clone()))
        }
        None => match asks.line("The command that runs the tests (nothing: there are none):") {
            Some(command) if command.is_empty() => Ok(None),
            Some(command) => Ok(Some(Way { command, caches: Vec::new(), because: "your word".to_owned() })),
            None => {
                let todo = "say it with --test COMMAND, or --no-test";
                Err(usage(format!(
                    "how {} is tested is not to be seen from its files; {todo}",
                    top.display()
                )))
            }
        },
    }
}

/// Who plays the roles: as it is said, else the first program that is installed and logged in.
async fn agent(out: &Out, args: &InitArgs) -> Result<(String, Option<String>), Exit> {
    if let Some(script) = &args.script {
        let path = absolute(script)?;
        let path =
            path.to_str().ok_or_else(|| usage(format!("{}: the path is not UTF-8", path.display())))?;
        out.line(&format!("agent: script {path}"));
        return Ok(("script".to_owned(), Some(path.to_owned())));
    }
    let found = agents_ready().await;
    let mut first = None;
    for Ready { profile, sentence, ready } in &found {
        let is_wanted = args.agent.as_ref().map_or(*ready, |wanted| wanted == profile);
        if first.is_none() && is_wanted {
            first = Some(*profile);
            out.line(&format!("agent: {profile}: {sentence}"));
        }
    }
    match (first, &args.agent) {
        (Some(profile), _) => Ok((profile.to_owned(), None)),
        // The check of the configuration knows better what it is.
        (None, Some(wanted)) => Ok((wanted.clone(), None)),
        (None, None) => {
            for Ready { profile, sentence, .. } in &found {
                out.line(&format!("agent: {profile}: {sentence}"));
            }
            let todo = "install one and log in, or name a program of your own with --script FILE";
            Err(usage(format!("no agent can work here; {todo}")))
        }
    }
}

fn plan(out: &Out, path: &Path, draft: &Draft, data: &Path, before: &str, after: &str) {
    let what = if before.is_empty() { "make" } else { "add to" };
    out.line(&format!("\nThis will {what} {}:\n", path.display()));
    for line in after[before.len()..].trim().lines() {
        out.line(&format!("    {line}"));
    }
    let written = match &draft.remote {
        None => "one ref is written into it: refs/remotes/orchd/main.".to_owned(),
        Some(url) => format!(
            "nothing is written into it. Branches of tasks, main and refs below refs/orchd/ are pushed to {url}; `orchctl \
             doctor` tries whether it allows that."
        ),
    };
    out.line(&format!(
        "\nWhen it works, orchd keeps its store, its clones and what runs leave in {}. Your repository's work tree, index, \
         branches and configuration stay as they are; {written}\nEach task also commits its documents (request, \
         specification, decisions), below docs/work-items/KEY/.\n",
        data.display()
    ));
}

/// Whole or not at all.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(dir)?;
    let mut draft = tempfile::NamedTempFile::new_in(dir)?;
    draft.write_all(text.as_bytes())?;
    draft.as_file().sync_all()?;
    draft.persist(path)?;
    Ok(())
}
