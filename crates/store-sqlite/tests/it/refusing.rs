//! What the schema refuses by itself, whoever asks: each forbidden state is tried by raw SQL. Every case first
//! shows that the neighbouring allowed statement is accepted, so that it is the rule that says no.

use diesel::SqliteConnection;
use diesel::connection::SimpleConnection as _;
use orchd_testkit::block_on;

use super::fixture::{Place, create};

/// A store with a repository and two tasks, `a` and `b`, and a connection to its file.
fn rows() -> (Place, SqliteConnection) {
    let place = Place::new();
    let store = place.open();
    block_on(async {
        create(&store, 1).await;
        create(&store, 2).await;
    });
    drop(store);
    let mut conn = place.raw();
    conn.batch_execute("PRAGMA foreign_keys = ON;").unwrap();
    (place, conn)
}

/// A task's identity in SQL.
const A: &str = "(SELECT id FROM tasks WHERE seq = 1)";
const B: &str = "(SELECT id FROM tasks WHERE seq = 2)";

fn filled(sql: &str) -> String {
    sql.replace("{A}", A).replace("{B}", B)
}

#[track_caller]
fn accepted(conn: &mut SqliteConnection, sql: &str) {
    if let Err(error) = conn.batch_execute(&filled(sql)) {
        panic!("{sql}\nwas refused: {error}");
    }
}

/// Refused, by the rule whose name or words `by` is.
#[track_caller]
fn refused(conn: &mut SqliteConnection, by: &str, sql: &str) {
    match conn.batch_execute(&filled(sql)) {
        Ok(()) => panic!("{sql}\nwas accepted"),
        Err(error) => assert!(error.to_string().contains(by), "{sql}\nwas refused by another rule: {error}"),
    }
}

#[test]
fn nothing_leaves_a_terminal_stage() {
    let (_place, conn) = &mut rows();
    accepted(
        conn,
        "UPDATE tasks SET stage = 'done', version = version + 1, candidacy = 'none', candidacy_since = NULL \
         WHERE seq = 1",
    );
    for stage in ["created", "deploy", "cancelled"] {
        let sql = format!("UPDATE tasks SET stage = '{stage}', version = version + 1 WHERE seq = 1");
        refused(conn, "task_terminal_stays", &sql);
    }
    refused(
        conn,
        "CHECK constraint failed",
        "UPDATE tasks SET stage = 'parked', version = version + 1 WHERE seq = 2",
    );
}

#[test]
fn a_task_changes_only_with_the_next_version() {
    let (_place, conn) = &mut rows();
    accepted(conn, "UPDATE tasks SET stage = 'analysis', version = version + 1 WHERE seq = 1");
    accepted(conn, "UPDATE tasks SET wakes = wakes + 1, due_at = 1 WHERE seq = 1");
    refused(conn, "task_version_grows", "UPDATE tasks SET stage = 'review' WHERE seq = 1");
    refused(conn, "task_version_grows", "UPDATE tasks SET version = version + 2 WHERE seq = 1");
    refused(conn, "task_version_grows", "UPDATE tasks SET version = version - 1 WHERE seq = 1");
    refused(
        conn,
        "task_version_grows",
        "UPDATE tasks SET paused = 1, candidacy = 'none', candidacy_since = NULL WHERE seq = 1",
    );
    refused(conn, "task_wakes_grow", "UPDATE tasks SET wakes = wakes - 1 WHERE seq = 1");
    accepted(conn, "UPDATE task_bodies SET version = version + 1, body = '{}' WHERE seq = 1");
    refused(conn, "task_body_version_grows", "UPDATE task_bodies SET body = '[]' WHERE seq = 1");
}

