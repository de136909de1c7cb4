-- Claims pass over jobs whose provider may not be used now: what a job was queued for, and what a provider's health
-- says of its queued jobs. A provider that was unwell before this begins to keep its jobs back when it next changes.

ALTER TABLE jobs ADD COLUMN provider TEXT CONSTRAINT job_provider_of_agent CHECK (provider IS NULL OR kind = 'agent');
UPDATE jobs SET provider = coalesce(spec ->> '$.work.agent.provider', spec ->> '$.work.agent.profile')
    WHERE kind = 'agent' AND state IN ('queued', 'running');

-- Nothing of it is claimed before; none where nothing is kept back.
ALTER TABLE providers ADD COLUMN barred_until INTEGER;
-- The job that may be claimed all the same: it tries the provider.
ALTER TABLE providers ADD COLUMN probe TEXT;
-- From then on one at a time.
ALTER TABLE providers ADD COLUMN one_by_one INTEGER NOT NULL DEFAULT 0 CHECK (one_by_one IN (0, 1));
