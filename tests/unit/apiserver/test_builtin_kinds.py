"""Built-in kinds as kubectl users know them: defaults, refusals, subresources."""

from typing import Any

import pytest
from tests.support import RunningApi, eventually, running_api_server

from towpath.apiserver.calls import DeleteOptions, Target, WriteOptions
from towpath.apiserver.encoding import loads
from towpath.client.protocols import PatchType
from towpath.machinery.core_kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    JOB,
    NAMESPACE,
    POD,
    SECRET,
    SERVICE,
)
from towpath.machinery.errors import BadRequest, Conflict, Invalid, MethodNotAllowed, NotFound
from towpath.machinery.kinds import Resource
from towpath.machinery.objects import RawObject
from towpath.machinery.users import PLATFORM

ACCOUNT = Resource("", "v1", "ServiceAccount", "serviceaccounts")


def template(**spec: Any) -> RawObject:
    container = {"name": "web", "image": "app:1", "ports": [{"containerPort": 80}]}
    return {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [container], **spec}}


def deployment(name: str = "d", **spec: Any) -> RawObject:
    selector = {"matchLabels": {"app": "a"}}
    return DEPLOYMENT.object(
        name, "default", spec={"selector": selector, "template": template(), **spec}
    )


async def run_pod(api: RunningApi, name: str, **spec: Any) -> RawObject:
    return await api.client().create(
        POD, POD.object(name, "default", spec=template(**spec)["spec"])
    )


async def test_a_deployment_gets_the_defaults_that_kubectl_shows() -> None:
    async with running_api_server() as api:
        made = await api.client().create(DEPLOYMENT, deployment())
        spec = made["spec"]
        assert spec["replicas"] == 1
        assert spec["strategy"] == {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
        }
        pod = spec["template"]["spec"]
        assert (pod["restartPolicy"], pod["dnsPolicy"]) == ("Always", "ClusterFirst")
        assert pod["containers"][0]["imagePullPolicy"] == "IfNotPresent"
        assert pod["containers"][0]["ports"] == [{"containerPort": 80, "protocol": "TCP"}]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        pytest.param(
            {"selector": {"matchLabels": {"app": "b"}}},
            "spec.template.metadata.labels",
            id="a selector must fit the template",
        ),
        pytest.param({"replicas": -1}, "spec.replicas", id="replicas are not negative"),
        pytest.param(
            {"template": template(restartPolicy="Never")},
            "spec.template.spec.restartPolicy",
            id="pods of a deployment always restart",
        ),
        pytest.param(
            {"template": template(containers=[])},
            "spec.template.spec.containers",
            id="a pod has containers",
        ),
    ],
)
async def test_a_deployment_that_cannot_work_is_refused_at_its_field(
    change: RawObject, field: str
) -> None:
    async with running_api_server() as api:
        with pytest.raises(Invalid) as caught:
            await api.client().create(DEPLOYMENT, deployment(**change))
        assert [cause.field for cause in caught.value.causes] == [field]


async def test_a_field_of_the_wrong_type_is_a_bad_request() -> None:
    async with running_api_server() as api:
        with pytest.raises(BadRequest):
            await api.client().create(DEPLOYMENT, deployment(replicas="3"))
        broken = deployment(template={"spec": {"containers": "none"}})
        with pytest.raises(BadRequest):
            await api.client().create(DEPLOYMENT, broken)


async def test_an_unknown_field_is_pruned_warned_of_or_refused_as_asked() -> None:
    async with running_api_server() as api:
        wanted = deployment(surprise=1)
        strict = WriteOptions(field_validation="Strict")
        with pytest.raises(BadRequest) as caught:
            await api.server.create(PLATFORM, Target(DEPLOYMENT, "default"), wanted, strict)
        assert 'unknown field "spec.surprise"' in caught.value.message
        written = await api.server.create(
            PLATFORM, Target(DEPLOYMENT, "default"), deployment(surprise=1), WriteOptions()
        )
        assert written.warnings == ('unknown field "spec.surprise"',)
        assert "surprise" not in loads(written.object)["spec"]


