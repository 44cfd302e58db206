-- Runs of a branch or of an event wherever they are, the newest first, without reading all others.
CREATE INDEX run_on_branch ON run (branch, id) WHERE branch IS NOT NULL;
CREATE INDEX run_by_event ON run (event_type, id) WHERE event_type IS NOT NULL;
