"""The local cluster: what Kubernetes' own controllers and kubelet do, with processes for pods.

`cluster.LocalCluster` runs all of it for one API server. Each file is one controller and speaks to
the API only; `pods/` is the kubelet, which alone starts programs, and `gateway/` brings requests to
the ready ones. The behaviour that people see (statuses, reasons, events, names of pods) is that of
Kubernetes, so that what is learnt and scripted here holds there.
"""
