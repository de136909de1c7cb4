//! The built-in board: keys, statuses, pull requests.

use std::collections::BTreeSet;

use orchd_core::id::{Branch, Key, ProjectId, RepoId};
use orchd_core::port::board::{Issue, Pull};
use orchd_core::port::store::StoreError;

use super::lab::{Lab, answered};
use crate::block_on;

async fn add(lab: &Lab, project: &str, title: &str) -> Issue {
    let added = lab.store().add_issue(&ProjectId::new(project), "ORCH", title, "what for", lab.now()).await;
    answered(added)
}

/// From one, in order, without gaps.
pub async fn the_board_numbers_issues_per_project(lab: &Lab) {
    let (first, second) = (add(lab, "project", "one").await, add(lab, "project", "two").await);
    let other = add(lab, "second", "three").await;
    assert_eq!(
        [first.key.to_string(), second.key.to_string(), other.key.to_string()],
        ["ORCH-1", "ORCH-2", "ORCH-1"]
    );
    assert_eq!((first.title.as_str(), first.description.as_str()), ("one", "what for"));
    assert_eq!((first.status.as_str(), first.line.as_str()), ("", ""));
    let project = ProjectId::new("project");
    assert_eq!(answered(lab.store().issues(&project).await), [first, second.clone()]);
    assert_eq!(answered(lab.store().issue(&project, &second.key).await), Some(second));
    assert_eq!(answered(lab.store().issue(&project, &Key::new("ORCH-9")).await), None);
    assert_eq!(answered(lab.store().issues(&ProjectId::new("third")).await), []);
    for n in 3..=11 {
        assert_eq!(add(lab, "project", "more").await.key.to_string(), format!("ORCH-{n}"));
    }
    let keys = answered(lab.store().issues(&project).await);
    assert_eq!(keys.last().map(|i| i.key.as_str()), Some("ORCH-11"), "oldest first, not by text");
}

/// The number is given in the transaction that adds.
pub async fn concurrent_issues_get_keys_of_their_own(lab: &Lab) {
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..8 {
                    block_on(add(lab, "project", "one of many"));
                }
            });
        }
    });
    let issues = answered(lab.store().issues(&ProjectId::new("project")).await);
    let keys: BTreeSet<_> = issues.iter().map(|i| i.key.clone()).collect();
    assert_eq!((issues.len(), keys.len()), (32, 32));
}

/// Nothing else of it changes.
pub async fn an_issue_shows_its_status(lab: &Lab) {
    let (mut issue, other) = (add(lab, "project", "one").await, add(lab, "project", "two").await);
    for (status, line) in [("Review", "waits for a reviewer"), ("Done", "")] {
        answered(lab.store().set_issue_status(&issue.project, &issue.key, status, line).await);
        (issue.status, issue.line) = (status.to_owned(), line.to_owned());
        let shown = answered(lab.store().issues(&issue.project).await);
        assert_eq!(shown, [issue.clone(), other.clone()]);
    }
}

/// Nor is it made.
pub async fn an_unknown_issue_shows_nothing(lab: &Lab) {
    let project = ProjectId::new("project");
    let refused = lab.store().set_issue_status(&project, &Key::new("ORCH-1"), "Done", "").await;
    let Err(StoreError::Inconsistent { table: "issues", .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(answered(lab.store().issues(&project).await), []);
}

/// Created or replaced; in the order they were created.
pub async fn a_pull_request_is_known_by_its_head(lab: &Lab) {
    let pull = |repo, head, title: &str| Pull {
        repo: RepoId::new(repo),
        head: Branch::new(head),
        title: title.to_owned(),
        text: "the text".to_owned(),
        open: true,
    };
    let put = async |pull: &Pull| answered(lab.store().put_pull(pull).await);
    let (b, a, other) = (pull("repo", "b", "one"), pull("repo", "a", "two"), pull("other", "b", "three"));
    for p in [&b, &a, &other] {
        put(p).await;
    }
    let closed = Pull { open: false, text: "new".to_owned(), ..b };
    put(&closed).await;
    assert_eq!(answered(lab.store().pulls(&RepoId::new("repo")).await), [closed, a]);
    assert_eq!(answered(lab.store().pulls(&RepoId::new("other")).await), [other]);
    assert_eq!(answered(lab.store().pulls(&RepoId::new("nowhere")).await), []);
}
