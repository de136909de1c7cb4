-- The store on SQLite: rows that refuse illegal states by themselves. Times are milliseconds since the epoch,
-- identities are text, bodies are JSON. What a body says is the truth; columns repeat of it what the store
-- compares, orders or forbids by. A message that begins with "refused:" names the rule that was broken.

-- "orch": this file is ours.
PRAGMA application_id = 1869767528;

CREATE TABLE settings (
    name TEXT NOT NULL PRIMARY KEY CHECK (name IN ('drained', 'token', 'instance')),
    value INTEGER NOT NULL,
    -- Who changed it last, where a person did.
    changed_by TEXT,
    changed_at INTEGER,
    CONSTRAINT setting_drained_or_not CHECK (name <> 'drained' OR value IN (0, 1))
) STRICT;
-- `token` is the latest fencing token; `instance` tells two stores apart, whatever their path.
INSERT INTO settings (name, value) VALUES ('drained', 0), ('token', 0), ('instance', random());

CREATE TRIGGER setting_stays BEFORE DELETE ON settings
BEGIN SELECT raise(ABORT, 'refused: setting_stays: a setting is not removed'); END;
CREATE TRIGGER setting_token_grows BEFORE UPDATE ON settings
WHEN OLD.name = 'token' AND (NEW.name <> 'token' OR NEW.value < OLD.value)
BEGIN SELECT raise(ABORT, 'refused: setting_token_grows: the fencing token never lowers'); END;
CREATE TRIGGER setting_instance_fixed BEFORE UPDATE ON settings WHEN OLD.name = 'instance'
BEGIN SELECT raise(ABORT, 'refused: setting_instance_fixed: the identity of a store does not change'); END;

CREATE TABLE repos (
    id TEXT NOT NULL PRIMARY KEY,
    project TEXT NOT NULL,
    epoch INTEGER NOT NULL CHECK (epoch >= 0),
    body TEXT NOT NULL
) STRICT;
CREATE TRIGGER repo_epoch_grows BEFORE UPDATE ON repos
WHEN NEW.id <> OLD.id OR NEW.project <> OLD.project OR NEW.epoch <> OLD.epoch + 1
BEGIN SELECT raise(ABORT, 'refused: repo_epoch_grows: a repository changes only with the next epoch'); END;

CREATE TABLE tasks (
    -- Given in the creating transaction; also the row's place on disk.
    seq INTEGER PRIMARY KEY CHECK (seq >= 1),
    id TEXT NOT NULL UNIQUE,
    project TEXT NOT NULL,
    repo TEXT NOT NULL REFERENCES repos (id),
    key TEXT NOT NULL,
    life INTEGER NOT NULL CHECK (life >= 1),
    stage TEXT NOT NULL CHECK (stage IN ('created', 'analysis', 'architecture', 'development', 'review',
        'testing', 'deploy-staging', 'deploy', 'done', 'cancelled')),
    version INTEGER NOT NULL CHECK (version >= 1),
    wakes INTEGER NOT NULL CHECK (wakes >= 0),
    due_at INTEGER,
    candidacy TEXT NOT NULL CHECK (candidacy IN ('none', 'created', 'returning')),
    candidacy_since INTEGER,
    priority INTEGER NOT NULL,
    paused INTEGER NOT NULL CHECK (paused IN (0, 1)),
    held INTEGER NOT NULL CHECK (held IN (0, 1)),
    stopping INTEGER NOT NULL CHECK (stopping IN (0, 1)),
    CONSTRAINT task_candidacy_since CHECK ((candidacy = 'none') = (candidacy_since IS NULL)),
    CONSTRAINT task_one_row_per_life UNIQUE (project, key, life)
) STRICT;
CREATE UNIQUE INDEX task_one_live_life ON tasks (project, key) WHERE stage NOT IN ('done', 'cancelled');
CREATE INDEX task_live_by_key ON tasks (repo, key) WHERE stage NOT IN ('done', 'cancelled');
CREATE INDEX task_candidates ON tasks (repo) WHERE candidacy <> 'none';
CREATE INDEX task_due ON tasks (due_at) WHERE due_at IS NOT NULL;

