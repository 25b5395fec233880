"""SQL tables for evidence: what was observed. Append-only, idempotent, never steering a reconciler.

`contract.py` is what the platform asks; `sqlite.py` puts the SQLite tables together; `database.py`
opens connections and commits; `logs.py`, `catalog.py`, `audit.py`, `identity.py`, `inbox.py` and
`views.py` own a family of tables each; `changes.py` says on the loop what has been stored.
"""
