"""Who asks: the chain of authenticators in front of the API.

chain.py          headers in, a user out: each authenticator in turn, then impersonation
tokens.py         tokens of service accounts: issued and verified with the server's own key
secrets.py        the Secrets that hold such tokens
configuration.py  structured authentication configuration: read, and what is wrong with it
expressions.py    the expressions in it
oidc.py           tokens of the issuers that it names
structured.py     its file at work
reviews.py        SelfSubjectReview, TokenReview and the token subresource
pki.py            the server's own CA, certificate and keys in the PKI folder
issuing.py        how they are made, and looked at when they are not known to be good
"""
