//! `cargo xtask dist`: the archive of a release and its checksum. The same sources give the same archive but for what
//! the compiler puts into the programs: names are sorted, owners and times are the commit's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use clap::Args as Arguments;

use crate::cargo;
use crate::shell;

#[derive(Arguments)]
pub(crate) struct Args {
    /// Where the archive goes
    #[arg(long, default_value = PLACE)]
    out: PathBuf,
}

const PLACE: &str = "target/dist";

impl Default for Args {
    fn default() -> Self {
        Self { out: PLACE.into() }
    }
}

/// What is in it besides programs, man pages and completions: files, and folders of which each file is.
const FILES: [&str; 5] = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT"];
/// The role prompts and forms are there to begin one's own with.
const FOLDERS: [&str; 5] = ["agents", "agents/templates", "docs/guide", "docs/ref", "packaging"];
const PROGRAMS: [&str; 2] = ["orchd", "orchctl"];
const SHELLS: [&str; 3] = ["bash", "zsh", "fish"];

pub(crate) fn run(root: &Path, args: &Args) -> Result<()> {
    let bins = PROGRAMS.iter().flat_map(|name| ["--bin", name]);
    shell::run(&mut shell::cargo(root, ["build", "--release", "--locked"].into_iter().chain(bins)))?;
    let built = cargo::target_directory(root)?.join("release");
    let name = format!("orchd-{}-{}", env!("CARGO_PKG_VERSION"), host()?);
    let out = root.join(&args.out);
    let top = out.join(&name);
    if top.exists() {
        fs::remove_dir_all(&top).with_context(|| format!("cannot remove {}", top.display()))?;
    }
    for program in PROGRAMS {
        put(&built.join(program), &top.join("bin").join(program))?;
    }
    for file in FILES {
        put(&root.join(file), &top.join(file))?;
    }
    for folder in FOLDERS {
        put_all(&root.join(folder), &top.join(folder))?;
    }
    let orchctl = built.join("orchctl");
    shell::output(Command::new(&orchctl).arg("man").arg(top.join("man/man1")))?;
    for shell in SHELLS {
        let text = shell::output(Command::new(&orchctl).args(["completions", shell]))?;
        let path = top.join("completions").join(format!("orchctl.{shell}"));
        write(&path, &text)?;
    }
    let archive = format!("{name}.tar.gz");
    shell::run(&mut pack(root, &out, &name, &archive)?)?;
    let sum = shell::output(Command::new("sha256sum").current_dir(&out).arg(&archive))?;
    write(&out.join("SHA256SUMS"), &sum)?;
    try_out(&out, &name, &archive)?;
    println!("{}\n{}", out.join(&archive).display(), sum.trim_end());
    Ok(())
}

/// Does with the archive what who gets it does: its sum is checked, it is opened, its programs start.
fn try_out(out: &Path, name: &str, archive: &str) -> Result<()> {
    shell::output(Command::new("sha256sum").current_dir(out).args(["--check", "SHA256SUMS"]))?;
    let place = out.join("tried");
    if place.exists() {
        fs::remove_dir_all(&place).with_context(|| format!("cannot remove {}", place.display()))?;
    }
    fs::create_dir_all(&place).with_context(|| format!("cannot make {}", place.display()))?;
    shell::output(Command::new("tar").current_dir(&place).arg("xzf").arg(out.join(archive)))?;
    for program in PROGRAMS {
        let said = shell::output(Command::new(place.join(name).join("bin").join(program)).arg("--version"))?;
        let expected = format!("{program} {}", env!("CARGO_PKG_VERSION"));
        ensure!(said.trim() == expected, "{program} of the archive says {said:?} and not {expected:?}");
    }
    fs::remove_dir_all(&place).with_context(|| format!("cannot remove {}", place.display()))
}

/// The triple of this machine: what is built is for it.
fn host() -> Result<String> {
    let said = shell::output(Command::new("rustc").arg("-vV"))?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc does not say which host it is for")
}

fn pack(root: &Path, out: &Path, name: &str, archive: &str) -> Result<Command> {
    let time = shell::output(Command::new("git").current_dir(root).args(["log", "-1", "--format=%ct"]))?;
    let mut tar = Command::new("tar");
    tar.current_dir(out).args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--format=gnu"]);
    // Without a name and a time of its own in gzip's header.
    tar.arg(format!("--mtime=@{}", time.trim())).args([
        "--use-compress-program=gzip -n",
        "-cf",
        archive,
        name,
    ]);
    Ok(tar)
}

fn put(from: &Path, to: &Path) -> Result<()> {
    parent(to)?;
    fs::copy(from, to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}

/// The files of a folder, without those of folders in it.
fn put_all(from: &Path, to: &Path) -> Result<()> {
    let entries = fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))?;
    for entry in entries {
        let path = entry.with_context(|| format!("cannot list {}", from.display()))?.path();
        if let (true, Some(name)) = (path.is_file(), path.file_name()) {
            put(&path, &to.join(name))?;
        }
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<()> {
    parent(path)?;
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn parent(path: &Path) -> Result<()> {
    let dir = path.parent().with_context(|| format!("{} lies nowhere", path.display()))?;
    fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))
}
