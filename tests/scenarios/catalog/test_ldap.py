"""People and groups of a real OpenLDAP: pages, nested groups, TLS, and what an error never does."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.engines.slapd import PASSWORD, ROOT, SUFFIX, Slapd, needs_slapd, running_slapd
from tests.scenarios.catalog.test_sources import condition, make
from tests.scenarios.catalog.world import World

from towpath.capabilities.portal.catalog.kinds import CATALOG_SOURCE, REFRESH_ANNOTATION
from towpath.hooks.outbound import ALLOWED
from towpath.hooks.platform import SYSTEM_NAMESPACE
from towpath.machinery.core_kinds import CONFIG_MAP, NAMESPACE, SECRET

pytestmark = needs_slapd

PEOPLE, GROUPS = f"ou=people,{SUFFIX}", f"ou=groups,{SUFFIX}"
ORGANISATION = f"""
dn: {PEOPLE}
objectClass: organizationalUnit
ou: people

dn: {GROUPS}
objectClass: organizationalUnit
ou: groups
"""
TEAMS = f"""
dn: cn=payments,{GROUPS}
objectClass: groupOfNames
cn: payments
description: Takes the money
member: UID=person-1, {PEOPLE}
member: uid=person-2,{PEOPLE}
member: uid=nobody,{PEOPLE}

dn: cn=engineering,{GROUPS}
objectClass: groupOfNames
cn: engineering
member: cn=payments,{GROUPS}

