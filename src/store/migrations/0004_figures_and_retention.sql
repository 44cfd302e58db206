-- Figures are counted as rows change, so that nobody who asks for them counts rows. A name is
-- what is counted, a colon, and a word out of few:
--   delivery:<state>, call:<state>, report:<state>   rows there are now; queued calls of a run
--                                                    that is held, or waits for its group, count
--                                                    as held
--   delivery_total:<settlement>, call_total:<outcome>, report_total:<end>    since ever
--   call_seconds:<bound>, call_microseconds:sum      how long calls took, since ever
CREATE TABLE tally (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO tally SELECT 'delivery:' || state, count(*) FROM delivery GROUP BY 1;
INSERT INTO tally SELECT 'delivery_total:' || settlement, count(*) FROM delivery
    WHERE state = 'settled' GROUP BY 1;
INSERT INTO tally SELECT 'call:' || iif(state = 'queued' AND held = 1, 'held', state), count(*)
    FROM call GROUP BY 1;
INSERT INTO tally SELECT 'call_total:' || outcome, count(*) FROM call
    WHERE state = 'finished' GROUP BY 1;
INSERT INTO tally SELECT 'report:' || state, count(*) FROM report GROUP BY 1;

CREATE TRIGGER delivery_counted AFTER INSERT ON delivery BEGIN
    INSERT INTO tally VALUES ('delivery:' || NEW.state, 1)
        ON CONFLICT (name) DO UPDATE SET value = value + 1;
    INSERT INTO tally SELECT 'delivery_total:' || NEW.settlement, 1 WHERE NEW.state = 'settled'
        ON CONFLICT (name) DO UPDATE SET value = value + 1;
END;
CREATE TRIGGER delivery_moved AFTER UPDATE OF state ON delivery WHEN OLD.state <> NEW.state BEGIN
    UPDATE tally SET value = value - 1 WHERE name = 'delivery:' || OLD.state;
    INSERT INTO tally VALUES ('delivery:' || NEW.state, 1)
        ON CONFLICT (name) DO UPDATE SET value = value + 1;
    INSERT INTO tally SELECT 'delivery_total:' || NEW.settlement, 1 WHERE NEW.state = 'settled'
        ON CONFLICT (name) DO UPDATE SET value = value + 1;
END;
CREATE TRIGGER delivery_gone AFTER DELETE ON delivery BEGIN
    UPDATE tally SET value = value - 1 WHERE name = 'delivery:' || OLD.state;
END;

CREATE TRIGGER call_counted AFTER INSERT ON call BEGIN
    INSERT INTO tally VALUES
        ('call:' || iif(NEW.state = 'queued' AND NEW.held = 1, 'held', NEW.state), 1)
        ON CONFLICT (name) DO UPDATE SET value = value + 1;
END;
CREATE TRIGGER call_moved AFTER UPDATE OF state, held ON call
WHEN OLD.state <> NEW.state OR OLD.held <> NEW.held BEGIN
    UPDATE tally SET value = value - 1
        WHERE name = 'call:' || iif(OLD.state = 'queued' AND OLD.held = 1, 'held', OLD.state);
    INSERT INTO tally VALUES
        ('call:' || iif(NEW.state = 'queued' AND NEW.held = 1, 'held', NEW.state), 1)
        ON CONFLICT (name) DO UPDATE SET value = value + 1;
END;
CREATE TRIGGER call_ended AFTER UPDATE OF state ON call
WHEN NEW.state = 'finished' AND OLD.state <> 'finished' BEGIN
    INSERT INTO tally VALUES ('call_total:' || NEW.outcome, 1)
        ON CONFLICT (name) DO UPDATE SET value = value + 1;
END;
-- The bounds are those of src/store/figures.rs; each counts what is above the one before it.
CREATE TRIGGER call_timed AFTER UPDATE OF state ON call
WHEN NEW.state = 'finished' AND OLD.state <> 'finished' AND NEW.started_at IS NOT NULL BEGIN
    INSERT INTO tally
        SELECT 'call_seconds:' || CASE
            WHEN took <= 1000000 THEN '1' WHEN took <= 5000000 THEN '5'
            WHEN took <= 15000000 THEN '15' WHEN took <= 60000000 THEN '60'
            WHEN took <= 300000000 THEN '300' WHEN took <= 900000000 THEN '900'
            WHEN took <= 3600000000 THEN '3600' ELSE '+Inf' END, 1
        FROM (SELECT max(NEW.finished_at - NEW.started_at, 0) AS took) WHERE true
        ON CONFLICT (name) DO UPDATE SET value = value + 1;
    INSERT INTO tally VALUES ('call_microseconds:sum', max(NEW.finished_at - NEW.started_at, 0))
        ON CONFLICT (name) DO UPDATE SET value = value + excluded.value;
END;
CREATE TRIGGER call_gone AFTER DELETE ON call BEGIN
    UPDATE tally SET value = value - 1
        WHERE name = 'call:' || iif(OLD.state = 'queued' AND OLD.held = 1, 'held', OLD.state);
END;

CREATE TRIGGER report_counted AFTER INSERT ON report BEGIN
    INSERT INTO tally VALUES ('report:' || NEW.state, 1)
        ON CONFLICT (name) DO UPDATE SET value = value + 1;
END;
CREATE TRIGGER report_moved AFTER UPDATE OF state ON report WHEN OLD.state <> NEW.state BEGIN
    UPDATE tally SET value = value - 1 WHERE name = 'report:' || OLD.state;
    INSERT INTO tally VALUES ('report:' || NEW.state, 1)
        ON CONFLICT (name) DO UPDATE SET value = value + 1;
    INSERT INTO tally SELECT 'report_total:' || NEW.state, 1 WHERE NEW.state <> 'owed'
        ON CONFLICT (name) DO UPDATE SET value = value + 1;
END;
CREATE TRIGGER report_gone AFTER DELETE ON report BEGIN
    UPDATE tally SET value = value - 1 WHERE name = 'report:' || OLD.state;
END;

-- The oldest of what waits, and the oldest of what is done, are the first in an index.
CREATE INDEX delivery_by_wait ON delivery (received_at) WHERE state <> 'settled';
CREATE INDEX delivery_by_end ON delivery (settled_at) WHERE state = 'settled';
CREATE INDEX run_by_end ON run (finished_at) WHERE state = 'finished';
CREATE INDEX run_unfinished ON run (state, id) WHERE state <> 'finished';
CREATE INDEX call_by_wait ON call (queued_at) WHERE state = 'queued' AND held = 0;
CREATE INDEX report_by_wait ON report (owed_since) WHERE state = 'owed';
