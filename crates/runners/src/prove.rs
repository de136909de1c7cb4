//! The only proof of a landing (spec 3.9): the validated head is an ancestor of main, asked of git after a fetch. With
//! it, the look for markers that must stay in main (spec 3.10).

use orchd_core::effect::Proof;
use orchd_core::id::Sha;
use orchd_core::mutant::{self, Mutant};
use orchd_core::repo::Repo;
use orchd_core::task::Task;
use orchd_git::{Ancestry, GitError, MainHead, Mirror};

use crate::error::chain;
use crate::workshop::Workshop;

/// Larger files are not searched for markers, and that is said.
const FILE_CAP: usize = 16 * 1024 * 1024;

/// Whether main has the head.
pub(crate) enum Asked {
    /// It has: the proof.
    Proven(Proof),
    /// It has not.
    Not {
        /// Main now.
        main: Sha,
    },
}

/// Asks git whether `head` is in main, and shows the person's repository what landed.
pub(crate) async fn ask(
    shop: &Workshop,
    mirror: &Mirror,
    (task, repo): (&Task, &Repo),
    head: &Sha,
) -> Result<Asked, GitError> {
    let main = mirror.fetch_main().await?;
    if !mutant::on(Mutant::Inc13) && !contains(mirror, &main, head).await? {
        return Ok(Asked::Not { main: main.sha });
    }
    let (missing_markers, marker_warning) = markers(mirror, &main, task, repo).await;
    shop.show_user(&task.repo, &main.sha).await;
    let (head, main_tree) = (head.clone(), main.tree);
    Ok(Asked::Proven(Proof { head, main: main.sha, main_tree, missing_markers, marker_warning }))
}

/// Whether main contains the head. A head the mirror does not have cannot have come with main.
pub(crate) async fn contains(mirror: &Mirror, main: &MainHead, head: &Sha) -> Result<bool, GitError> {
    Ok(mirror.has_commit(head).await? && mirror.is_ancestor(head, &main.sha).await? == Ancestry::Yes)
}

/// Markers that main lacks, and what could not be looked at. A git error is a warning, never a verdict.
async fn markers(
    mirror: &Mirror,
    main: &MainHead,
    task: &Task,
    repo: &Repo,
) -> (Vec<String>, Option<String>) {
    let (mut missing, mut warning) = (Vec::new(), None);
    let of_repo = repo.markers.iter().map(|marker| (&marker.path, &marker.text));
    let own = task.markers.iter().map(|marker| (&marker.path, &marker.text));
    for (path, text) in of_repo.chain(own) {
        let name = format!("{path}: {text}");
        match mirror.read_file(&main.sha, path, FILE_CAP).await {
            Ok(Some(bytes)) if holds(&bytes, text.as_bytes()) => {}
            Ok(_) if missing.contains(&name) => {}
            Ok(_) => missing.push(name),
            Err(error) => {
                warning.get_or_insert_with(|| format!("{name} could not be looked for: {}", chain(&error)));
            }
        }
    }
    (missing, warning)
}

fn holds(bytes: &[u8], text: &[u8]) -> bool {
    text.is_empty() || bytes.windows(text.len()).any(|window| window == text)
}
