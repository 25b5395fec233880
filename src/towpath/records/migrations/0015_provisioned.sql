CREATE TABLE provisioned (
    source TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    external TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_s REAL NOT NULL,
    modified_s REAL NOT NULL,
    json BLOB NOT NULL,
    PRIMARY KEY (source, kind, id)
) WITHOUT ROWID;
CREATE INDEX provisioned_by_name ON provisioned (source, kind, name);
CREATE INDEX provisioned_by_external ON provisioned (source, kind, external);
CREATE TABLE provisioned_member (
    source TEXT NOT NULL,
    member TEXT NOT NULL,
    holder TEXT NOT NULL,
    PRIMARY KEY (source, member, holder)
) WITHOUT ROWID;
CREATE INDEX provisioned_member_by_holder ON provisioned_member (source, holder);
