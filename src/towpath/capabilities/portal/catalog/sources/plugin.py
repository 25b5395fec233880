"""Entities that a plug-in finds, asked for in a process of its own."""

from collections.abc import Sequence
from typing import Any

import jsonschema_rs

from towpath.capabilities.portal.catalog.sources.place import Refused, Unread
from towpath.capabilities.portal.catalog.sources.secrets import secret_of
from towpath.hooks.outbound import data_of
from towpath.hooks.platform import Platform
from towpath.hooks.sources import PluginSourceUnread
from towpath.machinery.objects import RawObject, annotations_of

PLUGINS_ANNOTATION = "towpath.dev/plugins"
"""On a Secret: the plug-ins that may have it."""


async def found_by_plugin(platform: Platform, source: RawObject) -> Sequence[Any]:
    """Raises Refused, Unread."""
    spec, metadata = source["spec"]["plugin"], source["metadata"]
    found = platform.plugin_source(spec["plugin"], spec["source"])
    if found is None:
        raise Unread(
            f"there is no plug-in {spec['plugin']} with a source {spec['source']} now; the page "
            "about the platform says how the plug-ins are"
        )
    settings = spec.get("settings") or {}
    _check(found.settings, settings)
    secret = await _secret(platform, source, spec)
    try:
        return await found.read(f"{metadata['namespace']}/{metadata['name']}", settings, secret)
    except PluginSourceUnread as error:
        raise Unread(str(error)) from error


def _check(schema: RawObject, settings: RawObject) -> None:
    try:
        jsonschema_rs.validate(schema, settings)
    except jsonschema_rs.ValidationError as error:
        field = "".join(f".{part}" for part in error.instance_path)
        raise Refused(f"spec.plugin.settings{field}: {error.message}") from error
    except ValueError as error:
        raise Refused(f"the plug-in's schema of settings is not valid: {error}") from error


async def _secret(platform: Platform, source: RawObject, spec: RawObject) -> dict[str, str]:
    name = spec.get("secret")
    if not name:
        return {}
    secret = await secret_of(platform.api, source, name)
    allowed = annotations_of(secret).get(PLUGINS_ANNOTATION, "").replace(",", " ").split()
    if spec["plugin"] not in allowed:
        raise Refused(
            f"the Secret {name} is not for the plug-in {spec['plugin']}; annotate it with "
            f"{PLUGINS_ANNOTATION}: {spec['plugin']}"
        )
    return data_of(secret)