#[test]
fn a_task_keeps_its_identity_and_its_row() {
    let (_place, conn) = &mut rows();
    for set in ["id = 'x'", "key = 'x'", "project = 'x'", "life = 7", "seq = 77"] {
        let sql = format!("UPDATE tasks SET {set}, version = version + 1 WHERE seq = 1");
        refused(conn, "task_identity_fixed", &sql);
    }
    refused(conn, "FOREIGN KEY", "DELETE FROM tasks WHERE seq = 1");
    refused(conn, "task_body_not_removed", "DELETE FROM task_bodies WHERE seq = 1");
}

#[test]
fn an_issue_has_one_live_life() {
    let (_place, conn) = &mut rows();
    let next = "INSERT INTO tasks SELECT 9, 'nine', project, repo, key, life + 1, 'created', 1, 0, NULL, 'none', \
                NULL, 0, 0, 0, 0 FROM tasks WHERE seq = 1";
    refused(conn, "UNIQUE constraint failed", next);
    accepted(
        conn,
        "UPDATE tasks SET stage = 'cancelled', version = version + 1, candidacy = 'none', candidacy_since = NULL \
         WHERE seq = 1",
    );
    refused(conn, "UNIQUE constraint failed", &next.replace("life + 1", "life"));
    accepted(conn, next);
}

#[test]
fn a_candidate_waits_since_a_moment() {
    let (_place, conn) = &mut rows();
    refused(conn, "task_candidacy_since", "UPDATE tasks SET candidacy_since = NULL WHERE seq = 1");
    let unknown = "UPDATE tasks SET candidacy = 'perhaps', version = version + 1 WHERE seq = 1";
    refused(conn, "CHECK constraint failed", unknown);
    accepted(
        conn,
        "UPDATE tasks SET candidacy = 'none', candidacy_since = NULL, version = version + 1 WHERE seq = 1",
    );
}

#[test]
fn a_repository_changes_only_with_the_next_epoch() {
    let (_place, conn) = &mut rows();
    accepted(conn, "UPDATE repos SET epoch = epoch + 1, body = '{}'");
    refused(conn, "repo_epoch_grows", "UPDATE repos SET body = '[]'");
    refused(conn, "repo_epoch_grows", "UPDATE repos SET epoch = epoch - 1");
    refused(conn, "repo_epoch_grows", "UPDATE repos SET epoch = epoch + 1, project = 'x'");
}

#[test]
fn a_provider_changes_only_with_the_next_epoch() {
    let (_place, conn) = &mut rows();
    refused(
        conn,
        "provider_begins_at_one",
        "INSERT INTO providers (id, epoch, body) VALUES ('north', 2, '{}')",
    );
    refused(conn, "CHECK", "INSERT INTO providers (id, epoch, body) VALUES ('', 1, '{}')");
    accepted(conn, "INSERT INTO providers (id, epoch, body) VALUES ('north', 1, '{}')");
    refused(conn, "UNIQUE", "INSERT INTO providers (id, epoch, body) VALUES ('north', 1, '{}')");
    accepted(conn, "UPDATE providers SET epoch = epoch + 1, body = '[]'");
    refused(conn, "provider_epoch_grows", "UPDATE providers SET body = '{}'");
    refused(conn, "provider_epoch_grows", "UPDATE providers SET epoch = epoch - 1");
    refused(conn, "provider_epoch_grows", "UPDATE providers SET epoch = epoch + 1, id = 'south'");
    refused(conn, "provider_not_removed", "DELETE FROM providers");
}

#[test]
fn a_person_s_word_about_a_provider_stays() {
    let (_place, conn) = &mut rows();
    accepted(conn, "INSERT INTO providers (id, epoch, body) VALUES ('north', 1, '{}')");
    accepted(conn, "INSERT INTO provider_events (provider, at, body) VALUES ('north', 1, '{}')");
    refused(conn, "provider_event_not_changed", "UPDATE provider_events SET body = '[]'");
    refused(conn, "provider_event_not_removed", "DELETE FROM provider_events");
    let unknown = "INSERT INTO provider_events (provider, at, body) VALUES ('south', 1, '{}')";
    refused(conn, "FOREIGN KEY", unknown);
}

