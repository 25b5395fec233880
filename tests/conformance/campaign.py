"""Ask both servers many generated sequences and gather what differs, most frequent first.

    python -m tests.conformance.campaign KUBE.json --seeds 0-500 --kinds Secret,Role --how verbs

KUBE.json says where a kube-apiserver is that may be written to: {"server", "ca", "token"}. Ours
runs in this process. A sequence is compared up to its first difference: what follows may only be
its echo. `--how objects` sends objects with mistakes in them, each of them on its own.
"""

import argparse
import asyncio
import collections
import json
import re
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

import httpx2
from tests.conformance.differences import accepted
from tests.conformance.generated import ABOUT, mutations, sequence
from tests.conformance.sides import DEADLINE_S, Answer, Side, Step, differences
from tests.support import eventually
from tests.wire import wired_api_server

from towpath.client.kubeconfig import Connection

# ruff: noqa: T201 - a script for the terminal
GENERATORS = {"verbs": sequence, "objects": mutations}
Sides = tuple[Side, Side]
Differing = tuple[int, Step, list[str]]
AT_ONCE = 12
DRAWN = "gen"
"""How namespaces of drawn sequences begin."""
POLICIES = "/apis/admissionregistration.k8s.io/v1"
CONTROLLER = "system:serviceaccount:kube-system:root-ca-cert-publisher"
HELD_OFF = (
    (
        "validatingadmissionpolicies",
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": "held-off"},
            "spec": {
                "matchConstraints": {
                    "resourceRules": [
                        {
                            "apiGroups": ["*"],
                            "apiVersions": ["*"],
                            "resources": ["*/*"],
                            "operations": ["CREATE", "UPDATE"],
                        }
                    ]
                },
                "matchConditions": [
                    {
                        "name": "drawn",
                        "expression": f"request.namespace.startsWith('{DRAWN}') && "
                        "request.userInfo.username.matches("
                        "'^system:serviceaccount:kube-system:(daemon|deployment|replica|stateful|"
                        "replication|job|cronjob|endpoint|disruption|horizontal|persistent|"
                        "resourcequota|ttl|pv|node|pod|root-ca)')",
                    }
                ],
                "validations": [{"expression": "false"}],
            },
        },
    ),
    (
        "validatingadmissionpolicybindings",
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": "held-off"},
            "spec": {"policyName": "held-off", "validationActions": ["Deny"]},
        },
    ),
)


def connect(connection: Connection) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        base_url=connection.server,
        verify=connection.tls_context(),
        headers={"authorization": f"Bearer {connection.token}"},
        timeout=30,
    )


async def unexpected(
    sides: Sides, steps: Sequence[Step], *, independent: bool = False
) -> list[Differing]:
    """Ask both; the steps whose answers differ in a way that is not accepted."""
    namespace = f"{DRAWN}{secrets.token_hex(4)}"
    sides = (Side(sides[0].http), Side(sides[1].http))
    kube, ours = await asyncio.gather(*(side.run(steps, namespace) for side in sides))
    compared = [step for step in steps if not step.quiet]
    return list(_differing(compared, kube, ours, independent))


def _differing(
    steps: Sequence[Step], kube: list[Answer], ours: list[Answer], independent: bool
) -> Iterator[Differing]:
    for number, (step, theirs, mine) in enumerate(zip(steps, kube, ours, strict=True)):
        lines = differences(step, theirs, mine)
        if wrong := [line for line in lines if not accepted(step, line, drawn=True)]:
            yield number, step, wrong
        changes = step.method != "GET" and step.query.get("dryRun") != "All"
        if lines and not independent and (changes or theirs.status != mine.status):
            return


def told(title: str, number: int, step: Step, lines: Sequence[str]) -> str:
    """One difference for people: the request, and what each side says."""
    query = "&".join(f"{name}={value}" for name, value in step.query.items())
    types = f"{step.content_type} {step.accept}"
    body = step.body if isinstance(step.body, str) else json.dumps(step.body)
    return "\n".join(
        [
            f"{title} #{number} {step.method} {step.path}?{query} {types}",
            f"  {body[:1500]}",
            *(f"    {line}" for line in lines[:12]),
        ]
    )