async def test_a_selector_never_changes() -> None:
    async with running_api_server() as api:
        client = api.client()
        await client.create(DEPLOYMENT, deployment())
        patch = {"spec": {"selector": {"matchLabels": {"app": "b"}}}}
        with pytest.raises(Invalid):
            await client.patch(DEPLOYMENT, "d", "default", patch)


async def test_a_strategic_patch_merges_containers_by_name() -> None:
    async with running_api_server() as api:
        client = api.client()
        await client.create(DEPLOYMENT, deployment())
        containers = [{"name": "web", "image": "app:2"}, {"name": "side", "image": "side:1"}]
        patched = await client.patch(
            DEPLOYMENT,
            "d",
            "default",
            {"spec": {"template": {"spec": {"containers": containers}}}},
            patch_type=PatchType.STRATEGIC,
        )
        found = {c["name"]: c for c in patched["spec"]["template"]["spec"]["containers"]}
        assert found["web"]["image"] == "app:2"
        assert found["web"]["ports"]
        assert set(found) == {"web", "side"}
        assert patched["metadata"]["generation"] == 2


async def test_scale_changes_replicas_and_nothing_else() -> None:
    async with running_api_server() as api:
        client = api.client()
        await client.create(DEPLOYMENT, deployment())
        target = Target(DEPLOYMENT, "default", "d", "scale")
        scale = loads(await api.server.get(PLATFORM, target))
        assert scale["kind"] == "Scale"
        assert scale["status"] == {"replicas": 0, "selector": "app=a"}
        scale["spec"] = {"replicas": 4}
        written = await api.server.update(PLATFORM, target, scale, WriteOptions())
        assert loads(written.object)["spec"] == {"replicas": 4}
        with pytest.raises(Conflict):
            await api.server.update(PLATFORM, target, scale, WriteOptions())
        patched = await api.server.patch(
            PLATFORM, target, {"spec": {"replicas": 2}}, PatchType.MERGE, WriteOptions()
        )
        assert loads(patched.object)["spec"] == {"replicas": 2}
        current = await client.get(DEPLOYMENT, "d", "default")
        assert (current["spec"]["replicas"], current["metadata"]["generation"]) == (2, 3)


async def test_a_job_selects_its_own_pods_and_keeps_its_template() -> None:
    async with running_api_server() as api:
        client = api.client()
        spec = {"template": template(restartPolicy="Never")}
        made = await client.create(JOB, JOB.object("j", "default", spec=spec))
        uid = made["metadata"]["uid"]
        assert made["spec"]["selector"]["matchLabels"] == {
            "batch.kubernetes.io/controller-uid": uid
        }
        assert made["spec"]["template"]["metadata"]["labels"]["job-name"] == "j"
        assert (made["spec"]["backoffLimit"], made["spec"]["completions"]) == (6, 1)
        patch = [{"op": "replace", "path": "/spec/template/metadata/labels/app", "value": "b"}]
        with pytest.raises(Invalid):
            await client.patch(JOB, "j", "default", patch, patch_type=PatchType.JSON)


