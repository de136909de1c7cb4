//! Credentials a run was given and printed: not in what is read of it.

use orchd_launcher::RunDir;
use orchd_launcher::dialect::Dialect;

use super::{Place, ended, launcher, within};

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
        Dialect::Plain.read(&place.dir, &result.ended, None, ["hunter2hunter2".to_owned()]).expect("read");
    assert!(!reading.tail.contains("hunter2"), "{}", reading.tail);
}
