//! Reading `/proc/<pid>/stat` and closing a tree over parents.

use super::*;

#[test]
fn a_name_with_brackets_and_broken_utf8_is_read_over() {
    let text = b"42 (a) b\xff (c) S 7 8 9 0 -1 4194304 1 2 3 4 10 20 30 40 20 0 1 0 555 1 1";
    let stat = Stat::parse(text).expect("parses");
    assert_eq!((stat.pid, stat.state, stat.parent), (42, b'S', 7));
    assert_eq!((stat.group, stat.session, stat.threads), (8, 9, 1));
    assert_eq!((stat.cpu, stat.start), (100, 555));
    assert!(Stat::parse(b"42 (cut").is_none());
}

#[test]
fn the_own_identity_is_alive_and_another_start_time_is_not() {
    let me = ProcessId::of(i32::try_from(std::process::id()).expect("pids are i32")).expect("own stat");
    let is_alive = |id: ProcessId| id.is_alive().expect("known");
    assert!(is_alive(me.clone()));
    assert!(!is_alive(ProcessId { start: me.start + 1, ..me.clone() }));
    assert!(!is_alive(ProcessId { boot: "another boot".into(), ..me }));
}

#[test]
fn only_what_is_not_there_is_gone() {
    let read = |errno: Errno| unless_gone::<()>(Err(errno.into()));
    for gone in [Errno::NOENT, Errno::SRCH] {
        assert!(matches!(read(gone), Ok(None)), "{gone}");
    }
    for unknown in [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::ACCESS, Errno::PERM, Errno::IO] {
        assert_eq!(read(unknown).expect_err("unknown").raw_os_error(), Some(unknown.raw_os_error()));
    }
    assert!(matches!(Stat::of(i32::MAX), Ok(None)));
}

#[test]
fn below_finds_grandchildren_and_survives_a_cycle() {
    let stat =
        |pid, parent| Stat { pid, parent, state: b'S', group: 1, session: 1, threads: 1, cpu: 0, start: 1 };
    let all = [stat(2, 1), stat(3, 2), stat(4, 3), stat(5, 1), stat(6, 7), stat(7, 6)];
    let pids = |roots: &[i32]| {
        below(&all, &roots.iter().copied().collect()).iter().map(|s| s.pid).collect::<BTreeSet<_>>()
    };
    assert_eq!(pids(&[2]), BTreeSet::from([3, 4]));
    assert_eq!(pids(&[1]), BTreeSet::from([2, 3, 4, 5]));
    assert_eq!(pids(&[6]), BTreeSet::from([7]));
}
