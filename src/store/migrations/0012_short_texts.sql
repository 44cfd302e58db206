-- What people remember of 32 runs in one row, so that one or two letters, too short for the index
-- of three, are looked for in a few rows instead of one for each run. It may say too much, of runs
-- that are gone, but never too little.
CREATE TABLE run_words (block INTEGER PRIMARY KEY, words TEXT NOT NULL) STRICT;

INSERT INTO run_words
    SELECT id >> 5, group_concat(headline || char(10) || coalesce(subject, ''), char(10))
    FROM run WHERE headline IS NOT NULL GROUP BY id >> 5;

CREATE TRIGGER run_words_more AFTER UPDATE OF headline, subject ON run
WHEN NEW.headline IS NOT NULL BEGIN
    INSERT INTO run_words VALUES (NEW.id >> 5, NEW.headline || char(10) || coalesce(NEW.subject, ''))
    ON CONFLICT (block) DO UPDATE SET words = words || char(10) || excluded.words;
END;
CREATE TRIGGER run_words_gone AFTER DELETE ON run BEGIN
    DELETE FROM run_words WHERE block = OLD.id >> 5
        AND NOT EXISTS (SELECT 1 FROM run WHERE id BETWEEN OLD.id >> 5 << 5 AND (OLD.id >> 5 << 5) + 31);
END;
