//! The hidden child that supervises one run: own session, subreaper, deadline, output files, kill ladder, leftovers'
//! commit, result file. Synchronous and small; it needs nothing of orchd once started and outlives it. It judges
//! nothing: it writes down how the run ended.

mod bell;
mod birth;
mod ceiling;
mod detach;
mod enclosure;
mod footprint;
mod git;
mod git_dir;
mod leftovers;
mod outbox;
mod outputs;
mod priority;
mod scrub;
mod tree;
mod watch;

use std::io::{self, Write as _};
use std::process::Stdio;

use orchd_core::time::{Span, Timestamp};
use rustix::process::{Pid, getpid};

use crate::clock;
use crate::containment;
use crate::ended::Ended;
use crate::order::Order;
use crate::process::ProcessId;
use crate::result::{LeftoverOutcome, Output, RunResult};
use crate::run_dir::{RunDir, ShimIdentity};
use crate::spec::RunSpec;

use bell::Bell;
use ceiling::Ceilings;
use enclosure::Enclosure;
use outputs::Outputs;

/// What a shim says on its standard output once the run is under way; then it closes it.
pub(crate) const READY: &str = "ready\n";
/// For what a run that ended by itself left running: nobody waits for those.
const GRACE_FOR_STRAYS: Span = Span::secs(5);
/// For a run that floods the disk: every second of it counts.
const GRACE_FOR_FLOODS: Span = Span::secs(1);
/// A full disk may be mended: a finished run is worth waiting for.
const RESULT_TRIES: u32 = 120;
const RESULT_PAUSE_MS: i64 = 5_000;

