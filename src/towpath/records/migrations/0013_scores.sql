CREATE TABLE score (
    scorecard TEXT NOT NULL,
    ref TEXT NOT NULL,
    title TEXT NOT NULL,
    project TEXT NOT NULL,
    owner TEXT NOT NULL,
    level TEXT NOT NULL,
    rank INTEGER NOT NULL,
    passed INTEGER NOT NULL,
    verdicts TEXT NOT NULL,
    since_s REAL NOT NULL,
    PRIMARY KEY (scorecard, ref)
) WITHOUT ROWID;
CREATE INDEX score_by_ref ON score (ref);
CREATE TABLE score_change (
    id INTEGER PRIMARY KEY,
    scorecard TEXT NOT NULL,
    ref TEXT NOT NULL,
    project TEXT NOT NULL,
    owner TEXT NOT NULL,
    rank INTEGER NOT NULL,
    time_s REAL NOT NULL
);
CREATE INDEX score_change_by_ref ON score_change (scorecard, ref, time_s);
CREATE INDEX score_change_by_time ON score_change (scorecard, time_s);
