"""Places that descriptors are read from, one module each, behind the one interface of `place`."""
