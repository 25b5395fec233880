"""The platform put together: the only room that knows every other one. It does nothing but wire.

datadir     the data directory: whose it is, its format, its ports
occupants   who has a port that somebody wants
own_name    what to type for this program, and what others run
backup      the data directory in one file, and back
recovery    what a killed platform left running, ended before anything else begins
addresses   the addresses to show, computed from the ports in use
capabilities the built-in capabilities, in order, and those that plug-ins add
front       the plain HTTP port: portal, Git, registry, reads and gateway by path and host
clusters    an API server over a store, with its controllers: the platform's and each local one
platform    everything started in order, and stopped in reverse
"""
