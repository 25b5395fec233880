"""Things as somebody makes them who wants our pages to run a script of theirs."""

import json
from pathlib import Path
from typing import Any

from tests.scenarios.portal.world import OWN, OWN_SERVICE, World, who_am_i
from tests.support import eventually

from towpath.capabilities.delivery.environments.kinds import ENVIRONMENT
from towpath.capabilities.delivery.pipelines.kinds import PIPELINE_RUN
from towpath.capabilities.delivery.workloads.kinds import WORKLOAD
from towpath.capabilities.governance.projects.kinds import PROJECT
from towpath.capabilities.portal.templates.kinds import SOFTWARE_TEMPLATE, TEMPLATE_RUN
from towpath.client.protocols import Client
from towpath.machinery.core_kinds import CONFIG_MAP, SECRET

PROJECT_NAME = "hostile"
SERVICE = "hostile-service"
TAGS = "\"'><img src=x onerror=canary()><script>canary()</script><svg/onload=canary()>"
BREAK_OUT = f"</title></textarea></script></style>--></template>{TAGS}"
LINK, DATA_LINK = "javascript:canary()", "data:text/html,<script>opener.canary()</script>"
TURNED = "\u202eexe.\u2066gpj\u2069\u202c\u200f"
TERMINAL = f"\x1b[31m{TAGS}\x1b[0m \x1b]8;;{LINK}\x07here\x1b]8;;\x07 \x1b]0;{TAGS}\x07\r{TAGS}"
SAID = f"{TAGS} {TURNED}"
TEXT = f"{TAGS} {{{{ 7 * 7 }}}} ${{{{ 7 * 7 }}}} {TURNED}"
MARKDOWN = f"""# {TAGS}

{BREAK_OUT}

[link]({LINK}) ![image](x\"onerror=\"canary()) <a href="{LINK}" onclick="canary()">here</a>
<iframe srcdoc="<script>parent.canary()</script>"></iframe> [data]({DATA_LINK})

```html
{TAGS}
```
"""
WORKFLOW = {
    "name": SAID,
    "on": {"push": {"branches": ["main"]}},
    "jobs": {
        "hostile": {
            "name": SAID,
            "runs-on": "ubuntu-latest",
            "outputs": {"out": "${{ steps.say.outputs.out }}"},
            "steps": [
                {"uses": "actions/checkout@v5"},
                {
                    "name": SAID,
                    "id": "say",
                    "run": "cat hostile.txt; cat out.txt >> $GITHUB_OUTPUT",
                },
                {"name": BREAK_OUT, "run": "cat hostile.txt >&2; exit 3"},
            ],
        }
    },
}
ENTITY = {
    "apiVersion": "backstage.io/v1alpha1",
    "kind": "Component",
    "metadata": {
        "name": OWN_SERVICE,
        "namespace": OWN,
        "title": TEXT,
        "description": BREAK_OUT,
        "annotations": {
            "towpath.dev/workload": OWN_SERVICE,
            "example.org/hostile": BREAK_OUT,
            "backstage.io/techdocs-ref": "dir:.",
        },
        "links": [
            {"url": LINK, "title": TEXT},
            {"url": DATA_LINK, "title": "data"},
            {"url": "https://example.org/" + TAGS, "title": TEXT, "icon": TAGS},
        ],
    },
    "spec": {"type": TAGS, "lifecycle": TAGS, "owner": "group:default/team-a", "system": "x"},
}
DEFINITION = {
    "openapi": "3.1.0",
    "info": {"title": TEXT, "version": TAGS, "description": BREAK_OUT},
    "servers": [{"url": LINK, "description": TAGS}],
    "paths": {
        f"/{TAGS}": {
            "get": {
                "summary": TEXT,
                "description": BREAK_OUT,
                "tags": [TAGS],
                "parameters": [{"name": TAGS, "in": TAGS, "description": BREAK_OUT}],
                "responses": {TAGS: {"description": BREAK_OUT}},
            }
        }
    },
    "components": {"schemas": {TAGS: {"type": TAGS, "enum": [TAGS], "example": BREAK_OUT}}},
}
API = {
    "apiVersion": "backstage.io/v1alpha1",
    "kind": "API",
    "metadata": {"name": OWN_SERVICE, "namespace": OWN, "title": TEXT, "description": BREAK_OUT},
    "spec": {
        "type": "openapi",
        "lifecycle": TAGS,
        "owner": "group:default/team-a",
        "definition": json.dumps(DEFINITION),
    },
}
MKDOCS = {"site_name": TEXT, "nav": [{TAGS: "index.md"}, {TAGS: LINK}], "repo_url": LINK}


async def make(world: World, cwd: Path) -> str:
    """All of it; the name of the pipeline run that showed it."""
    async with world.estate.platform.client() as client:
        members = [{"kind": "User", "name": "alice", "role": "owner"}]
        texts = {"displayName": TEXT[:100], "description": BREAK_OUT}
        await client.create(
            PROJECT, PROJECT.object(PROJECT_NAME, spec={"members": members, **texts})
        )

        async def has_namespace() -> bool:
            found = await client.get(PROJECT, PROJECT_NAME)
            return bool((found.get("status") or {}).get("namespace"))

        await eventually(has_namespace, deadline_s=20)
        await _objects(client)
        return await _push(world, client, cwd)


