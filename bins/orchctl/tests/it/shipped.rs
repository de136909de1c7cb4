//! Completions and man pages: there is one for every shell and command, and none for what is hidden.
#![expect(clippy::unwrap_used, reason = "test code: a failure is the test's failure")]

use std::process::Command;

fn orchctl(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_orchctl")).args(args).env_clear().output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_shell_has_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let text = orchctl(&["completions", shell]);
        assert!(text.contains("confirm-deploy") && text.contains("dry-run"), "{shell}");
    }
}

#[test]
fn every_command_has_a_man_page() {
    let dir = tempfile::tempdir().unwrap();
    orchctl(&["man", dir.path().to_str().unwrap()]);
    let pages = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap_or_default();
    for name in ["orchctl.1", "orchctl-run.1", "orchctl-config-explain.1", "orchctl-task-new.1"] {
        assert!(pages(name).starts_with(".ie"), "{name}");
    }
    assert!(pages("orchctl.1").contains("6 it waits for you"), "{}", pages("orchctl.1"));
    assert!(pages("orchctl-demo-agent.1").is_empty(), "what is hidden has a page");
}
