-- What people did to providers. What runs made of them is in their tasks' logs.

CREATE TABLE provider_events (
    seq INTEGER PRIMARY KEY,
    provider TEXT NOT NULL REFERENCES providers (id),
    at INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE TRIGGER provider_event_not_changed BEFORE UPDATE ON provider_events
BEGIN SELECT raise(ABORT, 'refused: provider_event_not_changed: the log is append-only'); END;
CREATE TRIGGER provider_event_not_removed BEFORE DELETE ON provider_events
BEGIN SELECT raise(ABORT, 'refused: provider_event_not_removed: the log is append-only'); END;
