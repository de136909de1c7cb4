//! The facts about a task's documents at a head (spec 1.1, 3.0), read from the mirror and never from the agent's work
//! tree. What they mean is the gates'.

use std::path::Path;

use orchd_core::docs::{self, DocFacts};
use orchd_core::id::Sha;
use orchd_core::stage::Role;
use orchd_core::verdict::Submission;
use orchd_git::{GateCheckout, GitError};

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
    let taken_numbers = match site.assigned.role {
        Role::Architect => {
            let own: Vec<&str> = adrs.iter().map(|adr| adr.path.as_str()).collect();
            taken_numbers(site, main, &own).await?
        }
        // Only the architect's gates ask; it costs a checkout of main.
        Role::Analyst | Role::Developer | Role::Reviewer | Role::Tester => Vec::new(),
    };
    Ok(DocFacts { brd, adrs, risks, questions, changed, taken_numbers })
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

/// Numbers of ADRs on main, but for the task's own of an earlier life.
async fn taken_numbers(site: &Site<'_>, main: &Sha, own: &[&str]) -> Result<Vec<u32>, RunnerError> {
    if site.mirror.tree_digest(main, "docs/work-items").await?.is_none() {
        return Ok(Vec::new());
    }
    let at = site.shop.checkouts(site.context.run());
    let checkout = GateCheckout::create(&site.mirror, main, &at).await?;
    let (root, own) = (checkout.dir().to_owned(), own.iter().map(|p| (*p).to_owned()).collect::<Vec<_>>());
    let listed = tokio::task::spawn_blocking(move || adrs_below(&root)).await;
    checkout.remove().await?;
    let listed = listed
        .map_err(std::io::Error::other)
        .and_then(|listed| listed)
        .map_err(RunnerError::io("list the ADRs of main in", &at))?;
    let mut numbers: Vec<u32> =
        listed.iter().filter(|path| !own.contains(path)).filter_map(|path| docs::adr_number(path)).collect();
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}

/// Paths of the ADRs in a checkout, relative to it. Links are not followed.
fn adrs_below(root: &Path) -> std::io::Result<Vec<String>> {
    let mut found = Vec::new();
    for item in folders(&root.join("docs/work-items"))? {
        let folder = root.join("docs/work-items").join(&item).join("06-adr");
        if !std::fs::symlink_metadata(&folder).is_ok_and(|meta| meta.is_dir()) {
            continue;
        }
        for entry in std::fs::read_dir(&folder)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name.ends_with(".md") {
                found.push(format!("docs/work-items/{item}/06-adr/{name}"));
            }
        }
    }
    Ok(found)
}

fn folders(dir: &Path) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    if !std::fs::symlink_metadata(dir).is_ok_and(|meta| meta.is_dir()) {
        return Ok(names);
    }
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(names)
}
