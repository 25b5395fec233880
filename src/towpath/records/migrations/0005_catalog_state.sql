ALTER TABLE entity ADD COLUMN workload TEXT NOT NULL DEFAULT '';
ALTER TABLE entity ADD COLUMN health TEXT NOT NULL DEFAULT '';
CREATE TABLE workload_state (
    project TEXT NOT NULL,
    name TEXT NOT NULL,
    health TEXT NOT NULL,
    sentence TEXT NOT NULL,
    url TEXT NOT NULL,
    PRIMARY KEY (project, name)
) WITHOUT ROWID;
CREATE INDEX entity_by_workload ON entity (project, workload) WHERE workload <> '';
CREATE INDEX entity_browse ON entity (kind, project, owner, type, lifecycle, health, name, ref);
DROP INDEX entity_by_owner;
CREATE INDEX entity_by_owner ON entity (owner, kind, project, health, name, ref);
UPDATE entity_source SET version = '';
CREATE TABLE saved_view (
    person TEXT NOT NULL,
    name TEXT NOT NULL,
    query TEXT NOT NULL,
    PRIMARY KEY (person, name)
) WITHOUT ROWID;
