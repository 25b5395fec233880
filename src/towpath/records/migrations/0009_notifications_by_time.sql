DROP INDEX notification_by_person;
CREATE INDEX notification_by_time ON notification (person, time_s, id, project);
