-- Who may use the pages and the API. Of tokens and sessions only a hash is kept: whoever reads the
-- database cannot sign in with what is in it.

CREATE TABLE token (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- SHA-256 of its text.
    hash BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    scope TEXT NOT NULL CHECK (scope IN ('read', 'operate', 'admin')),
    created_at INTEGER NOT NULL,
    -- Who made it, as in the history of runs.
    created_by TEXT NOT NULL,
    -- To the minute.
    used_at INTEGER,
    revoked_at INTEGER
) STRICT;

-- A name says whose acts they were, so that no two are in use at the same time.
CREATE UNIQUE INDEX token_in_use ON token (name) WHERE revoked_at IS NULL;

CREATE TABLE session (
    -- SHA-256 of the cookie.
    hash BLOB NOT NULL PRIMARY KEY,
    -- What it was begun with: it ends with it.
    token INTEGER NOT NULL REFERENCES token (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX session_of_token ON session (token);
CREATE INDEX session_by_end ON session (expires_at);
