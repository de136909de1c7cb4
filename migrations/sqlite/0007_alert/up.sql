-- People are a surface too: what needs them is told until it is heard. A check can not be changed, so the table is made anew.

CREATE TABLE projections_new (
    task TEXT NOT NULL REFERENCES tasks (id),
    surface TEXT NOT NULL CHECK (surface IN ('board', 'pull', 'records', 'alert')),
    desired INTEGER NOT NULL,
    acked INTEGER NOT NULL,
    shown TEXT,
    retry_at INTEGER,
    error TEXT,
    PRIMARY KEY (task, surface)
) STRICT, WITHOUT ROWID;
INSERT INTO projections_new SELECT task, surface, desired, acked, shown, retry_at, error FROM projections;
DROP TABLE projections;
ALTER TABLE projections_new RENAME TO projections;
CREATE INDEX projection_behind ON projections (retry_at) WHERE desired > acked;
CREATE TRIGGER projection_not_lowered BEFORE UPDATE ON projections
WHEN NEW.acked < OLD.acked OR NEW.desired < OLD.desired
BEGIN SELECT raise(ABORT, 'refused: projection_not_lowered: what was shown is not taken back'); END;
