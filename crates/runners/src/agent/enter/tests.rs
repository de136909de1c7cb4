//! The note of who was last in a clone, over whatever lies in its place.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};

use super::*;

const ONE: &[u8] = b"01a22d2c-6338-71bf-858f-86d5446167c9\n";
const TWO: &[u8] = b"01a22d2c-653a-7626-887a-8bea96c3e3d0\n";

#[test]
fn a_note_is_written_over_the_last_one() {
    let place = tempfile::tempdir().unwrap();
    let note = place.path().join("task.run");
    write_note(&note, ONE).unwrap();
    let first = fs::metadata(&note).unwrap().ino();
    write_note(&note, TWO).unwrap();
    assert_eq!(fs::read(&note).unwrap(), TWO);
    assert_eq!(fs::metadata(&note).unwrap().ino(), first);
}

#[test]
fn what_an_agent_put_in_place_of_the_note_is_replaced_and_not_written_through() {
    let place = tempfile::tempdir().unwrap();
    let (note, other) = (place.path().join("task.run"), place.path().join("a person's file"));
    let soft = || symlink(&other, &note).unwrap();
    let hard = || fs::hard_link(&other, &note).unwrap();
    let pipe = || assert!(std::process::Command::new("mkfifo").arg(&note).status().unwrap().success());
    let long = || fs::write(&note, [ONE, ONE].concat()).unwrap();
    let lays: [(&str, &dyn Fn()); 4] = [("soft", &soft), ("hard", &hard), ("pipe", &pipe), ("long", &long)];
    for (what, lay) in lays {
        fs::write(&other, ONE).unwrap();
        lay();
        write_note(&note, TWO).unwrap();
        assert_eq!(fs::read(&note).unwrap(), TWO, "{what}");
        assert_eq!(fs::read(&other).unwrap(), ONE, "{what}");
        fs::remove_file(&note).unwrap();
    }
}
