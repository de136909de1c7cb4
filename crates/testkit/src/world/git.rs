//! Ground truth: git as sets of changes, main, the landing's doors, and the environment. Changes may conflict,
//! be red alone, or be green alone and red together; what orchd believes about any of it must match.

use std::collections::{BTreeMap, BTreeSet};

use orchd_core::audit::{TrueHook, TrueLanding};
use orchd_core::effect::Proof;
use orchd_core::id::{Digest, Sha, TaskId};
use orchd_core::job::{BranchState, ReadyOutcome, SuiteOutcome};
use orchd_core::time::Timestamp;

use super::sim::fold;

/// A tree: the changes that are in it.
pub(super) type Tree = BTreeSet<u32>;

#[derive(Debug, Clone)]
struct Commit {
    parent: Option<Sha>,
    tree: Tree,
    tree_sha: Sha,
    docs: u32,
}

#[derive(Debug, Clone, Copy)]
struct Change {
    /// Its task; `None` is somebody else's.
    task: Option<TaskId>,
    /// Red by itself.
    bad: bool,
    /// It gets along with everything.
    easy: bool,
}

/// What came of the landing's atomic push. Outcome enum, as `orchd-git` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pushed {
    Landed,
    Stale,
    Tombstoned,
}

/// Git and the environment.
pub(super) struct Git {
    seed: u64,
    /// One in this many pairs of changes has trouble of each kind.
    trouble: u64,
    commits: BTreeMap<Sha, Commit>,
    changes: Vec<Change>,
    count: u64,
    main: Sha,
    /// Everything that is in main.
    pub(super) in_main: BTreeSet<Sha>,
    doors: BTreeMap<(TaskId, u32), Option<Sha>>,
    pub(super) landings: Vec<TrueLanding>,
    /// What a person took out of main.
    pub(super) taken_out: BTreeSet<Sha>,
    /// Until when a task's branch at the forge holds what somebody else pushed there.
    pub(super) forced: BTreeMap<TaskId, Timestamp>,
    /// Until when the person's main and the forge's have parted.
    pub(super) diverged_until: Timestamp,
    /// Trees of main that are red.
    pub(super) red: BTreeMap<Sha, Vec<String>>,
    pub(super) hooks: Vec<TrueHook>,
    /// What the environment runs.
    pub(super) running: Option<Sha>,
}

impl Git {
    pub(super) fn new(seed: u64, trouble: u64) -> Self {
        let root = commit_name(0);
        let tree = Tree::new();
        let tree_sha = tree_name(&tree);
        let commit = Commit { parent: None, tree, tree_sha, docs: 0 };
        Self {
            seed,
            trouble,
            commits: [(root.clone(), commit)].into(),
            changes: Vec::new(),
            count: 0,
            main: root.clone(),
            in_main: [root].into(),
            doors: BTreeMap::new(),
            landings: Vec::new(),
            taken_out: BTreeSet::new(),
            forced: BTreeMap::new(),
            diverged_until: Timestamp(0),
            red: BTreeMap::new(),
            hooks: Vec::new(),
            running: None,
        }
    }

    pub(super) fn main(&self) -> Sha {
        self.main.clone()
    }

    fn at(&self, sha: &Sha) -> &Commit {
        self.commits.get(sha).expect("every commit that orchd names was made here")
    }

    pub(super) fn tree_sha(&self, sha: &Sha) -> Sha {
        self.at(sha).tree_sha.clone()
    }

    fn commit(&mut self, parent: &Sha, tree: Tree, docs: u32) -> Sha {
        self.count += 1;
        let sha = commit_name(self.count);
        let tree_sha = tree_name(&tree);
        self.commits.insert(sha.clone(), Commit { parent: Some(parent.clone()), tree, tree_sha, docs });
        sha
    }

    fn change(&mut self, change: Change) -> u32 {
        self.changes.push(change);
        u32::try_from(self.changes.len()).unwrap_or(u32::MAX)
    }

    fn of(&self, change: u32) -> Option<Change> {
        self.changes.get(change as usize - 1).copied()
    }

    /// Whether two changes have this kind of trouble with each other.
    fn trouble(&self, kind: u64, a: u32, b: u32) -> bool {
        let easy = |c| self.of(c).is_none_or(|c| c.easy);
        if a == b || easy(a) || easy(b) || self.trouble == 0 {
            return false;
        }
        let mut hash = self.seed ^ kind;
        fold(&mut hash, u64::from(a.min(b)));
        fold(&mut hash, u64::from(a.max(b)));
        (hash >> 8).is_multiple_of(self.trouble)
    }

