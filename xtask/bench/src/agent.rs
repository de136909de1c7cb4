//! The tiny agent of the measured runs: this very program, started by a shim like any other. It says on the clock of
//! the host when it began and when it was about to end, and does next to nothing in between. No figure is made here.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::time::{ClockId, clock_gettime};

/// While this file is there, an agent that takes turns stays alive and does nothing.
pub(crate) const PAUSE: &str = "pause";
/// Once this file is there, every agent ends.
pub(crate) const STOP: &str = "stop";
/// A line for each turn: key, role, begin and end in nanoseconds of the monotonic clock.
pub(crate) const STAMPS: &str = "stamps";
/// The file that a developer changes.
pub(crate) const CHANGED: &str = "src/part_0100.txt";

/// How long a turn takes at least. Agents work for minutes; what orchd does beside a run once it has begun (records on
/// disk, surfaces) is long over when they end, and is over here too.
const TURN: Duration = Duration::from_millis(400);
/// How often an agent that waits looks whether it still has to.
const LOOK: Duration = Duration::from_millis(10);
/// How often one that is merely alive does.
const BREATH: Duration = Duration::from_secs(1);

/// Nanoseconds of the monotonic clock, which all processes of a host share.
pub(crate) fn now() -> u64 {
    let now = Duration::try_from(clock_gettime(ClockId::Monotonic)).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}

/// `turn DIR`, `silent DIR`, `printing DIR` or, for the floor, nothing: the words after `agent`.
pub(crate) fn agent_main(args: &[String]) -> Result<()> {
    let begun = now();
    let mut words = args.iter().map(String::as_str);
    let (how, dir) = (words.next(), words.next().map(Path::new));
    match (how, dir) {
        // What the floor starts: a program that reached its main function.
        (None, _) => Ok(()),
        (Some("turn"), Some(dir)) => turn(dir, begun),
        (Some("silent"), Some(dir)) => alive(dir, false),
        (Some("printing"), Some(dir)) => alive(dir, true),
        (how, dir) => bail!("an agent knows turn, silent and printing, not {how:?} in {dir:?}"),
    }
}

fn turn(dir: &Path, begun: u64) -> Result<()> {
    while dir.join(PAUSE).exists() && !dir.join(STOP).exists() {
        pause(LOOK);
    }
    let (role, key) = (variable("ORCHD_ROLE")?, variable("ORCHD_TASK_KEY")?);
    let said = match role.as_str() {
        "developer" => {
            let file = Path::new(&variable("ORCHD_WORKTREE")?).join(CHANGED);
            fs::write(&file, format!("changed at {begun}\n"))?;
            serde_json::json!({"summary": "changed one file"})
        }
        "reviewer" => serde_json::json!({"verdict": "APPROVED", "summary": "looked at it"}),
        // Something new each time: the same findings twice would end the work.
        _ => {
            let finding = serde_json::json!({"priority": "P1", "text": format!("it stands at {begun}")});
            serde_json::json!({"result": "FAIL", "findings": [finding], "summary": "failed it"})
        }
    };
    pause(TURN);
    fs::write(Path::new(&variable("ORCHD_RUN_DIR")?).join("submission.json"), said.to_string())?;
    let mut stamps = fs::OpenOptions::new().append(true).create(true).open(dir.join(STAMPS))?;
    // One write: lines of several agents do not mix.
    stamps.write_all(format!("{key} {role} {begun} {}\n", now()).as_bytes())?;
    Ok(())
}

fn alive(dir: &Path, prints: bool) -> Result<()> {
    let mut breaths = 0_u64;
    while !dir.join(STOP).exists() {
        pause(BREATH);
        breaths += 1;
        if prints {
            println!("still here after {breaths} s");
        }
    }
    Ok(())
}

fn variable(name: &str) -> Result<String> {
    #[expect(clippy::disallowed_methods, reason = "an agent is told about its run in variables")]
    std::env::var(name).with_context(|| format!("{name} is not set"))
}

fn pause(span: Duration) {
    #[expect(
        clippy::disallowed_methods,
        reason = "an agent that only has to be alive has nothing to wait for"
    )]
    std::thread::sleep(span);
}
