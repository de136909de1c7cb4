-- The built-in board: issues and pull requests of the local tracker and forge.

CREATE TABLE issues (
    place INTEGER PRIMARY KEY,
    project TEXT NOT NULL,
    number INTEGER NOT NULL CHECK (number >= 1),
    key TEXT NOT NULL,
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    status TEXT NOT NULL,
    line TEXT NOT NULL,
    at INTEGER NOT NULL,
    CONSTRAINT issue_one_per_number UNIQUE (project, number),
    CONSTRAINT issue_one_per_key UNIQUE (project, key)
) STRICT;
CREATE TRIGGER issue_not_removed BEFORE DELETE ON issues
BEGIN SELECT raise(ABORT, 'refused: issue_not_removed: its number would be given again'); END;

CREATE TABLE pulls (
    place INTEGER PRIMARY KEY,
    repo TEXT NOT NULL,
    head TEXT NOT NULL,
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    open INTEGER NOT NULL CHECK (open IN (0, 1)),
    CONSTRAINT pull_one_per_head UNIQUE (repo, head)
) STRICT;
