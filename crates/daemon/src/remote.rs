//! What a remote lets orchd do, tried and said in sentences: for `doctor` and `init`. Nothing of it stays.

use std::path::Path;

use orchd_config::OwnRefs;
use orchd_core::id::Branch;
use orchd_git::{ForgeRepo, Mirror, MirrorConfig, Trial, Tried};
use orchd_runners::RepoPlace;

use crate::doctor::{Finding, Health};
use crate::projects::Project;
use crate::wire::{chain, git, remote_place};

/// Tries a project's remote, where it has one.
pub(crate) async fn reached(project: &Project) -> Vec<Finding> {
    let Some(remote) = &project.remote else { return Vec::new() };
    let what = format!("{}: remote", project.policy.project);
    let tried = match remote_place(&project.policy.project, remote, project.user_branch.as_ref()) {
        Ok(place) => tried(place).await,
        Err(error) => Err(error.to_string()),
    };
    match tried {
        Ok(trial) => findings(&what, &remote.url, &trial, remote.refs),
        Err(why) => {
            let todo = "see [project.NAME.remote] and `main` in the configuration";
            vec![Finding::new(
                &what,
                Health::Missing,
                format!("{} can not be read: {why}; {todo}", remote.url),
            )]
        }
    }
}

async fn tried(place: RepoPlace) -> Result<Trial, String> {
    // A mirror of its own, with nothing in it: the engine's may be at work.
    let scratch = tempfile::tempdir().map_err(|error| format!("no temporary directory: {error}"))?;
    let git = git(&scratch.path().join("home")).map_err(|error| chain(&error))?;
    let RepoPlace { remote, main, access, refs, user: _ } = place;
    let config = MirrorConfig { dir: scratch.path().join("mirror.git"), remote, main, access, refs };
    let mirror = Mirror::open_or_init(&git, config).await.map_err(|error| chain(&error))?;
    mirror.try_remote().await.map_err(|error| chain(&error))
}

fn findings(what: &str, url: &str, trial: &Trial, refs: OwnRefs) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut tell = |health, sentence: String| findings.push(Finding::new(what, health, sentence));
    match (&trial.own_refs, refs) {
        (Tried::Allowed, _) => {
            tell(Health::Good, format!("{url}: main can be read, refs of orchd's own can be made"))
        }
        (Tried::Refused { why }, OwnRefs::Orchd) => tell(
            Health::Missing,
            format!(
                "{url} takes no refs below refs/orchd/: {why}; try refs = \"tags\" in its table, if it takes pushes at all"
            ),
        ),
        (Tried::Refused { why }, OwnRefs::Tags) => {
            tell(Health::Missing, format!("{url} takes no tags below refs/tags/orchd/: {why}"));
        }
        (Tried::Unknown { why }, _) => tell(Health::Missing, format!("{url} did not answer a push: {why}")),
    }
    match &trial.atomic {
        Tried::Refused { why } => tell(
            Health::Missing,
            format!("{url} does not take several refs all or none: {why}; a landing there would not be safe"),
        ),
        Tried::Unknown { why } if trial.own_refs == Tried::Allowed => {
            tell(Health::Weak, format!("whether {url} takes several refs all or none is not known: {why}"));
        }
        Tried::Allowed | Tried::Unknown { .. } => {}
    }
    match &trial.main {
        Tried::Allowed => tell(Health::Good, "its main can be pushed to".to_owned()),
        Tried::Refused { why } => tell(
            Health::Missing,
            format!("its main takes no push: {why}; let orchd's account push there, or nothing can land"),
        ),
        Tried::Unknown { why } if trial.atomic == Tried::Allowed => {
            tell(Health::Weak, format!("whether its main can be pushed to is not known: {why}"));
        }
        Tried::Unknown { .. } => {}
    }
    match &trial.forced {
        Tried::Allowed => tell(
            Health::Weak,
            "its main could be replaced by a forced push, by whoever may push there: orchd never does; protect it, or set \
             receive.denyNonFastForwards"
                .to_owned(),
        ),
        Tried::Refused { .. } => tell(Health::Good, "its main refuses forced pushes".to_owned()),
        Tried::Unknown { why } if trial.main == Tried::Allowed => {
            tell(Health::Weak, format!("whether its main refuses forced pushes is not known: {why}"));
        }
        Tried::Unknown { .. } => {}
    }
    findings
}

/// The address of one of a repository's own remotes, and the branch that it has as its main. The error says why orchd can
/// not go there, without what is secret in it.
pub async fn remote_of(repo: &Path, name: &str) -> Result<Option<(String, Option<Branch>)>, String> {
    let scratch = tempfile::tempdir().map_err(|error| format!("no temporary directory: {error}"))?;
    let git = git(scratch.path()).map_err(|error| chain(&error))?;
    let found = ForgeRepo::remote_of(&git, repo, name).await.map_err(|error| chain(&error))?;
    if let Some((url, _)) = &found {
        orchd_git::check_url(url).map_err(|error| chain(&error))?;
    }
    Ok(found)
}
