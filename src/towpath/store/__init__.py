"""The revision log behind the API: every change in order, the current state, and who made it.

contract.py       what the API server asks of a store, and the rules that a store keeps
sqlite.py         the durable one: one log table, one writer thread, group commit
memory.py         the same rules with nothing on disk, for tests
keys.py           keys in order
state.py          the current objects, as both implementations keep them in memory
subscriptions.py  the fan-out of committed changes to watchers
"""
