"""From a PipelineRun to what the engine is told: workflow, event, secrets, token, variables."""

import asyncio
import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from towpath.capabilities.delivery.pipelines.kinds import log_stream
from towpath.engines.ci.engine import load_workflow
from towpath.engines.ci.expressions import ExpressionError, Scope, is_truthy, render, render_text
from towpath.engines.ci.order import NO_COMMIT, RunOrder
from towpath.engines.ci.scopes import github_context
from towpath.engines.ci.workflow.model import DispatchTrigger, Workflow
from towpath.engines.git.port import Commit, PathNotFound, RepositoryName
from towpath.hooks.platform import Platform
from towpath.machinery.conditions import timestamp
from towpath.machinery.core_kinds import CONFIG_MAP, SECRET
from towpath.machinery.errors import NotFound
from towpath.machinery.objects import CommitSHA, RawObject, uid_of

ACCOUNT = "pipeline"
"""The service account whose rights steps have; the projects capability makes it."""
SECRETS = "pipeline-secrets"
"""A Secret in the project: its keys are the `secrets` context."""
VARIABLES = "pipeline-variables"
"""A ConfigMap in the project: its keys are the `vars` context."""

TOKEN_TTL_S = 6 * 3600


class OrderInvalid(Exception):
    """The run can never be started; `str()` is one sentence for the user."""


@dataclass(frozen=True, slots=True)
class Group:
    """A run's `concurrency`, computed."""

    name: str
    cancels_others: bool


@dataclass(frozen=True, slots=True)
class Orders:
    platform: Platform

    async def workflow(self, run: RawObject) -> Workflow:
        """Raises OrderInvalid, WorkflowInvalid, and what the Git host raises."""
        spec = run["spec"]
        folder, _, name = spec["workflow"].rpartition("/")
        repository = RepositoryName(run["metadata"]["namespace"], spec["repository"])
        try:
            files = await self.platform.git.files(repository, CommitSHA(spec["commit"]), folder)
        except PathNotFound as error:
            raise OrderInvalid(f"{spec['workflow']} is not in the commit: {error}") from error
        if name not in files:
            raise OrderInvalid(f"{spec['workflow']} is not in commit {spec['commit'][:10]}")
        text = files[name].content.decode("utf-8", "replace")
        workflow = await asyncio.to_thread(load_workflow, spec["workflow"], text)
        if spec["event"] not in workflow.triggers:
            known = ", ".join(workflow.triggers)
            raise OrderInvalid(f"{spec['workflow']} is not for {spec['event']}; it is for {known}")
        return workflow

    async def order(self, run: RawObject, workflow: Workflow) -> RunOrder:
        """Raises OrderInvalid; NotFound while the project has no service account."""
        metadata, spec = run["metadata"], run["spec"]
        repository = RepositoryName(metadata["namespace"], spec["repository"])
        commit = await self.platform.git.commit(repository, CommitSHA(spec["commit"]))
        token = await self.platform.service_account_token(
            repository.project, ACCOUNT, ttl_s=TOKEN_TTL_S
        )
        inputs = _inputs(workflow, spec)
        return RunOrder(
            uid=uid_of(run),
            name=metadata["name"],
            repository=repository,
            ref=spec["ref"],
            commit=CommitSHA(spec["commit"]),
            workflow=workflow,
            event=spec["event"],
            actor=spec["actor"],
            log_stream=lambda job, step: log_stream(
                repository.project, metadata["name"], job, step
            ),
            payload=self._payload(repository, spec, commit, inputs),
            attempt=spec["attempt"],
            inputs=inputs,
            variables=await self._variables(repository.project),
            secrets=await self._secrets(repository.project),
            token=token,
            environment=self._environment(repository, metadata["name"], token),
            readable=(self.platform.ca_file,),
            server_url=self.platform.addresses.portal("").rstrip("/"),
            clone_url=self.platform.git.clone_url(repository),
        )

    def _environment(self, repository: RepositoryName, run: str, token: str) -> dict[str, str]:
        return {
            "TOWPATH_SERVER": self.platform.addresses.api(),
            "TOWPATH_CA_FILE": str(self.platform.ca_file),
            "TOWPATH_TOKEN": token,
            "TOWPATH_PROJECT": repository.project,
            "TOWPATH_WORKLOAD": repository.name,
            "TOWPATH_RUN": run,
            "TOWPATH_REGISTRY": self.platform.addresses.registry(),
        }

    async def _secrets(self, project: str) -> dict[str, str]:
        try:
            found = await self.platform.api.get(SECRET, SECRETS, project)
        except NotFound:
            return {}
        try:
            return {
                name: base64.b64decode(value).decode()
                for name, value in (found.get("data") or {}).items()
            }
        except (binascii.Error, UnicodeDecodeError) as error:
            raise OrderInvalid(f"the Secret {SECRETS} holds a value that is no text") from error

    async def _variables(self, project: str) -> dict[str, str]:
        try:
            found = await self.platform.api.get(CONFIG_MAP, VARIABLES, project)
        except NotFound:
            return {}
        return dict(found.get("data") or {})

    def _payload(
        self,
        repository: RepositoryName,
        spec: RawObject,
        commit: Commit,
        inputs: Mapping[str, Any],
    ) -> RawObject:
        """The `github.event` context, in GitHub's words."""
        url = self.platform.git.clone_url(repository)
        about: RawObject = {
            "repository": {
                "name": repository.name,
                "full_name": str(repository),
                "owner": {"login": repository.project, "name": repository.project},
                "default_branch": "main",
                "clone_url": url,
            },
            "sender": {"login": spec["actor"]},
            "ref": spec["ref"],
        }
        if spec["event"] == "workflow_dispatch":
            return {**about, "inputs": dict(inputs), "workflow": spec["workflow"]}
        author = {"name": commit.author.name, "email": commit.author.email}
        head = {
            "id": commit.sha,
            "message": commit.message,
            "timestamp": timestamp(datetime.fromtimestamp(commit.time_s, UTC)),
            "author": author,
            "committer": author,
        }
        return {
            **about,
            "before": spec["before"] or NO_COMMIT,
            "after": spec["commit"],
            "created": not spec["before"],
            "deleted": False,
            "pusher": {"name": spec["actor"], "email": commit.author.email},
            "head_commit": head,
            "commits": [head],
        }


