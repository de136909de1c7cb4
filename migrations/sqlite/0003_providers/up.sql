-- Providers of agents, as all tasks see them: breaker and quota. One that was never unwell has no row.

CREATE TABLE providers (
    id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
    epoch INTEGER NOT NULL CHECK (epoch >= 1),
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TRIGGER provider_begins_at_one BEFORE INSERT ON providers WHEN NEW.epoch <> 1
BEGIN SELECT raise(ABORT, 'refused: provider_begins_at_one: the first epoch of a provider is 1'); END;
CREATE TRIGGER provider_epoch_grows BEFORE UPDATE ON providers
WHEN NEW.id <> OLD.id OR NEW.epoch <> OLD.epoch + 1
BEGIN SELECT raise(ABORT, 'refused: provider_epoch_grows: a provider changes only with the next epoch'); END;
CREATE TRIGGER provider_not_removed BEFORE DELETE ON providers
BEGIN SELECT raise(ABORT, 'refused: provider_not_removed: its epoch would begin anew'); END;