async def test_a_service_gets_an_address_and_keeps_it() -> None:
    async with running_api_server() as api:
        client = api.client()
        wanted = SERVICE.object("s", "default", spec={"ports": [{"port": 80}]})
        made = await client.create(SERVICE, wanted)
        address = made["spec"]["clusterIP"]
        assert made["spec"]["clusterIPs"] == [address]
        assert made["spec"]["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80}]
        assert (await client.update(SERVICE, wanted))["spec"]["clusterIP"] == address
        taken = SERVICE.object("t", "default", spec={"ports": [{"port": 80}], "clusterIP": address})
        with pytest.raises(Invalid):
            await client.create(SERVICE, taken)
        headless = SERVICE.object("h", "default", spec={"clusterIP": "None"})
        assert (await client.create(SERVICE, headless))["spec"]["clusterIP"] == "None"


async def test_what_is_immutable_stays_as_it_is() -> None:
    async with running_api_server() as api:
        client = api.client()
        fixed = CONFIG_MAP.object("c", "default", data={"k": "1"}, immutable=True)
        await client.create(CONFIG_MAP, fixed)
        with pytest.raises(Invalid):
            await client.patch(CONFIG_MAP, "c", "default", {"data": {"k": "2"}})
        with pytest.raises(Invalid):
            await client.patch(CONFIG_MAP, "c", "default", {"immutable": None})


async def test_a_secret_takes_texts_and_keeps_its_type() -> None:
    async with running_api_server() as api:
        client = api.client()
        made = await client.create(SECRET, SECRET.object("s", "default", stringData={"a": "b"}))
        assert (made["data"], made["type"]) == ({"a": "Yg=="}, "Opaque")
        assert "stringData" not in made
        with pytest.raises(Invalid):
            await client.patch(SECRET, "s", "default", {"type": "other"})
        with pytest.raises(BadRequest) as caught:
            await client.create(SECRET, SECRET.object("t", "default", data={"a": "not base64!"}))
        assert "not base64!" not in caught.value.message


async def test_a_pod_that_runs_ends_gracefully_and_one_that_does_not_ends_at_once() -> None:
    async with running_api_server() as api:
        client = api.client()
        await run_pod(api, "waiting")
        await client.delete(POD, "waiting", "default")
        with pytest.raises(NotFound):
            await client.get(POD, "waiting", "default")
        await run_pod(api, "running", nodeName="n", terminationGracePeriodSeconds=7)
        await client.delete(POD, "running", "default")
        ending = await client.get(POD, "running", "default")
        assert ending["metadata"]["deletionGracePeriodSeconds"] == 7
        await client.delete(POD, "running", "default", grace_period_s=0)
        with pytest.raises(NotFound):
            await client.get(POD, "running", "default")


async def test_a_pod_is_evicted_and_bound_by_subresources() -> None:
    async with running_api_server() as api:
        await run_pod(api, "p")
        target = Target(POD, "default", "p", "binding")
        await api.server.create(PLATFORM, target, {"target": {"name": "n1"}}, WriteOptions())
        assert (await api.client().get(POD, "p", "default"))["spec"]["nodeName"] == "n1"
        eviction = Target(POD, "default", "p", "eviction")
        body = {"deleteOptions": {"gracePeriodSeconds": 0}}
        await api.server.create(PLATFORM, eviction, body, WriteOptions())
        with pytest.raises(NotFound):
            await api.client().get(POD, "p", "default")
        with pytest.raises(MethodNotAllowed):
            unknown = Target(POD, "default", "p", "status")
            await api.server.create(PLATFORM, unknown, {}, WriteOptions())


async def test_names_are_generated_and_distinct() -> None:
    async with running_api_server() as api:
        client = api.client()
        obj = CONFIG_MAP.object("", "default")
        obj["metadata"] = {"generateName": "run-", "namespace": "default"}
        made = [await client.create(CONFIG_MAP, obj) for _ in range(3)]
        names = {one["metadata"]["name"] for one in made}
        assert len(names) == 3
        assert all(name.startswith("run-") for name in names)


async def test_deleting_names_the_object_that_is_meant() -> None:
    async with running_api_server() as api:
        client = api.client()
        await client.create(CONFIG_MAP, CONFIG_MAP.object("c", "default"))
        with pytest.raises(Conflict):
            await client.delete(CONFIG_MAP, "c", "default", uid="another")
        options = DeleteOptions(dry_run=True)
        target = Target(CONFIG_MAP, "default", "c")
        assert (await api.server.delete(PLATFORM, target, options)).finished
        assert await client.get(CONFIG_MAP, "c", "default")


async def test_a_new_namespace_has_its_default_account() -> None:
    async with running_api_server() as api:
        client = api.client()
        await client.create(NAMESPACE, NAMESPACE.object("team"))

        async def it_is_there() -> bool:
            found = await client.list(ACCOUNT, "team")
            return [obj["metadata"]["name"] for obj in found.items] == ["default"]

        await eventually(it_is_there)
