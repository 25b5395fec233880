CREATE TABLE entity_stale (entity INTEGER PRIMARY KEY);
