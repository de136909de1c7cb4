//! The built-in board: issues with keys of their project, pull requests of the local forge.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use orchd_core::id::{Branch, Key, ProjectId, RepoId};
use orchd_core::port::board::{Issue, Pull};

use crate::fail::bad;
use crate::group::Answer;
use crate::schema::{issues, pulls};
use crate::statement::statement;

statement! {
    /// The project's latest number.
    LastNumber<'a> { project: Text = &'a str } -> BigInt;
    "SELECT coalesce(max(number), 0) FROM issues WHERE project = :project"
}

/// An issue to add.
pub(crate) struct NewIssue {
    pub(crate) project: ProjectId,
    pub(crate) prefix: String,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) at: i64,
}

/// Adds an issue under the project's next key.
pub(crate) fn add(conn: &mut SqliteConnection, new: NewIssue) -> Answer<Issue> {
    let number = LastNumber { project: new.project.as_str() }.get_result::<i64>(conn)? + 1;
    let added = Issue {
        key: Key::new(format!("{}-{number}", new.prefix)),
        project: new.project,
        title: new.title,
        description: new.description,
        status: String::new(),
        line: String::new(),
    };
    let row = (
        issues::project.eq(added.project.as_str()),
        issues::number.eq(number),
        issues::key.eq(added.key.as_str()),
        issues::title.eq(&added.title),
        issues::description.eq(&added.description),
        issues::status.eq(&added.status),
        issues::line.eq(&added.line),
        issues::at.eq(new.at),
    );
    diesel::insert_into(issues::table).values(row).execute(conn)?;
    Ok(added)
}

type IssueRow = (String, String, String, String, String);

fn issue_of(project: &ProjectId, (key, title, description, status, line): IssueRow) -> Issue {
    Issue { project: project.clone(), key: Key::new(key), title, description, status, line }
}

/// One issue.
pub(crate) fn one(conn: &mut SqliteConnection, project: &ProjectId, key: &Key) -> Answer<Option<Issue>> {
    let row: Option<IssueRow> = issues::table
        .filter(issues::project.eq(project.as_str()).and(issues::key.eq(key.as_str())))
        .select((issues::key, issues::title, issues::description, issues::status, issues::line))
        .first(conn)
        .optional()?;
    Ok(row.map(|row| issue_of(project, row)))
}

/// All issues of a project, oldest first.
pub(crate) fn all(conn: &mut SqliteConnection, project: &ProjectId) -> Answer<Vec<Issue>> {
    let rows: Vec<IssueRow> = issues::table
        .filter(issues::project.eq(project.as_str()))
        .order(issues::number)
        .select((issues::key, issues::title, issues::description, issues::status, issues::line))
        .load(conn)?;
    Ok(rows.into_iter().map(|row| issue_of(project, row)).collect())
}

/// Shows a status.
pub(crate) fn set_status(
    conn: &mut SqliteConnection,
    project: &str,
    key: &str,
    status: &str,
    line: &str,
) -> Answer<()> {
    let mine = issues::table.filter(issues::project.eq(project).and(issues::key.eq(key)));
    match diesel::update(mine).set((issues::status.eq(status), issues::line.eq(line))).execute(conn)? {
        1 => Ok(()),
        _none => Err(bad("issues", format!("{project}/{key}"), "there is no such issue")),
    }
}

/// Creates or replaces a pull request.
pub(crate) fn put_pull(conn: &mut SqliteConnection, new: &Pull) -> Answer<()> {
    let (repo, head) = (new.repo.as_str(), new.head.as_str());
    let row = (
        pulls::repo.eq(repo),
        pulls::head.eq(head),
        pulls::title.eq(&new.title),
        pulls::text.eq(&new.text),
        pulls::open.eq(new.open),
    );
    diesel::insert_into(pulls::table)
        .values(row)
        .on_conflict((pulls::repo, pulls::head))
        .do_update()
        .set((pulls::title.eq(&new.title), pulls::text.eq(&new.text), pulls::open.eq(new.open)))
        .execute(conn)?;
    Ok(())
}

/// All pull requests of a repository, oldest first.
pub(crate) fn pulls(conn: &mut SqliteConnection, repo: &RepoId) -> Answer<Vec<Pull>> {
    let rows: Vec<(String, String, String, bool)> = pulls::table
        .filter(pulls::repo.eq(repo.as_str()))
        .order(pulls::place)
        .select((pulls::head, pulls::title, pulls::text, pulls::open))
        .load(conn)?;
    let one =
        |(head, title, text, open)| Pull { repo: repo.clone(), head: Branch::new(head), title, text, open };
    Ok(rows.into_iter().map(one).collect())
}
