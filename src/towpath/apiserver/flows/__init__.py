"""FlowSchemas and PriorityLevelConfigurations: which request belongs to which flow.

Answers say it in their X-Kubernetes-PF headers, and whose level is exempt never waits. Shares of
concurrency are not handed out by level: there is one loop, and its turns go round by user
(apiserver/fairness.py).
"""
