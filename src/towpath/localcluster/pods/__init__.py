"""The kubelet: makes processes of pods, keeps them running, and tells how they are.

agent        one worker per pod object: begins it, tells it of changes, lets it go
worker       one pod from its creation to its end: prepare, init containers, containers, farewell
container    one container: start, watch, restart with back-off
probes       startup, readiness and liveness, over HTTP, TCP or a program
preparation  what a container needs before it can start: image, environment, volumes
status       from all of this to the pod's status; pure
"""
