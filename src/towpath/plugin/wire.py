"""What the platform and a plug-in's process say to each other: one JSON object a line.

    to the plug-in     Call a hook, Cancel a call, Answer what it asked
    from the plug-in   Hello with what it offers, or Refused; Done or Failed for a call; Ask the API
                       in the name of a call; Log for an action; Part of what a source found

No message carries a credential: a plug-in asks with the number of a call that is going on, and the
platform knows whose it is. Everything that comes from a plug-in is checked by these types.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

SOCKET = "socket"
"""Its name in the folder that the process starts in."""

LINE_SIZE_MAX = 2 * 1024 * 1024
"""Of what a plug-in may send at once."""

PART_SIZE_MAX = 1024 * 1024
"""Of descriptors in one message."""

ANSWER_SIZE_MAX = 32 * 1024 * 1024

_NAME = r"^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$"

PluginName = Annotated[str, Meta(pattern=_NAME)]
Key = Annotated[str, Meta(pattern=_NAME)]
Sentence = Annotated[str, Meta(max_length=500)]
Title = Annotated[str, Meta(min_length=1, max_length=60)]
Message = Annotated[str, Meta(max_length=4_000)]
Raw = dict[str, Any]


class TabOffer(Struct, frozen=True):
    key: Key
    label: Title


class CheckOffer(Struct, frozen=True):
    id: Key
    title: Title
    why: Sentence


class ActionOffer(Struct, frozen=True):
    id: Annotated[str, Meta(pattern=r"^[a-z][-a-z0-9]*(:[a-z][-a-zA-Z0-9]*)+$", max_length=100)]
    description: Sentence
    input: Raw
    can_undo: bool


class SourceOffer(Struct, frozen=True):
    id: Key
    title: Title
    settings: Raw


class Offers(Struct, frozen=True):
    """All that a plug-in adds, by name. What it says of itself is checked before it is believed."""

    name: PluginName
    api: Annotated[str, Meta(pattern=r"^[0-9]{1,4}\.[0-9]{1,4}$")]
    summary: Sentence
    tabs: Annotated[Sequence[TabOffer], Meta(max_length=10)] = ()
    checks: Annotated[Sequence[CheckOffer], Meta(max_length=50)] = ()
    actions: Annotated[Sequence[ActionOffer], Meta(max_length=50)] = ()
    sources: Annotated[Sequence[SourceOffer], Meta(max_length=20)] = ()
    commands: Annotated[Sequence[Key], Meta(max_length=50)] = ()
    kinds: Annotated[Sequence[Raw], Meta(max_length=20)] = ()


# From the plug-in.


class Hello(Struct, frozen=True, tag="hello"):
    offers: Raw


class Refused(Struct, frozen=True, tag="refused"):
    """It could not be imported, or is no plug-in."""

    error: Message
    where: Sentence = ""


class Done(Struct, frozen=True, tag="done"):
    call: int
    value: Any


class Failed(Struct, frozen=True, tag="failed"):
    call: int
    error: Sentence
    """The exception's type: its text may hold what one visitor alone may see."""
    message: Message = ""
    where: Sentence = ""
    kind: Literal["raised", "declined", "cancelled", "nonsense"] = "raised"


class Ask(Struct, frozen=True, tag="ask"):
    call: int
    ask: int
    verb: Literal["get", "list"]
    arguments: Raw


class Part(Struct, frozen=True, tag="part"):
    """Some of what a call of a source found; the others come before Done."""

    call: int
    items: Sequence[Raw]


class Log(Struct, frozen=True, tag="log"):
    call: int
    text: Annotated[str, Meta(max_length=20_000)]


FromPlugin = Hello | Refused | Done | Failed | Ask | Part | Log


# To the plug-in.


class Call(Struct, frozen=True, tag="call"):
    call: int
    hook: Literal["tab", "check", "run", "undo", "read"]
    id: str
    subject: Raw


class Cancel(Struct, frozen=True, tag="cancel"):
    call: int


class Answer(Struct, frozen=True, tag="answer"):
    ask: int
    value: Any = None
    refusal: Literal["", "missing", "forbidden", "other"] = ""
    message: str = ""


ToPlugin = Call | Cancel | Answer


class VerdictSent(Struct, frozen=True):
    outcome: Literal["Passed", "Failed", "Unknown"]
    sentence: Sentence
    fix: Sentence = ""
    href: Sentence = ""


encode = msgspec.json.Encoder().encode
decode_from_plugin = msgspec.json.Decoder(FromPlugin).decode
decode_to_plugin = msgspec.json.Decoder(ToPlugin).decode

Subject = Mapping[str, Any]
