CREATE INDEX audit_created ON audit (resource, sequence, project, namespace, name)
    WHERE cluster = '' AND verb = 'create' AND subresource = '' AND code < 400;
