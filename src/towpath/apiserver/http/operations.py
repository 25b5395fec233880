"""The paths of an OpenAPI document: what can be asked of each resource, with what, for what.

Code generators and clients go by them: the schema that a body has and that an answer has, the
parameters of the query, and the kind behind a path.
"""

from collections.abc import Iterator

from towpath.apiserver.registry import Served
from towpath.machinery.objects import RawObject

GVK = "x-kubernetes-group-version-kind"
REFERENCE = "#/components/schemas/"
META_PREFIX = "io.k8s.apimachinery.pkg.apis.meta.v1."
PATCH_TYPES = (
    *("application/json-patch+json", "application/merge-patch+json"),
    *("application/strategic-merge-patch+json", "application/apply-patch+yaml"),
)
STRATEGIC = "application/strategic-merge-patch+json"
_WRITE = ("dryRun", "fieldManager", "fieldValidation")
_DELETE = ("dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy")
_SELECT = ("continue", "fieldSelector", "labelSelector", "limit", "resourceVersion")
_LIST = (
    *(*_SELECT, "resourceVersionMatch", "sendInitialEvents", "timeoutSeconds", "watch"),
    "allowWatchBookmarks",
)
_PARAMETERS = {
    "list": _LIST,
    "get": (),
    "create": _WRITE,
    "update": _WRITE,
    "patch": (*_WRITE, "force"),
    "delete": _DELETE,
    "deletecollection": (*_DELETE, *_SELECT),
}
_TYPES = {
    **dict.fromkeys(("gracePeriodSeconds", "limit", "timeoutSeconds"), "integer"),
    **dict.fromkeys(("orphanDependents", "sendInitialEvents", "watch", "force"), "boolean"),
    "allowWatchBookmarks": "boolean",
}
_COLLECTION = {"get": "list", "post": "create", "delete": "deletecollection"}
_OBJECT = {"get": "get", "put": "update", "patch": "patch", "delete": "delete"}
_SUBRESOURCE = {"get": "get", "put": "update", "patch": "patch"}
_ACTIONS = {"create": "post", "update": "put"}
"""As x-kubernetes-action and the names of operations call verbs."""


def paths_of(served: Served, schema: str) -> RawObject:
    """Every path of one resource; `schema` is the name of its kind's."""
    resource = served.resource
    namespaced = resource.namespaced
    collection = resource.path("{namespace}") if namespaced else resource.path()
    scope = "Namespaced" if namespaced else ""
    paths: RawObject = {collection: _operations(served, schema, _COLLECTION, scope, "")}
    if "get" in served.verbs:
        one = f"{collection}/{{name}}"
        paths[one] = _operations(served, schema, _OBJECT, scope, "")
        for name in ("status", "scale"):
            if name in served.subresources:
                paths[f"{one}/{name}"] = _operations(served, schema, _SUBRESOURCE, scope, name)
    for path, operations in paths.items():
        operations["parameters"] = list(_path_parameters(path))
    if namespaced and "list" in served.verbs:
        everywhere = _operations(served, schema, {"get": "list"}, "", "")
        everywhere["get"]["operationId"] += "ForAllNamespaces"
        paths[resource.path()] = everywhere
    return {path: operations for path, operations in paths.items() if operations}


def _path_parameters(path: str) -> Iterator[RawObject]:
    for name in ("namespace", "name"):
        if f"{{{name}}}" in path:
            schema = {"type": "string", "uniqueItems": True}
            yield {"name": name, "in": "path", "required": True, "schema": schema}


def _operations(
    served: Served, schema: str, methods: dict[str, str], scope: str, subresource: str
) -> RawObject:
    return {
        method: _operation(served, schema, verb, scope, subresource)
        for method, verb in methods.items()
        if subresource or verb in served.verbs
    }


def _operation(served: Served, schema: str, verb: str, scope: str, subresource: str) -> RawObject:
    resource = served.resource
    version = "".join(part.capitalize() for part in _words(resource.api_version))
    name = f"{scope}{resource.kind}{subresource.capitalize()}"
    is_scale = subresource == "scale"
    kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    body = "io.k8s.api.autoscaling.v1.Scale" if is_scale else schema
    if is_scale:
        kind = {"group": "autoscaling", "version": "v1", "kind": "Scale"}
    operation: RawObject = {
        "operationId": f"{_ACTIONS.get(verb, verb)}{version}{name}",
        "tags": ["_".join(_words(resource.api_version))],
        "x-kubernetes-action": _ACTIONS.get(verb, verb),
        GVK: kind,
        "parameters": [_parameter(each) for each in _PARAMETERS[verb]],
        "responses": _responses(verb, body),
    }
    if verb in ("create", "update"):
        operation["requestBody"] = {"required": True, "content": {"*/*": _of(body)}}
    elif verb == "patch":
        types = [each for each in PATCH_TYPES if not served.custom or each != STRATEGIC]
        content = {each: {"schema": {"type": "object"}} for each in types}
        operation["requestBody"] = {"required": True, "content": content}
    elif verb in ("delete", "deletecollection"):
        operation["requestBody"] = {"content": {"*/*": _of(f"{META_PREFIX}DeleteOptions")}}
    return operation


def _words(api_version: str) -> list[str]:
    group, _, version = api_version.rpartition("/")
    return [(group or "core").removesuffix(".k8s.io").replace(".", "_"), version]


def _parameter(name: str) -> RawObject:
    schema = {"type": _TYPES.get(name, "string"), "uniqueItems": True}
    return {"name": name, "in": "query", "schema": schema}


def _responses(verb: str, schema: str) -> RawObject:
    answer = schema
    if verb == "list":
        answer = f"{schema}List"
    elif verb in ("delete", "deletecollection"):
        answer = f"{META_PREFIX}Status"
    codes = {"create": ("200", "201", "202"), "update": ("200", "201"), "patch": ("200", "201")}
    said = {"200": "OK", "201": "Created", "202": "Accepted"}
    content = {name: _of(answer) for name in ("application/json", "application/yaml")}
    responses: RawObject = {
        code: {"description": said[code], "content": content} for code in codes.get(verb, ("200",))
    }
    responses["401"] = {"description": "Unauthorized"}
    return responses


def _of(schema: str) -> RawObject:
    return {"schema": {"$ref": REFERENCE + schema}}
