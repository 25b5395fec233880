"""Who may: role based access control over Role, ClusterRole and their bindings.

    rules.py       one policy rule: does it allow a request, does it cover another rule
    index.py       every role and binding in memory; a decision takes microseconds
    following.py   keeps the index current from the API's own watches; fills aggregated roles
    escalation.py  nobody grants what they do not hold
    defaults.py    the roles and bindings that every API server starts with
    reviews.py     answers to who may what, and why
    denials.py     the words of a refusal

Members of system:masters pass every check. Everything else is denied unless a rule allows it.
"""
