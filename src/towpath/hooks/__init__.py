"""Every hook a capability or a plug-in can use, and the types that cross it. Interfaces only.

`capability.py` is the list of hooks; `platform.py` is what a hook is given; `commands.py`,
`templates.py` and `reads.py` are the types of the single contributions.
"""
