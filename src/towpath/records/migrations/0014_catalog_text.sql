DROP TABLE entity_text;
CREATE VIRTUAL TABLE entity_text USING fts5 (
    scope, name, title, description, tags, owner,
    content = '', contentless_delete = 1,
    tokenize = "unicode61 remove_diacritics 2 tokenchars '_'",
    prefix = '2 3'
);
INSERT INTO entity_text (entity_text, rank) VALUES ('rank', 'bm25(0.0, 8.0, 8.0, 1.0, 3.0, 1.0)');
CREATE INDEX entity_by_project ON entity (project, name, ref);
