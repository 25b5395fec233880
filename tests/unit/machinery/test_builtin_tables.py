from typing import Any

import pytest

from towpath.machinery import builtins
from towpath.machinery.errors import BadRequest

DEPLOYMENT = builtins.find("apps", "v1", "Deployment")
assert DEPLOYMENT is not None


@pytest.mark.parametrize("kind", builtins.BUILTINS, ids=lambda kind: kind.struct)
def test_every_kind_has_a_schema_a_topology_and_a_document(kind: builtins.BuiltinKind) -> None:
    schema = builtins.schema(kind)
    assert schema.prune({"metadata": {"name": "a"}, "nonsense": 1}) == ["nonsense"]
    assert "metadata" in builtins.topology(kind).fields
    resource = kind.resource
    document = builtins.openapi_schemas(resource.group, resource.version)
    own = document[builtins.definition_name(kind.struct)]
    assert own["x-kubernetes-group-version-kind"][0]["kind"] == resource.kind


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        target = value.get("$ref")
        found = {target} if isinstance(target, str) else set()
        return found.union(*(references(inner) for inner in value.values()))
    return (
        set().union(*(references(inner) for inner in value)) if isinstance(value, list) else set()
    )


def test_published_schemas_refer_only_to_each_other() -> None:
    for group, version in {(k.resource.group, k.resource.version) for k in builtins.BUILTINS}:
        schemas = builtins.openapi_schemas(group, version)
        wanted = {name.rpartition("/")[2] for name in references(schemas)}
        assert wanted <= set(schemas)


def test_published_schemas_name_values_of_any_shape_and_what_is_required() -> None:
    schemas = builtins.openapi_schemas("apiextensions.k8s.io", "v1")
    of_schemas = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1"
    declared = schemas[f"{of_schemas}.JSONSchemaProps"]["properties"]
    assert declared["default"] == {"$ref": f"#/components/schemas/{of_schemas}.JSON"}
    core = builtins.openapi_schemas("", "v1")
    managed = core["io.k8s.apimachinery.pkg.apis.meta.v1.ManagedFieldsEntry"]["properties"]
    assert managed["fieldsV1"]["$ref"].endswith(".v1.FieldsV1")
    assert core["io.k8s.api.core.v1.ContainerRestartRule"]["required"] == ["action"]
    apps = builtins.openapi_schemas("apps", "v1")
    assert apps["io.k8s.api.core.v1.PersistentVolumeClaim"]["x-kubernetes-group-version-kind"]


def test_lists_merge_as_kubernetes_says() -> None:
    pod = builtins.topology(DEPLOYMENT).fields["spec"].fields["template"].fields["spec"]
    container = pod.fields["containers"]
    assert (container.list_type, container.keys) == ("map", ("name",))
    ports = container.items.fields["ports"]
    assert (ports.keys, ports.key_defaults) == (("containerPort", "protocol"), {"protocol": "TCP"})
    assert ports.merge_key == "containerPort"
    assert container.items.fields["args"].list_type == "atomic"
    assert pod.fields["volumes"].retain_keys
    assert builtins.topology(DEPLOYMENT).fields["spec"].fields["selector"].atomic


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        pytest.param(
            {"replicas": "1"},
            "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of "
            "type int32",
            id="text for a number",
        ),
        pytest.param(
            {"template": {"spec": {"containers": [{"env": [{"value": 1}]}]}}},
            "json: cannot unmarshal number into Go struct field "
            "EnvVar.spec.template.spec.containers.env.value of type string",
            id="a number for text, deep inside",
        ),
        pytest.param(
            {"template": {"spec": {"containers": {}}}},
            "json: cannot unmarshal object into Go struct field "
            "PodSpec.spec.template.spec.containers of type []v1.Container",
            id="an object for a list",
        ),
    ],
)
def test_wrong_types_are_refused_in_go_words(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(BadRequest) as caught:
        builtins.schema(DEPLOYMENT).prune({"spec": spec})
    assert caught.value.message == (
        f'Deployment in version "v1" cannot be handled as a Deployment: {message}'
    )


def test_quantities_get_their_one_form() -> None:
    limits = {"cpu": 0.5, "memory": "1024Mi"}
    found = {"spec": {"template": {"spec": {"containers": [{"resources": {"limits": limits}}]}}}}
    assert builtins.schema(DEPLOYMENT).prune(found) == []
    assert limits == {"cpu": "500m", "memory": "1Gi"}


def test_static_defaults() -> None:
    port = {"containerPort": 80}
    found = {"spec": {"template": {"spec": {"containers": [{"name": "a", "ports": [port]}]}}}}
    builtins.schema(DEPLOYMENT).default(found)
    assert port == {"containerPort": 80, "protocol": "TCP"}
