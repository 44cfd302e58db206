-- Who let runs go, began them again or ended them; and what is owed to a conversation on the forge.

-- Where an approval of a held run's commit counts: `pull_request 7`, `commit`; NULL: it was never
-- held.
ALTER TABLE run ADD COLUMN held_at TEXT;
-- The pull request whose head it builds; other events of one build something else.
ALTER TABLE run ADD COLUMN head_of INTEGER;

CREATE INDEX run_of_commit ON run (vendor, repository, sha, id);
CREATE INDEX run_of_head ON run (vendor, repository, head_of, id) WHERE head_of IS NOT NULL;
CREATE INDEX run_held ON run (id) WHERE state = 'held';

-- Runs of before were held for what their delivery says; they are let go by their own commit.
UPDATE run SET held_at = 'commit' WHERE state = 'held';

-- A commit that somebody let go at a place; what comes of it later there is not held again.
CREATE TABLE approval (
    vendor TEXT NOT NULL,
    repository TEXT NOT NULL,
    place TEXT NOT NULL,
    sha TEXT NOT NULL,
    actor TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (vendor, repository, place, sha)
) STRICT, WITHOUT ROWID;

-- What was done to a run, by whom.
CREATE TABLE act (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    what TEXT NOT NULL CHECK (what IN ('approved', 'rerun', 'cancelled')),
    -- Which calls, or why, in words.
    detail TEXT
) STRICT;

CREATE INDEX act_of_run ON act (run);

-- How earlier attempts of calls ended; the newest is in the call itself.
CREATE TABLE attempt (
    call INTEGER NOT NULL REFERENCES call (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    -- The attempt of the run that it was part of.
    run_attempt INTEGER NOT NULL,
    queued_at INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER,
    outcome TEXT NOT NULL,
    exit_status INTEGER,
    detail TEXT,
    note TEXT,
    PRIMARY KEY (call, number)
) STRICT, WITHOUT ROWID;

-- A reaction to a comment, or a comment of ours that is kept up to date.
CREATE TABLE effect (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    vendor TEXT NOT NULL,
    repository TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('reaction', 'answer', 'explain')),
    -- The comment's id, of a reaction; else the pull request's number.
    target TEXT NOT NULL,
    -- The reaction's word, or the answer's text; an explanation is written when it is sent.
    content TEXT NOT NULL,
    -- What nobody can foresee, by which our own comment is found again.
    mark TEXT NOT NULL,
    -- The forge's id of our comment.
    comment TEXT,
    -- Since when it may have been written without our having heard of it.
    begun_at INTEGER,
    -- Grows with each change, so that an older send cannot mark a newer text as sent.
    seq INTEGER NOT NULL DEFAULT 1,
    state TEXT NOT NULL CHECK (state IN ('owed', 'sent', 'dropped')),
    tries INTEGER NOT NULL DEFAULT 0,
    owed_since INTEGER NOT NULL,
    -- Not to be sent before; 0: at once.
    next_try INTEGER NOT NULL DEFAULT 0,
    sent_at INTEGER,
    -- Why the last send failed.
    note TEXT,
    UNIQUE (vendor, repository, kind, target)
) STRICT;

CREATE INDEX effect_owed ON effect (next_try, id) WHERE state = 'owed';
CREATE INDEX effect_comment ON effect (vendor, repository, comment) WHERE comment IS NOT NULL;
