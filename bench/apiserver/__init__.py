"""Our API server beside kube-apiserver and etcd: the same requests by the same client, in one run.

One after the other on the same machine, so that what else it does touches both. Client and server
share its cores: the table says how much of one the client took. Without the real one
(tools/real-kube build) ours is measured alone.
"""

import sys


def main() -> None:
    # Not at the top: the server that is measured is a module of this package too.
    from bench.apiserver.comparison import compare

    compare(sys.argv[1:])
