"""Memory that was freed, given back to the system.

The C library keeps it for itself, unless it is asked for it: after a catalogue was read, or many
connections have closed, that is a good part of all there is.
"""

from contextlib import suppress


def give_back() -> None:
    import ctypes

    with suppress(AttributeError):  # only glibc has this
        ctypes.CDLL(None).malloc_trim(0)