def _inputs(workflow: Workflow, spec: RawObject) -> dict[str, Any]:
    """The inputs of a dispatch, with defaults and their types. Raises OrderInvalid."""
    trigger = workflow.triggers.get("workflow_dispatch")
    if spec["event"] != "workflow_dispatch" or not isinstance(trigger, DispatchTrigger):
        return {}
    given: dict[str, str] = spec["inputs"]
    for name in given:
        if name not in trigger.inputs:
            raise OrderInvalid(f"{workflow.file} has no input `{name}`")
    values: dict[str, Any] = {}
    for name, declared in trigger.inputs.items():
        value: Any = given.get(name, declared.default)
        if declared.required and value in (None, ""):
            raise OrderInvalid(f"the input `{name}` of {workflow.file} is required")
        if declared.type == "boolean":
            value = value is True or str(value).lower() == "true"
        elif declared.type == "choice" and value is not None and value not in declared.options:
            choices = ", ".join(declared.options)
            raise OrderInvalid(f"the input `{name}` is one of {choices}, not `{value}`")
        values[name] = "" if value is None else value
    return values


def group_of(order: RunOrder) -> Group | None:
    """Raises OrderInvalid."""
    concurrency = order.workflow.concurrency
    if concurrency is None:
        return None
    scope = _scope(order)
    try:
        name = render_text(concurrency.group, scope)
        return Group(name, is_truthy(render(concurrency.cancel_in_progress, scope)))
    except ExpressionError as error:
        raise OrderInvalid(f"concurrency: {error}") from error


def title_of(order: RunOrder, commit_title: str) -> str:
    """The workflow's `run-name`, else the first line of the commit's message."""
    if not order.workflow.run_name:
        return commit_title
    try:
        return render_text(order.workflow.run_name, _scope(order))
    except ExpressionError:
        return commit_title


def _scope(order: RunOrder) -> Scope:
    return Scope(
        {
            "github": github_context(order),
            "inputs": dict(order.inputs),
            "vars": dict(order.variables),
        }
    )