dn: cn=old-school,{GROUPS}
objectClass: posixGroup
cn: old-school
gidNumber: 5
memberUid: person-3
"""


def person(number: int) -> str:
    return (
        f"dn: uid=person-{number},{PEOPLE}\nobjectClass: inetOrgPerson\nuid: person-{number}\n"
        f"cn: Person {number}\nsn: {number}\nmail: p{number}@example.org\n"
        f"employeeType: {'true' if number == 9 else 'false'}"
    )


@pytest.fixture
async def slapd(tmp_path: Path, world: World) -> AsyncIterator[Slapd]:
    async with running_slapd(tmp_path / "slapd") as running:
        await running.change(ORGANISATION)
        await running.change("\n\n".join(person(number) for number in range(13)))
        await running.change(TEAMS)
        api = world.platform.api
        await api.create(NAMESPACE, NAMESPACE.object(SYSTEM_NAMESPACE))
        ports = (running.port, running.tls_port)
        hosts = "\n".join(f"{host}:{port}" for host in ("localhost", "127.0.0.1") for port in ports)
        allow = CONFIG_MAP.object(ALLOWED, SYSTEM_NAMESPACE, data={"allow": hosts})
        await api.create(CONFIG_MAP, allow)
        yield running


def asked(url: str, **more: Any) -> dict[str, Any]:
    return {
        "url": url,
        "pageSize": 2,
        "users": {"base": PEOPLE, "disabled": "employeeType"},
        "groups": {"base": GROUPS},
        **more,
    }


async def secret(world: World, **data: str) -> None:
    encoded = {name: base64.b64encode(text.encode()).decode() for name, text in data.items()}
    made = SECRET.object("ldap", SYSTEM_NAMESPACE, data=encoded)
    made["metadata"]["annotations"] = {"towpath.dev/hosts": "localhost"}
    await world.platform.api.create(SECRET, made)


async def refresh(world: World, token: str) -> None:
    patch = {"metadata": {"annotations": {REFRESH_ANNOTATION: token}}}
    await world.platform.api.patch(CATALOG_SOURCE, "people", SYSTEM_NAMESPACE, patch)


async def test_people_and_nested_groups_come_page_by_page(world: World, slapd: Slapd) -> None:
    await make(
        world,
        "people",
        SYSTEM_NAMESPACE,
        type="ldap",
        ldap=asked(f"ldap://localhost:{slapd.port}"),
    )
    async with world.running():
        message = await condition(world, "people", "Ready", "Ready", SYSTEM_NAMESPACE)
        first = await world.entity("user:default/person-1")
        team = await world.entity("group:default/payments")
        above = await world.entity("group:default/engineering")
        # Who is disabled there is here no more; everybody else is, whatever the server's limit.
        assert await world.entity("user:default/person-9") is None
    assert message.startswith("14 entities")
    assert first is not None and team is not None and above is not None
    assert first["spec"]["profile"] == {"displayName": "Person 1", "email": "p1@example.org"}
    assert first["spec"]["memberOf"] == ["payments"]
    assert team["spec"]["parent"] == "engineering"
    assert above["spec"]["children"] == ["payments"]


async def test_groups_may_name_their_members(world: World, slapd: Slapd) -> None:
    groups = {"base": GROUPS, "filter": "(objectClass=posixGroup)", "members": "memberUid"}
    spec = asked(f"ldap://localhost:{slapd.port}", groups=groups)
    await make(world, "people", SYSTEM_NAMESPACE, type="ldap", ldap=spec)
    async with world.running():
        await condition(world, "people", "Ready", "Ready", SYSTEM_NAMESPACE)
        found = await world.entity("user:default/person-3")
    assert found is not None
    assert found["spec"]["memberOf"] == ["old-school"]


@pytest.mark.parametrize("start_tls", (False, True), ids=["ldaps", "startTLS"])
async def test_a_password_goes_over_tls_to_a_host_that_proves_itself(
    world: World, slapd: Slapd, start_tls: bool
) -> None:
    await secret(world, username=ROOT, password=PASSWORD, **{"ca.crt": slapd.authority})
    url = f"ldap://localhost:{slapd.port}" if start_tls else f"ldaps://localhost:{slapd.tls_port}"
    spec = asked(url, startTLS=start_tls, secret="ldap")
    await make(world, "people", SYSTEM_NAMESPACE, type="ldap", ldap=spec)
    async with world.running():
        await condition(world, "people", "Ready", "Ready", SYSTEM_NAMESPACE)


async def test_a_host_that_does_not_prove_itself_is_told_nothing(
    world: World, slapd: Slapd
) -> None:
    await secret(world, username=ROOT, password=PASSWORD)
    spec = asked(f"ldaps://localhost:{slapd.tls_port}", secret="ldap")
    await make(world, "people", SYSTEM_NAMESPACE, type="ldap", ldap=spec)
    async with world.running():
        message = await condition(world, "people", "Ready", "Unreadable", SYSTEM_NAMESPACE)
    assert PASSWORD not in message


REFUSED: dict[str, dict[str, Any]] = {
    "in the clear": {"url": "ldap://localhost"},
    "another host than the secret's": {"url": "ldaps://127.0.0.1"},
    "a closed host that nobody has allowed": {"url": "ldaps://localhost:1"},
}


@pytest.mark.parametrize("spec", REFUSED.values(), ids=REFUSED.keys())
async def test_a_password_goes_nowhere_else(
    world: World, slapd: Slapd, spec: dict[str, Any]
) -> None:
    await secret(world, username=ROOT, password=PASSWORD, **{"ca.crt": slapd.authority})
    ldap = asked(spec["url"], secret="ldap")
    await make(world, "people", SYSTEM_NAMESPACE, type="ldap", ldap=ldap)
    async with world.running():
        await condition(world, "people", "Ready", "NotAllowed", SYSTEM_NAMESPACE)


BROKEN: dict[str, dict[str, Any]] = {
    "a base that is not there": {"users": {"base": f"ou=elsewhere,{SUFFIX}"}},
    "a filter that is none": {"users": {"base": PEOPLE, "filter": "((("}},
    "more than the server tells": {"pageSize": 1000},
}


@pytest.mark.parametrize("spec", BROKEN.values(), ids=BROKEN.keys())
async def test_nobody_is_lost_by_an_error(world: World, slapd: Slapd, spec: dict[str, Any]) -> None:
    url = f"ldap://localhost:{slapd.port}"
    await make(world, "people", SYSTEM_NAMESPACE, type="ldap", ldap=asked(url))
    async with world.running():
        await condition(world, "people", "Ready", "Ready", SYSTEM_NAMESPACE)
        patch = {"spec": {"ldap": spec}}
        await world.platform.api.patch(CATALOG_SOURCE, "people", SYSTEM_NAMESPACE, patch)
        await condition(world, "people", "Ready", "Unreadable", SYSTEM_NAMESPACE)
        assert await world.entity("user:default/person-1")
        assert await world.entity("group:default/payments")


async def test_who_goes_there_has_left_and_many_at_once_are_held_back(
    world: World, slapd: Slapd
) -> None:
    url = f"ldap://localhost:{slapd.port}"
    await make(world, "people", SYSTEM_NAMESPACE, type="ldap", ldap=asked(url))
    async with world.running():
        await condition(world, "people", "Ready", "Ready", SYSTEM_NAMESPACE)
        await slapd.change(f"dn: uid=person-0,{PEOPLE}\nchangetype: delete")
        await refresh(world, "1")
        await world.becomes("user:default/person-0", lambda one: one is None)
        gone = (f"dn: uid=person-{n},{PEOPLE}\nchangetype: delete" for n in range(1, 9))
        await slapd.change("\n\n".join(gone))
        await refresh(world, "2")
        await condition(world, "people", "Quarantined", "LossTooGreat", SYSTEM_NAMESPACE)
        assert await world.entity("user:default/person-1")
