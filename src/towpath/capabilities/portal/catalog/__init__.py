"""The catalogue: which software there is, whose it is, and how it hangs together."""
