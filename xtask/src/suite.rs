//! `cargo xtask test`: the whole workspace's tests through nextest, or through cargo's own runner where nextest is
//! not installed. Ends with the runner's own count, which continuous integration repeats as its last line.

use std::path::Path;

use anyhow::{Result, bail};

use crate::cargo::{self, Package};
use crate::shell;

#[derive(clap::Args, Default)]
pub(crate) struct Args {
    /// Only this package; may be repeated
    #[arg(short, long)]
    package: Vec<String>,
    /// Only tests whose name contains one of these
    filters: Vec<String>,
    /// For the test programs themselves, for instance --no-capture
    #[arg(last = true)]
    extra: Vec<String>,
}

/// What tests need of the machine: the program, why, and the package that has it.
const NEEDS: &[(&str, &str, &str)] = &[
    ("git", "repositories are real ones, driven by the git program", "git"),
    ("cc", "the bundled SQLite is compiled from C", "gcc libc6-dev"),
];

/// Runs the tests and gives the runner's summary.
pub(crate) fn run(root: &Path, args: &Args) -> Result<String> {
    needs()?;
    if shell::answers("cargo", &["nextest", "--version"]) { nextest(root, args) } else { libtest(root, args) }
}

fn needs() -> Result<()> {
    let missing: Vec<_> =
        NEEDS.iter().filter(|(program, ..)| !shell::answers(program, &["--version"])).collect();
    if missing.is_empty() {
        return Ok(());
    }
    for (program, why, _) in &missing {
        eprintln!("`{program}` is missing: {why}");
    }
    let packages: Vec<_> = missing.iter().map(|(_, _, package)| *package).collect();
    bail!(
        "the tests need what this machine lacks; on Debian or Ubuntu: apt-get install {}",
        packages.join(" ")
    )
}

fn scope(args: &Args) -> Vec<String> {
    if args.package.is_empty() {
        return vec!["--workspace".to_owned()];
    }
    args.package.iter().flat_map(|package| ["--package".to_owned(), package.clone()]).collect()
}

fn nextest(root: &Path, args: &Args) -> Result<String> {
    let mut command = shell::cargo(root, ["nextest", "run", "--no-fail-fast"]);
    command.args(scope(args)).args(&args.filters);
    if !args.extra.is_empty() {
        command.arg("--").args(&args.extra);
    }
    let mut summary = String::new();
    let ran = shell::run_teed(&mut command, |line| {
        if line.trim_start().starts_with("Summary [") {
            line.clone_into(&mut summary);
        }
    });
    let summary = judged(ran, summary)?;
    // Nextest leaves examples in doc comments out; cargo's own runner takes them along.
    if args.filters.is_empty() && args.package.is_empty() {
        doctests(root)?;
    }
    Ok(summary)
}

/// Every test program prints its own count; the sum is given in the same words.
fn libtest(root: &Path, args: &Args) -> Result<String> {
    let mut command = shell::cargo(root, ["test", "--no-fail-fast"]);
    command.args(scope(args)).arg("--").args(&args.filters).args(&args.extra);
    let mut total = Counts::default();
    let ran = shell::run_teed(&mut command, |line| total.add(line));
    let summary = total.summary(ran.is_ok());
    println!("{summary}");
    if ran.is_ok() && total.passed == 0 {
        bail!("no test was run: does a test's name contain one of the filters?");
    }
    judged(ran, summary)
}

/// A failure's message carries the count, so that it is the last thing a reader of the log sees.
fn judged(ran: Result<()>, summary: String) -> Result<String> {
    match ran {
        Ok(()) if summary.is_empty() => bail!("the test runner ended well but printed no summary"),
        Ok(()) => Ok(summary),
        Err(error) if summary.is_empty() => Err(error),
        Err(error) => Err(error.context(summary)),
    }
}

#[derive(Default)]
struct Counts {
    programs: u64,
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Counts {
    /// Takes a line such as `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
    fn add(&mut self, line: &str) {
        let Some((_, counts)) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        self.programs += 1;
        for count in counts.split("; ") {
            let Some((Ok(number), what)) = count.split_once(' ').map(|(n, what)| (n.parse::<u64>(), what))
            else {
                continue;
            };
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }

    fn summary(&self, well: bool) -> String {
        let Self { programs, passed, failed, ignored } = self;
        let word = if well { "ok" } else { "FAILED" };
        format!(
            "test result: {word}. {passed} passed; {failed} failed; {ignored} ignored; sum of {programs} test programs"
        )
    }
}

/// Examples in doc comments, of the packages that have some.
fn doctests(root: &Path) -> Result<()> {
    let members = cargo::members(root)?;
    let with: Vec<&str> =
        members.iter().filter(|member| has_doctests(member)).map(|member| member.name.as_str()).collect();
    if with.is_empty() {
        return Ok(());
    }
    let packages = with.into_iter().flat_map(|name| ["--package", name]);
    shell::run(&mut shell::cargo(root, ["test", "--doc"].into_iter().chain(packages)))
}

fn has_doctests(member: &Package) -> bool {
    let libraries = member.targets.iter().filter(|target| target.doctest);
    libraries.filter_map(|target| target.src_path.parent()).any(|folder| {
        let files = rust_files(folder);
        files.iter().filter_map(|path| std::fs::read_to_string(path).ok()).any(|text| shows_code(&text))
    })
}

fn rust_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// Whether a doc comment opens a code block that rustdoc would run.
fn shows_code(text: &str) -> bool {
    let mut inside = false;
    for line in text.lines().map(str::trim_start) {
        let doc = line.strip_prefix("///").or_else(|| line.strip_prefix("//!"));
        let Some(fence) = doc.and_then(|doc| doc.trim_start().strip_prefix("```")) else { continue };
        inside = !inside;
        let runs = fence
            .trim()
            .split(',')
            .all(|word| matches!(word.trim(), "" | "rust" | "should_panic" | "no_run"));
        if inside && runs {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests;
