//! What cannot be born in a group starts all the same.

use super::*;

/// What a command that was started like this ends with.
fn ends(command: &mut Command, group: Option<&Path>) -> io::Result<Option<i32>> {
    let pid = spawn(command, group)?;
    Ok(waitpid(Some(pid), WaitOptions::empty())?.and_then(|(_, status)| status.exit_status()))
}

/// Where the kernel would not put it there, the command runs all the same, and a missing program is said to be.
#[test]
fn what_is_no_cgroup_keeps_nothing_from_starting() {
    for group in [None, Some(Path::new("/")), Some(Path::new("/nowhere"))] {
        let mut command = Command::new("sh");
        assert_eq!(ends(command.args(["-c", "exit 3"]), group).unwrap(), Some(3), "{group:?}");
        let missing = ends(&mut Command::new("/no/such/program"), group).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound, "{group:?}");
    }
}
