"""A platform with two tenants, a service each, and people who may see one of them.

alice, bob and carol are members of `demo` (owner, developer, viewer); of `other` only alice is.
"""

import asyncio
import base64
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from tests.platform import Finished, PlatformProcess
from tests.support import eventually

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT
from towpath.capabilities.delivery.pipelines.kinds import PIPELINE_RUN
from towpath.capabilities.delivery.workloads.kinds import RELEASE
from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.client.kubeconfig import Connection, from_kubeconfig
from towpath.client.kubernetes import KubernetesClient
from towpath.machinery.core_kinds import SECRET
from towpath.machinery.objects import RawObject

PLANTED = "planted-password-7f3a9c"
GIT_IDENTITY = ("-c", "user.name=Spy", "-c", "user.email=spy@example.org")


@dataclass(slots=True)
class Estate:
    platform: PlatformProcess
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def portal(self) -> str:
        return f"http://127.0.0.1:{self.platform.port}"

    @property
    def data(self) -> Path:
        return self.platform.data_dir

    @property
    def admin(self) -> str:
        return (self.data / "pki" / "admin.token").read_text()

    def connection(self, token: str, context: str = "platform") -> Connection:
        own = from_kubeconfig(self.platform.kubeconfig, context=context)
        return Connection(server=own.server, token=token, ca_pem=own.ca_pem)

    @asynccontextmanager
    async def client_of(
        self, person: str, context: str = "platform"
    ) -> AsyncIterator[KubernetesClient]:
        connection = self.connection(await self.token(person), context)
        async with KubernetesClient(connection) as client:
            yield client

    async def token(self, person: str) -> str:
        if person not in self.tokens:
            link = await self.link(person)
            async with self.http() as http:
                answer = await http.post("/-/tokens", json={"link": link})
            self.tokens[person] = answer.json()["token"]
        return self.tokens[person]

    async def link(self, person: str) -> str:
        async with self.http(self.admin) as http:
            answer = await http.post("/-/links", json={"user": person})
        link: str = answer.json()["link"]
        return link.partition("link=")[2]

    @asynccontextmanager
    async def http(self, token: str = "") -> AsyncIterator[httpx2.AsyncClient]:
        headers = {"host": f"localhost:{self.platform.port}"}
        if token:
            headers["authorization"] = f"Bearer {token}"
        async with httpx2.AsyncClient(
            base_url=self.portal, headers=headers, timeout=20, trust_env=False, verify=False
        ) as http:
            yield http

    async def towpath_as(self, person: str, *arguments: str, home: Path) -> Finished:
        """The command line of somebody who has signed in with a link."""
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("TOWPATH_", "KUBECONFIG"))},
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / "config"),
            "XDG_DATA_HOME": str(home / "data"),
        }
        platform = PlatformProcess(self.data, self.platform.port)
        link = f"http://localhost:{self.platform.port}/sign-in?link={await self.link(person)}"
        program = Path(sys.executable).with_name("towpath")
        env = [f"{name}={value}" for name, value in environment.items()]
        signed_in = await platform.run("env", "-i", *env, str(program), "login", link)
        assert signed_in.code == 0, signed_in.stderr
        return await platform.run("env", "-i", *env, str(program), *arguments)

    async def git(self, *arguments: str, cwd: Path, token: str = "") -> Finished:
        """Git as somebody with a token, the administrator's if none is given."""
        header = f"http.extraHeader=Authorization: Bearer {token or self.admin}"
        return await self.platform.run(
            "git", "-C", str(cwd), *GIT_IDENTITY, "-c", header, *arguments
        )

    def repository(self, name: str) -> str:
        return f"{self.portal}/git/{name}.git"

    async def push(
        self, repository: str, files: Mapping[str, str], cwd: Path, *, branch: str = "main"
    ) -> str:
        """Clone as the administrator, write the files, push; the new commit."""
        folder = cwd / f"clone-{len(list(cwd.iterdir()))}"
        cloned = await self.git("clone", "-q", self.repository(repository), str(folder), cwd=cwd)
        assert cloned.code == 0, cloned.stderr
        for path, text in files.items():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        for command in (
            ("checkout", "-q", "-B", branch),
            ("add", "-A"),
            ("commit", "-q", "-m", "A change"),
            ("push", "-q", "origin", f"HEAD:{branch}"),
        ):
            done = await self.git(*command, cwd=folder)
            assert done.code == 0, done.stderr
        return (await self.git("rev-parse", "HEAD", cwd=folder)).stdout.strip()

    async def finished_run(self, name: str, project: str = "demo") -> RawObject:
        """The pipeline run, once it has ended."""
        async with self.platform.client() as client:
            found: list[RawObject] = []

            async def ended() -> bool:
                runs = (await client.list(PIPELINE_RUN, project)).items
                found[:] = [run for run in runs if run["metadata"]["name"] == name]
                phase = (found[0].get("status") or {}).get("phase") if found else None
                return phase in ("Succeeded", "Failed", "Cancelled")

            await eventually(ended, deadline_s=40, every_s=0.1)
            return found[0]

    async def log(self, stream: str) -> list[str]:
        async with self.http(self.admin) as http:
            answer = await http.get(f"/api/v1/logs/{stream}")
        assert answer.status_code == 200, answer.text
        return [json.loads(line)["text"] for line in answer.text.splitlines()]

    async def image_of(self, workload: str, project: str) -> str:
        async with self.platform.client() as client:
            releases = (await client.list(RELEASE, project)).items
        images = [one["spec"]["image"] for one in releases if one["spec"]["workload"] == workload]
        image: str = images[0]
        return image

    async def secret(self, name: str, namespace: str) -> dict[str, str]:
        async with self.platform.client() as client:
            found = await client.get(SECRET, name, namespace)
        return {key: base64.b64decode(value).decode() for key, value in found["data"].items()}


async def make_other_project(platform: PlatformProcess) -> None:
    project = PROJECT.object(
        "other", spec={"members": [{"kind": "User", "name": "alice", "role": "owner"}]}
    )
    async with platform.client() as client:
        await client.create(PROJECT, project)

        async def has_namespace() -> bool:
            found = await client.get(PROJECT, "other")
            return bool((found.get("status") or {}).get("namespace"))

        await eventually(has_namespace)
        spec: dict[str, Any] = {"cluster": "local", "mode": "auto", "order": 10}
        await client.create(ENVIRONMENT, ENVIRONMENT.object("staging", "other", spec=spec))
        planted = base64.b64encode(PLANTED.encode()).decode()
        await client.create(SECRET, SECRET.object("planted", "other", data={"password": planted}))


async def make_service(platform: PlatformProcess, name: str, project: str) -> None:
    made = await platform.towpath(
        "new",
        "python-service",
        name,
        "--project",
        project,
        "--set",
        "owner=team-a",
        "--wait",
        timeout_s=110,
    )
    assert made.code == 0, made.stdout + made.stderr


@asynccontextmanager
async def estate_of(platform: PlatformProcess) -> AsyncIterator[Estate]:
    """On a started platform."""
    await make_other_project(platform)
    await asyncio.gather(
        make_service(platform, "order-service", "demo"),
        make_service(platform, "other-service", "other"),
    )
    yield Estate(platform)
