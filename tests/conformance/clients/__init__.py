"""Programs that use our server with a stock client; each runs in a process of its own.

python -m tests.conformance.clients.<client> NAME        with KUBECONFIG; a failure is its exit code
"""