#[test]
fn only_a_run_of_a_role_has_a_provider() {
    let (_place, conn) = &mut rows();
    let job = "INSERT INTO jobs (id, task, kind, class, state, priority, created_at, available_at, spec, attempt, \
               provider) VALUES ('j', {A}, 'agent', 'pipeline', 'queued', 0, 1, 0, '{}', 0, 'north')";
    refused(conn, "job_provider_of_agent", &job.replace("'agent'", "'test'"));
    accepted(conn, job);
}

#[test]
fn the_log_is_append_only() {
    let (_place, conn) = &mut rows();
    accepted(conn, "INSERT INTO events (task, at, body) VALUES ({A}, 1, '{}')");
    refused(conn, "event_not_changed", "UPDATE events SET body = '[]'");
    refused(conn, "event_not_removed", "DELETE FROM events");
    refused(conn, "event_of_one", "INSERT INTO events (at, body) VALUES (1, '{}')");
    refused(conn, "event_of_one", "INSERT INTO events (task, repo, at, body) VALUES ({A}, 'repo', 1, '{}')");
    refused(conn, "FOREIGN KEY", "INSERT INTO events (task, at, body) VALUES ('nobody', 1, '{}')");
}

#[test]
fn a_version_is_reached_by_one_transition() {
    let (_place, conn) = &mut rows();
    accepted(conn, "INSERT INTO transitions (id, task, version, at) VALUES ('t', {A}, 2, 1)");
    refused(conn, "UNIQUE", "INSERT INTO transitions (id, task, version, at) VALUES ('u', {A}, 2, 1)");
    refused(conn, "UNIQUE", "INSERT INTO transitions (id, task, version, at) VALUES ('t', {A}, 3, 1)");
    accepted(conn, "INSERT INTO transitions (id, task, version, at) VALUES ('u', {B}, 2, 1)");
}

#[test]
fn an_input_is_consumed_once() {
    let (_place, conn) = &mut rows();
    accepted(conn, "INSERT INTO inputs (id, task, at, body) VALUES ('i', {A}, 1, '{}'), ('j', {A}, 1, '{}')");
    refused(conn, "UNIQUE", "INSERT INTO inputs (id, task, at, body) VALUES ('i', {B}, 1, '{}')");
    refused(conn, "input_refusal_whole", "UPDATE inputs SET outcome = 'refused' WHERE id = 'i'");
    refused(
        conn,
        "input_refusal_whole",
        "UPDATE inputs SET outcome = 'applied', code = 'c', why = 'w' WHERE id = 'i'",
    );
    accepted(conn, "UPDATE inputs SET outcome = 'applied' WHERE id = 'i'");
    accepted(conn, "UPDATE inputs SET outcome = 'refused', code = 'c', why = 'w' WHERE id = 'j'");
    refused(conn, "input_consumed_once", "UPDATE inputs SET outcome = NULL WHERE id = 'i'");
    refused(conn, "input_not_removed", "DELETE FROM inputs WHERE id = 'i'");
}

const QUEUED: &str = "INSERT INTO jobs (id, task, kind, class, state, priority, created_at, available_at, spec, attempt) \
                      VALUES ('j', {A}, 'test', 'pipeline', 'queued', 0, 1, 1, '{}', 0)";
const RUN: &str = "UPDATE jobs SET state = 'running', owner = 'o', run = 'r', token = 1, started_at = 1, until = 2, \
                   attempt = 1 WHERE id = 'j'";

