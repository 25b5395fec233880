"""How a workload is reached, by whom, and where it is measured."""

from towpath.capabilities.delivery.promotions.render.inputs import RenderInput
from towpath.machinery.objects import RawObject

GATEWAY_LABEL = "towpath.dev/gateway"
"""On the namespace of a cluster's gateway: the only other project that may call in."""

SERVICE_MONITOR = "ServiceMonitor.monitoring.coreos.com"


def network_objects(given: RenderInput) -> dict[str, RawObject]:
    """Manifests by file name; none for a workload that offers no service."""
    if not given.score.ports:
        return {}
    objects = {"service.yaml": _service(given), "network-policy.yaml": _network_policy(given)}
    if given.host and (port := _http_port(given)):
        objects["ingress.yaml"] = _ingress(given, port)
    if SERVICE_MONITOR in given.served and (port := _http_port(given)):
        objects["service-monitor.yaml"] = _service_monitor(given, port)
    return objects


def _metadata(given: RenderInput) -> RawObject:
    return {"name": given.workload, "labels": given.labels}


def _http_port(given: RenderInput) -> str:
    """The port that the host leads to: one that is called http or web, else the first on TCP."""
    names = [port.name for port in given.score.ports if port.protocol == "TCP"]
    for name in ("http", "web", "www"):
        if name in names:
            return name
    return names[0] if names else ""


def _service(given: RenderInput) -> RawObject:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(given),
        "spec": {
            "type": "ClusterIP",
            "selector": given.selector,
            "ports": [
                {
                    "name": port.name,
                    "port": port.port,
                    "protocol": port.protocol,
                    "targetPort": port.target_port,
                }
                for port in given.score.ports
            ],
        },
    }


def _ingress(given: RenderInput, port: str) -> RawObject:
    backend = {"service": {"name": given.workload, "port": {"name": port}}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": _metadata(given),
        "spec": {
            "rules": [
                {
                    "host": given.host,
                    "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]},
                }
            ]
        },
    }


def _network_policy(given: RenderInput) -> RawObject:
    allowed = [
        {"namespaceSelector": {"matchLabels": {"towpath.dev/project": given.project}}},
        {"namespaceSelector": {"matchLabels": {GATEWAY_LABEL: "true"}}},
    ]
    ports = {(port.target_port, port.protocol) for port in given.score.ports}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": _metadata(given),
        "spec": {
            "podSelector": {"matchLabels": given.selector},
            "policyTypes": ["Ingress"],
            "ingress": [
                {
                    "from": allowed,
                    "ports": [
                        {"port": port, "protocol": protocol} for port, protocol in sorted(ports)
                    ],
                }
            ],
        },
    }


def _service_monitor(given: RenderInput, port: str) -> RawObject:
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": _metadata(given),
        "spec": {
            "selector": {"matchLabels": given.selector},
            "endpoints": [{"port": port, "path": "/metrics", "interval": "30s"}],
        },
    }
