"""Plug-ins from outside: each in a process of its own, kept at a distance and spoken to by a pipe.

`process` is one process and its pipe, `supervised` keeps one plug-in going, `offers` makes hooks of
what it offers, `kinds` installs its kinds, `plugins` is all of them together. No code of a plug-in
is ever imported here.
"""
