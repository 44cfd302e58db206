-- Times are microseconds since 1970, UTC. Names of states are those of src/store/state.rs, whose
-- tests hold both to the same words. Large texts are zstd frames and lie in tables of their own,
-- so that a change of state rewrites one small row.

CREATE TABLE delivery (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    vendor TEXT NOT NULL,
    -- The forge's own id of the delivery: the same one again is a replay.
    forge_id TEXT NOT NULL,
    event_name TEXT NOT NULL,
    repository TEXT,
    title TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('received', 'claimed', 'settled')),
    -- How often it was claimed; 0 and settled: the intake itself skipped it.
    tries INTEGER NOT NULL DEFAULT 0,
    claimed_at INTEGER,
    -- Not to be claimed before; NULL: at once.
    retry_at INTEGER,
    -- Why it was postponed the last time.
    note TEXT,
    settled_at INTEGER,
    settlement TEXT CHECK (settlement IN ('planned', 'skipped', 'faulty')),
    whose TEXT CHECK (whose IN ('repository', 'agent')),
    reason_code TEXT,
    reason_text TEXT,
    CHECK ((state = 'settled') = (settlement IS NOT NULL)),
    CHECK ((settlement IS 'faulty') = (whose IS NOT NULL)),
    UNIQUE (vendor, forge_id)
) STRICT;

CREATE INDEX delivery_fresh ON delivery (id) WHERE state = 'received' AND retry_at IS NULL;
CREATE INDEX delivery_postponed ON delivery (retry_at, id) WHERE state = 'received' AND retry_at IS NOT NULL;
CREATE INDEX delivery_claimed ON delivery (id) WHERE state = 'claimed';

CREATE TABLE delivery_body (
    delivery INTEGER PRIMARY KEY REFERENCES delivery (id) ON DELETE CASCADE,
    -- [["name", "value"], …] without signatures and tokens.
    headers TEXT NOT NULL,
    body BLOB NOT NULL,
    -- Bytes before compression.
    raw_length INTEGER NOT NULL
) STRICT;

CREATE TABLE run (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    delivery INTEGER NOT NULL REFERENCES delivery (id) ON DELETE CASCADE,
    vendor TEXT NOT NULL,
    repository TEXT NOT NULL,
    sha TEXT NOT NULL,
    spec_path TEXT NOT NULL,
    spec_name TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('held', 'queued', 'running', 'finished')),
    -- Why it is held.
    why TEXT,
    verdict TEXT CHECK (verdict IN ('passed', 'failed', 'cancelled', 'errored')),
    attempt INTEGER NOT NULL DEFAULT 1,
    -- 1: the summary status is posted.
    summary INTEGER NOT NULL CHECK (summary IN (0, 1)),
    -- ["kebab-name", …] of the functions that errored in planning.
    errored TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER,
    CHECK ((state = 'held') = (why IS NOT NULL)),
    CHECK ((state = 'finished') = (verdict IS NOT NULL))
) STRICT;

CREATE INDEX run_of_delivery ON run (delivery);

CREATE TABLE run_plan (
    run INTEGER PRIMARY KEY REFERENCES run (id) ON DELETE CASCADE,
    event BLOB NOT NULL,
    plan BLOB NOT NULL,
    settings TEXT NOT NULL,
    -- A list of paths; NULL: the event has no diff.
    changes BLOB
) STRICT;

CREATE TABLE call (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    -- Its place in the plan's calls, from 0.
    position INTEGER NOT NULL,
    kebab TEXT NOT NULL,
    context TEXT NOT NULL,
    posts_status INTEGER NOT NULL CHECK (posts_status IN (0, 1)),
    -- 1: it needs no engine.
    shell INTEGER NOT NULL CHECK (shell IN (0, 1)),
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'finished')),
    -- 1: its run is held, it is not to be claimed.
    held INTEGER NOT NULL CHECK (held IN (0, 1)),
    attempt INTEGER NOT NULL DEFAULT 1,
    queued_at INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER,
    outcome TEXT CHECK (outcome IN ('passed', 'failed', 'timed_out', 'cancelled', 'lost', 'errored')),
    exit_status INTEGER,
    -- What the outcome says in words.
    detail TEXT,
    -- What happened to it on the way: interrupted by a stop.
    note TEXT,
    CHECK ((state = 'finished') = (outcome IS NOT NULL)),
    CHECK ((outcome IS 'failed') = (exit_status IS NOT NULL)),
    UNIQUE (run, position)
) STRICT;

CREATE INDEX call_queued ON call (shell, id) WHERE state = 'queued' AND held = 0;
CREATE INDEX call_running ON call (id) WHERE state = 'running';

-- The newest state of a context on a commit, and whether the forge has been told.
CREATE TABLE report (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    vendor TEXT NOT NULL,
    repository TEXT NOT NULL,
    sha TEXT NOT NULL,
    context TEXT NOT NULL,
    -- What it links to: the run, else the delivery.
    run INTEGER REFERENCES run (id) ON DELETE SET NULL,
    delivery INTEGER REFERENCES delivery (id) ON DELETE SET NULL,
    commit_state TEXT NOT NULL CHECK (commit_state IN ('pending', 'success', 'failure', 'error')),
    description TEXT NOT NULL,
    -- Grows with each change, so that an older send cannot mark a newer state as sent.
    seq INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('owed', 'sent', 'dropped')),
    tries INTEGER NOT NULL DEFAULT 0,
    -- When its newest state came to be.
    owed_since INTEGER NOT NULL,
    -- Not to be sent before; NULL: at once.
    next_try INTEGER,
    sent_at INTEGER,
    -- Why the last send failed.
    note TEXT,
    UNIQUE (vendor, repository, sha, context)
) STRICT;

CREATE INDEX report_fresh ON report (owed_since, id) WHERE state = 'owed' AND next_try IS NULL;
CREATE INDEX report_postponed ON report (next_try, id) WHERE state = 'owed' AND next_try IS NOT NULL;
CREATE INDEX report_of_run ON report (run);
CREATE INDEX report_of_delivery ON report (delivery);

-- What a module's functions are, by the identity of its trees.
CREATE TABLE listing (
    key TEXT PRIMARY KEY,
    json BLOB NOT NULL,
    kept_at INTEGER NOT NULL
) STRICT;

CREATE INDEX listing_by_age ON listing (kept_at);