def _sort_of(kind: str, step: Step, lines: list[str]) -> str:
    """What differences of one cause have in common."""
    head = next((line for line in lines if line.startswith("message")), lines[0])
    place, _, shown = head.partition(": kubernetes")
    place = re.sub(r"\[\d+\]", "[]", place)
    return f"{kind} {step.method} {place}: {re.sub(r'[0-9]+', 'N', shown)[:60]}"


async def differing_of(
    sides: Sides, drawn: Sequence[tuple[int, str]], how: str
) -> list[tuple[int, str, list[Differing]]]:
    """What differs in each of the sequences of these seeds and kinds, asked many at once."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def ask(seed: int, kind: str) -> tuple[int, str, list[Differing]]:
        steps = GENERATORS[how](Random(f"{seed} {kind}"), kind)
        async with turns:
            try:
                return seed, kind, await unexpected(sides, steps, independent=how == "objects")
            except httpx2.RemoteProtocolError:
                # A kube-apiserver hangs up on some JSON patches; ours would fail a test.
                print(f"{seed} {kind}: hung up", file=sys.stderr)
                return seed, kind, []

    return await asyncio.gather(*(ask(seed, kind) for seed, kind in drawn))


async def hold_controllers(kube: Side) -> None:
    """Nobody but who collects garbage works in namespaces of drawn sequences: what a controller
    writes between two requests is chance."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"{DRAWN}-held"}}
    made = [(f"{POLICIES}/{path}", body) for path, body in HELD_OFF]
    for path, body in (*made, ("/api/v1/namespaces", namespace)):
        answered = await kube.http.post(path, json=body)
        assert answered.status_code in (201, 409), answered.text
    tried = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "tried-"}}

    async def are_held() -> bool:
        refused = await kube.http.post(
            f"/api/v1/namespaces/{DRAWN}-held/configmaps",
            params={"dryRun": "All"},
            json=tried,
            headers={"impersonate-user": CONTROLLER, "impersonate-group": "system:masters"},
        )
        return "held-off" in refused.text

    await eventually(are_held, deadline_s=DEADLINE_S)


async def run(kube: Connection, kinds: list[str], seeds: range, how: str) -> None:
    found: dict[str, list[str]] = collections.defaultdict(list)
    drawn = [(seed, kind) for seed in seeds for kind in kinds]
    started = time.monotonic()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        wired = await stack.enter_async_context(wired_api_server(folder))
        sides = (
            Side(await stack.enter_async_context(connect(kube))),
            Side(await stack.enter_async_context(connect(wired.connection()))),
        )
        await hold_controllers(sides[0])
        for seed, kind, differing in await differing_of(sides, drawn, how):
            for number, step, lines in differing:
                story = told(f"{seed} {kind}", number, step, lines)
                found[_sort_of(kind, step, lines)].append(story)
    for sort, stories in sorted(found.items(), key=lambda item: -len(item[1])):
        print(f"\n=== {len(stories)} x {sort}\n{stories[0]}")
    seconds = time.monotonic() - started
    print(
        f"{len(drawn)} sequences, {len(found)} sorts of difference, "
        f"{sum(map(len, found.values()))} differing answers, {seconds:.0f} s",
        file=sys.stderr,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kube", type=Path)
    parser.add_argument("--seeds", default="0-100")
    parser.add_argument("--kinds", default="")
    parser.add_argument("--how", default="verbs", choices=sorted(GENERATORS))
    arguments = parser.parse_args()
    first, _, last = arguments.seeds.partition("-")
    kinds = arguments.kinds.split(",") if arguments.kinds else sorted(ABOUT)
    known = json.loads(arguments.kube.read_text())
    kube = Connection(server=known["server"], token=known["token"], ca_pem=known["ca"])
    asyncio.run(run(kube, kinds, range(int(first), int(last or first) + 1), arguments.how))


if __name__ == "__main__":
    main()