#[test]
fn a_job_has_the_shape_of_its_state() {
    let (_place, conn) = &mut rows();
    accepted(conn, QUEUED);
    for set in ["owner = 'o'", "run = 'r'", "started_at = 1", "until = 1"] {
        refused(conn, "job_shape", &format!("UPDATE jobs SET {set}"));
    }
    for without in ["owner = 'o', ", "run = 'r', ", "token = 1, ", "started_at = 1, "] {
        refused(conn, "job_shape", &RUN.replace(without, ""));
    }
    refused(conn, "job_shape", &RUN.replace("until = 2, ", ""));
    accepted(conn, RUN);
    refused(conn, "job_shape", "UPDATE jobs SET state = 'succeeded', owner = NULL, until = NULL");
    accepted(conn, "INSERT INTO inputs (id, task, at, body) VALUES ('i', {A}, 1, '{}')");
    refused(conn, "job_shape", "UPDATE jobs SET state = 'succeeded', fact = 'i', until = NULL");
    accepted(conn, "UPDATE jobs SET state = 'succeeded', owner = NULL, until = NULL, fact = 'i'");
    refused(
        conn,
        "job_end_stays",
        "UPDATE jobs SET state = 'queued', run = NULL, started_at = NULL, fact = NULL",
    );
    refused(conn, "job_not_removed", "DELETE FROM jobs");
}

#[test]
fn a_task_has_one_active_pipeline_job() {
    let (_place, conn) = &mut rows();
    accepted(conn, QUEUED);
    refused(conn, "UNIQUE", &QUEUED.replace("'j'", "'k'"));
    accepted(conn, RUN);
    refused(conn, "UNIQUE", &QUEUED.replace("'j'", "'k'"));
    accepted(conn, &QUEUED.replace("'j'", "'k'").replace("{A}", "{B}"));
    let side = QUEUED.replace("'test'", "'probe'").replace("'pipeline'", "'side'");
    accepted(conn, &side.replace("'j'", "'s'"));
    accepted(conn, &side.replace("'j'", "'s2'"));
    refused(conn, "job_class_of_kind", &QUEUED.replace("'j'", "'x'").replace("'pipeline'", "'side'"));
}

#[test]
fn a_repository_has_one_active_look_and_no_pipeline_job() {
    let (_place, conn) = &mut rows();
    let of_repo = QUEUED.replace("(id, task,", "(id, repo,").replace("{A}", "'repo'");
    refused(conn, "job_of_pipeline_has_task", &of_repo);
    let look = of_repo.replace("'test'", "'main-suite'").replace("'pipeline'", "'side'");
    accepted(conn, &look);
    refused(conn, "UNIQUE", &look.replace("'j'", "'k'"));
}

#[test]
fn a_token_never_lowers_and_is_held_once() {
    let (_place, conn) = &mut rows();
    accepted(conn, QUEUED);
    accepted(conn, &RUN.replace("token = 1", "token = 5"));
    refused(conn, "job_token_grows", "UPDATE jobs SET token = 4");
    let back = "UPDATE jobs SET state = 'queued', owner = NULL, run = NULL, started_at = NULL, until = NULL";
    refused(conn, "job_token_grows", &format!("{back}, token = NULL"));
    accepted(conn, back);
    refused(conn, "job_token_grows", &RUN.replace("token = 1", "token = 4"));
    accepted(conn, &RUN.replace("token = 1", "token = 6"));
    accepted(conn, &QUEUED.replace("'j'", "'k'").replace("{A}", "{B}"));
    refused(conn, "UNIQUE", &RUN.replace("token = 1", "token = 6").replace("'j'", "'k'"));
    accepted(conn, "UPDATE settings SET value = 9 WHERE name = 'token'");
    refused(conn, "setting_token_grows", "UPDATE settings SET value = 8 WHERE name = 'token'");
    refused(conn, "setting_instance_fixed", "UPDATE settings SET value = 8 WHERE name = 'instance'");
    refused(conn, "setting_stays", "DELETE FROM settings WHERE name = 'token'");
    refused(conn, "setting_drained_or_not", "UPDATE settings SET value = 2 WHERE name = 'drained'");
}

const OPEN: &str = "INSERT INTO effects (id, task, target, key, state, body, observed) \
                    VALUES ('e', {A}, 'merge/repo#main', 'merge/a/1', 'intent', '{}', '')";

