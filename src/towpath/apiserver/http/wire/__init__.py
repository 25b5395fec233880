"""What is spoken on a socket: HTTP/1.1 and HTTP/2 over TLS, and the connections that carry it."""
