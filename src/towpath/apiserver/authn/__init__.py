"""Who asks: the chain of authenticators in front of the API.

chain.py       headers in, a user out: each authenticator in turn, then impersonation
tokens.py      tokens of service accounts: issued and verified with the server's own key
pki.py         the server's own CA, certificate and keys in the PKI folder
virtual.py     SelfSubjectReview, TokenReview and the token subresource
"""
