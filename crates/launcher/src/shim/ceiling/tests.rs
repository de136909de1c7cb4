//! What a walk counts, and what may be concluded from one that was cut.

use super::*;

#[test]
fn a_walk_that_was_cut_says_so_and_one_before_the_run_gives_no_verdict() {
    let temp = tempfile::tempdir().expect("temporary directory");
    for name in 0..10 {
        fs::write(temp.path().join(name.to_string()), vec![1; 8192]).expect("written");
    }
    let roots = vec![temp.path().to_owned()];
    let Counted::All(all) = count(roots.clone(), 10) else { panic!("ten files are all") };
    let Counted::AtLeast(some) = count(roots.clone(), 9) else { panic!("there is a tenth") };
    assert!(some <= all);

    let mut disk = Disk { ceiling: 0, roots, before: Some(0), next: 0, free: 0 };
    let verdict = (all > 0).then_some(Ended::DiskCeiling { ceiling: 0 });
    assert_eq!(disk.broken(0), verdict);
    (disk.before, disk.next) = (None, 0);
    assert_eq!(disk.broken(0), None);
}

#[test]
fn a_clone_that_was_measured_counts_as_if_it_were_walked() {
    let (own, clone) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let fill = |path: &Path, size: usize| {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, vec![1; size]).unwrap();
    };
    fill(&own.path().join("prompt.md"), 10_000);
    for (path, size) in
        [("a", 20_000), ("src/b", 30_000), (".git/c", 40_000), ("target/d", 50_000), ("target/e/f", 60_000)]
    {
        fill(&clone.path().join(path), size);
    }
    // Nothing of what it leads to is the clone's.
    std::os::unix::fs::symlink(own.path(), clone.path().join("linked")).unwrap();
    let caches = ["target", "target/e", "linked", "absent"].map(str::to_owned);
    let roots = || outermost(vec![own.path().to_owned(), clone.path().to_owned()]);
    let walked = Disk::new(0, roots(), None).before;
    assert!(walked >= Some(210_000), "{walked:?}");
    let mark = Untouched::of(clone.path(), &caches).unwrap().unwrap();
    let measured = Measured::of(clone.path(), &mark).unwrap();
    assert_eq!(measured.caches, [fs::canonicalize(clone.path()).unwrap().join("target")]);
    assert!(measured.bytes > 0);
    assert_eq!(Disk::new(0, roots(), Some(measured)).before, walked);
}