    /// A developer's work: the task's former change is replaced by a new one.
    pub(super) fn develop(&mut self, task: TaskId, start: &Sha, bad: bool, easy: bool) -> Sha {
        let (mut tree, docs) = (self.at(start).tree.clone(), self.at(start).docs);
        let mine: Vec<u32> =
            tree.iter().copied().filter(|c| self.of(*c).is_some_and(|c| c.task == Some(task))).collect();
        for change in mine {
            tree.remove(&change);
        }
        tree.insert(self.change(Change { task: Some(task), bad, easy }));
        self.commit(start, tree, docs)
    }

    /// Documents are written.
    pub(super) fn document(&mut self, start: &Sha) -> Sha {
        let (tree, docs) = (self.at(start).tree.clone(), self.at(start).docs);
        self.commit(start, tree, docs + 1)
    }

    /// The branch as git shows it.
    pub(super) fn branch(&self, base: &Sha, head: &Sha) -> BranchState {
        let (from, to) = (self.at(base), self.at(head));
        let mut text = String::from("patch");
        let differing: Vec<u32> = to.tree.symmetric_difference(&from.tree).copied().collect();
        for change in &differing {
            text.push_str(&format!(" {change}"));
            for other in from.tree.iter().filter(|other| self.trouble(3, *change, **other)) {
                text.push_str(&format!("~{other}"));
            }
        }
        let docs = if to.docs == 0 { "none".to_owned() } else { format!("{head} {}", to.docs) };
        BranchState {
            base: base.clone(),
            head: head.clone(),
            patch: Digest::new(text),
            docs: Digest::new(docs),
            ahead: !differing.is_empty(),
        }
    }

    /// Rebases onto main. The base is a commit of main.
    pub(super) fn rebase(&mut self, base: &Sha, head: &Sha) -> ReadyOutcome {
        let main = self.main();
        if *base == main {
            let branch = self.branch(base, head);
            return ReadyOutcome::Ready { branch, rebased: false, suite: None };
        }
        let (from, to, onto) = (self.at(base), self.at(head), self.at(&main));
        let added: Vec<u32> = to.tree.difference(&from.tree).copied().collect();
        let removed: Vec<u32> = from.tree.difference(&to.tree).copied().collect();
        let foreign = onto.tree.difference(&from.tree);
        let clash =
            foreign.flat_map(|f| added.iter().map(move |a| (*a, *f))).find(|(a, f)| self.trouble(1, *a, *f));
        if let Some((mine, theirs)) = clash {
            let files = vec![format!("src/f{theirs}.rs")];
            return ReadyOutcome::Conflict { files, hunks: format!("<<<<<<< {mine} >>>>>>> {theirs}") };
        }
        let mut tree = onto.tree.clone();
        tree.extend(added);
        for change in removed {
            tree.remove(&change);
        }
        let docs = to.docs;
        let head = self.commit(&main, tree, docs);
        ReadyOutcome::Ready { branch: self.branch(&main, &head), rebased: true, suite: None }
    }

    /// What the suite says of a commit's tree.
    pub(super) fn suite(&self, sha: &Sha) -> SuiteOutcome {
        match self.failing(&self.at(sha).tree) {
            failing if failing.is_empty() => SuiteOutcome::Green { tests: Some(7), warning: None },
            failing => SuiteOutcome::Red { output: format!("failed at {}", sha.short()), failing },
        }
    }

    fn failing(&self, tree: &Tree) -> Vec<String> {
        let changes: Vec<u32> = tree.iter().copied().collect();
        let mut failing: Vec<String> =
            changes.iter().filter(|c| self.of(**c).is_some_and(|c| c.bad)).map(|c| format!("t{c}")).collect();
        for (n, a) in changes.iter().enumerate() {
            let later = changes.iter().skip(n + 1);
            failing.extend(later.filter(|b| self.trouble(2, *a, **b)).map(|b| format!("t{a}+{b}")));
        }
        failing
    }

    pub(super) fn main_is_red(&self) -> bool {
        !self.failing(&self.at(&self.main).tree).is_empty()
    }

