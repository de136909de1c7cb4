//! Floors: what stops a start, what does not, and that this host can be measured at all.

use orchd_core::port::host::{Host as _, Room};
use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};

use super::{Floors, MIB, ThisHost, available, judge, keep_apart};

const FLOORS: Floors = Floors { disk: 100 * MIB, memory: 50 * MIB };

fn why(room: Room) -> String {
    match room {
        Room::Short { why } => why,
        Room::Enough => panic!("there is room"),
    }
}

#[test]
fn below_a_floor_nothing_new_is_started_and_the_sentence_says_what_to_do() {
    let disk = why(judge("/data", Some(99 * MIB), Some(51 * MIB), FLOORS));
    assert_eq!(
        disk,
        "the file system of /data has 99 MiB free and 100 MiB are kept free: free some, or lower disk_floor (--disk-floor)"
    );
    let memory = why(judge("/data", Some(100 * MIB), Some(49 * MIB), FLOORS));
    assert!(memory.contains("49 MiB") && memory.contains("--memory-floor"), "{memory}");
}

#[test]
fn at_its_floor_and_where_nobody_says_there_is_room() {
    assert_eq!(judge("/data", Some(100 * MIB), Some(50 * MIB), FLOORS), Room::Enough);
    assert_eq!(judge("/data", None, None, FLOORS), Room::Enough);
}

#[test]
fn available_memory_is_read_as_the_kernel_writes_it() {
    assert_eq!(available("MemTotal:       100 kB\nMemAvailable:   2048 kB\n"), Some(2 * MIB));
    for text in ["", "MemAvailable: 1 MB", "MemAvailable:", "MemAvailable: -1 kB"] {
        assert_eq!(available(text), None, "{text}");
    }
}

#[test]
fn this_host_can_be_measured() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let host = |floors| ThisHost { data: dir.path().to_owned(), floors };
    assert_eq!(host(Floors { disk: 1, memory: 1 }).room(), Room::Enough);
    assert!(why(host(Floors { disk: u64::MAX, memory: 1 }).room()).contains("--disk-floor"));
    assert!(why(host(Floors { disk: 1, memory: u64::MAX }).room()).contains("--memory-floor"));
}

#[test]
fn folders_of_a_data_directory_are_asked_to_lie_apart_where_the_file_system_knows_that() {
    let place = tempfile::tempdir().unwrap();
    keep_apart(place.path());
    let dir = std::fs::File::open(place.path()).unwrap();
    let Ok(flags) = ioctl_getflags(&dir) else { return };
    let is_known = ioctl_setflags(&dir, flags | IFlags::TOPDIR).is_ok();
    assert_eq!(flags.contains(IFlags::TOPDIR), is_known);
}
