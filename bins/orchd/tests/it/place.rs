//! A data directory with one project over a small repository, and the server's process on it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use orchd_core::policy::{Agent, Policy};
use orchd_core::stage::Role;
use orchd_core::time::Span;
use orchd_daemon::{Project, load_projects, save_projects, socket};
use orchd_http::client::{Client, ClientError};
use orchd_http::dto::{self, Event, NewTask, Receipt, Task};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// What an analyst must deliver.
pub(crate) const ANALYSIS: &str = r##"mkdir -p docs/work-items/T-1
printf '# BRD\n\n## Goal\nx\n\n## Scope\nx\n\n## Acceptance criteria\n1. x\n' > docs/work-items/T-1/01-brd.md
echo '{"artifacts": ["01-brd.md"], "summary": "done"}' > "${s:=$(mktemp)}"
"$ORCHD_SUBMIT" submit "$s"; ended=$?; rm -f "$s"; [ $ended = 0 ]"##;

/// On a machine with two busy cores.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(50);

pub(crate) struct Place {
    dir: TempDir,
    exe: PathBuf,
    /// What the server finds in its environment, besides PATH.
    pub(crate) env: Vec<(String, String)>,
}

/// A running server; killed when it is dropped.
pub(crate) struct Server(Option<Child>);

impl Place {
    /// A repository with one commit on main.
    pub(crate) fn new() -> Self {
        let place = Self {
            dir: tempfile::tempdir().unwrap(),
            exe: env!("CARGO_BIN_EXE_orchd").into(),
            env: Vec::new(),
        };
        for dir in ["notes", "data", "repo", "bin", "home"] {
            std::fs::create_dir(place.at(dir)).unwrap();
        }
        std::fs::write(place.at("repo").join("README"), "hello\n").unwrap();
        place.git(&["init", "-q", "-b", "main"]);
        place.git(&["add", "."]);
        place.git(&["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "first"]);
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn notes(&self) -> PathBuf {
        self.at("notes")
    }

    /// A home for the server's account.
    pub(crate) fn home(&self) -> PathBuf {
        self.at("home")
    }

    /// What git says of orchd's main, as the person's repository hears of it.
    pub(crate) fn on_main(&self, command: &str) -> String {
        let mut git = Command::new("git");
        git.arg("-C").arg(self.at("repo")).env("GIT_CONFIG_GLOBAL", "/dev/null");
        match command.split_once(':') {
            Some((command, path)) => git.arg(command).arg(format!("orchd/main:{path}")),
            None => git.args(command.split(' ')).arg("orchd/main"),
        };
        let output = git.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn git(&self, args: &[&str]) {
        let mut command = Command::new("git");
        command.arg("-C").arg(self.at("repo")).args(args).env("GIT_CONFIG_GLOBAL", "/dev/null");
        assert!(command.status().unwrap().success(), "git {args:?}");
    }

    /// One project whose analyst is this shell script.
    pub(crate) fn configure(&self, analyst: &str) {
        self.configure_passing(analyst, &[]);
    }

    /// The same, and it may see these variables of the server's.
    pub(crate) fn configure_passing(&self, analyst: &str, pass: &[&str]) {
        let pass = pass.iter().map(|name| (*name).to_owned()).collect();
        self.played_by(Agent { pass, ..Agent::new("script", shell(analyst), Span::mins(5)) });
    }

    /// The same, and what it prints is read as that program's.
    pub(crate) fn configure_as(&self, profile: &str, analyst: &str) {
        let mut command = shell(analyst);
        // What follows are the program's arguments.
        command.push("program".to_owned());
        self.played_by(Agent::new(profile, command, Span::mins(5)));
    }

    fn played_by(&self, analyst: Agent) {
        let mut policy = Policy::new("p", "r", "T");
        policy.agents.insert(Role::Analyst, analyst);
        self.save(policy);
    }

    /// One project with this policy.
    pub(crate) fn save(&self, policy: Policy) {
        let project =
            Project { policy, user_repo: Some(self.at("repo")), user_branch: None, remote: None, main: None };
        save_projects(&self.at("data"), &[project]).unwrap();
    }

    /// Writes a configuration with one project over the repository, and `more` at its end.
    pub(crate) fn write_config(&self, more: &str) {
        let (data, repo) = (self.at("data"), self.at("repo"));
        let text = format!(
            "data = {data:?}\n[host]\ndisk_floor = \"1 MiB\"\nmemory_floor = \"1 MiB\"\n[project.p]\nrepo = {repo:?}\nkey_prefix = \"T\"\n\
             [project.p.budgets]\nmoney_per_task = 1\nmoney_per_day = 1\n[project.p.agent]\nprofile = \"script\"\n{more}"
        );
        std::fs::write(self.at("orchd.toml"), text).unwrap();
    }

    /// Changes what the configuration says.
    pub(crate) fn edit_config(&self, from: &str, to: &str) {
        let path = self.at("orchd.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from} is not in {text}");
        std::fs::write(path, text.replace(from, to)).unwrap();
    }

    /// Waits until the server has said this as often.
    pub(crate) fn wait_for_log(&self, text: &str, times: usize) {
        let log = || std::fs::read_to_string(self.at("orchd.log")).unwrap_or_default();
        self.wait(text, || (log().matches(text).count() >= times).then_some(()));
    }

    /// The projects as the last start left them.
    pub(crate) fn projects(&self) -> Vec<Project> {
        load_projects(&self.at("data")).unwrap()
    }

    /// Starts the server by that configuration.
    pub(crate) fn serve_configured(&self) -> Server {
        self.start(&["--config".into(), self.at("orchd.toml").into()])
    }

    /// What a server says that does not start.
    pub(crate) fn refused(&self) -> String {
        let output = self.program(&["--config".into(), self.at("orchd.toml").into()]).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    }

    /// Starts the server and waits until it answers.
    pub(crate) fn serve(&self) -> Server {
        let args = ["--data".into(), self.at("data").into()];
        self.start(&[&args[..], &["--disk-floor", "1", "--memory-floor", "1"].map(Into::into)].concat())
    }

    fn program(&self, args: &[OsString]) -> Command {
        let mut command = Command::new(&self.exe);
        command.args(args).env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").stdin(Stdio::null());
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    fn start(&self, args: &[OsString]) -> Server {
        let log = std::fs::File::options().append(true).create(true).open(self.at("orchd.log")).unwrap();
        let mut command = self.program(args);
        let child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let server = Server(Some(child));
        self.wait("the server answers", || self.get::<Vec<Task>>("/tasks"));
        server
    }

    pub(crate) fn get<T: serde::de::DeserializeOwned>(&self, path: &str) -> Option<T> {
        run(Client::new(&socket(&self.at("data"))).get(path)).ok()
    }

    pub(crate) fn ask(&self) {
        let new = NewTask { title: "Do something".to_owned(), waive_description: true, ..NewTask::default() };
        self.ask_for(&new);
    }

    pub(crate) fn ask_for(&self, new: &NewTask) {
        let client = Client::new(&socket(&self.at("data")));
        let _: Task = run(client.post("/tasks", new)).unwrap();
    }

    /// A command to the task; the refusal's code where it is refused.
    pub(crate) fn command(&self, command: &dto::Command) -> Result<(), String> {
        let client = Client::new(&socket(&self.at("data")));
        match run(client.post::<Receipt>("/tasks/T-1/commands", command)) {
            Ok(_) => Ok(()),
            Err(ClientError::Refused(why)) => Err(why.code),
            Err(error) => panic!("{error}"),
        }
    }

    /// A person's word that a provider is well; the refusal's code where it is refused.
    pub(crate) fn close_provider(&self, name: &str) -> Result<Vec<dto::Provider>, String> {
        let client = Client::new(&socket(&self.at("data")));
        let change = dto::Change { on: None, by: Some("ada".to_owned()) };
        match run(client.post(&format!("/providers/{name}/close"), &change)) {
            Ok(providers) => Ok(providers),
            Err(ClientError::Refused(why)) => Err(why.code),
            Err(error) => panic!("{error}"),
        }
    }

    /// Freezes the repository.
    pub(crate) fn freeze(&self, why: &str) {
        let client = Client::new(&socket(&self.at("data")));
        let reason = Some(why.to_owned());
        let command = dto::RepoCommand { command: "freeze".to_owned(), reason, by: Some("ada".to_owned()) };
        let _: Receipt = run(client.post("/repos/p/commands", &command)).unwrap();
    }

    /// Names of the task's events so far.
    pub(crate) fn events(&self) -> Vec<String> {
        let events: Vec<Event> = self.get("/tasks/T-1/events").unwrap_or_default();
        events.into_iter().map(|event| event.event).collect()
    }

    pub(crate) fn wait_for_event(&self, name: &str) {
        self.wait(name, || self.events().iter().any(|event| event == name).then_some(()));
    }

    /// Waits until the task's events hold a text.
    pub(crate) fn wait_for_text(&self, text: &str) {
        self.wait(text, || self.answer("/tasks/T-1/events").contains(text).then_some(()));
    }

    pub(crate) fn note(&self, name: &str) -> String {
        std::fs::read_to_string(self.notes().join(name)).unwrap_or_default()
    }

    pub(crate) fn wait_for_note(&self, name: &str, lines: usize) {
        self.wait(name, || (self.note(name).lines().count() >= lines).then_some(()));
    }

    /// Lets the agent come to its end.
    pub(crate) fn let_go(&self) {
        std::fs::write(self.notes().join("go"), "").unwrap();
    }

    /// The answer of the API as text; for a session, all of it until it is over.
    pub(crate) fn answer(&self, path: &str) -> String {
        let client = Client::new(&socket(&self.at("data")));
        match run(client.get::<serde_json::Value>(path)) {
            Ok(value) => value.to_string(),
            Err(error) => format!("{path}: {error}"),
        }
    }

    /// Everything a session says until its run is over.
    pub(crate) fn session(&self) -> String {
        let client = Client::new(&socket(&self.at("data")));
        run(async {
            let mut heard = client.listen("/tasks/T-1/session", None).await.unwrap();
            let mut said = String::new();
            while let Some(one) = heard.next().await {
                said.push_str(&format!("{} {}\n", one.name, one.data));
            }
            said
        })
    }

    /// Files below this place, and the text they hold, in which one of `words` occurs.
    pub(crate) fn files_with(&self, words: &[&str]) -> Vec<String> {
        let mut found = Vec::new();
        let mut open = vec![self.at("data"), self.at("orchd.log"), self.at("repo")];
        while let Some(path) = open.pop() {
            if path.is_dir() && !path.is_symlink() {
                open.extend(std::fs::read_dir(&path).unwrap().flatten().map(|entry| entry.path()));
            } else if let Ok(bytes) = std::fs::read(&path) {
                let has = |word: &&&str| bytes.windows(word.len()).any(|w| w == word.as_bytes());
                found.extend(words.iter().find(has).map(|word| format!("{}: {word}", path.display())));
            }
        }
        found
    }

    /// Processes that name this place in their command line or have anything in it open, as a shim does.
    pub(crate) fn processes(&self) -> Vec<String> {
        self.pids().into_iter().map(|(pid, line)| format!("{pid}: {line}")).collect()
    }

    fn pids(&self) -> Vec<(i32, String)> {
        let here = self.dir.path().to_str().unwrap();
        let holds = |open: PathBuf| {
            let links = std::fs::read_dir(open).into_iter().flatten().flatten();
            links.filter_map(|link| std::fs::read_link(link.path()).ok()).any(|file| file.starts_with(here))
        };
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            if line.contains(here) || holds(entry.path().join("fd")) {
                found.push((pid, line));
            }
        }
        found
    }

    pub(crate) fn wait_until_nothing_runs(&self) {
        self.wait("nothing runs", || self.pids().is_empty().then_some(()));
    }

    /// As a machine that loses its power: shims and agents, all at once.
    pub(crate) fn kill_everything(&self) {
        self.wait("everything is dead", || {
            let alive = self.pids();
            for (pid, _) in &alive {
                // It may have ended between the look and the kill.
                let _ = kill_process(Pid::from_raw(*pid).unwrap(), Signal::KILL);
            }
            alive.is_empty().then_some(())
        });
    }

    /// The program that serves from now on is another file.
    pub(crate) fn upgrade(&mut self) {
        let new = self.at("bin").join("orchd");
        std::fs::copy(&self.exe, &new).unwrap();
        self.exe = new;
    }

    fn wait<T>(&self, what: &str, look: impl Fn() -> Option<T>) -> T {
        let mut waited = Duration::ZERO;
        loop {
            if let Some(found) = look() {
                return found;
            }
            let log = || std::fs::read_to_string(self.at("orchd.log")).unwrap_or_default();
            assert!(waited < PATIENCE, "waited in vain for: {what}; {:?}\n{}", self.events(), log());
            #[expect(clippy::disallowed_methods, reason = "a test of real processes waits in real time")]
            std::thread::sleep(LOOK);
            waited += LOOK;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // A test that failed leaves nothing behind either.
        for (pid, _) in self.pids() {
            let _ = kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL);
        }
    }
}

impl Server {
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(self.0.as_ref().unwrap()), signal).unwrap();
    }

    /// Signals it and waits for its end.
    pub(crate) fn end(mut self, signal: Signal) -> ExitStatus {
        self.signal(signal);
        self.0.take().unwrap().wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            // Its test has failed already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// One call to the end.
fn run<T>(call: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(call)
}

fn shell(script: &str) -> Vec<String> {
    ["/bin/sh", "-c", script].map(str::to_owned).to_vec()
}
