"""The gateway: brings a request for `<workload>.<env>.<project>.localhost` to a ready pod.

    routes       which host and path belong to which Service, from Ingress objects; pure
    backends     the ready endpoints of a Service, and which of them is next
    connection   one HTTP/1.1 connection to a pod, with flow control both ways
    pool         connections kept alive, per endpoint
    proxy        the ASGI application that puts them together

It is never an open proxy: a request goes to a pod's address or nowhere.
"""
