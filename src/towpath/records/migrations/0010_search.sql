CREATE TABLE passage (
    id INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    part TEXT NOT NULL,
    entity TEXT NOT NULL,
    sort TEXT NOT NULL,
    href TEXT NOT NULL,
    scope TEXT NOT NULL,
    title TEXT NOT NULL,
    page TEXT NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX passage_by_source ON passage (source, part);
CREATE VIRTUAL TABLE passage_text USING fts5 (
    scope, title, page, text,
    content = 'passage', content_rowid = 'id',
    tokenize = "unicode61 remove_diacritics 2 tokenchars '_'",
    prefix = '2 3'
);
CREATE TABLE search_word (word TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE docs_site (
    entity TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    project TEXT NOT NULL,
    repository TEXT NOT NULL,
    state TEXT NOT NULL,
    data BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE docs_page (
    entity TEXT NOT NULL,
    path TEXT NOT NULL,
    digest TEXT NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (entity, path)
) WITHOUT ROWID;