#[test]
fn one_open_effect_per_task_and_per_target() {
    let (_place, conn) = &mut rows();
    refused(conn, "effect_opens_as_intent", &OPEN.replace("'intent'", "'sent'"));
    accepted(conn, OPEN);
    for state in ["intent", "sent", "unknown"] {
        accepted(conn, &format!("UPDATE effects SET state = '{state}'"));
        let of_task = OPEN.replace("'e'", "'f'").replace("merge/repo#main", "deploy/repo#prod");
        refused(conn, "UNIQUE constraint failed: effects.task", &of_task);
        let of_target = OPEN.replace("'e'", "'f'").replace("{A}", "{B}");
        refused(conn, "UNIQUE constraint failed: effects.target", &of_target);
    }
    accepted(conn, "UPDATE effects SET state = 'refused'");
    accepted(conn, &OPEN.replace("'e'", "'f'"));
}

#[test]
fn an_applied_effect_is_final_and_never_repeated() {
    let (_place, conn) = &mut rows();
    accepted(conn, OPEN);
    accepted(conn, "UPDATE effects SET state = 'applied'");
    refused(conn, "effect_not_repeated", &OPEN.replace("'e'", "'f'"));
    for state in ["intent", "sent", "unknown", "refused"] {
        refused(conn, "effect_end_stays", &format!("UPDATE effects SET state = '{state}'"));
    }
    refused(conn, "effect_not_removed", "DELETE FROM effects");
    accepted(conn, &OPEN.replace("'e'", "'f'").replace("merge/a/1", "merge/a/2"));
    refused(conn, "effect_identity_fixed", "UPDATE effects SET key = 'merge/a/1' WHERE id = 'f'");
}

#[test]
fn what_a_surface_showed_is_not_taken_back() {
    let (_place, conn) = &mut rows();
    accepted(conn, "INSERT INTO projections (task, surface, desired, acked) VALUES ({A}, 'board', 2, 2)");
    accepted(conn, "UPDATE projections SET desired = 3");
    refused(conn, "projection_not_lowered", "UPDATE projections SET acked = 1");
    refused(conn, "projection_not_lowered", "UPDATE projections SET desired = 2");
    refused(
        conn,
        "CHECK",
        "INSERT INTO projections (task, surface, desired, acked) VALUES ({A}, 'wall', 2, 2)",
    );
}

#[test]
fn issues_and_pulls_are_known_by_one_name() {
    let (_place, conn) = &mut rows();
    let issue = "INSERT INTO issues (project, number, key, title, description, status, line, at) \
                 VALUES ('p', 1, 'P-1', '', '', '', '', 1)";
    accepted(conn, issue);
    refused(conn, "UNIQUE", &issue.replace("'P-1'", "'P-2'"));
    refused(conn, "UNIQUE", &issue.replace("1, 'P-1'", "2, 'P-1'"));
    refused(conn, "issue_not_removed", "DELETE FROM issues");
    let pull = "INSERT INTO pulls (repo, head, title, text, open) VALUES ('r', 'h', '', '', 1)";
    accepted(conn, pull);
    refused(conn, "UNIQUE", pull);
}

/// A STRICT table refuses a value of another type; without it SQLite would store a word as a number.
#[test]
fn every_table_is_strict() {
    use diesel::RunQueryDsl as _;
    use diesel::sql_types::Text;
    #[derive(diesel::QueryableByName)]
    struct Name {
        #[diesel(sql_type = Text)]
        name: String,
    }
    let (_place, conn) = &mut rows();
    let loose = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND strict = 0 AND type = 'table' \
                 AND name NOT LIKE 'sqlite_%' AND name <> '__diesel_schema_migrations'";
    let loose: Vec<Name> = diesel::sql_query(loose).load(conn).unwrap();
    assert!(loose.is_empty(), "{:?}", loose.iter().map(|n| &n.name).collect::<Vec<_>>());
}
