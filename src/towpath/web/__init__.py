"""The portal's shell: sign-in, sessions, layout and the read API. Pages live with their capability.

The portal has no back door: every page is given a client with the visitor's own rights.
"""
