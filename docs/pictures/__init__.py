"""The pictures of the docs, taken of real platforms by `make pictures`."""
