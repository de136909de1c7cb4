-- Which data directory the store belongs to, by the id in the directory's own file: a copy or a link of the store
-- elsewhere is refused. None until the first opening after this; it is then the one in which the store was found.

CREATE TABLE instance (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL CHECK (length(id) = 32),
    -- Where the directory was when the store was last opened: for people, who may have moved it.
    directory TEXT NOT NULL
) STRICT;
CREATE TRIGGER instance_fixed BEFORE UPDATE ON instance WHEN NEW.one <> OLD.one OR NEW.id <> OLD.id
BEGIN SELECT raise(ABORT, 'refused: instance_fixed: a store stays with its data directory'); END;
CREATE TRIGGER instance_stays BEFORE DELETE ON instance
BEGIN SELECT raise(ABORT, 'refused: instance_stays: a store stays with its data directory'); END;
