ALTER TABLE entity ADD COLUMN uid TEXT NOT NULL DEFAULT '';
ALTER TABLE entity ADD COLUMN digest TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX entity_by_uid ON entity (uid) WHERE uid <> '';
ALTER TABLE entity_source ADD COLUMN loss TEXT NOT NULL DEFAULT '';
CREATE TABLE entity_answer (
    entity INTEGER PRIMARY KEY REFERENCES entity (id) ON DELETE CASCADE,
    ref TEXT NOT NULL UNIQUE,
    project TEXT NOT NULL,
    beyond INTEGER NOT NULL,
    etag TEXT NOT NULL,
    json BLOB NOT NULL
);
CREATE TABLE fact_key (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE
);
CREATE TABLE fact (
    key INTEGER NOT NULL,
    value TEXT NOT NULL,
    entity INTEGER NOT NULL,
    spelled TEXT,
    listed INTEGER NOT NULL,
    PRIMARY KEY (key, value, entity)
) WITHOUT ROWID;
CREATE TABLE entity_change (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    ref TEXT NOT NULL,
    project TEXT NOT NULL,
    source TEXT NOT NULL,
    version TEXT NOT NULL,
    batch INTEGER NOT NULL,
    time_s REAL NOT NULL,
    who TEXT NOT NULL,
    why TEXT NOT NULL,
    before BLOB
);
CREATE INDEX entity_change_by_ref ON entity_change (ref, id);
CREATE INDEX entity_change_by_source ON entity_change (source, batch);
CREATE TABLE catalog_word (
    id INTEGER PRIMARY KEY,
    word TEXT NOT NULL UNIQUE
);
CREATE VIRTUAL TABLE catalog_word_text USING fts5 (
    word, content = '', tokenize = 'trigram'
);
CREATE TABLE catalog_form (
    form INTEGER NOT NULL
);
INSERT INTO catalog_form VALUES (0);
