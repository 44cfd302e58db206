-- Sessions of people who signed in through a provider. Of the provider only the person's id and
-- name are kept, never a token; of the session only a hash.

CREATE TABLE person_session (
    -- SHA-256 of the cookie.
    hash BLOB NOT NULL PRIMARY KEY,
    -- Which way they came: `github`, `oidc`.
    way TEXT NOT NULL,
    -- SHA-256 of what the operator had set up for it: with other settings it is over.
    basis BLOB NOT NULL,
    -- The forge that says what they may do; NULL: `scope` says it.
    forge TEXT,
    -- The provider's id of them.
    person TEXT NOT NULL,
    login TEXT NOT NULL,
    scope TEXT CHECK (scope IN ('read', 'operate', 'admin')),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX person_session_by_end ON person_session (expires_at);