    fn set_main(&mut self, sha: Sha) {
        let mut at = Some(sha.clone());
        while let Some(one) = at {
            let parent = self.at(&one).parent.clone();
            self.taken_out.remove(&one);
            if !self.in_main.insert(one) {
                break;
            }
            at = parent;
        }
        let failing = self.failing(&self.at(&sha).tree);
        if !failing.is_empty() {
            self.red.insert(self.tree_sha(&sha), failing);
        }
        self.main = sha;
    }

    /// A person rewinds main by up to this many commits.
    pub(super) fn rewind(&mut self, commits: u64) {
        let mut to = self.main();
        for _ in 0..commits {
            let Some(parent) = self.at(&to).parent.clone() else { break };
            self.in_main.remove(&to);
            let landings = self.landings.iter_mut().filter(|landing| landing.head == to);
            landings.for_each(|landing| landing.taken_out = true);
            self.taken_out.insert(to);
            to = parent;
        }
        self.main = to;
    }

    /// Somebody else pushes to main.
    pub(super) fn outside_push(&mut self, bad: bool, easy: bool) {
        let mut tree = self.at(&self.main).tree.clone();
        tree.insert(self.change(Change { task: None, bad, easy }));
        let sha = self.commit(&self.main(), tree, 0);
        self.set_main(sha);
    }

    /// Somebody mends main: whatever is red is taken out.
    pub(super) fn mend(&mut self) {
        let mut tree = self.at(&self.main).tree.clone();
        tree.retain(|c| self.of(*c).is_some_and(|c| !c.bad));
        while !self.failing(&tree).is_empty() {
            tree.pop_last();
        }
        tree.insert(self.change(Change { task: None, bad: false, easy: true }));
        let sha = self.commit(&self.main(), tree, 0);
        self.set_main(sha);
    }

    /// One atomic push: main from base to head, together with the must-not-exist ref of this landing.
    pub(super) fn push(&mut self, task: TaskId, landing: u32, base: &Sha, head: &Sha) -> Pushed {
        if self.in_main.contains(head) {
            return Pushed::Landed;
        }
        match self.doors.get(&(task, landing)) {
            Some(None) => return Pushed::Tombstoned,
            Some(Some(_)) => return Pushed::Stale,
            None => {}
        }
        if self.main != *base || self.at(head).parent.is_none() {
            return Pushed::Stale;
        }
        self.doors.insert((task, landing), Some(head.clone()));
        self.set_main(head.clone());
        let (base, head) = (base.clone(), head.clone());
        self.landings.push(TrueLanding { task, landing, base, head, taken_out: false });
        Pushed::Landed
    }

    /// Writes the tombstone, if nobody was there before. Whether the door is closed now.
    pub(super) fn close(&mut self, task: TaskId, landing: u32) -> bool {
        self.doors.entry((task, landing)).or_insert(None).is_none()
    }

    /// Landings whose door is closed.
    pub(super) fn closed(&self) -> impl Iterator<Item = (TaskId, u32)> {
        self.doors.iter().filter(|(_, head)| head.is_none()).map(|(door, _)| *door)
    }

    pub(super) fn is_closed(&self, task: TaskId, landing: u32) -> bool {
        self.doors.get(&(task, landing)).is_some_and(Option::is_none)
    }

    /// Whether this landing went through its door, wherever main is now.
    pub(super) fn has_landed(&self, task: TaskId, landing: u32) -> bool {
        self.doors.get(&(task, landing)).is_some_and(Option::is_some)
    }

    /// The proof of a head, if it is in main.
    pub(super) fn proof(&self, head: &Sha) -> Option<Proof> {
        let main = self.main();
        self.in_main.contains(head).then(|| Proof {
            head: head.clone(),
            main_tree: self.tree_sha(&main),
            main,
            missing_markers: Vec::new(),
            marker_warning: None,
        })
    }
}

fn name(prefix: &str, a: u64, b: u64) -> Sha {
    Sha::parse(&format!("{prefix}{a:016x}{b:016x}000000"))
        .expect("two prefix digits and 38 others are hexadecimal")
}

fn commit_name(n: u64) -> Sha {
    // A mix first, so that the ten digits that people see differ.
    name("c0", crate::rng::Rng::new(n).next(), n)
}

fn tree_name(tree: &Tree) -> Sha {
    let (mut a, mut b) = (1, 2);
    for change in tree {
        fold(&mut a, u64::from(*change));
        fold(&mut b, u64::from(*change) ^ 0x77);
    }
    name("7e", a, b)
}
