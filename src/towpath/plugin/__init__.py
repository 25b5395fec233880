"""What a plug-in is written against: the one public module, with a version of its own.

    PLUGIN = Plugin(name="on-call", api="1.0", summary="Who is on call", tabs=[...], checks=[...])

A package names such an object by an entry point of the group `towpath.plugins`, under the plug-in's
name. What is listed in `__all__` here and in `towpath.plugin.testing` keeps its meaning as long as
the first number of API_VERSION stays; the second grows with every addition. A plug-in says which it
was written for, and a Towpath that is older than that refuses it by name. Nothing else of Towpath
is promised.

A plug-in runs in a process of its own, as a user of its own where the machine allows that, and is
reached over a pipe (docs/decisions/0017-plug-ins-are-processes.md). Its commands are the exception:
they run in the terminal of the person who types them.
"""

from towpath.hooks.blocks import Block, Code, Facts, Link, Moment, Named, State, Table, Text
from towpath.hooks.checks import Verdict
from towpath.hooks.commands import CommandError
from towpath.plugin.declaration import (
    API_VERSION,
    Action,
    Api,
    Check,
    Command,
    Declined,
    Plugin,
    Reading,
    Service,
    Source,
    Step,
    Tab,
    Terminal,
    failed,
    passed,
    unknown,
)

__all__ = [
    "API_VERSION",
    "Action",
    "Api",
    "Block",
    "Check",
    "Code",
    "Command",
    "CommandError",
    "Declined",
    "Facts",
    "Link",
    "Moment",
    "Named",
    "Plugin",
    "Reading",
    "Service",
    "Source",
    "State",
    "Step",
    "Tab",
    "Table",
    "Terminal",
    "Text",
    "Verdict",
    "failed",
    "passed",
    "unknown",
]
