CREATE TABLE entity_source (
    name TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    version TEXT NOT NULL,
    updated_s REAL NOT NULL
);
CREATE TABLE entity (
    id INTEGER PRIMARY KEY,
    ref TEXT NOT NULL UNIQUE,
    source TEXT NOT NULL REFERENCES entity_source (name),
    project TEXT NOT NULL,
    kind TEXT NOT NULL,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    type TEXT NOT NULL,
    owner TEXT NOT NULL,
    system TEXT NOT NULL,
    lifecycle TEXT NOT NULL,
    descriptor TEXT NOT NULL
);
CREATE INDEX entity_by_source ON entity (source);
CREATE INDEX entity_by_kind ON entity (kind, name, ref);
CREATE INDEX entity_by_name ON entity (name, ref);
CREATE INDEX entity_by_owner ON entity (owner);
CREATE INDEX entity_by_system ON entity (system);
CREATE TABLE entity_tag (
    entity INTEGER NOT NULL REFERENCES entity (id) ON DELETE CASCADE,
    tag TEXT NOT NULL,
    PRIMARY KEY (entity, tag)
) WITHOUT ROWID;
CREATE INDEX entity_tag_by_tag ON entity_tag (tag);
CREATE TABLE entity_relation (
    entity INTEGER NOT NULL REFERENCES entity (id) ON DELETE CASCADE,
    type TEXT NOT NULL,
    target TEXT NOT NULL,
    PRIMARY KEY (entity, type, target)
) WITHOUT ROWID;
CREATE INDEX entity_relation_by_target ON entity_relation (target, type);
CREATE VIRTUAL TABLE entity_text USING fts5 (
    name, title, description, tags, owner,
    tokenize = "unicode61 remove_diacritics 2 tokenchars '_'",
    prefix = '2 3'
);
