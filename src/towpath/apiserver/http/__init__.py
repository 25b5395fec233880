"""The wire: everything between a socket and the verbs. The only room that knows HTTP."""
