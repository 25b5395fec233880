CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    time_s REAL NOT NULL,
    cluster TEXT NOT NULL,
    username TEXT NOT NULL,
    verb TEXT NOT NULL,
    resource TEXT NOT NULL,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    project TEXT NOT NULL,
    subresource TEXT NOT NULL,
    code INTEGER NOT NULL,
    user_agent TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX audit_by_object ON audit (cluster, resource, namespace, name, sequence);
CREATE INDEX audit_by_project ON audit (project, sequence);
CREATE INDEX audit_by_user ON audit (username, sequence);
CREATE INDEX audit_by_time ON audit (time_s);
