"""Mounted files: a ConfigMap for plain text, the template of an ExternalSecret for the rest."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from towpath.capabilities.delivery.promotions.render.environment import Resolve
from towpath.capabilities.delivery.promotions.render.inputs import RenderInput
from towpath.capabilities.delivery.promotions.render.resources import Provisioned, SecretOutput
from towpath.capabilities.delivery.promotions.score import Problem, ScoreError
from towpath.capabilities.delivery.promotions.score.parse import FileMount
from towpath.capabilities.delivery.promotions.score.substitution import parse_template
from towpath.machinery.objects import RawObject


@dataclass(slots=True)
class MountedFiles:
    """What the files of all containers come to. `content` is what a pod's hash covers."""

    texts: dict[str, str] = field(default_factory=dict)
    binaries: dict[str, str] = field(default_factory=dict)
    templates: dict[str, str] = field(default_factory=dict)
    secrets: set[SecretOutput] = field(default_factory=set)
    mounts: dict[str, list[RawObject]] = field(default_factory=dict)
    volumes: list[RawObject] = field(default_factory=list)

    @property
    def content(self) -> str:
        parts = [self.texts, self.binaries, self.templates]
        return "" if not any(parts) else repr([sorted(part.items()) for part in parts])


def files_name(workload: str) -> str:
    """The ConfigMap, and the Secret, that hold a workload's files."""
    return f"{workload}-files"


def mounted_files(given: RenderInput, resolve: Resolve) -> MountedFiles:
    found = MountedFiles()
    for container in given.score.containers:
        for index, file in enumerate(container.files):
            path = f"containers.{container.name}.files.{file.target}"
            key = f"{container.name}-{index}"
            volume = _add(found, file, key, path, resolve)
            mount = {"name": volume, "mountPath": file.target, "subPath": key, "readOnly": True}
            found.mounts.setdefault(container.name, []).append(mount)
    found.volumes = _volumes(given, found)
    return found


def _add(found: MountedFiles, file: FileMount, key: str, path: str, resolve: Resolve) -> str:
    """Sort one file to where it belongs; returns the name of the volume that carries it."""
    if file.mode:
        raise ScoreError([Problem(f"{path}.mode", "is not implemented; leave it out")])
    if file.source is not None:
        raise ScoreError(
            [Problem(f"{path}.source", "is not implemented; give the text as content")]
        )
    if file.binary_content is not None:
        found.binaries[key] = file.binary_content
        return "files"
    assert file.content is not None, "the schema asks for one of three contents"
    if not file.expand:
        found.texts[key] = file.content
        return "files"
    text, secrets = _template(file.content, path, resolve)
    if not secrets:
        found.texts[key] = text
        return "files"
    found.templates[key] = text
    found.secrets |= secrets
    return "secret-files"


def _template(content: str, path: str, resolve: Resolve) -> tuple[str, set[SecretOutput]]:
    """The plain text, or a Go template when a secret is in it, then with its braces escaped."""
    outputs = [
        piece if isinstance(piece, str) else resolve(piece, path)
        for piece in parse_template(content)
    ]
    secrets = {output for output in outputs if isinstance(output, SecretOutput)}
    if not secrets:
        return "".join(output for output in outputs if isinstance(output, str)), secrets
    return "".join(
        f"{{{{ .{secret_field(output)} }}}}"
        if isinstance(output, SecretOutput)
        else output.replace("{{", '{{ "{{" }}')
        for output in outputs
    ), secrets


def secret_field(output: SecretOutput) -> str:
    return re.sub(r"[^a-z0-9]", "_", f"{output.resource}_{output.key}".lower())


def _volumes(given: RenderInput, found: MountedFiles) -> list[RawObject]:
    name = files_name(given.workload)
    volumes: list[RawObject] = []
    if found.texts or found.binaries:
        volumes.append({"name": "files", "configMap": {"name": name}})
    if found.templates:
        volumes.append({"name": "secret-files", "secret": {"secretName": name}})
    return volumes


def file_objects(
    given: RenderInput, found: MountedFiles, provisioned: Mapping[str, Provisioned], store: str
) -> dict[str, RawObject]:
    """The manifests behind the volumes, by file name."""
    objects: dict[str, RawObject] = {}
    metadata = {"name": files_name(given.workload), "labels": given.labels}
    if found.texts or found.binaries:
        config: RawObject = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": dict(metadata)}
        if found.texts:
            config["data"] = dict(sorted(found.texts.items()))
        if found.binaries:
            config["binaryData"] = dict(sorted(found.binaries.items()))
        objects["configmap.yaml"] = config
    if found.templates:
        outputs = sorted(found.secrets, key=lambda output: (output.resource, output.key))
        objects["external-secret-files.yaml"] = {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "metadata": dict(metadata),
            "spec": {
                "refreshInterval": "1h",
                "secretStoreRef": {"kind": "SecretStore", "name": store},
                "target": {
                    "name": files_name(given.workload),
                    "creationPolicy": "Owner",
                    "template": {
                        "engineVersion": "v2",
                        "data": dict(sorted(found.templates.items())),
                    },
                },
                "data": [
                    {
                        "secretKey": secret_field(output),
                        "remoteRef": {
                            "key": provisioned[output.resource].connection,
                            "property": output.key,
                        },
                    }
                    for output in outputs
                ],
            },
        }
    return objects
