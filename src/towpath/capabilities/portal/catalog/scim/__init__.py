"""SCIM 2.0 (RFC 7643, RFC 7644) as a server: identity providers push people and groups to us.

filters.py   the language of filters, read once and asked of attributes
patching.py  PATCH, in the words of the standard, of Okta and of Entra ID
schemas.py   what we say of ourselves
api.py       `/scim/v2`: one source of the catalogue per bearer token
"""
