"""The daemonless image builder: a folder with an application in, an OCI image out.

    application   which kind of application it is, and what starts it
    ignore        which of its files belong into an image
    tars          layers as deterministic archives
    dependencies  the layer of locked dependencies, made once per lock
    base_image    the image below, when it can be had
    image         all of that as config, manifest and blobs
    layout        the image as a folder
    static_site   the files of a static site, compressed, and what serves them
    static_server the program in the image of a static site

The same sources give the same digest: names are sorted, times and owners are constant. What runs is
`python`, wherever that is: the base's in a container, the host's on a local cluster. Nothing here
imports more than it must, because every pipeline waits for it.
"""
