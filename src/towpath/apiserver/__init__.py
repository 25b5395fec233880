"""The Kubernetes API over a store.

    http/       the wire: routing, content types, discovery, OpenAPI, tables, watch streams
    verbs/      what each verb does, one file each; bytes in, bytes out
    registry    which resources exist: built-in ones and those of CustomResourceDefinitions
    admission   what every write must pass: defaults, schema, policies, quota
    authn/authz who asks, and whether they may

`calls.py` is the seam between the wire and the verbs; `inprocess.py` is a client on the verbs.
"""
