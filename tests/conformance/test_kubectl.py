"""What people do with kubectl all day, done with the real one."""

import asyncio
from pathlib import Path

import pytest
from tests.conformance.conftest import Kubectl

WIDGET_DEFINITION = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.dev}
spec:
  group: example.dev
  scope: Namespaced
  names: {kind: Widget, listKind: WidgetList, plural: widgets, singular: widget, shortNames: [wd]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    additionalPrinterColumns:
    - {name: Size, type: integer, jsonPath: .spec.size}
    - {name: Ready, type: string, jsonPath: '.status.conditions[?(@.type=="Ready")].status'}
    - {name: Colour, type: string, jsonPath: .spec.colour, priority: 1}
    - {name: Age, type: date, jsonPath: .metadata.creationTimestamp}
    schema:
      openAPIV3Schema:
        type: object
        description: A thing for tests.
        properties:
          spec:
            type: object
            description: What is wanted of the widget.
            properties:
              size: {type: integer, minimum: 0, default: 1, description: How big it is.}
              colour: {type: string}
              parts:
                type: array
                items:
                  type: object
                  properties: {name: {type: string, description: What the part is called.}}
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
"""
WIDGET = "apiVersion: example.dev/v1\nkind: Widget\nmetadata: {name: w}\nspec: {size: 3}\n"
CONFIG_MAP = """
apiVersion: v1
kind: ConfigMap
metadata: {name: c, labels: {app: demo}}
data: {a: "1", b: "2"}
"""
EVENT = """
apiVersion: v1
kind: Event
metadata: {name: w.1}
involvedObject: {apiVersion: example.dev/v1, kind: Widget, name: w, namespace: default, uid: UID}
type: Normal
reason: Tested
message: all is well
"""
POD = """
apiVersion: v1
kind: Pod
metadata: {name: p, labels: {app: demo}}
spec:
  containers: [{name: main, image: example.dev/app}]
"""
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec:
  replicas: 2
  selector: {matchLabels: {app: demo}}
  template:
    metadata: {labels: {app: demo}}
    spec:
      containers:
      - {name: main, image: example.dev/app:1, ports: [{containerPort: 80}]}
      - {name: side, image: example.dev/side:1}
"""


async def define_widgets(kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", "-", stdin=WIDGET_DEFINITION)
    await kubectl("wait", "--for=condition=Established", "crd/widgets.example.dev", "--timeout=5s")


async def test_get_prints_tables_and_every_other_form(kubectl: Kubectl) -> None:
    await define_widgets(kubectl)
    await kubectl("apply", "-f", "-", stdin=WIDGET)
    table = await kubectl("get", "wd")
    assert table.split()[:6] == ["NAME", "SIZE", "READY", "AGE", "w", "3"]
    wide = await kubectl("get", "widgets", "-o", "wide")
    assert "COLOUR" in wide
    assert "COLOUR" not in table
    assert await kubectl("get", "widgets", "-o", "name") == "widget.example.dev/w\n"
    assert await kubectl("get", "wd/w", "-o", "jsonpath={.spec.size}") == "3"
    assert "size: 3" in await kubectl("get", "wd", "w", "-o", "yaml")
    everywhere = await kubectl("get", "widgets", "-A", "--show-labels")
    assert everywhere.split()[0] == "NAMESPACE"


async def test_tables_of_built_in_kinds_have_their_own_columns(kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", "-", stdin=DEPLOYMENT)
    await kubectl("apply", "-f", "-", stdin=POD)
    assert (await kubectl("get", "deploy")).split()[:5] == [
        "NAME",
        "READY",
        "UP-TO-DATE",
        "AVAILABLE",
        "AGE",
    ]
    assert (await kubectl("get", "pods")).split()[:5] == [
        "NAME",
        "READY",
        "STATUS",
        "RESTARTS",
        "AGE",
    ]
    listed = await kubectl("get", "all")
    assert "pod/p" in listed
    assert "deployment.apps/d" in listed


async def test_get_watches(kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", "-", stdin=CONFIG_MAP)
    watching = await kubectl.start("get", "configmaps", "-w", "-o", "name")
    assert watching.stdout is not None
    async with asyncio.timeout(20):
        assert await watching.stdout.readline() == b"configmap/c\n"
        await kubectl("create", "configmap", "later")
        assert await watching.stdout.readline() == b"configmap/later\n"
    watching.terminate()
    await watching.communicate()


async def test_get_watches_a_table(kubectl: Kubectl) -> None:
    watching = await kubectl.start("get", "configmaps", "--watch-only")
    assert watching.stdout is not None
    async with asyncio.timeout(20):
        first = asyncio.ensure_future(watching.stdout.readline())
        number = 0
        while not first.done():
            number += 1
            await kubectl("create", "configmap", f"c-{number}")
        assert (await first).split() == [b"NAME", b"DATA", b"AGE"]
        assert (await watching.stdout.readline()).startswith(b"c-")
    watching.terminate()
    await watching.communicate()


async def test_describe_shows_an_object_with_its_events(kubectl: Kubectl) -> None:
    await define_widgets(kubectl)
    await kubectl("apply", "-f", "-", stdin=WIDGET)
    described = await kubectl("describe", "widget", "w")
    assert "Kind:         Widget" in described
    assert "Events:" in described
    uid = (await kubectl.object("widget", "w"))["metadata"]["uid"]
    await kubectl("create", "-f", "-", stdin=EVENT.replace("UID", uid))
    assert "all is well" in await kubectl("describe", "widget", "w")
    assert "all is well" in await kubectl("events", "--for=widget/w")
    await kubectl("apply", "-f", "-", stdin=DEPLOYMENT)
    assert "2 desired" in await kubectl("describe", "deployment", "d")
    await kubectl("apply", "-f", "-", stdin=POD)
    assert "example.dev/app" in await kubectl("describe", "pod", "p")


async def test_apply_removes_what_it_set_before(kubectl: Kubectl) -> None:
    assert "created" in await kubectl("apply", "-f", "-", stdin=CONFIG_MAP)
    assert "unchanged" in await kubectl("apply", "-f", "-", stdin=CONFIG_MAP)
    less = CONFIG_MAP.replace(', b: "2"', "")
    await kubectl("patch", "cm", "c", "--type=merge", "-p", '{"data":{"other":"3"}}')
    assert "configured" in await kubectl("apply", "-f", "-", stdin=less)
    assert (await kubectl.object("cm", "c"))["data"] == {"a": "1", "other": "3"}


async def test_apply_merges_lists_of_built_in_kinds_by_key(kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", "-", stdin=DEPLOYMENT)
    changed = DEPLOYMENT.replace("example.dev/app:1", "example.dev/app:2")
    without_side = "\n".join(line for line in changed.splitlines() if "name: side" not in line)
    await kubectl("apply", "-f", "-", stdin=without_side)
    containers = (await kubectl.object("deploy", "d"))["spec"]["template"]["spec"]["containers"]
    assert [container["image"] for container in containers] == ["example.dev/app:2"]
    assert containers[0]["ports"] == [{"containerPort": 80, "protocol": "TCP"}]


async def test_apply_refuses_unknown_fields(kubectl: Kubectl) -> None:
    await define_widgets(kubectl)
    wrong = WIDGET.replace("size: 3", "sise: 3")
    answer = await kubectl.run("apply", "-f", "-", stdin=wrong)
    assert answer.code == 1
    assert 'unknown field "spec.sise"' in answer.err
    answer = await kubectl.run("apply", "-f", "-", stdin=DEPLOYMENT.replace("image:", "imag:"))
    assert answer.code == 1
    assert 'unknown field "spec.template.spec.containers[0].imag"' in answer.err


async def test_an_invalid_object_is_refused_with_field_and_reason(kubectl: Kubectl) -> None:
    await define_widgets(kubectl)
    answer = await kubectl.run("apply", "-f", "-", stdin=WIDGET.replace("3", "-3"))
    assert answer.code == 1
    assert 'The Widget "w" is invalid: spec.size: Invalid value: -3' in answer.err


async def test_server_side_apply_tells_who_owns_a_field(kubectl: Kubectl) -> None:
    await define_widgets(kubectl)
    side = ("apply", "--server-side", "-f", "-")
    assert "serverside-applied" in await kubectl(*side, "--field-manager=one", stdin=WIDGET)
    larger = WIDGET.replace("3", "9")
    answer = await kubectl.run(*side, "--field-manager=two", stdin=larger)
    assert answer.code == 1
    assert 'Apply failed with 1 conflict: conflict with "one"' in answer.err
    assert ".spec.size" in answer.err
    await kubectl(*side, "--field-manager=two", "--force-conflicts", stdin=larger)
    assert (await kubectl.object("widget", "w"))["spec"]["size"] == 9


async def test_server_side_apply_takes_over_from_client_side_apply(kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", "-", stdin=CONFIG_MAP)
    await kubectl("apply", "--server-side", "-f", "-", stdin=CONFIG_MAP)
    less = CONFIG_MAP.replace(', b: "2"', "")
    await kubectl("apply", "--server-side", "-f", "-", stdin=less)
    assert (await kubectl.object("cm", "c"))["data"] == {"a": "1"}


async def test_typed_create_commands_send_protobuf(kubectl: Kubectl) -> None:
    await kubectl("create", "namespace", "n")
    for arguments in (
        ("configmap", "c", "--from-literal=k=v"),
        ("secret", "generic", "s", "--from-literal=k=v"),
        ("serviceaccount", "a"),
        ("role", "r", "--verb=get", "--resource=pods"),
        ("rolebinding", "rb", "--role=r", "--serviceaccount=n:a"),
        ("job", "j", "--image=example.dev/app"),
        ("cronjob", "cj", "--image=example.dev/app", "--schedule=* * * * *"),
        ("deployment", "d", "--image=example.dev/app", "--port=80"),
        ("service", "clusterip", "svc", "--tcp=80:8080"),
        ("quota", "q", "--hard=pods=3"),
        ("ingress", "i", "--rule=a.example/x=svc:80"),
        ("poddisruptionbudget", "pdb", "--selector=a=b", "--min-available=1"),
    ):
        assert "created" in await kubectl("-n", "n", "create", *arguments)
    secret = await kubectl.object("-n", "n", "secret", "s")
    assert secret["data"] == {"k": "dg=="}
    service = await kubectl.object("-n", "n", "service", "svc")
    port = service["spec"]["ports"][0]
    assert (port["port"], port["targetPort"], port["protocol"]) == (80, 8080, "TCP")


async def test_what_exists_already_is_not_created_again(kubectl: Kubectl) -> None:
    await kubectl("create", "configmap", "c")
    answer = await kubectl.run("create", "configmap", "c")
    assert answer.err == ('error: failed to create configmap: configmaps "c" already exists\n')


async def test_edit_changes_what_the_editor_changed(kubectl: Kubectl, tmp_path: Path) -> None:
    await kubectl("apply", "-f", "-", stdin=CONFIG_MAP)
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i \'s/a: "1"/a: "9"/\' "$1"\n')
    editor.chmod(0o755)
    await kubectl("edit", "configmap", "c", EDITOR=str(editor))
    assert (await kubectl.object("cm", "c"))["data"]["a"] == "9"


@pytest.mark.parametrize(
    ("kind", "patch"),
    [
        pytest.param("strategic", '{"data":{"a":"7"}}', id="strategic merge"),
        pytest.param("merge", '{"data":{"a":"7"}}', id="merge"),
        pytest.param("json", '[{"op":"replace","path":"/data/a","value":"7"}]', id="JSON"),
    ],
)
async def test_patch(kubectl: Kubectl, kind: str, patch: str) -> None:
    await kubectl("apply", "-f", "-", stdin=CONFIG_MAP)
    await kubectl("patch", "cm", "c", f"--type={kind}", "-p", patch)
    assert (await kubectl.object("cm", "c"))["data"] == {"a": "7", "b": "2"}


async def test_a_strategic_patch_of_a_custom_resource_is_refused(kubectl: Kubectl) -> None:
    await define_widgets(kubectl)
    await kubectl("apply", "-f", "-", stdin=WIDGET)
    answer = await kubectl.run("patch", "widget", "w", "-p", '{"spec":{"size":1}}')
    assert answer.code == 1
    assert "strategic-merge-patch+json is not supported" in answer.err


async def test_labels_and_annotations(kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", "-", stdin=CONFIG_MAP)
    await kubectl("label", "cm", "c", "tier=web", "app-")
    await kubectl("annotate", "cm", "c", "note=some text")
    metadata = (await kubectl.object("cm", "c"))["metadata"]
    assert metadata["labels"] == {"tier": "web"}
    assert metadata["annotations"]["note"] == "some text"
    assert await kubectl("get", "cm", "-l", "tier=web", "-o", "name") == "configmap/c\n"
    assert await kubectl("get", "cm", "-l", "tier notin (web)", "-o", "name") == ""


async def test_delete_waits_until_finalizers_let_go(kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", "-", stdin=CONFIG_MAP)
    hold = '{"metadata":{"finalizers":["example.dev/hold"]}}'
    await kubectl("patch", "cm", "c", "--type=merge", "-p", hold)
    deleting = await kubectl.start("delete", "cm", "c", "--timeout=20s")
    await kubectl("wait", "--for=jsonpath={.metadata.deletionTimestamp}", "cm/c", "--timeout=20s")
    assert deleting.returncode is None
    await kubectl("patch", "cm", "c", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    out, _ = await deleting.communicate()
    assert out.startswith(b'configmap "c" deleted')
    missing = await kubectl.run("get", "cm", "c")
    assert missing.err == 'Error from server (NotFound): configmaps "c" not found\n'


async def test_delete_takes_dependents_along_or_leaves_them(kubectl: Kubectl) -> None:
    await kubectl("create", "configmap", "owner")
    uid = (await kubectl.object("cm", "owner"))["metadata"]["uid"]
    for cascade, left in (("foreground", ""), ("orphan", "configmap/owned\n")):
        owned = CONFIG_MAP.replace(
            "name: c,",
            "name: owned, ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: owner, "
            f"uid: {uid}, blockOwnerDeletion: true}}],",
        )
        await kubectl("create", "-f", "-", stdin=owned)
        await kubectl("delete", "cm", "owner", f"--cascade={cascade}", "--timeout=20s")
        assert await kubectl("get", "cm", "-l", "app=demo", "-o", "name") == left
        await kubectl("create", "configmap", "owner")
        uid = (await kubectl.object("cm", "owner"))["metadata"]["uid"]


async def test_a_deleted_namespace_takes_its_content(kubectl: Kubectl) -> None:
    await kubectl("create", "namespace", "n")
    await kubectl("-n", "n", "create", "configmap", "c")
    await kubectl("delete", "namespace", "n", "--timeout=20s")
    assert await kubectl("get", "cm", "-A", "-o", "name", "--field-selector=metadata.name=c") == ""


async def test_delete_all_of_a_kind(kubectl: Kubectl) -> None:
    for name in ("a", "b"):
        await kubectl("create", "configmap", name)
    await kubectl("delete", "configmaps", "--all")
    assert await kubectl("get", "cm", "-o", "name") == ""


async def test_wait_sees_a_condition_come(kubectl: Kubectl) -> None:
    await define_widgets(kubectl)
    await kubectl("apply", "-f", "-", stdin=WIDGET)
    waiting = await kubectl.start("wait", "--for=condition=Ready", "widget/w", "--timeout=20s")
    status = '{"status":{"conditions":[{"type":"Ready","status":"True"}]}}'
    await kubectl("patch", "widget", "w", "--subresource=status", "--type=merge", "-p", status)
    out, _ = await waiting.communicate()
    assert out == b"widget.example.dev/w condition met\n"
    assert (await kubectl("get", "widget")).split()[6] == "True"


async def test_logs(kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", "-", stdin=POD)
    assert (await kubectl("logs", "p")).splitlines()[0] == "line 0 of p"
    assert await kubectl("logs", "p", "--tail=1") == "line 4 of p\n"
    assert (await kubectl("logs", "-f", "p", "--timestamps")).startswith("2026-01-01T00:00:00Z ")
    assert await kubectl("logs", "p", "--previous") == "the one before\n"
    assert await kubectl("logs", "p", "--limit-bytes=4") == "line"
    assert len((await kubectl("logs", "-l", "app=demo", "--tail=2")).splitlines()) == 2
    missing = await kubectl.run("logs", "absent")
    assert 'pods "absent" not found' in missing.err


async def test_discovery(kubectl: Kubectl) -> None:
    await define_widgets(kubectl)
    listed = await kubectl("api-resources", "--api-group=example.dev")
    assert listed.split()[-5:] == ["widgets", "wd", "example.dev/v1", "true", "Widget"]
    assert "example.dev/v1" in (await kubectl("api-versions")).split()


async def test_explain_of_a_custom_kind(kubectl: Kubectl) -> None:
    await define_widgets(kubectl)
    explained = await kubectl("explain", "widget")
    assert "A thing for tests." in explained
    assert "GROUP:      example.dev" in explained
    recursive = await kubectl("explain", "widget.spec", "--recursive")
    assert recursive.split()[-8:] == [
        "colour",
        "<string>",
        "parts",
        "<[]Object>",
        "name",
        "<string>",
        "size",
        "<integer>",
    ]
    assert "What the part is called." in await kubectl("explain", "widget.spec.parts.name")
    assert "uid <string>" in await kubectl("explain", "widget.metadata.uid")


async def test_explain_of_built_in_kinds(kubectl: Kubectl) -> None:
    explained = await kubectl("explain", "deployment.spec.template.spec.containers.ports")
    assert "containerPort" in explained
    assert "replicas" in await kubectl("explain", "deploy", "--recursive")
    for kind in ("pod", "service", "ingress", "cronjob", "role", "crd", "configmap"):
        assert "KIND:" in await kubectl("explain", kind)


async def test_scale(kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", "-", stdin=DEPLOYMENT)
    assert "scaled" in await kubectl("scale", "deployment", "d", "--replicas=5")
    deployment = await kubectl.object("deploy", "d")
    assert deployment["spec"]["replicas"] == 5
    assert deployment["metadata"]["generation"] == 2


async def test_set_image_and_rollout_restart_change_the_template(kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", "-", stdin=DEPLOYMENT)
    await kubectl("set", "image", "deployment/d", "main=example.dev/app:2")
    await kubectl("rollout", "restart", "deployment/d")
    template = (await kubectl.object("deploy", "d"))["spec"]["template"]
    assert template["spec"]["containers"][0]["image"] == "example.dev/app:2"
    assert "kubectl.kubernetes.io/restartedAt" in template["metadata"]["annotations"]


async def test_diff_and_dry_run_leave_the_server_alone(kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", "-", stdin=CONFIG_MAP)
    changed = CONFIG_MAP.replace('a: "1"', 'a: "5"')
    diff = await kubectl.run("diff", "-f", "-", stdin=changed)
    assert diff.code == 1
    assert '+  a: "5"' in diff.out
    await kubectl("apply", "--dry-run=server", "-f", "-", stdin=changed)
    assert (await kubectl.object("cm", "c"))["data"]["a"] == "1"


async def test_replace(kubectl: Kubectl) -> None:
    await kubectl("create", "-f", "-", stdin=CONFIG_MAP)
    await kubectl("replace", "-f", "-", stdin=CONFIG_MAP.replace(', b: "2"', ""))
    assert (await kubectl.object("cm", "c"))["data"] == {"a": "1"}


async def test_what_was_applied_is_kept_as_kubectl_writes_it(kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", "-", stdin=CONFIG_MAP)
    changed = CONFIG_MAP.replace('b: "2"', 'b: "<&>"')
    await kubectl("apply", "--server-side", "-f", "-", stdin=changed)
    assert '"b": "\\u003c\\u0026\\u003e"' in await kubectl(
        "apply", "view-last-applied", "cm/c", "-o", "json"
    )
    said = await kubectl("apply", "set-last-applied", "-f", "-", stdin=changed)
    assert "no changes required" in said


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        pytest.param(("service", "clusterip", "--tcp=80", "--clusterip=1.2.3"), "clusterIPs[0]"),
        pytest.param(("service", "nodeport", "--tcp=80", "--node-port=1"), "ports[0].nodePort"),
        pytest.param(("quota", "--hard=pods=1", "--scopes=Bad"), "scopes"),
    ],
)
async def test_what_cannot_be_is_refused_by_its_field(
    kubectl: Kubectl, arguments: tuple[str, ...], field: str
) -> None:
    refused = await kubectl.run("create", *arguments, "x")
    assert refused.code == 1
    assert f'"x" is invalid: spec.{field}: Invalid value' in refused.err
