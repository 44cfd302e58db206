-- Finding runs: what a list shows and is narrowed by, without unpacking each run's event.

-- NULL: made by an earlier version, to be filled in from the event at the next start.
ALTER TABLE run ADD COLUMN headline TEXT;
ALTER TABLE run ADD COLUMN subject TEXT;
ALTER TABLE run ADD COLUMN event_type TEXT;
ALTER TABLE run ADD COLUMN branch TEXT;
ALTER TABLE run ADD COLUMN pull INTEGER;

CREATE INDEX run_of_repository ON run (vendor, repository, id);
CREATE INDEX run_of_branch ON run (vendor, repository, branch, id) WHERE branch IS NOT NULL;
CREATE INDEX run_of_pull ON run (vendor, repository, pull, id) WHERE pull IS NOT NULL;
CREATE INDEX run_by_verdict ON run (verdict, id) WHERE verdict IS NOT NULL;
CREATE INDEX run_unnamed ON run (id) WHERE headline IS NULL;

-- Any three letters of what people remember of a run.
CREATE VIRTUAL TABLE run_text USING fts5 (
    words, content = '', contentless_delete = 1, tokenize = 'trigram'
);
CREATE TRIGGER run_text_gone AFTER DELETE ON run BEGIN
    DELETE FROM run_text WHERE rowid = OLD.id;
END;
