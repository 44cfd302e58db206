-- What came of each thing that a delivery tells of, as JSON; NULL where it tells of one alone.
ALTER TABLE delivery ADD COLUMN parts TEXT;