async def _objects(client: Client) -> None:
    stage: dict[str, Any] = {"cluster": "local", "mode": "manual", "order": 10}
    stage["description"] = BREAK_OUT
    await client.create(ENVIRONMENT, ENVIRONMENT.object("staging", PROJECT_NAME, spec=stage))
    spec = {"repository": SERVICE, "environments": ["staging"], "owner": TAGS[:60]}
    workload = WORKLOAD.object(SERVICE, PROJECT_NAME, spec={**spec, "description": BREAK_OUT})
    workload["metadata"]["annotations"] = {"example.org/hostile": BREAK_OUT}
    await client.create(WORKLOAD, workload)
    data = {"hostile": MARKDOWN, "terminal": TERMINAL.replace("\x1b", "")}
    await client.create(CONFIG_MAP, CONFIG_MAP.object("hostile", PROJECT_NAME, data=data))
    secret = SECRET.object("hostile", PROJECT_NAME)
    secret["stringData"] = {"hostile": TEXT}
    await client.create(SECRET, secret)
    template = SOFTWARE_TEMPLATE.object("hostile", PROJECT_NAME, spec={"descriptor": DESCRIPTOR})
    await client.create(SOFTWARE_TEMPLATE, template)
    run = {
        "template": {"name": "hostile", "namespace": PROJECT_NAME},
        "parameters": {"name": TEXT, "link": LINK, "choice": TAGS},
    }
    me = {"requestedBy": await who_am_i(client)}
    await client.create(
        TEMPLATE_RUN, TEMPLATE_RUN.object("hostile-run", PROJECT_NAME, spec={**run, **me})
    )


DESCRIPTOR = {
    "apiVersion": "scaffolder.backstage.io/v1beta3",
    "kind": "Template",
    "metadata": {"name": "hostile", "title": TEXT, "description": BREAK_OUT, "tags": ["x"]},
    "spec": {
        "owner": TAGS,
        "type": TAGS,
        "parameters": [
            {
                "title": TEXT,
                "description": BREAK_OUT,
                "properties": {
                    "name": {"title": TEXT, "type": "string", "description": BREAK_OUT},
                    "link": {"type": "string", "default": LINK, "ui:placeholder": TAGS},
                    "choice": {"type": "string", "enum": [TAGS, LINK], "enumNames": [TEXT, LINK]},
                    "wide": {"type": "string", "pattern": TAGS, "ui:widget": "textarea"},
                },
            }
        ],
        "steps": [
            {
                "id": "say",
                "name": SAID,
                "action": "debug:log",
                "input": {"message": "${{ parameters.name }}"},
            }
        ],
        "output": {
            "links": [
                {"title": SAID, "url": "${{ parameters.link }}"},
                {"title": SAID, "url": DATA_LINK},
                {"title": SAID, "entityRef": f"component:default/{TAGS}"},
            ],
            "text": [{"title": SAID, "content": MARKDOWN}],
        },
    },
}


async def _push(world: World, client: Client, cwd: Path) -> str:
    """A commit that says it in its message, its files' names and contents, and its log."""
    estate, folder = world.estate, cwd / "clone"
    cloned = await estate.git(
        "clone", "-q", estate.repository(f"{OWN}/{OWN_SERVICE}"), str(folder), cwd=cwd
    )
    assert cloned.code == 0, cloned.stderr
    files = {
        ".github/workflows/ci.yaml": json.dumps(WORKFLOW),
        "catalog-info.yaml": f"{json.dumps(ENTITY)}\n---\n{json.dumps(API)}\n",
        "mkdocs.yml": json.dumps(MKDOCS),
        "docs/index.md": MARKDOWN,
        "hostile.txt": f"{TERMINAL}\n{TEXT}\n{BREAK_OUT}\n::error::{TAGS}\n",
        "out.txt": f"out={TAGS}\n",
        "<img src=x onerror=canary()>.txt": TEXT,
    }
    for path, text in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    identity = ("-c", f"user.name={TAGS}", "-c", "user.email=<canary@example.org")
    for command in (
        ("add", "-A"),
        (*identity, "commit", "-q", "-m", f"{TEXT}\n\n{BREAK_OUT}"),
        ("push", "-q", "origin", "HEAD:main"),
    ):
        done = await estate.git(*command, cwd=folder)
        assert done.code == 0, done.stderr
    commit = (await estate.git("rev-parse", "HEAD", cwd=folder)).stdout.strip()
    name = f"{OWN_SERVICE}-ci-{commit[:10]}"

    async def failed() -> bool:
        runs = (await client.list(PIPELINE_RUN, OWN)).items
        found = [run for run in runs if run["metadata"]["name"] == name]
        return bool(found) and (found[0].get("status") or {}).get("phase") == "Failed"

    await eventually(failed, deadline_s=40, every_s=0.1)
    return name
