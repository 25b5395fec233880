"""The living style guide: every component once, with what it looks like when things go wrong."""

from typing import Any

from towpath.hooks.blocks import Code, Facts, Link, Moment, Named, State, Table, Text
from towpath.hooks.pages import Page, PageRoute, Visit
from towpath.hooks.showing import show_object
from towpath.machinery.core_kinds import CONFIG_MAP
from towpath.records.contract import LogLine
from towpath.web import icons

_BEGIN_S = 1_790_000_000.0

STATES = (
    "Healthy",
    "Progressing",
    "Degraded",
    "Failed",
    "Paused",
    "Unknown",
    "Synced",
    "OutOfSync",
    "WaitingForApproval",
)

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["name", "size"],
    "properties": {
        "name": {
            "type": "string",
            "title": "Name",
            "description": "Lower case letters, digits and dashes.",
            "pattern": "[a-z][a-z0-9-]*",
            "maxLength": 40,
        },
        "size": {
            "type": "string",
            "title": "Size",
            "enum": ["small", "medium", "large"],
            "enumNames": ["Small", "Medium", "Large"],
            "default": "small",
        },
        "replicas": {"type": "integer", "title": "Replicas", "minimum": 1, "maximum": 9},
        "public": {
            "type": "boolean",
            "title": "Reachable from outside",
            "description": "Everybody who knows the address can call it.",
        },
        "reason": {"type": "string", "title": "Reason", "ui:widget": "textarea"},
    },
}

LINES = [
    LogLine(1, _BEGIN_S, "Collecting the parts"),
    LogLine(2, _BEGIN_S + 1, "\x1b[32mok\x1b[0m  12 tests passed in 0.84 s"),
    LogLine(3, _BEGIN_S + 2, "<script>alert('a log line is text')</script>"),
    LogLine(4, _BEGIN_S + 3, "A long line goes on below itself: " + "abcdefghi " * 24),
]

STEPS = [
    {"name": "Fetch the skeleton", "phase": "Succeeded", "started": _BEGIN_S, "finished": _BEGIN_S},
    {
        "name": "Publish the repository",
        "phase": "Failed",
        "started": _BEGIN_S,
        "finished": _BEGIN_S + 73,
        "message": "demo/shop exists already and belongs to another workload. Choose another name.",
    },
    {"name": "Register in the catalogue", "phase": "Skipped"},
]

ENVIRONMENTS = [
    {
        "name": "staging",
        "health": "Healthy",
        "sync": "Synced",
        "release": "shop-1f0c2a9b",
        "commit": "1f0c2a9b77aa",
        "author": "alice",
        "when": _BEGIN_S,
        "url": "http://shop.staging.demo.localhost:8080",
    },
    {
        "name": "production",
        "health": "Degraded",
        "sync": "OutOfSync",
        "release": "shop-77b1e0d2",
        "commit": "77b1e0d2c001",
        "author": "bob",
        "when": _BEGIN_S,
        "url": "http://shop.production.demo.localhost:8080",
        "note": "2 releases behind staging",
    },
    {"name": "trials-with-a-remarkably-long-name", "release": ""},
]

TREE = [
    {
        "kind": "Deployment",
        "name": "shop",
        "status": "Healthy",
        "children": [
            {
                "kind": "ReplicaSet",
                "name": "shop-6d4f",
                "status": "Healthy",
                "children": [
                    {"kind": "Pod", "name": "shop-6d4f-x2k", "status": "Ready", "children": []},
                    {
                        "kind": "Pod",
                        "name": "shop-6d4f-9qq",
                        "status": "CrashLoopBackOff",
                        "detail": "exit code 1, 4 restarts",
                        "children": [],
                    },
                ],
            }
        ],
    },
    {"kind": "Service", "name": "shop", "status": "", "children": []},
]

DIFF = """--- production/shop.yaml
+++ production/shop.yaml
@@ -4,5 +4,5 @@
 spec:
-  replicas: 1
+  replicas: 3
   template:
"""

YAML = """apiVersion: towpath.dev/v1alpha1
kind: Workload
metadata:
  name: shop
spec:
  repository: shop # what is built
  replicas: 3
  environments: [staging, production]
  description: |
    Sells what there is,
    and remembers who bought it.
"""

COLOURS = (
    "ground",
    "raised",
    "sunken",
    "line",
    "edge",
    "quiet",
    "text",
    "accent",
    "good",
    "busy",
    "warn",
    "bad",
    "still",
)

COLUMNS = [("health", "Health"), ("owner", "Owner"), ("cost", "Cost"), ("changed", "Changed")]

WEEK = [
    {"name": "Requests a second", "days": [1204, 1190, 1260, 1244, 1310, 640, 588]},
    {"name": "Slowest of a hundred in ms", "days": [84, 81, 90, 88, 102, 61, 60]},
]

ROWS = [
    {"name": "shop", "health": "Healthy", "owner": "team-a", "cost": 12.4, "when": _BEGIN_S},
    {
        "name": "Donaudampfschifffahrtsgesellschaftskapitaen-service",
        "health": "Failed",
        "owner": "",
        "cost": 1250.0,
        "when": _BEGIN_S,
    },
    {"name": "خدمة-الطلبات", "health": "Unknown", "owner": "team-b", "cost": 0.3, "when": _BEGIN_S},
]

TONES = ("good", "busy", "warn", "bad", "still", "")


BLOCKS = (
    Text("What a plug-in's tab is made of.", tone="warn"),
    Facts({"On call": "alice", "Since": Moment(_BEGIN_S), "Pager": Link("the rota", "/about")}),
    Table(
        ("Service", "State", "Calls"),
        [
            (Named("shop", "<b>a name is text</b>"), State("Healthy"), 3),
            (Named("pay"), State("Failed"), None),
        ],
        title="At night",
    ),
    Code("towpath on-call who 7", title="In a terminal"),
)


async def show(visit: Visit) -> Page:
    data = {
        "states": STATES,
        "tones": TONES,
        "icons": icons.NAMES,
        "schema": SCHEMA,
        "lines": LINES,
        "steps": STEPS,
        "environments": ENVIRONMENTS,
        "tree": TREE,
        "blocks": BLOCKS,
        "diff": DIFF,
        "shown_object": show_object(
            CONFIG_MAP, CONFIG_MAP.object("shop", "demo", data={"size": "small"})
        ),
        "rows": [{**row, "id": number} for number, row in enumerate(ROWS)],
        "week": WEEK,
        "yaml": YAML,
        "colours": COLOURS,
        "columns": COLUMNS,
        "shown": _shown(visit.parameters.get("columns")),
        "sort": visit.parameters.get("sort", "name"),
        "begin_s": _BEGIN_S,
    }
    return Page("web/styleguide.html", data)


def _shown(asked: str | None) -> list[str]:
    """The columns that the address names; all where it names none."""
    keys = [key for key, _ in COLUMNS]
    return keys if asked is None else [key for key in keys if key in asked.split(".")]


async def submit(visit: Visit) -> Page:
    """The guide's form goes nowhere: it comes back with an error, to show one."""
    page = await show(visit)
    return Page(page.template, {**page.data, "values": visit.form}, status=422)


PAGES = (PageRoute("/_/styleguide", show, "Style guide", submit=submit, section="/about"),)
