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