/// Why a shim gave up without a result.
#[derive(Debug, thiserror::Error)]
enum ShimError {
    #[error("the run's directory cannot be used")]
    Dir(#[source] io::Error),
    #[error("what it was told on standard input cannot be read")]
    Order(#[source] io::Error),
    #[error("spec.json cannot be read")]
    Spec(#[source] io::Error),
    #[error("this run was started before (its directory has shim.json); a run is started once")]
    StartedBefore,
    #[error("cannot {what}")]
    Setup { what: &'static str, source: io::Error },
    #[error("the run ended ({ended}) but its result could not be written")]
    Result { ended: Ended, source: io::Error },
}

/// The whole life of a shim, called by the hidden subcommand. Which run it is for is heard on standard input (see
/// `order`), and may come late. The answer is the process's exit code: 0 when a result was written, or none was wanted.
/// What it has to say goes to standard error, which becomes the run's `shim.log`.
pub fn shim_main() -> i32 {
    match supervise() {
        Ok(()) => 0,
        Err(error) => {
            let mut text = error.to_string();
            let mut source = std::error::Error::source(&error);
            while let Some(cause) = source {
                text.push_str(&format!(": {cause}"));
                source = cause.source();
            }
            note(&text);
            1
        }
    }
}

/// One line to `shim.log`.
fn note(text: &str) {
    // Where the log can not be written there is nobody left to tell.
    let _ = writeln!(io::stderr(), "{} shim {}: {text}", clock::wall().0, std::process::id());
}

fn supervise() -> Result<(), ShimError> {
    // Before it knows of a run: whoever waits for a shim does not wait for this.
    detach::keep_descriptors_private()
        .map_err(|source| ShimError::Setup { what: "look at its own descriptors", source })?;
    detach::detach()?;
    let (mut identity, here) = (own_identity()?, containment::here());
    let Some(order) = Order::hear(io::stdin()).map_err(ShimError::Order)? else { return Ok(()) };
    let dir = RunDir::open(order.dir).map_err(ShimError::Dir)?;
    detach::belong_to(&dir).map_err(ShimError::Dir)?;
    let spec = RunSpec::read(&dir).map_err(ShimError::Spec)?.revealed(|name| order.hidden.get(name).cloned());
    let _lock = dir.lock().map_err(ShimError::Dir)?;
    if dir.identity().map_err(ShimError::Dir)?.is_some() {
        return Err(ShimError::StartedBefore);
    }
    // From here on SIGTERM is a request, not the end.
    let bell = Bell::install().map_err(|source| ShimError::Setup { what: "listen for signals", source })?;
    let started_at = clock::wall();
    // Before anything starts, for whoever looks in this boot; kept on disk once it is complete, see `see_through`.
    identity_json(&identity).and_then(|json| dir.put(RunDir::SHIM, &json)).map_err(no_identity)?;

    let mut outputs = Outputs::make(&dir).map_err(ShimError::Dir)?;
    let mut enclosure = Enclosure::raise(&spec, &dir, here);
    let mut ceilings = Ceilings::new(&spec, &dir);
    let spawned = match dir.stop_requested() {
        // Somebody gave the run up before it began; see `launcher::give_up_start`.
        Some(why) => Err(Ended::Stopped { why }),
        None => spawn(&spec, &outputs, &mut enclosure),
    };
    identity.containment = Some(enclosure.containment().clone());
    identity.child = spawned.as_ref().ok().and_then(|child| ProcessId::of(child.as_raw_nonzero().get()).ok());
    let around =
        Surroundings { spec: &spec, dir: &dir, bell: &bell, enclosure: &enclosure, identity: &identity };
    let ended = match spawned {
        Ok(child) => around.see_through(child, &mut ceilings, &mut outputs)?,
        Err(ended) => {
            say_ready();
            ended
        }
    };
    finish(&around, started_at, ended)
}

/// What there is around a run while its shim works for it.
#[derive(Clone, Copy)]
struct Surroundings<'a> {
    spec: &'a RunSpec,
    dir: &'a RunDir,
    bell: &'a Bell,
    enclosure: &'a Enclosure,
    identity: &'a ShimIdentity,
}

impl Surroundings<'_> {
    /// From the start of the main process until nothing of the run lives.
    fn see_through(
        &self,
        child: Pid,
        ceilings: &mut Ceilings,
        outputs: &mut Outputs,
    ) -> Result<Ended, ShimError> {
        let mut tree = self.enclosure.tree(child);
        self.keep_request();
        // The second try is for a run that was quick to remove the directory.
        if let Err(error) = write_identity(self.dir, self.identity).or_else(|_| self.sign_again()) {
            tree.end(Span::millis(0), self.bell);
            self.enclosure.raze();
            return Err(error);
        }
        say_ready();
        footprint::shrink();
        priority::urgent();
        let ended = watch::watch(&mut tree, ceilings, outputs, self);
        tree.end(grace(self.spec, &ended), self.bell);
        priority::ordinary();
        let is_flood = outputs.look(self.spec).is_too_much;
        // What the kernel ended for its ceiling looks like a death by a signal.
        Ok(self.enclosure.broke().unwrap_or_else(|| in_full(ended, is_flood)))
    }

    /// What was asked for is on disk before the run is said to be under way.
    fn keep_request(&self) {
        let own = [RunDir::SPEC, RunDir::PROMPT];
        for name in own.into_iter().chain(self.spec.gives.iter().map(String::as_str)) {
            if let Err(error) = self.dir.keep(name) {
                note(&format!("{name} may not outlive a failure of the host: {error}"));
            }
        }
    }

    /// A run that removed or rewrote what says who supervises it must not look like one that never began, nor like
    /// another's.
    fn keep_signed(&self) {
        if !self.dir.identity().is_ok_and(|now| now.as_ref() == Some(self.identity))
            && let Err(error) = self.sign_again()
        {
            note(&error.to_string());
        }
    }

    fn sign_again(&self) -> Result<(), ShimError> {
        let restored = self.dir.restore();
        restored.map_err(|source| ShimError::Setup { what: "make the run's directory anew", source })?;
        write_identity(self.dir, self.identity)
    }
}

fn own_identity() -> Result<ShimIdentity, ShimError> {
    let pid = getpid().as_raw_nonzero().get();
    let shim =
        ProcessId::of(pid).map_err(|source| ShimError::Setup { what: "read its own /proc entry", source })?;
    Ok(ShimIdentity { shim, child: None, containment: None })
}

fn write_identity(dir: &RunDir, identity: &ShimIdentity) -> Result<(), ShimError> {
    identity_json(identity).and_then(|json| dir.write(RunDir::SHIM, &json)).map_err(no_identity)
}

fn identity_json(identity: &ShimIdentity) -> io::Result<Vec<u8>> {
    Ok(serde_json::to_vec(identity)?)
}

fn no_identity(source: io::Error) -> ShimError {
    ShimError::Setup { what: "write shim.json", source }
}

/// Tells who started it that the run is under way.
fn say_ready() {
    let mut out = io::stdout().lock();
    // Nobody may be listening any more; the run goes on.
    let _ = out.write_all(READY.as_bytes()).and_then(|()| out.flush());
}

/// Starts the main process: own session, no input, output straight to files.
fn spawn(spec: &RunSpec, outputs: &Outputs, enclosure: &mut Enclosure) -> Result<Pid, Ended> {
    let failed = |error: &io::Error| {
        let program = spec.argv.first().map_or("", String::as_str);
        let error_text = format!("{program} in {}: {error}", spec.cwd.display());
        Ended::SpawnFailed { error: error_text, os_code: error.raw_os_error() }
    };
    let Some((program, args)) = spec.argv.split_first() else {
        return Err(failed(&io::Error::new(io::ErrorKind::InvalidInput, "the argument list is empty")));
    };
    if !spec.cwd.is_dir() {
        return Err(failed(&io::Error::new(io::ErrorKind::NotFound, "the working directory is missing")));
    }
    if let Some(mark) = &spec.untouched {
        mark.settle();
    }
    enclosure.admits(program, &spec.env).map_err(|why| Ended::SpawnFailed { error: why, os_code: None })?;
    let (stdout, stderr) = outputs.for_child().map_err(|e| failed(&e))?;
    let mut command = enclosure.command(program);
    command
        .args(args)
        .current_dir(&spec.cwd)
        .env_clear()
        .envs(&spec.env)
        .env(RunSpec::MARK, spec.run.to_string())
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr);
    let child = enclosure.spawn(&mut command).map_err(|e| failed(&e))?;
    enclosure.received(child);
    Ok(child)
}

/// The end with what its last moments, and those of what it left running, came to: a run that wrote too much between
/// two looks did not end in order.
fn in_full(ended: Ended, is_flood: bool) -> Ended {
    match ended {
        Ended::Exited { .. } | Ended::Signalled { .. } if is_flood => Ended::OutputCeiling,
        Ended::Exited { .. }
        | Ended::Signalled { .. }
        | Ended::DeadlineExceeded
        | Ended::Stalled
        | Ended::Stopped { .. }
        | Ended::OutputCeiling
        | Ended::MemoryCeiling { .. }
        | Ended::ProcessCeiling { .. }
        | Ended::DiskCeiling { .. }
        | Ended::SpawnFailed { .. } => ended,
    }
}

/// How gently the rest of the tree is ended.
fn grace(spec: &RunSpec, ended: &Ended) -> Span {
    match ended {
        Ended::Exited { .. } | Ended::Signalled { .. } | Ended::SpawnFailed { .. } => {
            spec.grace.min(GRACE_FOR_STRAYS)
        }
        Ended::OutputCeiling | Ended::DiskCeiling { .. } => spec.grace.min(GRACE_FOR_FLOODS),
        // What grows like this grows on while it is asked.
        Ended::MemoryCeiling { .. } | Ended::ProcessCeiling { .. } => Span::millis(0),
        Ended::DeadlineExceeded | Ended::Stalled | Ended::Stopped { .. } => spec.grace,
    }
}

fn finish(around: &Surroundings<'_>, started_at: Timestamp, ended: Ended) -> Result<(), ShimError> {
    let Surroundings { spec, dir, bell, enclosure, .. } = *around;
    // From here on nothing of the run lives that could change anything again. A directory that was closed to its owner
    // is opened; who supervised is written anew only where it does not stand there.
    if let Err(error) = dir.restore() {
        note(&format!("the run's directory cannot be made anew: {error}"));
    }
    around.keep_signed();
    if enclosure.has_outbox() {
        outbox::empty(dir, &spec.takes);
    }
    scrub::scrub(dir, &spec.secrets(), &spec.takes);
    let submission = outbox::submission(dir);
    let leftovers = match &spec.leftovers {
        None => LeftoverOutcome::NotAsked,
        Some(wanted) => {
            let earned = leftovers::judge(spec, wanted, &ended, &submission);
            leftovers::settle(wanted, &earned, around)
        }
    };
    enclosure.raze();
    let mut tries = 0;
    loop {
        tries += 1;
        let write = || {
            RunResult {
                run: spec.run,
                ended: ended.clone(),
                started_at,
                ended_at: clock::wall(),
                stdout: Output::of(dir, RunDir::STDOUT)?,
                stderr: Output::of(dir, RunDir::STDERR)?,
                submission: submission.clone(),
                leftovers: leftovers.clone(),
                containment: Some(enclosure.containment().clone()),
                sandbox: enclosure.sandbox().clone(),
            }
            .write(dir)
        };
        match write() {
            Ok(()) => return Ok(()),
            Err(source) if tries == RESULT_TRIES => return Err(ShimError::Result { ended, source }),
            Err(error) => {
                note(&format!("the result could not be written, trying again: {error}"));
                bell.wait(RESULT_PAUSE_MS, None);
            }
        }
    }
}
