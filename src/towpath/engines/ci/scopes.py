"""The contexts that expressions see, and the variables that steps see. Pure."""

import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from towpath.engines.ci.expressions import Value
from towpath.engines.ci.order import RunOrder

_ARCHITECTURES = {"x86_64": "X64", "amd64": "X64", "aarch64": "ARM64", "arm64": "ARM64"}
RUNNER_NAME = "towpath"


def github_context(order: RunOrder, *, job: str = "", workspace: str = "") -> dict[str, Value]:
    """The `github` context; what differs by step is added by the step."""
    project = order.repository.project
    workflow_ref = f"{order.repository}/{order.workflow.file}@{order.ref}"
    return {
        "actor": order.actor,
        "triggering_actor": order.actor,
        "api_url": f"{order.server_url}/api/v3",
        "base_ref": "",
        "event": dict(order.payload),
        "event_name": order.event,
        "graphql_url": f"{order.server_url}/api/graphql",
        "head_ref": "",
        "job": job,
        "ref": order.ref,
        "ref_name": order.ref_name,
        "ref_protected": False,
        "ref_type": order.ref_type,
        "repository": str(order.repository),
        "repository_owner": project,
        "repositoryUrl": order.clone_url,
        "retention_days": "0",
        "run_id": str(order.run_id),
        "run_number": "1",
        "run_attempt": str(order.attempt),
        "secret_source": "None",
        "server_url": order.server_url,
        "sha": order.commit,
        "token": order.token,
        "workflow": order.workflow.name,
        "workflow_ref": workflow_ref,
        "workflow_sha": order.commit,
        "workspace": workspace,
    }


def runner_context(temp: Path, tool_cache: Path) -> dict[str, Value]:
    return {
        "name": RUNNER_NAME,
        "os": "Linux",
        "arch": architecture(),
        "temp": str(temp),
        "tool_cache": str(tool_cache),
        "environment": "self-hosted",
        "debug": "",
        "workspace": str(temp.parent),
    }


def architecture() -> str:
    return _ARCHITECTURES.get(platform.machine().lower(), platform.machine().upper())


def default_variables(
    github: Mapping[str, Any], runner: Mapping[str, Any], event_path: Path
) -> dict[str, str]:
    """The variables that GitHub's runner sets for every step."""
    plain = {
        "actor",
        "api_url",
        "base_ref",
        "event_name",
        "graphql_url",
        "head_ref",
        "job",
        "ref",
        "ref_name",
        "ref_type",
        "repository",
        "repository_owner",
        "retention_days",
        "run_attempt",
        "run_id",
        "run_number",
        "server_url",
        "sha",
        "triggering_actor",
        "workflow",
        "workflow_ref",
        "workflow_sha",
        "workspace",
    }
    variables = {f"GITHUB_{name.upper()}": str(github[name]) for name in sorted(plain)}
    variables |= {
        f"RUNNER_{name.upper()}": str(runner[name])
        for name in ("name", "os", "arch", "temp", "tool_cache", "environment")
    }
    return {
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_PATH": str(event_path),
        "GITHUB_REF_PROTECTED": "false",
        **variables,
    }
