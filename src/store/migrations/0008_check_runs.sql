-- The forge's check run that shows a report, where it is shown by one.
CREATE TABLE check_run (
    report INTEGER PRIMARY KEY REFERENCES report (id) ON DELETE CASCADE,
    -- What we call it there; set before it is asked for, so that a lost answer is known to be lost.
    external_id TEXT NOT NULL,
    -- The forge's number of it; NULL: it was asked for, and what came of it is not known.
    number INTEGER,
    -- 1: the forge was told that it is over.
    completed INTEGER NOT NULL DEFAULT 0 CHECK (completed IN (0, 1)),
    -- 1: its annotations are there.
    annotated INTEGER NOT NULL DEFAULT 0 CHECK (annotated IN (0, 1))
) STRICT;
