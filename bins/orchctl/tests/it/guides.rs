//! Every command of the guides is run as it stands there: the `sh` blocks of a page in order, in one shell, in a home with a
//! repository and an agent program. A comment that says `(exit N)` is what the command must end with; a comment of the page,
//! `<!-- before … -->`, is run first and not shown.
#![expect(clippy::unwrap_used, reason = "test code: a failure is the test's failure")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Stands for Claude Code: speaks as it does, and works by the words of the request.
const CLAUDE: &str = r#"#!/bin/sh
set -e
[ "$1" = --version ] && { echo '2.1.0 (Claude Code)'; exit 0; }
say() { printf '%s\n' "$1"; }
say '{"type":"system","subtype":"init","session_id":"11111111-1111-4111-8111-111111111111","model":"opus"}'
say '{"type":"assistant","message":{"role":"assistant","content":[{"type":"text","text":"I look at the request first."}]}}'
out="$ORCHD_RUN_DIR/s.json"
docs="docs/work-items/$ORCHD_TASK_KEY"
cd "$ORCHD_WORKTREE"
grep -q 'slowly' "$ORCHD_PROMPT" && sleep 3
case "$ORCHD_ROLE" in
analyst)
    mkdir -p "$docs"
    if grep -q 'version' "$ORCHD_PROMPT" && ! grep -qF '2.4.1' "$ORCHD_PROMPT"; then
        echo '{"questions": [{"text": "Which version is it now?", "blocking": true}], "summary": "asked"}' > "$out"
    else
        printf '# BRD\n\n## Goal\nx\n\n## Scope\nx\n\n## Acceptance criteria\n1. x\n' > "$docs/01-brd.md"
        echo '{"artifacts": ["01-brd.md"], "summary": "written"}' > "$out"
    fi ;;
architect)
    mkdir -p "$docs/06-adr"
    printf '# ADR-001: A flag\n\n## Status\nAccepted\n\n## Context\nx\n\n## Decision\nx\n\n## Consequences\nx\n' > "$docs/06-adr/ADR-001-a-flag.md"
    printf '# Risks\n\nNone.\n' > "$docs/10-tech-risks.md"
    echo '{"artifacts": ["06-adr/ADR-001-a-flag.md", "10-tech-risks.md"], "summary": "written"}' > "$out" ;;
developer)
    grep -q 'nothing to do' "$ORCHD_PROMPT" || echo "$ORCHD_TASK_KEY" >> flags
    echo '{"summary": "added it"}' > "$out" ;;
reviewer) echo '{"verdict": "APPROVED", "summary": "looked at it"}' > "$out" ;;
esac
"$ORCHD_SUBMIT" submit "$out" >&2
say '{"type":"result","subtype":"success","is_error":false,"result":"done","session_id":"11111111-1111-4111-8111-111111111111","total_cost_usd":0.05,"usage":{"input_tokens":100,"output_tokens":20}}'
"#;

/// Guides, by the name of their page.
fn page(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path =
        if name == "README" { root.join("README.md") } else { root.join(format!("docs/guide/{name}.md")) };
    std::fs::read_to_string(path).unwrap()
}

/// What is run of a page: what comes before, and the lines of its blocks.
fn commands(page: &str) -> (Vec<String>, Vec<String>) {
    let before =
        page.split("<!-- before\n").nth(1).and_then(|rest| rest.split("-->").next()).unwrap_or_default();
    let mut lines: Vec<String> = Vec::new();
    let mut running = false;
    for line in page.lines() {
        match line {
            "```sh" => running = true,
            "```" => running = false,
            // What goes into a file is a part of its command.
            _ if running && lines.last().is_some_and(|last| is_open(last)) => {
                lines.last_mut().unwrap().push_str(&format!("\n{line}"));
            }
            _ if running && !line.trim().is_empty() => lines.push(line.to_owned()),
            _ => {}
        }
    }
    (before.lines().map(str::to_owned).collect(), lines)
}

/// Its here-document has not ended.
fn is_open(command: &str) -> bool {
    command.contains("<<'END'") && !command.ends_with("\nEND")
}

struct Home {
    dir: TempDir,
}

impl Home {
    /// A home with a repository `shop`, and Claude Code that is logged in.
    fn new() -> Self {
        let home = Self { dir: tempfile::tempdir().unwrap() };
        for dir in ["shop", "bin", ".claude"] {
            std::fs::create_dir(home.at(dir)).unwrap();
        }
        std::fs::write(home.at(".claude/.credentials.json"), "{}").unwrap();
        std::fs::write(home.at(".gitconfig"), "[user]\nname = me\nemail = me@example.org\n").unwrap();
        home.program("claude", CLAUDE);
        let here = Path::new(env!("CARGO_BIN_EXE_orchctl")).display().to_string();
        home.program("orchctl", &format!("#!/bin/sh\nexec '{here}' \"$@\"\n"));
        std::fs::write(home.at("shop/Makefile"), "test:\n\ttest -f flags && echo 'ok 1 - flags'\n").unwrap();
        std::fs::write(home.at("shop/flags"), "--help\n").unwrap();
        home.shell("cd shop && git init -q -b main && git add . && git commit -qm first");
        home
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join(name)
    }

