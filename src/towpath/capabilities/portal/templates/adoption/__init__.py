"""Adopting a repository that is there already: what it is, and what it lacks to be delivered.

    findings  what can be known of a repository, each with where it was read
    reading   files in, findings out
    python    what kind of Python application it is, and how it is started
    others    ports, databases and owners in files of other tools; what cannot be built
    proposal  findings and answers in, new files out

Pure: nothing here reads Git or writes anything. A file that is there is never replaced.
"""
