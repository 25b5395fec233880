CREATE TABLE log_stream (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    lines INTEGER NOT NULL,
    began_s REAL NOT NULL,
    ended_s REAL
);
CREATE TABLE log_line (
    stream INTEGER NOT NULL REFERENCES log_stream (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    time_s REAL NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (stream, number)
) WITHOUT ROWID;
