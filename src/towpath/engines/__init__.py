"""The world outside, one folder per port. `port.py` says what we need, the rest is products.

A product knows its port and nothing of the platform; products never know each other.
"""