    fn program(&self, name: &str, text: &str) {
        let path = self.at("bin").join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs a script; all that it said.
    fn shell(&self, script: &str) -> String {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &format!("exec 2>&1\n{script}")]).current_dir(self.at("")).env_clear();
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", self.at("bin").display());
        let output = shell.env("HOME", self.at("")).env("PATH", path).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{}\n{said}", output.status);
        said
    }

    /// Runs a page; all that its commands said.
    fn follow(&self, page: &str) -> String {
        let (before, lines) = commands(page);
        assert!(!lines.is_empty(), "nothing of it is run");
        let mut script = before.join("\n");
        script.push_str("\ntrap 'kill $(jobs -p) 2>/dev/null; wait' EXIT\n");
        for line in lines {
            let wanted = line.split("(exit ").nth(1).and_then(|rest| rest.split(')').next()).unwrap_or("0");
            let shown = line.replace('\'', "'\\''");
            script.push_str(&format!("echo '$ {shown}'\n{line}\nended=$?\n"));
            if line.ends_with('&') {
                // A person takes a moment to type the next one; who asks before there is an engine would be it for a moment.
                script.push_str("n=0; until [ -S ~/.local/share/orchd/orchd.sock ] && orchctl queue | grep -q SHOP || [ $n -gt 200 ]; do sleep 0.1; n=$((n+1)); done\n");
            }
            script.push_str(&format!(
                "[ $ended -eq {wanted} ] || {{ echo \"GUIDE: exit $ended, not {wanted}\"; exit 9; }}\n"
            ));
        }
        self.shell(&script)
    }
}

/// No command stands in a page that nothing runs.
#[test]
fn every_command_of_a_guide_is_in_a_block_that_is_run() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let guides = std::fs::read_dir(root.join("docs/guide")).unwrap().map(|guide| guide.unwrap().path());
    for path in guides.chain([root.join("README.md")]) {
        let text = std::fs::read_to_string(&path).unwrap();
        let mut block = None;
        for line in text.lines() {
            match (line.strip_prefix("```"), &block) {
                (Some(kind), None) => block = Some(kind.to_owned()),
                (Some(_), Some(_)) => block = None,
                (None, Some(kind)) => {
                    let is_ours = line.trim_start().starts_with("orchctl ");
                    assert!(!is_ours || kind == "sh", "{}: {line}", path.display());
                }
                (None, None) => {}
            }
        }
    }
}

#[test]
fn the_readme() {
    let said = Home::new().follow(&page("README"));
    assert!(said.contains("SHOP-1 is done"), "{said}");
}

#[test]
fn the_first_hour() {
    let said = Home::new().follow(&page("first-hour"));
    assert!(said.contains("it asks: Which version is it now?") && said.contains("SHOP-1 is done"), "{said}");
}

#[test]
fn a_repository_of_ones_own() {
    let said = Home::new().follow(&page("own-repository"));
    assert!(said.contains("its main can be pushed to"), "{said}");
}

#[test]
fn reading_a_task() {
    let said = Home::new().follow(&page("reading-a-task"));
    assert!(said.contains("I look at the request first."), "{said}");
}

#[test]
fn budgets() {
    let said = Home::new().follow(&page("budgets"));
    assert!(said.contains("$0.10"), "{said}");
}

#[test]
fn an_agent_of_ones_own() {
    let said = Home::new().follow(&page("writing-an-agent"));
    assert!(said.contains("SHOP-1 is done") && said.contains("SHOP-2 is done"), "{said}");
}

#[test]
fn watching_and_steering() {
    let said = Home::new().follow(&page("agents"));
    assert!(said.contains("SHOP-1 is done"), "{said}");
}

#[test]
fn when_something_is_wrong() {
    let said = Home::new().follow(&page("troubleshooting"));
    assert!(said.contains("agent-failed"), "{said}");
}

/// Runs a program that fails, and shows its log twice.
fn log_of_a_failing(program: &str) -> String {
    let page = format!(
        "<!-- before\ncd shop\nprintf '#!/bin/sh\\n{program}\\nexit 1\\n' > ~/agent; chmod +x ~/agent\n-->\n```sh\n\
         orchctl init --script ~/agent --money-per-task 1 --money-per-day 5\n\
         orchctl run 'Add a greeting' -d 'It says hello.'    # (exit 6)\n\
         orchctl task log SHOP-1\n\
         orchctl task log SHOP-1 --of analyst\n```\n"
    );
    Home::new().follow(&page)
}

#[test]
fn the_log_of_a_run_that_wrote_only_to_standard_error() {
    let said = log_of_a_failing("echo no login here >&2");
    assert_eq!(said.matches("\n── standard error ──\nno login here\n").count(), 2, "{said}");
}

#[test]
fn the_log_of_a_run_that_printed_nothing_says_so() {
    let said = log_of_a_failing("true");
    assert_eq!(said.matches("\nit printed nothing; it ended with: exit 1\n").count(), 2, "{said}");
}
