"""The flows and levels that every Kubernetes begins with."""

from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject

GROUP = "flowcontrol.apiserver.k8s.io"
FLOW_SCHEMA = Resource(GROUP, "v1", "FlowSchema", "flowschemas", namespaced=False)
PRIORITY_LEVEL = Resource(
    GROUP, "v1", "PriorityLevelConfiguration", "prioritylevelconfigurations", namespaced=False
)
AUTOUPDATE = "apf.kubernetes.io/autoupdate-spec"
EXEMPT, CATCH_ALL = "exempt", "catch-all"
MANDATORY = frozenset({EXEMPT, CATCH_ALL})
EVERYBODY = ("system:unauthenticated", "system:authenticated")


def default_levels() -> list[RawObject]:
    return [
        _level(EXEMPT, {"type": "Exempt", "exempt": _shares(0, 0)}),
        _level(
            CATCH_ALL,
            {"type": "Limited", "limited": {**_shares(5, 0), "limitResponse": {"type": "Reject"}}},
        ),
        _queued("global-default", shares=20, lendable=50, queues=128, hand=6),
        _queued("leader-election", shares=10, lendable=0, queues=16, hand=4),
        _queued("node-high", shares=40, lendable=25, queues=64, hand=6),
        _queued("system", shares=30, lendable=33, queues=64, hand=6),
        _queued("workload-high", shares=40, lendable=50, queues=128, hand=6),
        _queued("workload-low", shares=100, lendable=90, queues=128, hand=6),
    ]


def default_schemas() -> list[RawObject]:
    everybody = [_group(name) for name in EVERYBODY]
    in_system = [_account("kube-system")]
    manager, scheduler = _user("system:kube-controller-manager"), _user("system:kube-scheduler")
    leases = _resources(
        ["get", "create", "update"], ["coordination.k8s.io"], ["leases"], of_cluster=False
    )
    node_leases = _resources(["*"], ["coordination.k8s.io"], ["leases"], of_cluster=False)
    of_nodes = _resources(["*"], [""], ["nodes", "nodes/status"])
    probes = {"verbs": ["get"], "nonResourceURLs": ["/healthz", "/readyz", "/livez"]}
    elections = {"subjects": [manager, scheduler, *in_system], "resourceRules": [leases]}
    nodes = [_group("system:nodes")]
    return [
        _schema("exempt", EXEMPT, 1, _all_of([_group("system:masters")])),
        _schema("probes", EXEMPT, 2, {"subjects": everybody, "nonResourceRules": [probes]}),
        _schema("system-leader-election", "leader-election", 100, elections, "ByUser"),
        _schema(
            *("system-node-high", "node-high", 400),
            {"subjects": nodes, "resourceRules": [of_nodes, node_leases]},
            "ByUser",
        ),
        _schema("system-nodes", "system", 500, _all_of(nodes), "ByUser"),
        _schema(
            *("kube-controller-manager", "workload-high", 800), _all_of([manager]), "ByNamespace"
        ),
        _schema("kube-scheduler", "workload-high", 800, _all_of([scheduler]), "ByNamespace"),
        _schema(
            *("kube-system-service-accounts", "workload-high", 900),
            _all_of(in_system),
            "ByNamespace",
        ),
        _schema(
            *("service-accounts", "workload-low", 9000),
            _all_of([_group("system:serviceaccounts")]),
            "ByUser",
        ),
        _schema("global-default", "global-default", 9900, _all_of(everybody), "ByUser"),
        _schema(CATCH_ALL, CATCH_ALL, 10000, _all_of(everybody), "ByUser"),
    ]


def _level(name: str, spec: RawObject) -> RawObject:
    return _annotated(PRIORITY_LEVEL.object(name, spec=spec))


def _queued(name: str, *, shares: int, lendable: int, queues: int, hand: int) -> RawObject:
    queuing = {"queues": queues, "handSize": hand, "queueLengthLimit": 50}
    response = {"type": "Queue", "queuing": queuing}
    limited = {**_shares(shares, lendable), "limitResponse": response}
    return _level(name, {"type": "Limited", "limited": limited})


def _shares(nominal: int, lendable: int) -> RawObject:
    return {"nominalConcurrencyShares": nominal, "lendablePercent": lendable}


def _schema(
    name: str, level: str, precedence: int, rule: RawObject, distinguisher: str = ""
) -> RawObject:
    spec: RawObject = {
        "priorityLevelConfiguration": {"name": level},
        "matchingPrecedence": precedence,
        "rules": [rule],
    }
    if distinguisher:
        spec["distinguisherMethod"] = {"type": distinguisher}
    return _annotated(FLOW_SCHEMA.object(name, spec=spec))


def _annotated(obj: RawObject) -> RawObject:
    obj["metadata"]["annotations"] = {AUTOUPDATE: "true"}
    return obj


def _all_of(subjects: list[RawObject]) -> RawObject:
    return {
        "subjects": subjects,
        "resourceRules": [_resources(["*"], ["*"], ["*"])],
        "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
    }


def _resources(
    verbs: list[str], groups: list[str], resources: list[str], *, of_cluster: bool = True
) -> RawObject:
    rule: RawObject = {"verbs": verbs, "apiGroups": groups, "resources": resources}
    if of_cluster:
        rule["clusterScope"] = True
    return rule | {"namespaces": ["*"]}


def _group(name: str) -> RawObject:
    return {"kind": "Group", "group": {"name": name}}


def _user(name: str) -> RawObject:
    return {"kind": "User", "user": {"name": name}}


def _account(namespace: str) -> RawObject:
    return {"kind": "ServiceAccount", "serviceAccount": {"namespace": namespace, "name": "*"}}
