"""SQL tables for evidence: what was observed, and what was told that is no object of the API.

Evidence is appended, once for each key, and steers no reconciler. Told are accounts, people whom an
identity provider pushes, and the names that people give to queries.

`contract.py` is what the platform asks, and what its parts are called stands beside each of them;
`sqlite.py` puts the tables together; `database.py` opens connections and commits; `changes.py` says
on the loop what has been stored. The catalogue is the largest family: `catalog.py` is its door,
`ingesting.py` and `stitching.py` write it, `columns.py` and `answering.py` answer from memory,
`browsing.py` and `finding.py` from the tables.
"""
