"""The pure part: objects, names, kinds, schemas, selectors, patches, conditions and API errors.

Nothing here does I/O, knows a store, a loop or a capability. Everything above may import it.
"""
