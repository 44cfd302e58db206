-- Statuses are claimed forge by forge, so that one forge's outage does not hold up another's.

CREATE INDEX report_fresh_of_forge ON report (vendor, owed_since, id)
    WHERE state = 'owed' AND next_try IS NULL;
CREATE INDEX report_postponed_of_forge ON report (vendor, next_try, id)
    WHERE state = 'owed' AND next_try IS NOT NULL;
DROP INDEX report_fresh;
DROP INDEX report_postponed;
