CREATE TABLE catalog_computed (properties BLOB NOT NULL);
INSERT INTO catalog_computed VALUES (CAST('{"of":{},"pairs":[]}' AS BLOB));
CREATE TABLE entity_computed (
    entity INTEGER PRIMARY KEY,
    json BLOB NOT NULL,
    beyond INTEGER NOT NULL
);
CREATE INDEX entity_computed_beyond ON entity_computed (entity) WHERE beyond;
CREATE TABLE entity_uncomputed (entity INTEGER PRIMARY KEY);
