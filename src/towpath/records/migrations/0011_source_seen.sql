CREATE TABLE source_seen (
    reader TEXT NOT NULL,
    source TEXT NOT NULL,
    version TEXT NOT NULL,
    PRIMARY KEY (reader, source)
) WITHOUT ROWID;