CREATE TRIGGER task_terminal_stays BEFORE UPDATE ON tasks
WHEN OLD.stage IN ('done', 'cancelled') AND NEW.stage <> OLD.stage
BEGIN SELECT raise(ABORT, 'refused: task_terminal_stays: nothing leaves a terminal stage'); END;
CREATE TRIGGER task_version_grows BEFORE UPDATE ON tasks
WHEN NEW.version <> OLD.version + 1 AND (NEW.version <> OLD.version
    OR NEW.stage <> OLD.stage OR NEW.paused <> OLD.paused OR NEW.held <> OLD.held
    OR NEW.stopping <> OLD.stopping OR NEW.candidacy <> OLD.candidacy)
BEGIN SELECT raise(ABORT, 'refused: task_version_grows: a task changes only with the next version'); END;
CREATE TRIGGER task_identity_fixed BEFORE UPDATE ON tasks
WHEN NEW.seq <> OLD.seq OR NEW.id <> OLD.id OR NEW.project <> OLD.project OR NEW.repo <> OLD.repo
    OR NEW.key <> OLD.key OR NEW.life <> OLD.life
BEGIN SELECT raise(ABORT, 'refused: task_identity_fixed: who a task is does not change'); END;
CREATE TRIGGER task_wakes_grow BEFORE UPDATE ON tasks WHEN NEW.wakes < OLD.wakes
BEGIN SELECT raise(ABORT, 'refused: task_wakes_grow: a wake-up is not taken back'); END;

