//! Findings of a review, each as a test that fails until its cause is mended.

use std::fs;
use std::time::Duration;

use orchd_launcher::RunDir;
use orchd_launcher::dialect::Dialect;

use super::leftovers::{clone, spec_for};
use super::{Place, ended, launcher, within};

/// Whatever a run puts in place of its clone's index, its shim comes to an end.
#[tokio::test]
async fn a_pipe_in_place_of_the_index_does_not_hold_the_shim() {
    let (place, start) = clone();
    let spec = spec_for(&place, &start, "echo x > x; rm .git/index; mkfifo .git/index");
    let mut running = launcher().start(&place.dir, &spec).await.expect("started");
    let in_time = tokio::time::timeout(Duration::from_secs(15), running.wait()).await.is_ok();
    if !in_time {
        // Somebody at the other end of the pipe lets the shim go on.
        let pipe = place.work().join(".git/index");
        drop(fs::OpenOptions::new().write(true).open(pipe).expect("opened"));
        within(running.wait()).await.expect("waited");
    }
    assert!(in_time, "the shim read a pipe that nobody writes to");
}

/// The shim works outside of the run's sandbox: a link in the clone must not lead its hand.
#[tokio::test]
async fn the_shims_own_index_is_not_written_through_a_link() {
    let (place, start) = clone();
    let victim = place.temp.path().join("victim");
    fs::write(&victim, "precious").expect("written");
    let script = format!("echo x > x; ln -s '{}' .git/orchd-$PPID.index", victim.display());
    place.end(&spec_for(&place, &start, &script)).await;
    assert_eq!(fs::read(&victim).expect("read"), b"precious");
}

/// A program of the profile `script` is given credentials too (`pass`), and prints them in the same ways.
#[tokio::test]
async fn secrets_are_masked_in_plain_output_too() {
    let place = Place::new();
    let mut running = launcher()
        .start(&place.dir, &place.spec("echo calling with hunter2hunter2; exit 3"))
        .await
        .expect("started");
    let result = ended(within(running.wait()).await.expect("waited"));
    assert!(place.dir.file(RunDir::STDOUT).exists());
    let reading =
        Dialect::Plain.read(&place.dir, &result, None, ["hunter2hunter2".to_owned()]).expect("read");
    assert!(!reading.tail.contains("hunter2"), "{}", reading.tail);
}
