//! What is shipped beside the programs: the unit for systemd, as far as this machine can judge it.

use std::process::Command;

const UNIT: &str = include_str!("../../../../packaging/orchd.service");

/// Without these a restart ends every run, and a run without memory ends the service.
#[test]
fn the_unit_leaves_runs_to_their_shims() {
    for line in ["KillMode=process", "OOMPolicy=continue", "Delegate=memory pids"] {
        assert!(UNIT.lines().any(|known| known == line), "{line} is missing");
    }
}

#[test]
fn systemd_understands_the_unit() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("orchd.service");
    // This machine has neither the account nor an installed program.
    let unit = UNIT.replace("User=orchd\n", "").replace("/usr/local/bin/orchd", env!("CARGO_BIN_EXE_orchd"));
    std::fs::write(&path, unit).unwrap();
    let verified = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&path).output();
    let Ok(output) = verified else {
        println!("skipped: systemd-analyze is not installed");
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    // Where systemd is installed and does not run, it says more than that of the unit.
    let ours: Vec<&str> = said.lines().filter(|line| line.contains("orchd.service")).collect();
    assert_eq!(ours, Vec::<&str>::new());
}

/// What an image is built from is there. Whether it builds is seen where there is a builder; here there may be none.
#[test]
fn the_container_file_builds_what_there_is() {
    let text = include_str!("../../../../packaging/Containerfile");
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let built = text.lines().find(|line| line.starts_with("RUN cargo build")).unwrap();
    let programs: Vec<&str> = built
        .split(' ')
        .collect::<Vec<_>>()
        .windows(2)
        .filter(|pair| pair[0] == "--bin")
        .map(|pair| pair[1])
        .collect();
    assert_eq!(programs, ["orchd", "orchctl"]);
    for program in programs {
        assert!(root.join("bins").join(program).is_dir(), "{program}");
        assert!(text.contains(&format!("/src/target/release/{program}")), "{program} is not copied");
    }
}
