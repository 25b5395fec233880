"""Audit by policy: which requests are told, how much of them, and to whom.

That a write happened, and who did it, is in the write's own commit whatever a policy says. A policy
decides what is told besides: reads, refusals, bodies; in the words of audit.k8s.io/v1.

policy.py      the Policy: rules, levels, stages
events.py      one request's events, gathered while it is answered
backends.py    a file of lines, and a webhook
"""
