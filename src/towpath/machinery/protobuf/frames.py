"""What both directions agree on: the frame, and which message a kind is."""

from towpath.machinery.builtins.registry import find

MAGIC = b"k8s\x00"
PROTOBUF = "application/vnd.kubernetes.protobuf"

# Kinds that are no resources of their own; options come under the version of any group.
_OPTIONS = frozenset(
    ("DeleteOptions", "CreateOptions", "UpdateOptions", "PatchOptions", "ListOptions", "Status")
)
_DISCOVERY = frozenset(("APIVersions", "APIGroupList", "APIGroup", "APIResourceList"))
_OTHERS = {
    ("autoscaling/v1", "Scale"): "autoscaling/v1.Scale",
    ("policy/v1", "Eviction"): "policy/v1.Eviction",
    ("authentication.k8s.io/v1", "TokenRequest"): "authentication/v1.TokenRequest",
    ("meta.k8s.io/v1", "PartialObjectMetadata"): "meta/v1.PartialObjectMetadata",
    ("meta.k8s.io/v1beta1", "PartialObjectMetadata"): "meta/v1.PartialObjectMetadata",
}


def reference_of(api_version: str, kind: str) -> str | None:
    """The struct in the tables: `core/v1.Pod`; None for a kind that has none."""
    if kind in _OPTIONS or (kind in _DISCOVERY and api_version in ("", "v1")):
        return f"meta/v1.{kind}"
    if (api_version, kind) in _OTHERS:
        return _OTHERS[api_version, kind]
    group, _, version = api_version.rpartition("/")
    known = find(group, version, kind)
    return known.struct if known is not None else None