-- The truth about a task, apart from the row that wake-ups touch: waking a repository's tasks stays cheap.
CREATE TABLE task_bodies (
    seq INTEGER PRIMARY KEY REFERENCES tasks (seq),
    version INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE TRIGGER task_body_version_grows BEFORE UPDATE ON task_bodies
WHEN NEW.seq <> OLD.seq OR NEW.version <> OLD.version + 1
BEGIN SELECT raise(ABORT, 'refused: task_body_version_grows: a task changes only with the next version'); END;
CREATE TRIGGER task_body_not_removed BEFORE DELETE ON task_bodies
BEGIN SELECT raise(ABORT, 'refused: task_body_not_removed: a task is a record'); END;

-- What was committed; also the answer to a commit whose answer was lost.
CREATE TABLE transitions (
    id TEXT NOT NULL PRIMARY KEY,
    task TEXT REFERENCES tasks (id),
    repo TEXT REFERENCES repos (id),
    version INTEGER NOT NULL,
    at INTEGER NOT NULL,
    CONSTRAINT transition_of_one CHECK ((task IS NULL) <> (repo IS NULL))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX transition_one_per_version ON transitions (task, version) WHERE task IS NOT NULL;

CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    task TEXT REFERENCES tasks (id),
    repo TEXT REFERENCES repos (id),
    at INTEGER NOT NULL,
    body TEXT NOT NULL,
    CONSTRAINT event_of_one CHECK ((task IS NULL) <> (repo IS NULL))
) STRICT;
CREATE INDEX event_of_task ON events (task, seq) WHERE task IS NOT NULL;
CREATE INDEX event_of_repo ON events (repo, seq) WHERE repo IS NOT NULL;
CREATE TRIGGER event_not_changed BEFORE UPDATE ON events
BEGIN SELECT raise(ABORT, 'refused: event_not_changed: the log is append-only'); END;
CREATE TRIGGER event_not_removed BEFORE DELETE ON events
BEGIN SELECT raise(ABORT, 'refused: event_not_removed: the log is append-only'); END;

-- The inbox of tasks and repositories. `place` is the order of arrival.
CREATE TABLE inputs (
    place INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    task TEXT REFERENCES tasks (id),
    repo TEXT REFERENCES repos (id),
    at INTEGER NOT NULL,
    body TEXT NOT NULL,
    outcome TEXT CHECK (outcome IN ('applied', 'refused')),
    code TEXT,
    why TEXT,
    CONSTRAINT input_of_one CHECK ((task IS NULL) <> (repo IS NULL)),
    CONSTRAINT input_refusal_whole CHECK ((outcome IS 'refused') = (code IS NOT NULL)
        AND (code IS NULL) = (why IS NULL))
) STRICT;
CREATE INDEX input_of_task ON inputs (task, place) WHERE outcome IS NULL AND task IS NOT NULL;
CREATE INDEX input_of_repo ON inputs (repo, place) WHERE outcome IS NULL AND repo IS NOT NULL;
CREATE TRIGGER input_consumed_once BEFORE UPDATE ON inputs
WHEN OLD.outcome IS NOT NULL OR NEW.body <> OLD.body OR NEW.id <> OLD.id
BEGIN SELECT raise(ABORT, 'refused: input_consumed_once: an input is consumed once and never changes'); END;
CREATE TRIGGER input_not_removed BEFORE DELETE ON inputs
BEGIN SELECT raise(ABORT, 'refused: input_not_removed: its id is what a duplicate is known by'); END;

-- Jobs and their leases. `place` is the order of enqueueing; `available_at` is 0 where a job may start at once,
-- so that two clocks need not agree; `fact` is the input that tells the job's result;
-- `token` is that of the latest claim and stays when the job goes back to the queue.
CREATE TABLE jobs (
    place INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    task TEXT REFERENCES tasks (id),
    repo TEXT REFERENCES repos (id),
    kind TEXT NOT NULL,
    class TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    priority INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    available_at INTEGER NOT NULL,
    spec TEXT NOT NULL,
    attempt INTEGER NOT NULL CHECK (attempt >= 0),
    token INTEGER CHECK (token >= 1),
    owner TEXT,
    run TEXT,
    started_at INTEGER,
    until INTEGER,
    told_to_end TEXT,
    fact TEXT REFERENCES inputs (id),
    CONSTRAINT job_of_one CHECK ((task IS NULL) <> (repo IS NULL)),
    CONSTRAINT job_of_pipeline_has_task CHECK (class <> 'pipeline' OR task IS NOT NULL),
    CONSTRAINT job_class_of_kind CHECK (
        (class = 'pipeline' AND kind IN ('agent', 'ci', 'test', 'rebase-and-retest', 'push', 'deploy'))
        OR (class = 'side' AND kind IN ('probe', 'main-suite', 'clean-up'))),
    CONSTRAINT job_shape CHECK (CASE state
        WHEN 'queued' THEN owner IS NULL AND run IS NULL AND started_at IS NULL AND until IS NULL
            AND fact IS NULL
        WHEN 'running' THEN owner IS NOT NULL AND run IS NOT NULL AND started_at IS NOT NULL
            AND until IS NOT NULL AND token IS NOT NULL AND attempt >= 1 AND fact IS NULL
        ELSE owner IS NULL AND until IS NULL AND fact IS NOT NULL AND (run IS NULL) = (started_at IS NULL)
    END)
) STRICT;
CREATE UNIQUE INDEX job_one_active_per_task ON jobs (task)
    WHERE class = 'pipeline' AND state IN ('queued', 'running');
CREATE UNIQUE INDEX job_one_look_per_repo ON jobs (repo) WHERE repo IS NOT NULL AND state IN ('queued', 'running');
CREATE UNIQUE INDEX job_one_per_token ON jobs (token) WHERE state = 'running';
CREATE INDEX job_queue ON jobs (class, priority, place) WHERE state = 'queued';
CREATE INDEX job_leases ON jobs (until) WHERE state = 'running';
CREATE INDEX job_of_task ON jobs (task, place) WHERE task IS NOT NULL;
-- The queue is ordered by the task's present priority.
CREATE TRIGGER job_follows_priority AFTER UPDATE OF priority ON tasks WHEN NEW.priority <> OLD.priority
BEGIN
    UPDATE jobs SET priority = NEW.priority WHERE task = NEW.id AND state IN ('queued', 'running');
END;
CREATE TRIGGER job_token_grows BEFORE UPDATE ON jobs
WHEN OLD.token IS NOT NULL AND (NEW.token IS NULL OR NEW.token < OLD.token)
BEGIN SELECT raise(ABORT, 'refused: job_token_grows: a fencing token never lowers'); END;
CREATE TRIGGER job_end_stays BEFORE UPDATE ON jobs WHEN OLD.state NOT IN ('queued', 'running')
BEGIN SELECT raise(ABORT, 'refused: job_end_stays: a job that ended does not change'); END;
CREATE TRIGGER job_not_removed BEFORE DELETE ON jobs
BEGIN SELECT raise(ABORT, 'refused: job_not_removed: a job is a record'); END;

-- The ledger of what cannot be undone. An open intent is no lock, it is a question; two open ones are refused.
CREATE TABLE effects (
    place INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    task TEXT NOT NULL REFERENCES tasks (id),
    target TEXT NOT NULL,
    key TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('intent', 'sent', 'applied', 'refused', 'unknown')),
    body TEXT NOT NULL,
    observed TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX effect_one_open_per_task ON effects (task) WHERE state IN ('intent', 'sent', 'unknown');
CREATE UNIQUE INDEX effect_one_open_per_target ON effects (target) WHERE state IN ('intent', 'sent', 'unknown');
CREATE UNIQUE INDEX effect_applied_once ON effects (key) WHERE state = 'applied';
CREATE INDEX effect_of_task ON effects (task, place);
CREATE TRIGGER effect_not_repeated BEFORE INSERT ON effects
WHEN EXISTS (SELECT 1 FROM effects WHERE key = NEW.key AND state = 'applied')
BEGIN SELECT raise(ABORT, 'refused: effect_not_repeated: an effect of this key was applied already'); END;
CREATE TRIGGER effect_opens_as_intent BEFORE INSERT ON effects WHEN NEW.state <> 'intent'
BEGIN SELECT raise(ABORT, 'refused: effect_opens_as_intent: an entry begins as an intent'); END;
CREATE TRIGGER effect_end_stays BEFORE UPDATE ON effects WHEN OLD.state IN ('applied', 'refused')
BEGIN SELECT raise(ABORT, 'refused: effect_end_stays: an entry that is settled does not change'); END;
CREATE TRIGGER effect_identity_fixed BEFORE UPDATE ON effects
WHEN NEW.id <> OLD.id OR NEW.task <> OLD.task OR NEW.key <> OLD.key OR NEW.target <> OLD.target
BEGIN SELECT raise(ABORT, 'refused: effect_identity_fixed: what was intended does not change'); END;
CREATE TRIGGER effect_not_removed BEFORE DELETE ON effects
BEGIN SELECT raise(ABORT, 'refused: effect_not_removed: the ledger is a record'); END;

-- What runs cost, for the money of the day; written from the events of ended runs.
CREATE TABLE run_costs (
    project TEXT NOT NULL,
    at INTEGER NOT NULL,
    micros INTEGER NOT NULL
) STRICT;
CREATE INDEX run_cost_of_project ON run_costs (project, at, micros);

-- Surfaces outside and how far they are behind.
CREATE TABLE projections (
    task TEXT NOT NULL REFERENCES tasks (id),
    surface TEXT NOT NULL CHECK (surface IN ('board', 'pull', 'records')),
    desired INTEGER NOT NULL,
    acked INTEGER NOT NULL,
    shown TEXT,
    retry_at INTEGER,
    error TEXT,
    PRIMARY KEY (task, surface)
) STRICT, WITHOUT ROWID;
CREATE INDEX projection_behind ON projections (retry_at) WHERE desired > acked;
CREATE TRIGGER projection_not_lowered BEFORE UPDATE ON projections
WHEN NEW.acked < OLD.acked OR NEW.desired < OLD.desired
BEGIN SELECT raise(ABORT, 'refused: projection_not_lowered: what was shown is not taken back'); END;

-- A task waits for an issue of its project, by key: the issue may not be known yet.
CREATE TABLE dependencies (
    task TEXT NOT NULL REFERENCES tasks (id),
    on_key TEXT NOT NULL,
    source TEXT NOT NULL,
    PRIMARY KEY (task, on_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX dependency_on ON dependencies (on_key);
