"""What a look compares: Git's side and the world's.

desired      the manifests that Git holds
manifests    one manifest: what it is, where it goes, in which wave
destination  the cluster and the account to apply with
live         what lives on clusters, watched
world        both sides of one Application together
differences  where two documents differ
"""
