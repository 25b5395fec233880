CREATE TABLE notification (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    person TEXT NOT NULL,
    project TEXT NOT NULL,
    subject TEXT NOT NULL,
    cause TEXT NOT NULL,
    sort TEXT NOT NULL,
    asks INTEGER NOT NULL,
    time_s REAL NOT NULL,
    status TEXT NOT NULL,
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    href TEXT NOT NULL,
    who TEXT NOT NULL,
    why TEXT NOT NULL,
    read_s REAL,
    settled_s REAL,
    dismissed INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX notification_once ON notification (person, subject, cause)
    WHERE settled_s IS NULL;
CREATE INDEX notification_unread ON notification (person, project) WHERE read_s IS NULL;
CREATE INDEX notification_open ON notification (person, project)
    WHERE asks = 1 AND settled_s IS NULL AND dismissed = 0;
CREATE INDEX notification_by_person ON notification (person, id, project);
CREATE INDEX notification_by_subject ON notification (subject);
CREATE TABLE inbox (
    person TEXT PRIMARY KEY,
    forgotten_until_s REAL NOT NULL
) WITHOUT ROWID;
