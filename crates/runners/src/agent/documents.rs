//! The facts about a task's documents at a head (spec 1.1, 3.0), read from the mirror and never from the agent's work
//! tree. What they mean is the gates'.

use orchd_core::docs::{self, Adr, DocFacts};
use orchd_core::id::Sha;
use orchd_core::stage::Role;
use orchd_core::verdict::Submission;
use orchd_git::{GitError, Mirror};

use super::site::Site;
use crate::error::RunnerError;
use crate::task_branch;

/// A document is text for people.
const DOCUMENT_MAX: usize = 1024 * 1024;

/// Reads them. `changed` are all paths the run changed on the branch.
pub(super) async fn facts(
    site: &Site<'_>,
    main: &Sha,
    head: &Sha,
    changed: &[String],
    submission: Option<&Submission>,
) -> Result<DocFacts, RunnerError> {
    let folder = task_branch::docs_folder(&site.task.key);
    let inside = format!("{folder}/");
    let changed: Vec<String> = changed.iter().filter(|path| path.starts_with(&inside)).cloned().collect();
    let brd = document(site, head, &format!("{folder}/01-brd.md")).await?.map(|bytes| docs::brd(&bytes));
    let risks = document(site, head, &format!("{folder}/10-tech-risks.md")).await?;
    let risks = risks.is_some_and(|bytes| !String::from_utf8_lossy(&bytes).trim().is_empty());
    // Questions count for the run that wrote them, not for every later one.
    let questions_file = format!("{folder}/01-questions.md");
    let questions = match changed.contains(&questions_file) {
        true => document(site, head, &questions_file)
            .await?
            .map(|bytes| docs::questions(&bytes))
            .unwrap_or_default(),
        false => Vec::new(),
    };
    let mut adrs = Vec::new();
    for path in adr_paths(site, main, head, &changed, submission).await? {
        if let Some(bytes) = document(site, head, &path).await? {
            adrs.push(docs::adr(&path, &bytes));
        }
    }
    let (taken_numbers, taken_by) = match site.assigned.role {
        Role::Architect => taken(site, main, &adrs).await?,
        // Only the architect's gates ask.
        Role::Analyst | Role::Developer | Role::Reviewer | Role::Tester => Default::default(),
    };
    Ok(DocFacts { brd, adrs, risks, questions, changed, taken_numbers, taken_by })
}

/// A document at the head. One too large to be a document counts as empty.
async fn document(site: &Site<'_>, head: &Sha, path: &str) -> Result<Option<Vec<u8>>, RunnerError> {
    match site.mirror.read_file(head, path, DOCUMENT_MAX).await {
        Ok(found) => Ok(found),
        Err(GitError::TooLarge { .. }) => Ok(Some(Vec::new())),
        Err(error) => Err(error.into()),
    }
}

/// This task's ADRs: what the branch has over main, what the run changed, and what it vouches for.
async fn adr_paths(
    site: &Site<'_>,
    main: &Sha,
    head: &Sha,
    changed: &[String],
    submission: Option<&Submission>,
) -> Result<Vec<String>, RunnerError> {
    let folder = task_branch::docs_folder(&site.task.key);
    let inside = format!("{folder}/06-adr/");
    let mut paths = site.mirror.changed_files(main, head).await?;
    paths.extend(changed.iter().cloned());
    for listed in submission.iter().flat_map(|said| &said.artifacts) {
        let listed = listed.trim_start_matches("./");
        let whole = listed.starts_with(&inside);
        paths.push(if whole { listed.to_owned() } else { format!("{folder}/{listed}") });
    }
    let odd = |path: &str| path.split('/').any(|part| matches!(part, "" | "." | ".."));
    paths.retain(|path| path.starts_with(&inside) && path.ends_with(".md") && !odd(path));
    paths.sort();
    paths.dedup();
    Ok(paths)
}

/// Decision records of any work at a commit. Links are not followed.
pub(super) async fn records(mirror: &Mirror, at: &Sha) -> Result<Vec<String>, GitError> {
    let mut paths = mirror.files_below(at, "docs/work-items").await?;
    paths.retain(|path| {
        let parts: Vec<&str> = path.split('/').collect();
        matches!(parts[..], [_, _, _, "06-adr", name] if name.ends_with(".md"))
    });
    Ok(paths)
}

/// Numbers of ADRs on main, and which of them have the number of one of the task's; but for the task's own of an earlier
/// life.
async fn taken(site: &Site<'_>, main: &Sha, own: &[Adr]) -> Result<(Vec<u32>, Vec<String>), RunnerError> {
    let mut others = records(&site.mirror, main).await?;
    others.retain(|path| own.iter().all(|adr| adr.path != *path));
    let mut numbers: Vec<u32> = others.iter().filter_map(|path| docs::adr_number(path)).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let doubled = |path: &String| {
        let number = docs::adr_number(path);
        number.is_some() && own.iter().any(|adr| adr.number == number)
    };
    others.retain(doubled);
    Ok((numbers, others))
}
