"""What a capability (built in or outside) contributes, each by a reference that is loaded on use.

A reference is `module:attribute`, relative to the capability's package when it starts with a dot,
as in `.kinds:KINDS`. Nothing is imported before it is needed, so that a command line that uses one
capability does not pay for all. A test loads every reference of every built-in.
"""

import importlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from towpath.client.protocols import Client
from towpath.hooks.apis import ForeignApi
from towpath.hooks.checks import ServiceCheck
from towpath.hooks.commands import Command
from towpath.hooks.offered_actions import ActionSource
from towpath.hooks.pages import PageRoute
from towpath.hooks.palette import PaletteSource
from towpath.hooks.platform import Platform
from towpath.hooks.reads import Read
from towpath.hooks.tabs import ServiceTab
from towpath.hooks.templates import TemplateAction
from towpath.machinery.objects import RawObject
from towpath.runtime.controller import Controller

Reference = str


@dataclass(frozen=True, slots=True)
class Capability:
    """One capability. Every hook is optional."""

    package: str
    name: str
    summary: str
    kinds: Reference = ""
    """`Sequence[RawObject]`: CustomResourceDefinitions for the platform's API."""
    cluster_kinds: Reference = ""
    """`Sequence[RawObject]`: CustomResourceDefinitions that every workload cluster gets."""
    cluster_objects: Reference = ""
    """`Sequence[RawObject]`: further objects that every workload cluster gets: roles."""
    objects: Reference = ""
    """`Sequence[RawObject]`: further objects to apply: roles, admission policies, compositions."""
    controllers: Reference = ""
    """`Callable[[Platform], Sequence[Controller]]`"""
    cluster_controllers: Reference = ""
    """`Callable[[Platform, str, Client], Sequence[Controller]]`: once per workload cluster."""
    template_actions: Reference = ""
    """`Callable[[Platform], Mapping[str, TemplateAction]]`"""
    commands: Reference = ""
    """`Sequence[Command]`"""
    reads: Reference = ""
    """`Callable[[Platform], Sequence[Read]]`: the public read API below /api/v1/."""
    apis: Reference = ""
    """`Callable[[Platform], Sequence[ForeignApi]]`: the ecosystem's own, beside the read API."""
    pages: Reference = ""
    """`Sequence[PageRoute]`"""
    tabs: Reference = ""
    """`Sequence[ServiceTab]`: further tabs of the service page, shown as blocks of data."""
    checks: Reference = ""
    """`Sequence[ServiceCheck]`: what a service should fulfil, shown on its tab Checks."""
    palette: Reference = ""
    """`PaletteSource`: what it offers in the command palette."""
    actions: Reference = ""
    """`ActionSource`: what it offers to do with a thing, on the pages that show it."""
    demo: Reference = ""
    """`Callable[[Platform], Awaitable[None]]`: seeds its part of the demo; idempotent."""

    def load_kinds(self) -> Sequence[RawObject]:
        return cast(Sequence[RawObject], self._load(self.kinds, ()))

    def load_cluster_kinds(self) -> Sequence[RawObject]:
        return cast(Sequence[RawObject], self._load(self.cluster_kinds, ()))

    def load_cluster_objects(self) -> Sequence[RawObject]:
        return cast(Sequence[RawObject], self._load(self.cluster_objects, ()))

    def load_objects(self) -> Sequence[RawObject]:
        return cast(Sequence[RawObject], self._load(self.objects, ()))

    def load_controllers(self, platform: Platform) -> Sequence[Controller]:
        function = self._load(self.controllers, None)
        return cast(Sequence[Controller], function(platform)) if function else ()

    def load_cluster_controllers(
        self, platform: Platform, cluster: str, cluster_client: Client
    ) -> Sequence[Controller]:
        function = self._load(self.cluster_controllers, None)
        if function is None:
            return ()
        return cast(Sequence[Controller], function(platform, cluster, cluster_client))

    def load_template_actions(self, platform: Platform) -> Mapping[str, TemplateAction]:
        function = self._load(self.template_actions, None)
        return cast(Mapping[str, TemplateAction], function(platform)) if function else {}

    def load_commands(self) -> Sequence[Command]:
        return cast(Sequence[Command], self._load(self.commands, ()))

    def load_reads(self, platform: Platform) -> Sequence[Read]:
        function = self._load(self.reads, None)
        return cast(Sequence[Read], function(platform)) if function else ()

    def load_apis(self, platform: Platform) -> Sequence[ForeignApi]:
        function = self._load(self.apis, None)
        return cast(Sequence[ForeignApi], function(platform)) if function else ()

    def load_pages(self) -> Sequence[PageRoute]:
        return cast(Sequence[PageRoute], self._load(self.pages, ()))

    def load_tabs(self) -> Sequence[ServiceTab]:
        return cast(Sequence[ServiceTab], self._load(self.tabs, ()))

    def load_checks(self) -> Sequence[ServiceCheck]:
        return cast(Sequence[ServiceCheck], self._load(self.checks, ()))

    def load_palette(self) -> PaletteSource | None:
        return cast(PaletteSource | None, self._load(self.palette, None))

    def load_actions(self) -> ActionSource | None:
        return cast(ActionSource | None, self._load(self.actions, None))

    def load_demo(self) -> Callable[[Platform], Awaitable[None]] | None:
        function = self._load(self.demo, None)
        return cast(Callable[[Platform], Awaitable[None]] | None, function)

    def _load(self, reference: Reference, default: Any) -> Any:
        if not reference:
            return default
        module, _, attribute = reference.partition(":")
        return getattr(importlib.import_module(module, self.package), attribute)
