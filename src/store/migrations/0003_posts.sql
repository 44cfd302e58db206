-- What the forge's own number of our newest post of a context is: a higher one is newer.
ALTER TABLE report ADD COLUMN post INTEGER;
-- How often the newest state was owed again because the forge showed another one.
ALTER TABLE report ADD COLUMN mended INTEGER NOT NULL DEFAULT 0;

CREATE INDEX report_sent ON report (sent_at) WHERE state = 'sent';
CREATE INDEX delivery_of_repository ON delivery (vendor, repository, id);
