-- What a start needs to take up calls that were under way, what makes work superfluous, and the
-- order in which calls of many repositories start.

-- Repositories, for a fair order among them.
CREATE TABLE repository (
    id INTEGER PRIMARY KEY,
    vendor TEXT NOT NULL,
    name TEXT NOT NULL,
    -- Grows with each call that starts: the smallest was served the longest ago.
    served INTEGER NOT NULL DEFAULT 0,
    UNIQUE (vendor, name)
) STRICT;

CREATE INDEX repository_served ON repository (served);

-- The calls of one spec of a repository stand in one lane, which has a limit of its own.
CREATE TABLE lane (
    id INTEGER PRIMARY KEY,
    repository INTEGER NOT NULL REFERENCES repository (id),
    spec_path TEXT NOT NULL,
    spec_name TEXT NOT NULL,
    -- Calls at once; NULL: no limit but the agent's. The newest run's spec says it.
    max_parallel INTEGER,
    UNIQUE (repository, spec_path, spec_name)
) STRICT;

ALTER TABLE call ADD COLUMN lane INTEGER REFERENCES lane (id);
-- The process group of a running call, as soon as it has one.
ALTER TABLE call ADD COLUMN pid INTEGER;
-- When that process started, in clock ticks since the machine did: process ids are used again.
ALTER TABLE call ADD COLUMN pid_started INTEGER;
-- How often an agent died under it.
ALTER TABLE call ADD COLUMN interruptions INTEGER NOT NULL DEFAULT 0;
-- How often it was begun again for the engine's sake.
ALTER TABLE call ADD COLUMN engine_tries INTEGER NOT NULL DEFAULT 0;
-- Not to be claimed before; NULL: at once.
ALTER TABLE call ADD COLUMN not_before INTEGER;
-- A running call that is to be ended; why.
ALTER TABLE call ADD COLUMN cancel TEXT;

INSERT INTO repository (vendor, name) SELECT DISTINCT vendor, repository FROM run;
INSERT INTO lane (repository, spec_path, spec_name)
    SELECT DISTINCT repository.id, run.spec_path, run.spec_name
    FROM run JOIN repository ON repository.vendor = run.vendor AND repository.name = run.repository;
UPDATE call SET lane = (
    SELECT lane.id
    FROM run
    JOIN repository ON repository.vendor = run.vendor AND repository.name = run.repository
    JOIN lane ON lane.repository = repository.id AND lane.spec_path = run.spec_path
        AND lane.spec_name = run.spec_name
    WHERE run.id = call.run);

CREATE INDEX call_ready ON call (shell, lane, id)
    WHERE state = 'queued' AND held = 0 AND not_before IS NULL;
CREATE INDEX call_postponed ON call (not_before) WHERE state = 'queued' AND not_before IS NOT NULL;

-- The place (a pull request, a branch) whose newer commits supersede it; NULL: none does.
ALTER TABLE run ADD COLUMN place TEXT;
-- The group of which one run at a time goes on; NULL: it waits for nobody.
ALTER TABLE run ADD COLUMN concurrency TEXT;
-- 1: another run of its group goes first; its calls are held.
ALTER TABLE run ADD COLUMN waits INTEGER NOT NULL DEFAULT 0 CHECK (waits IN (0, 1));

CREATE INDEX run_at_place ON run (vendor, repository, place, id)
    WHERE place IS NOT NULL AND state <> 'finished';
CREATE INDEX run_in_group ON run (vendor, repository, concurrency, id)
    WHERE concurrency IS NOT NULL AND state <> 'finished';

-- What is newest at a place, so that a delivery that was settled late supersedes nothing newer.
CREATE TABLE place (
    vendor TEXT NOT NULL,
    repository TEXT NOT NULL,
    name TEXT NOT NULL,
    delivery INTEGER NOT NULL REFERENCES delivery (id) ON DELETE CASCADE,
    -- NULL: the pull request was closed.
    sha TEXT,
    PRIMARY KEY (vendor, repository, name)
) STRICT;

CREATE INDEX place_of_delivery ON place (delivery);

-- Which deliveries meant the same: one of them was planned, and at most one by each other hook
-- was not.
CREATE TABLE meaning (
    delivery INTEGER PRIMARY KEY REFERENCES delivery (id) ON DELETE CASCADE,
    text TEXT NOT NULL,
    -- The forge's id of the webhook that sent it.
    hook TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    -- The one that was planned; its own id, where that is it.
    planned INTEGER NOT NULL
) STRICT;

CREATE INDEX meaning_by_text ON meaning (text, received_at);
CREATE INDEX meaning_by_planned ON meaning (planned, hook);
