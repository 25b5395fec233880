CREATE TABLE people (
    name TEXT PRIMARY KEY,
    display_name TEXT NOT NULL,
    email TEXT NOT NULL
);
CREATE TABLE memberships (
    person TEXT NOT NULL,
    team TEXT NOT NULL,
    PRIMARY KEY (person, team)
);
CREATE TABLE credentials (
    digest TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    kind TEXT NOT NULL,
    label TEXT NOT NULL,
    created_s REAL NOT NULL,
    expires_s REAL NOT NULL
);
CREATE INDEX credentials_by_person ON credentials (person, kind);
