"""Every hook a capability or a plug-in can use, the types that cross it, and what they must share.

`capability.py` is the list of hooks; `platform.py` is what a hook is given; `commands.py`,
`templates.py` and `reads.py` are the types of the single contributions. Shared, for no capability
could own it: how approvals are weighed, rules in CEL, forms of a JSON Schema, calls to addresses
that people wrote down.
"""
